"""What every request has beside its spec."""

from hashlib import sha256

from hedgerow.chat.v1 import chat_service_pb2
from hedgerow.common.v1 import policy_pb2
from hedgerow.embed.v1 import embed_service_pb2

from hedgerow_server.core.request import NO_POLICY, CacheMode, Once, RoutePolicy
from hedgerow_server.wire.times import seconds

Keyed = chat_service_pb2.CompleteRequest | chat_service_pb2.StreamCompleteRequest | embed_service_pb2.EmbedRequest
"""Requests that may hold an idempotency key."""
_MODES: dict[int, CacheMode] = {mode.value: mode for mode in CacheMode}


def policy(message: policy_pb2.RoutePolicy) -> RoutePolicy:
    """The caller's policy."""
    if not message.ByteSize():
        return NO_POLICY
    return RoutePolicy(
        providers=tuple(message.providers),
        require_parameters=message.require_parameters,
        first_token_timeout_s=(
            seconds(message.first_token_timeout) if message.HasField("first_token_timeout") else None
        ),
        idle_timeout_s=seconds(message.idle_timeout) if message.HasField("idle_timeout") else None,
        allow_route_change=message.allow_route_change,
        regions=tuple(message.regions),
        disable_hedging=message.disable_hedging,
        max_attempts=message.max_attempts if message.HasField("max_attempts") else None,
        session_id=message.session_id,
        models=tuple(message.models),
        cache=_MODES.get(message.cache),
        cache_max_age_s=seconds(message.cache_max_age) if message.HasField("cache_max_age") else None,
    )


def once(message: Keyed) -> Once | None:
    """The caller's idempotency key, with the digest of what it stands for. The bytes that came will not do: maps have
    another order in every message of some languages.
    """
    if not message.idempotency_key:
        return None
    asked = type(message)()
    asked.CopyFrom(message)  # type: ignore[arg-type]  # both are of one type
    # Whom a call is booked to changes nothing about its answer.
    asked.ClearField("labels")
    asked.ClearField("idempotency_key")
    told = f"{asked.DESCRIPTOR.full_name}\n".encode() + asked.SerializeToString(deterministic=True)
    return Once(message.idempotency_key, sha256(told).digest())

"""What every request has beside its spec."""

from typing import Protocol

from hedgerow.common.v1 import policy_pb2

from hedgerow_server.core.error import FieldViolation
from hedgerow_server.core.request import NO_POLICY, RoutePolicy
from hedgerow_server.wire.check import invalid
from hedgerow_server.wire.times import seconds


class HasKey(Protocol):
    """A request that may hold an idempotency key."""

    idempotency_key: str


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
    )


def refuse_key(message: HasKey) -> None:
    """This gateway keeps no answers, and says so rather than pay twice. Raises RequestInvalid."""
    if message.idempotency_key:
        text = "this gateway keeps no answers by key: leave it empty and do not repeat the call blindly"
        raise invalid([FieldViolation("idempotency_key", text)])

"""A router whose routes keep answers, and who asks it."""

from typing import Any

from hedgerow.common.v1.policy_pb2 import RoutePolicy
from rpc.caller import (
    EMBED,
    Caller,
    Outcome,
    Way,
    booked,
    chat,
    embed,
    hello,
    new_trace,
)


def cached(model: str = "gpt-4o-mini", kind: str = "chat", **cache: Any) -> dict[str, Any]:
    """A route to the simulator that keeps answers."""
    return {"kind": kind, "candidates": [{"provider": "sim", "model": model}], "cache": cache}


class Asker:
    """Asks, and counts what that asks of the provider."""

    def __init__(self, caller: Caller, sim_url: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        self.caller, self.sim_url, self.metadata = caller, sim_url, metadata
        self.trace = new_trace()

    def ask(self, rpc: Way, text: str, model: str = "kept", **more: Any) -> Outcome[Any]:
        """A call; `more` are fields of the policy or, as `spec`, of what is asked."""
        spec, timeout = more.pop("spec", {}), more.pop("timeout", 30.0)
        policy = RoutePolicy(**more) if more else None
        sent = [*self.metadata, ("traceparent", self.trace)]
        if rpc == EMBED:
            request: Any = embed(model, text, **spec)
            request.route.CopyFrom(policy or RoutePolicy())
            return self.caller.embed(request, metadata=sent, timeout=timeout)
        request = chat(model, route=policy, messages=[hello(text)], **spec)
        return self.caller.ask(rpc, request, metadata=sent, timeout=timeout)

    @property
    def asked(self) -> int:
        """How often the provider was asked."""
        return len(booked(self.sim_url, self.trace))


def origin(rpc: Way, outcome: Outcome[Any]) -> Any:
    """Where an answer comes from; None: from a provider, now."""
    if not rpc.stream:
        message = outcome.message
    else:
        message = next(one.started for one in outcome.messages if one.WhichOneof("event") == "started")
    return message.cache_origin if message.HasField("cache_origin") else None


def words(rpc: Way, outcome: Outcome[Any]) -> list[str]:
    """The text of an answer, piece by piece."""
    if not rpc.stream:
        return [part.text for part in outcome.message.message.content]
    return [one.text_delta.text for one in outcome.messages if one.WhichOneof("event") == "text_delta"]

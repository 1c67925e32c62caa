"""What may go wrong with a call, as a test wants it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import grpc
from hedgerow.chat.v1 import event_pb2

from hedgerow_client.errors import FieldViolation
from hedgerow_client.testing.contract import Event, numbered
from hedgerow_client.testing.play import End, Play
from hedgerow_client.testing.request import Request
from hedgerow_client.testing.status import NEVER, Failure

_REASON = "ERROR_REASON_"
# Codes that clients retry by themselves, or might: the gateway tells them not to where it would not help.
_RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


class Playable(Protocol):
    """What a call can see: an Answer, a Recording, a Fault."""

    def play(self, request: Request, /) -> Play:
        """What a call sees of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A call that fails. Make one by the methods of the class; `times` and `after` say more about it.

    A status comes with the details and trailers that the gateway sends with it. Clients of Hedgerow try once more by
    themselves where the gateway allows it: after `overloaded`, and after `unavailable` with a `retry_delay_s`.
    """

    end: End | Failure
    """How the call ends."""
    count: int = 1
    """How many calls in a row it happens to, from 1."""
    deltas: int = 0
    """How much of `of` comes before it: so many events after `Started`, or for StreamEmbed so many answers."""
    of: Playable | None = None
    """The answer that it interrupts. None: nothing comes before it, not even `Started`."""

    @classmethod
    def status(
        cls,
        code: grpc.StatusCode,
        reason: str,
        message: str = "It failed.",
        *,
        metadata: Mapping[str, str] | None = None,
        field_violations: Mapping[str, str] | None = None,
        subject: str = "",
        retry_delay_s: float | None = None,
        retryable: bool = False,
    ) -> Self:
        """Any status. `reason` is an ErrorReason, with or without its prefix, or empty for a status that the gateway
        has not made, such as a proxy's. `field_violations` are descriptions by field; `subject` is the limit, rule or
        model that details name. Only a `retryable` one lets clients come back by themselves, after the delay.
        """
        named = reason and _REASON + reason.removeprefix(_REASON)
        pushback = None
        # Not 0: gRPC's C core then neither tries again nor ends the call.
        if named and code in _RETRIED:
            pushback = max(1, round((retry_delay_s or 0.0) * 1000)) if retryable else NEVER
        violations = [FieldViolation(name, text) for name, text in (field_violations or {}).items()]
        return cls(Failure(code, named, message, metadata or {}, violations, subject, retry_delay_s, pushback))

    @classmethod
    def quota(cls, name: str = "per-user", *, retry_delay_s: float | None = 30.0) -> Self:
        """RESOURCE_EXHAUSTED, QUOTA_EXCEEDED: one request too many in this minute."""
        metadata = {"quota": name, "unit": "requests", "window": "minute", "limit": "60 requests"}
        metadata |= {"used": "60 requests", "needed": "1 requests"}
        message = f"The quota {name} is used up."
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        return cls.status(code, "QUOTA_EXCEEDED", message, metadata=metadata, subject=name, retry_delay_s=retry_delay_s)

    @classmethod
    def budget(cls, name: str = "team-month", *, retry_delay_s: float | None = None) -> Self:
        """RESOURCE_EXHAUSTED, BUDGET_SPENT: the money of this month is spent."""
        metadata = {"budget": name, "unit": "usd", "window": "month", "limit": "100 USD"}
        metadata |= {"used": "99.98 USD", "needed": "0.03 USD"}
        message = f"The budget {name} is spent."
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        return cls.status(code, "BUDGET_SPENT", message, metadata=metadata, subject=name, retry_delay_s=retry_delay_s)

    @classmethod
    def guardrail(
        cls,
        name: str = "injection",
        *,
        side: Literal["input", "output"] = "input",
        category: str = "injection.direct",
    ) -> Self:
        """PERMISSION_DENIED, GUARDRAIL_BLOCKED. For the output of a stream that has begun: `.after(2, of=…)`."""
        metadata = {"guardrail": name, "side": side, "category": category}
        message = f"The guardrail {name} has refused the {side}: {category}."
        return cls.status(grpc.StatusCode.PERMISSION_DENIED, "GUARDRAIL_BLOCKED", message, metadata=metadata)

    @classmethod
    def unavailable(cls, *, provider: str = "fake", retry_delay_s: float | None = None) -> Self:
        """UNAVAILABLE. With a delay PROVIDER_THROTTLED: clients come back by themselves after it. Without one
        PROVIDER_UNAVAILABLE, and clients are told not to: the gateway has tried already.
        """
        throttled = retry_delay_s is not None
        reason, status = ("PROVIDER_THROTTLED", "429") if throttled else ("PROVIDER_UNAVAILABLE", "503")
        return cls.status(
            grpc.StatusCode.UNAVAILABLE,
            reason,
            "The provider cannot serve the call now.",
            metadata={"provider": provider, "upstreamStatus": status},
            retry_delay_s=retry_delay_s,
            retryable=throttled,
        )

    @classmethod
    def overloaded(cls, *, retry_delay_s: float = 0.01) -> Self:
        """UNAVAILABLE, OVERLOADED: clients come back by themselves after the delay."""
        code = grpc.StatusCode.UNAVAILABLE
        message = "The gateway sheds load."
        return cls.status(code, "OVERLOADED", message, retry_delay_s=retry_delay_s, retryable=True)

    @classmethod
    def invalid(cls, field: str, description: str = "value is out of range") -> Self:
        """INVALID_ARGUMENT, REQUEST_INVALID: a field of the request, such as "chat.temperature"."""
        return cls.status(
            grpc.StatusCode.INVALID_ARGUMENT,
            "REQUEST_INVALID",
            f"{field}: {description}",
            metadata={"field": field},
            field_violations={field: description},
        )

    @classmethod
    def not_found(cls, model: str) -> Self:
        """NOT_FOUND, MODEL_NOT_FOUND."""
        message = f"There is no model {model}."
        code = grpc.StatusCode.NOT_FOUND
        return cls.status(code, "MODEL_NOT_FOUND", message, metadata={"model": model}, subject=model)

    @classmethod
    def unauthenticated(cls) -> Self:
        """UNAUTHENTICATED: the caller's key is missing or not accepted."""
        message = "The credential is missing or not accepted."
        return cls.status(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", message)

    @classmethod
    def cut(cls, deltas: int = 1, *, of: Playable | None = None, provider: str = "fake") -> Self:
        """UNAVAILABLE, STREAM_CUT, after so many events of an answer; of `of`, or of some answer. A unary call has
        nothing but the status.
        """
        message = "The provider's answer ended without a finish reason."
        code = grpc.StatusCode.UNAVAILABLE
        return cls.status(code, "STREAM_CUT", message, metadata={"provider": provider}).after(deltas, of=of)

    @classmethod
    def incomplete(cls, deltas: int = 1, *, of: Playable | None = None) -> Self:
        """A stream that ends with OK and without `Completed`, which no gateway sends: whoever reads it must not take it
        for a whole answer. A unary call gets STREAM_CUT instead.
        """
        return cls(End.OK).after(deltas, of=of)

    @classmethod
    def stall(cls, deltas: int | None = None, *, of: Playable | None = None) -> Self:
        """Silence until the caller leaves or its deadline passes: before anything has come, or after so many events."""
        fault = cls(End.STALL)
        return fault if deltas is None and of is None else fault.after(deltas or 0, of=of)

    def times(self, count: int) -> Self:
        """The same fault for so many calls in a row, from 1."""
        if count < 1:
            raise ValueError("count: expected 1 or more")
        return replace(self, count=count)

    def after(self, deltas: int, *, of: Playable | None = None) -> Self:
        """The same fault once `Started` and so many further events have come; of `of`, or of some answer."""
        if deltas < 0:
            raise ValueError("deltas: expected 0 or more")
        return replace(self, deltas=deltas, of=of or _Some())

    def play(self, request: Request) -> Play:
        """What a call sees of it."""
        if self.of is None:
            return Play((), self.end)
        whole = self.of.play(request)
        begun = [event for event in whole.events[: self.deltas + 1] if not event.HasField("completed")]
        return replace(whole, events=begun, end=self.end)


class _Some:
    """An answer that goes on for as long as a fault wants it to."""

    def play(self, request: Request) -> Play:
        deltas = (Event(text_delta=event_pb2.TextDelta(text=f"word{number} ")) for number in range(1000))
        started = Event(started=event_pb2.Started(provider="fake", model=request.model))
        return Play(numbered([started, *deltas]))

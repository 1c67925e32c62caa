"""The chain: named interceptors in a checked order, one class a concern, for unary and streaming calls alike.

`serve` runs a call from its first byte to its last event. Whatever happens (success, failure, the caller leaving, the
deadline), every interceptor whose `admit` returned is settled exactly once, in reverse order, before the last event or
the failure goes out.

An interceptor that has an answer already sets `Call.answer` in `admit`: then the chain ends with it, and neither the
interceptors after it nor the RPC see the call.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from hedgerow_server.core.call import Call, Kind, Outcome
from hedgerow_server.core.clock import Clock
from hedgerow_server.core.error import Cancelled, DeadlineExceeded, HedgerowError, Internal, ReaderTooSlow
from hedgerow_server.core.event import Event, Events
from hedgerow_server.core.terminal import Terminal

_log = logging.getLogger(__name__)
_LAST_EVENT_S = 30
"""The call is settled and its deadline off by then, but a caller that does not read must not keep it open."""


class Interceptor(Protocol):
    """One concern of every call. A plug over the room of the same concern."""

    @property
    def name(self) -> str:
        """What the concern is called."""

    @property
    def after(self) -> tuple[str, ...]:
        """Names that must stand earlier in the chain."""

    async def admit(self, call: Call) -> None:
        """Lets the call in, or raises a HedgerowError. What it has taken by then it gives back itself."""

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Takes note of the end. Synchronous, runs once, must not fail."""


@runtime_checkable
class Wrapper(Protocol):
    """An interceptor that also sees the events."""

    def wrap(self, call: Call, events: Events) -> Events:
        """The events as they go on."""


class Chain:
    """The interceptors of a server, fixed when the configuration is loaded."""

    def __init__(self, interceptors: Sequence[Interceptor], *, passed: Sequence[str] = ()) -> None:
        """`passed` names what calls have passed before they come here. Raises ValueError when a name stands twice or an
        interceptor stands before one it must follow.
        """
        seen: set[str] = set(passed)
        for interceptor in interceptors:
            if interceptor.name in seen:
                raise ValueError(f"the interceptor {interceptor.name!r} stands twice in the chain")
            missing = [name for name in interceptor.after if name not in seen]
            if missing:
                raise ValueError(f"the interceptor {interceptor.name!r} must stand after {', '.join(missing)}")
            seen.add(interceptor.name)
        self._interceptors = tuple(interceptors)
        # Of the whole chain, and of each beginning of it that has an answer or that a call comes through.
        beginnings = [self._interceptors[:end] for end in range(len(self._interceptors) + 1)]
        self._wrappers = [_wrappers(beginning) for beginning in beginnings]
        self._settled = [beginning[::-1] for beginning in beginnings]

    @property
    def names(self) -> tuple[str, ...]:
        """The order of the chain."""
        return tuple(interceptor.name for interceptor in self._interceptors)

    async def serve(self, call: Call, deliver: Callable[[Event], Awaitable[None]]) -> None:
        """Runs the call and hands each event to `deliver`, one at a time. Raises HedgerowError, and CancelledError when
        the caller left.
        """
        admitted = 0
        outcome: Outcome | None = None
        timer = call.timer = Clock()
        timer.start()
        try:
            for interceptor in self._interceptors:
                await interceptor.admit(call)
                admitted += 1
                if call.answer is not None:
                    break
            terminal = await self._run(call, self._wrappers[admitted], deliver)
            outcome = Outcome(terminal=terminal)
        except asyncio.CancelledError:
            if not timer.timed_out():
                raise
            expired = call.ended_with or _deadline_error(call)
            outcome = Outcome(error=expired)
            raise expired from None
        except HedgerowError as error:
            outcome = Outcome(error=error)
            raise
        except Exception as error:
            fault = _fault(call, error)
            outcome = Outcome(error=fault)
            raise fault from None
        finally:
            timer.close()
            if outcome is None:
                outcome = Outcome(error=Cancelled("The caller left."))
            for interceptor in self._settled[admitted]:
                interceptor.settle(call, outcome)
        if call.method.kind is Kind.UNARY:
            # Nobody is waited for: the door has yet to make the answer of it.
            await deliver(terminal)
            return
        await _deliver_last(terminal, deliver)

    async def _run(self, call: Call, wrappers: Sequence[Wrapper], deliver: Callable[[Event], Awaitable[None]]) -> Event:
        events = call.method.rpc(call) if call.answer is None else call.answer
        for wrapper in wrappers:
            events = wrapper.wrap(call, events)
        try:
            async for event in events:
                if isinstance(event, Terminal):
                    return event
                await deliver(event)
        finally:
            await events.aclose()
        raise RuntimeError("the events ended without a terminal one")


def _wrappers(interceptors: Sequence[Interceptor]) -> tuple[Wrapper, ...]:
    """Those that see the events, the last one of the chain first."""
    return tuple(one for one in reversed(interceptors) if isinstance(one, Wrapper))


async def _deliver_last(terminal: Event, deliver: Callable[[Event], Awaitable[None]]) -> None:
    timer = Clock()
    timer.start(time.monotonic() + _LAST_EVENT_S)
    try:
        await deliver(terminal)
    except asyncio.CancelledError:
        if not timer.timed_out():
            raise
        raise ReaderTooSlow(
            f"The caller did not take the last event within {_LAST_EVENT_S} s.",
            metadata={"limitSeconds": str(_LAST_EVENT_S)},
            subject="reader_seconds",
        ) from None
    finally:
        timer.close()


def _deadline_error(call: Call) -> DeadlineExceeded:
    seconds = f"{round(call.timeout_s, 3):g}" if call.timeout_s is not None else ""
    return DeadlineExceeded(f"The call took longer than its {seconds} s.", metadata={"deadlineSeconds": seconds})


def _fault(call: Call, error: Exception) -> Internal:
    about = {"request_id": call.request_id}
    _log.error("call %s failed by a fault of the gateway", call.request_id, exc_info=error, extra=about)
    return Internal("A fault of the gateway; the request id finds it in the log.")

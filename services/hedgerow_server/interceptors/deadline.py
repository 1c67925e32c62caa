"""Bounds every call in time."""

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import Warning, WarningCode

_REPLY_MARGIN_S = 0.02
_REPLY_SHARE = 0.1
_ROUNDED_FROM_S = 1.0
_ROUNDING_SHARE = 0.01
_MAX_ROUNDING_S = 1.0


class Deadline:
    """Takes the caller's deadline, the default where it sets none (Java and grpcurl do not), at most the maximum.

    The gateway ends the call a little before the caller's own clock does (20 ms, or a tenth of a short deadline), so
    that the caller gets the status with its details rather than its own bare one. C-core's clients send deadlines of a
    second and more rounded up by as much as a hundredth, so that much (at most 1 s) comes off as well.
    """

    name = "deadline"
    after = ("request_id", "telemetry")

    def __init__(self, default_s: float, max_s: float) -> None:
        self._default_s = default_s
        self._max_s = max_s

    async def admit(self, call: Call) -> None:
        """Sets `call.deadline_s` and arms the call's timer."""
        asked_s = call.timeout_s
        holds_s = self._default_s if asked_s is None else asked_s
        if holds_s > self._max_s:
            holds_s = self._max_s
            if asked_s is not None:
                text = f"The deadline is above the maximum of {self._max_s:g} s, which holds instead."
                call.warnings.append(Warning(WarningCode.DEADLINE_CLAMPED, "", text))
        call.timeout_s = holds_s
        ends_s = holds_s if asked_s is None else min(holds_s, asked_s - _margin_s(asked_s))
        call.deadline_s = call.started_s + ends_s
        if call.timer is not None:
            call.timer.move(call.deadline_s)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Nothing to do."""


def _margin_s(asked_s: float) -> float:
    """How long before the caller's own clock the gateway ends the call."""
    rounding_s = min(asked_s * _ROUNDING_SHARE, _MAX_ROUNDING_S) if asked_s >= _ROUNDED_FROM_S else 0.0
    return min(_REPLY_MARGIN_S, asked_s * _REPLY_SHARE) + rounding_s

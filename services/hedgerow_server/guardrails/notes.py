"""What guards do with one side of a call is noted here: for its events, its record and the numbers."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import GuardrailBlocked, GuardrailUnavailable
from hedgerow_server.core.event import GuardVerdict
from hedgerow_server.core.guard import Action, Asker, Finding
from hedgerow_server.guardrails.fitted import Fitted
from hedgerow_server.guardrails.numbers import GuardNumbers

FAILED = "guard.failed"
"""The category of the verdict that tells of a guard that could not tell."""
_MOST = 32
"""Verdicts of a call that are told."""
_log = logging.getLogger(__name__)


class Notes:
    """The notes of one side of one call."""

    __slots__ = ("_call", "_numbers", "_said", "_times", "asker", "fresh", "side")

    def __init__(self, call: Call, asker: Asker, numbers: GuardNumbers) -> None:
        self.asker = asker
        """For whom guards elsewhere are asked."""
        self.side = asker.side
        self.fresh: list[GuardVerdict] = []
        """Verdicts that nobody has been told of yet."""
        self._call = call
        self._numbers = numbers
        self._said: set[tuple[str, Action, str]] = set()
        self._times: dict[str, float] = {}

    def took(self, name: str, took_s: float) -> None:
        """A guard has worked for so long."""
        self._times[name] = self._times.get(name, 0.0) + took_s
        times = self._call.guard_times
        times[name] = times.get(name, 0.0) + took_s
        if took_s:
            self._call.waited("guard", time.monotonic() - took_s, name)

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """A guard works within, and the call waits for it."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            took_s = time.perf_counter() - start_s
            self.took(name, took_s)
            self.waited(took_s)

    def waited(self, waited_s: float) -> None:
        """The call has waited for guards for so long."""
        self._call.guardrail_s += waited_s

    def close(self) -> None:
        """The side is over. May be called again."""
        for name, took_s in self._times.items():
            self._numbers.took(name, self.side, took_s)
        self._times.clear()

    def say(self, fitted: Fitted, findings: Sequence[Finding], action: Action | None = None) -> None:
        """A guard has found something, and `action` (None: its own) was done, or would have been: one verdict for each
        category, with its highest score.
        """
        action = action or fitted.verdict
        if len(findings) == 1:
            self._say(fitted, action, findings[0].category, findings[0].score)
            return
        scores: dict[str, float | None] = {}
        for one in findings:
            known = scores.get(one.category)
            scores[one.category] = one.score if known is None else max(known, one.score or 0.0)
        for category, score in scores.items():
            self._say(fitted, action, category, score)

    def _say(self, fitted: Fitted, action: Action, category: str, score: float | None) -> None:
        key = fitted.name, action, category
        if key in self._said:
            return
        self._said.add(key)
        verdict = GuardVerdict(fitted.name, action, self.side, category, score, fitted.shadow)
        self._numbers.judged(verdict)
        if len(self._call.verdicts) < _MOST:
            self._call.verdicts.append(verdict)
            self.fresh.append(verdict)

    def failed(self, fitted: Fitted, why: str) -> None:
        """A guard could not tell. Raises GuardrailUnavailable where the call may not go on without it."""
        call, side = self._call, self.side.name.lower()
        untold = self._numbers.failed(fitted.name, self.side)
        self._call.guard_times.setdefault(fitted.name, 0.0)
        if untold:
            before = f" ({untold - 1} more since this was last told)" if untold > 1 else ""
            _log.warning(
                "the guard %s could not look at the %s of call %s: %s%s",
                fitted.name,
                side,
                call.request_id,
                why,
                before,
                extra={"request_id": call.request_id},
            )
        if fitted.must:
            raise GuardrailUnavailable(
                f"The guardrail {fitted.name} could not look at the {side}.",
                metadata={"guardrail": fitted.name, "side": side},
                subject=fitted.name,
            )
        # Nothing was done about it: else the call would not go on.
        self._say(fitted, Action.FLAGGED, FAILED, None)

    def blocked(self, fitted: Fitted, findings: Sequence[Finding]) -> GuardrailBlocked:
        """The refusal, which is also a verdict of the record."""
        self.say(fitted, findings, Action.BLOCKED)
        side, category = self.side.name.lower(), findings[0].category
        return GuardrailBlocked(
            f"The guardrail {fitted.name} has refused the {side}: {category}.",
            metadata={"guardrail": fitted.name, "side": side, "category": category},
            subject=fitted.name,
        )

    def told(self) -> list[GuardVerdict]:
        """The verdicts that nobody has been told of yet; from now on they have."""
        fresh, self.fresh = self.fresh, []
        return fresh

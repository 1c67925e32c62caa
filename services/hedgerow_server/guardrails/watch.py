"""One guard that looks in this process at one side of a call: in steps, within its time."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from hedgerow_server.core.guard import Finding, GuardFailed, Scan, Scanner, Source
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.guardrails.fitted import Fitted, SidePlan
from hedgerow_server.guardrails.notes import Notes

STEP = 8192
"""The most code points that are looked at in one go. Guards that are slow with a text are shown less of it at once."""
_BOXED = 65_536
"""Code points for which a guard has its `timeout_seconds`; for more of them it has more."""
_FIRST_STEP, _LEAST_STEP = 2048, 256
_QUICK_S, _SLOW_S = 0.0004, 0.001
"""A step that took less is followed by a larger one, one that took more by a smaller one."""
MOST_HELD = 8 * STEP
"""A guard that still cannot tell after so many code points has failed."""
_SLICE_S = 0.001


class Pace:
    """Lets the loop turn when a call has had it for a while."""

    __slots__ = ("_since_s",)

    def __init__(self) -> None:
        self._since_s = time.perf_counter()

    async def turn(self) -> None:
        """After every step."""
        if time.perf_counter() - self._since_s > _SLICE_S:
            await asyncio.sleep(0)
            self._since_s = time.perf_counter()


class Watch:
    """One guard at work. What it raises is GuardFailed, whatever went wrong."""

    __slots__ = ("_allowed_s", "_notes", "_spent_s", "failed", "fitted", "order", "scanner", "stride")

    def __init__(self, fitted: Fitted, order: int, scanner: Scanner | None, notes: Notes) -> None:
        self.fitted = fitted
        self.order = order
        """Its place in the list of guards."""
        self.scanner = scanner
        self.failed = False
        """Whether the call goes on without it."""
        self.stride = _FIRST_STEP
        """The most code points that it is shown next, in one go."""
        self._notes = notes
        self._spent_s = 0.0
        self._allowed_s = fitted.timeout_s

    def begin(self, length: int) -> None:
        """A new request of so many code points, or a new piece of an answer, with all of the time that it has."""
        self._spent_s = 0.0
        self._allowed_s = self.fitted.timeout_s * (1 + length // _BOXED)

    def reach(self, text: str, seen: int) -> int:
        """How far of a text it is shown in the next step, when it has been shown the text up to `seen`."""
        end = min(len(text), seen + self.stride)
        return end if self.fitted.paced is None else self.fitted.paced.reach(text, seen, end)

    def step(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """One look. Raises GuardFailed."""
        assert self.scanner is not None
        start_s = time.perf_counter()
        try:
            found = self.scanner.scan(text, source, begin, final=final)
        except Exception as error:
            # Without its text, which may quote what it has looked at.
            raise GuardFailed(type(error).__name__) from None
        finally:
            took_s = time.perf_counter() - start_s
            self._spent_s += took_s
            self._notes.took(self.fitted.name, took_s)
            self._notes.waited(took_s)
        if self._spent_s > self._allowed_s:
            raise GuardFailed(f"took longer than its {self._allowed_s:g} s")
        if took_s > _SLOW_S:
            self.stride = max(_LEAST_STEP, self.stride // 2)
        elif took_s < _QUICK_S:
            self.stride = min(STEP, self.stride * 2)
        return found

    def check(self, spec: ChatSpec | EmbedSpec) -> list[Finding]:
        """What it finds in a request as a whole. Raises GuardFailed."""
        guard = self.fitted.request_guard
        if guard is None:
            return []
        try:
            with self._notes.timed(self.fitted.name):
                return list(guard.check(spec))
        except Exception as error:
            raise GuardFailed(type(error).__name__) from None

    async def whole(self, text: str, source: Source, pace: Pace) -> list[Finding]:
        """What it finds in a text, in steps. Raises GuardFailed."""
        assert self.scanner is not None
        found: list[Finding] = []
        begin, end = 0, self.reach(text, 0)
        while True:
            base, final = max(0, begin - self.scanner.context), end == len(text)
            scan = self.step(text[base:end], source, begin - base, final=final)
            found += moved(scan.findings, base)
            if final:
                return found
            begin = base + scan.settled
            check_held(end - begin)
            end = self.reach(text, end)
            await pace.turn()


def moved(findings: Sequence[Finding], by: int) -> list[Finding]:
    """Findings with their places counted from further before."""
    if not by:
        return list(findings)
    return [msgspec.structs.replace(one, start=one.start + by, end=one.end + by) for one in findings]


def check_held(held: int) -> None:
    """Raises GuardFailed where a guard holds too much."""
    if held > MOST_HELD:
        raise GuardFailed(f"could not tell after {MOST_HELD} characters")


def watches(plan: SidePlan, spec: ChatSpec | EmbedSpec, notes: Notes) -> list[Watch]:
    """The guards of one side, bound to a call. Raises GuardrailUnavailable for one that cannot be."""
    found: list[Watch] = []
    for order, fitted in enumerate(plan.local):
        scanner = fitted.scanner
        if fitted.call_scanner is not None:
            try:
                scanner = fitted.call_scanner.scanner(spec)
            except Exception as error:
                notes.failed(fitted, type(error).__name__)
                continue
        notes.took(fitted.name, 0.0)
        if scanner is not None or fitted.request_guard is not None:
            found.append(Watch(fitted, order, scanner, notes))
    return found

"""The rotation of one credential, by its policy."""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import Counter

import msgspec

from hedgerow_server.core.secret import Secret
from hedgerow_server.core.wait import Wait
from hedgerow_server.credentials.alarm import AlarmKind, Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.rotation.port import RETIRE, ROTATE, Notice, NotObtained, Probe, Send, Verdict
from hedgerow_server.credentials.rotation.retirement import Retirement
from hedgerow_server.credentials.rotation.section import RotationSection

_log = logging.getLogger(__name__)
_LOOK_S = 5.0
"""How often it is looked whether there is a first key."""


class Means(msgspec.Struct, frozen=True):
    """How the next key is obtained and probed."""

    source: str
    """Where the secret comes from, as the configuration says it."""
    dynamic: bool
    """Whether the source gives another secret whenever it is asked."""
    provider: str = ""
    """Who is asked what it says of a key."""
    probe: Probe | None = None
    """None: keys are not probed."""
    send: Send | None = None
    """Asks for the next version; None: there is nobody to ask."""


class Window:
    """The time in which a key is to be replaced: from `begins_s` to `due_s`, by the monotonic clock."""

    __slots__ = ("begins_s", "due_s", "outcome", "rejections", "version")

    def __init__(self, held: HeldLease, section: RotationSection) -> None:
        self.version = held.version
        self.due_s = time.monotonic() - held.age_s + section.max_age_seconds
        self.begins_s = self.due_s - section.begin_s
        self.outcome = ""
        """How it ended: `met`, or the kind of its alarm. Empty: it has not."""
        self.rejections = 0
        """How many keys that came in it were no good."""


class Rotation:
    """Has a key replaced within its window, or raises one alarm; then it goes on trying.

    Another secret that comes at any time, by whomever, is probed before it is put in force. A provider that refuses the
    secret in force has the one that waits put in force at once.
    """

    def __init__(
        self, section: RotationSection, held: HeldLease, means: Means, alarms: Alarms, outcomes: Counter[str]
    ) -> None:
        """Begins with `run`. `outcomes` counts how windows end: `met`, `rotation_overdue` or `probe_failed`; and how
        often a key came before its window (`early`) or after its alarm (`late`).
        """
        self._section = section
        self._held = held
        self._means = means
        self._alarms = alarms
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._wait = Wait(section.retry_seconds, section.max_retry_seconds)
        self._asked_until_s = 0.0
        self._probed: Secret | None = None
        self._refusals = 0
        self._window = Window(held, section)
        self._due: asyncio.TimerHandle | None = None
        self._begin()
        self._retiring: set[asyncio.Task[None]] = set()
        self.problem = ""
        """Why the last step failed; empty when it did not."""
        self._outcomes = outcomes
        if means.probe is not None:
            held.on_waiting = self._wake
        held.on_replaced = self._on_replaced

    @property
    def begins_unix_s(self) -> float:
        """When the next key is obtained."""
        return self._held.made_unix_s + self._section.max_age_seconds - self._section.begin_s

    @property
    def due_unix_s(self) -> float:
        """When the key in force is too old."""
        return self._held.made_unix_s + self._section.max_age_seconds

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                await self._step()
            except Exception as error:
                # Without its text: it may come of a secret.
                _log.error("credential %s: a fault in its rotation (%s)", self._held.name, type(error).__name__)
                self._wait.failed()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_s()):
                    await self._woken.wait()

    @property
    def retiring(self) -> bool:
        """Whether an old key is still to be retired."""
        return bool(self._retiring)

    def detach(self) -> None:
        """Lets go of the credential, once `run` has been cancelled. Old keys are retired all the same."""
        self._held.on_waiting = self._held.on_replaced = None
        if self._due is not None:
            self._due.cancel()

    async def close(self) -> None:
        """Ends what goes on after `detach`: no old key is retired any more."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _wake(self) -> None:
        # A thread may outlive the loop by a moment.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)

    def _on_replaced(self, old: Secret, made_unix_s: float) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._retire, old, made_unix_s)

    async def _step(self) -> None:
        self._settle()
        if not self._held.version:
            return
        waiting, now_s = self._held.waiting, time.monotonic()
        if waiting is not None and waiting != self._probed:
            self._probed, self._refusals = waiting, 0
            self._wait.reset()
        if now_s >= self._wait.until_s:
            if waiting is not None:
                await self._try(waiting)
            elif now_s >= max(self._window.begins_s, self._asked_until_s):
                await self._ask()
        self._settle()

    def _next_s(self) -> float:
        """When something is to be done again, unless somebody wakes us."""
        window, held = self._window, self._held
        if not held.version:
            return time.monotonic() + _LOOK_S
        times_s = []
        if held.waiting is not None:
            times_s.append(self._wait.until_s)
        elif self._means.dynamic or self._means.send is not None:
            times_s.append(max(window.begins_s, self._wait.until_s, self._asked_until_s))
        return max(min(times_s, default=time.monotonic() + self._section.max_age_seconds), time.monotonic())

    def _settle(self) -> None:
        """Takes note of a key that has come into force."""
        window, held = self._window, self._held
        if window.version == held.version:
            return
        if window.version:
            early = time.monotonic() < window.begins_s
            outcome = "late" if window.outcome else "early" if early else "met"
            self._outcomes[outcome] += 1
            _log.info("credential %s: another key is in force (%s)", held.name, outcome)
        for kind in (AlarmKind.ROTATION_OVERDUE, AlarmKind.PROBE_FAILED):
            self._alarms.over(kind, held.name, self._means.provider)
        self._window = Window(held, self._section)
        self._begin()
        self._wait.reset()
        self._asked_until_s, self._probed, self.problem = 0.0, None, ""

    def _begin(self) -> None:
        """Has the end of the window noticed in time, whatever is being waited for then."""
        if self._due is not None:
            self._due.cancel()
        if self._window.version:
            left_s = max(0.0, self._window.due_s - time.monotonic())
            self._due = self._loop.call_later(left_s, self._overdue, self._window)

    def _overdue(self, window: Window) -> None:
        self._settle()
        if self._window is window:
            self._missed(AlarmKind.ROTATION_OVERDUE, self.problem or "no other key has come")

    def _missed(self, kind: AlarmKind, reason: str) -> None:
        """Raises the one alarm of the window."""
        if self._window.outcome:
            return
        if time.monotonic() >= self._window.begins_s:
            self._window.outcome = kind.value
            self._outcomes[kind.value] += 1
            # That of an earlier key, which came before the window, is another one.
            self._alarms.over(kind, self._held.name, self._means.provider)
        self._alarms.sound(kind, self._held.name, reason, self._means.provider)

    async def _ask(self) -> None:
        try:
            if self._means.dynamic:
                await self._obtain()
            elif self._means.send is not None:
                await self._means.send(self._notice(ROTATE, self._held.made_unix_s, str(self._window.rejections)))
                webhook = self._section.webhook
                self._asked_until_s = time.monotonic() + (webhook.answer_seconds if webhook is not None else 0.0)
        except NotObtained as error:
            self._failed(str(error))
        else:
            self._wait.reset()
            self.problem = ""

    async def _obtain(self) -> None:
        """Another lease. It waits for its probe, or is in force already."""
        changed = await self._held.fetch_again()
        if self._held.problem or not (changed or self._held.waiting):
            raise NotObtained(self._held.problem or "its source gave the same key again")

    async def _try(self, waiting: Secret) -> None:
        """Puts a key in force that the provider takes."""
        assert self._means.probe is not None
        probed = await self._means.probe(waiting)
        if self._held.waiting != waiting:
            return
        if probed.verdict is Verdict.GOOD:
            self._held.promote(waiting)
            return
        self._failed(probed.reason)
        if probed.verdict is Verdict.REFUSED:
            self._refusals += 1
            if self._refusals >= self._section.probe_attempts:
                self._missed(AlarmKind.PROBE_FAILED, probed.reason)
                self._window.rejections += 1
                self._asked_until_s = 0.0
                self._held.reject(waiting)

    def _failed(self, problem: str) -> None:
        if problem != self.problem:
            _log.warning("credential %s: its rotation waits: %s", self._held.name, problem)
        self.problem = problem
        self._wait.failed()

    def _retire(self, old: Secret, made_unix_s: float) -> None:
        self._woken.set()
        notice = self._notice(RETIRE, made_unix_s)
        retirement = Retirement(self._section, self._held, old, self._means.send, notice)
        task = asyncio.create_task(retirement.run())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _notice(self, kind: str, made_unix_s: float, *more: str) -> Notice:
        """What the receiver is told of the key that was made then. Every router that holds it gives the same ids."""
        rotation = _digest(self._held.name, f"{made_unix_s:.3f}")
        return Notice(
            type=kind,
            id=f"msg_{_digest(rotation, kind, *more)}",
            credential=self._held.name,
            source=self._means.source,
            rotation=f"rot_{rotation}",
            age_s=max(0.0, time.time() - made_unix_s),
            max_age_s=self._section.max_age_seconds,
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

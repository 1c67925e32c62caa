"""What all guards that run elsewhere share: where texts may go, what was said of them before, how long it may take.

residency → verdicts kept → fuse → batches, each in its turn → the guard itself → verdicts kept
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from hedgerow_server.core.guard import Asker, Finding, GuardFailed, Judged
from hedgerow_server.guardrails.remote.fuse import Fuse
from hedgerow_server.guardrails.remote.section import RemoteEntry
from hedgerow_server.guardrails.remote.verdicts import Verdict, Verdicts

MARK = "[REDACTED]"
"""What stands for a finding whose guard says nothing better."""
OTHER = "other"
"""The category of findings of a guard that has too many of them."""
_AT_A_STRETCH = 128 * 1024
"""So many code points are looked up before other calls have their turn."""
_CATEGORIES = 100
"""So many categories of one guard are told apart: each is a series in the metrics."""
_FAIR = 0.5
"""A guard that had less than this share of its time, because others took the turns, is not to blame."""
_NEARLY = 0.9
"""Whoever cancels after so much of the time has the same patience as the guard: it is no caller who left."""


class Unanswered(Exception):
    """A guard did not tell; the text says why, and nothing of what it was asked."""

    def __init__(self, why: str, *, at_fault: bool = True) -> None:
        super().__init__(why)
        self.at_fault = at_fault
        """Whether that is held against it."""


class Answer(msgspec.Struct, frozen=True):
    """What a guard says of a batch."""

    verdicts: Sequence[Verdict]
    """In the order of the texts."""
    version: str = ""
    """The name of the rules by which it judged."""


class Limits(msgspec.Struct, frozen=True):
    """The largest batch."""

    texts: int
    utf8_bytes: int


Ask = Callable[[Sequence[Judged], Asker, float], Awaitable[Answer]]
"""Asks about one batch, of which no text is empty, within seconds. Raises Unanswered and TimeoutError."""


class Desk:
    """Asks one guard. For one event loop."""

    def __init__(self, name: str, entry: RemoteEntry, limits: Limits, ask: Ask) -> None:
        """`name` is the guard's, for the log."""
        self._region = entry.region
        self._timeout_s = entry.timeout_seconds
        self._limits = limits
        self._ask = ask
        self._fuse = Fuse(name, entry.breaker)
        self._turns = asyncio.Semaphore(entry.max_concurrent_requests)
        policy = hashlib.blake2b(f"{name}\n{entry.model_dump_json()}".encode()).digest()
        self._verdicts = Verdicts(entry.verdicts, policy)

    async def judge(self, pieces: Sequence[Judged], asker: Asker) -> list[Verdict]:
        """What the guard finds in each text. Raises GuardFailed, within the guard's time."""
        if asker.residency and not all(self._region and self._region in one for one in asker.residency):
            where = f"runs in {self._region}" if self._region else "does not say where it runs"
            raise GuardFailed(f"it {where}, and the texts may not go there")
        found: dict[int, Verdict] = {}
        looked_at = 0
        for index, piece in enumerate(pieces):
            known = self._verdicts.get(piece, asker) if piece.text else ()
            if known is not None:
                found[index] = known
            looked_at += len(piece.text)
            if looked_at >= _AT_A_STRETCH:
                looked_at = 0
                await asyncio.sleep(0)
        missing = [index for index in range(len(pieces)) if index not in found]
        if missing:
            answers = await self._fresh([pieces[index] for index in missing], asker)
            found.update(zip(missing, answers, strict=True))
        return [found[index] for index in range(len(pieces))]

    async def _fresh(self, pieces: Sequence[Judged], asker: Asker) -> list[Verdict]:
        permit = self._fuse.admit()
        if permit is None:
            raise GuardFailed(f"it is not asked for a while: {self._fuse.reason}")
        began_s = time.monotonic()
        waiting = _Waiting()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._in_batches(pieces, asker, began_s + self._timeout_s, waiting)
        except TimeoutError:
            raise GuardFailed(f"it {self._late(permit, waiting)}") from None
        except Unanswered as error:
            if error.at_fault:
                self._fuse.failed(permit, str(error))
            raise GuardFailed(f"it {error}") from None
        except asyncio.CancelledError:
            # The pipeline may look at its own clock, which is set to the same time.
            if time.monotonic() - began_s >= _NEARLY * self._timeout_s:
                self._late(permit, waiting)
            raise
        else:
            self._fuse.succeeded(permit)
            return found
        finally:
            self._fuse.void(permit)

    def _late(self, permit: int, waiting: "_Waiting") -> str:
        """The time is over; returns why."""
        if time.monotonic() - waiting.asked_s < _FAIR * self._timeout_s:
            # It had no chance: others took the turns.
            return f"has too much to do for {self._timeout_s:g} s"
        why = f"gives no answer within {self._timeout_s:g} s"
        self._fuse.failed(permit, why)
        return why

    async def _in_batches(
        self, pieces: Sequence[Judged], asker: Asker, until_s: float, waiting: "_Waiting"
    ) -> list[Verdict]:
        batches = list(_batches(pieces, self._limits))
        if len(batches) == 1:
            return list(await self._batch(batches[0], asker, until_s, waiting))
        tasks = [asyncio.create_task(self._batch(one, asker, until_s, waiting)) for one in batches]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [verdict for answer in answers for verdict in answer]

    async def _batch(
        self, pieces: Sequence[Judged], asker: Asker, until_s: float, waiting: "_Waiting"
    ) -> Sequence[Verdict]:
        async with self._turns:
            waiting.asked_s = min(waiting.asked_s, time.monotonic())
            answer = await self._ask(pieces, asker, until_s - time.monotonic())
        if len(answer.verdicts) != len(pieces):
            raise Unanswered(f"answers for {len(answer.verdicts)} of {len(pieces)} texts")
        self._verdicts.version = answer.version
        for piece, verdict in zip(pieces, answer.verdicts, strict=True):
            self._verdicts.keep(piece, asker, verdict)
        return answer.verdicts


class Categories:
    """The categories of one guard, no more than metrics can bear."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def admit(self, category: str) -> str:
        """The category, or `other` where there are too many."""
        if category not in self._known:
            if len(self._known) >= _CATEGORIES:
                return OTHER
            self._known.add(category)
        return category


def whole(text: str, category: str, score: float | None, replacement: str = "") -> Finding:
    """A finding of a text as a whole."""
    return Finding(0, len(text), category, replacement or MARK, score)


class _Waiting:
    """When the first batch had its turn."""

    def __init__(self) -> None:
        self.asked_s = math.inf


def _batches(pieces: Sequence[Judged], limits: Limits) -> list[list[Judged]]:
    batches: list[list[Judged]] = []
    size = 0
    for piece in pieces:
        # An upper bound, which costs no encoding.
        longest = len(piece.text) if piece.text.isascii() else 4 * len(piece.text)
        if not batches or len(batches[-1]) >= limits.texts or size + longest > limits.utf8_bytes:
            batches.append([])
            size = 0
        batches[-1].append(piece)
        size += longest
    return batches

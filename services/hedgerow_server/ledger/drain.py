"""Moves what is in the spools into the store: this router's own, and those that dead routers have left."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from hedgerow_server.ledger.codec import UnreadableError, decoded, encoded
from hedgerow_server.ledger.keeping import Batch, Keeper
from hedgerow_server.ledger.progress import NAME, Progress
from hedgerow_server.ledger.rows import Estimate
from hedgerow_server.ledger.segment import MAGIC, UnknownFormError, frames, segments_in
from hedgerow_server.ledger.spool import LOCK, Spool, making
from hedgerow_server.ledger.trail import Trail

_log = logging.getLogger(__name__)
_BATCH = 512
"""Frames that are stored at once."""
_MOVED = 64
"""Records in one frame where they are written once more. A frame that is longer than a segment has calls refused until
there is a longer one.
"""
_BEHIND = 4
"""So many of the newest segments of which all is stored stay where they are while something in them is open."""


class OwnDrain:
    """The spool that this router writes."""

    def __init__(self, spool: Spool, keeper: Keeper) -> None:
        self._spool = spool
        self._keeper = keeper
        self._trail = Trail(whole=True)
        self._progress: Progress | None = None
        self._moved: set[int] = set()
        self._number = 0
        self._at = 0
        self.behind = False
        """Whether the last run has left something."""
        self.stored_until_s = time.monotonic()
        """When the spool held nothing, by the monotonic clock, that is not in the store now."""

    def run(self) -> int:
        """Stores what is there, a batch at most; tells how many frames that were. Raises Stopped and OSError."""
        self.behind, frames = False, 0
        now_s = time.monotonic()
        written = self._spool.written()
        if not written:
            self.stored_until_s = now_s
            return 0
        if self._progress is None:
            self._progress = Progress(self._spool.folder)
            self._number = written[0][0]
        for place, (number, path, end) in enumerate(written):
            if number < self._number:
                continue
            if number > self._number:
                self._number, self._at = number, 0
            further = any(later > len(MAGIC) for _, _, later in written[place + 1 :])
            if max(self._at, len(MAGIC)) < end:
                frames = self._store(path, end)
                self.behind = further or self._at < end
                if not self.behind:
                    self.stored_until_s = now_s
                break
            if not further:
                self.stored_until_s = now_s
                break
        # Whether or not anything was stored: under load there is something every time.
        self._tidy([number for number, _, _ in written if number < self._number])
        return frames

    @property
    def idle(self) -> bool:
        """Whether everything that was written has been stored, and all that began has ended."""
        written = self._spool.written()
        behind = any(
            end > max(len(MAGIC), self._at if number == self._number else 0)
            for number, _, end in written
            if number >= self._number
        )
        return not behind and not any(self._trail.needs(number) for number, _, _ in written)

    def close(self) -> None:
        """Closes the file of its progress."""
        if self._progress is not None:
            self._progress.close()

    def _store(self, path: Path, end: int) -> int:
        batch, at, taken = Batch(), end, 0
        for payload, after in frames(path, self._at, end):
            at, taken = after, taken + 1
            try:
                records = decoded(payload)
            except UnreadableError:
                self._keeper.reject(payload)
                continue
            batch.add(payload, self._trail.take(records, self._number))
            if len(batch.payloads) >= _BATCH:
                break
        if not taken:
            _log.error("%s is damaged after byte %d: what is behind that is skipped", path.name, self._at)
        self._keeper.keep(batch)
        self._at = at
        assert self._progress is not None
        self._progress.reached(self._number, at)
        return max(taken, 1)

    def _tidy(self, numbers: list[int]) -> None:
        """Deletes segments of which nothing is needed."""
        done = [number for number in numbers if not self._trail.needs(number)]
        if done and self._progress is not None:
            self._progress.sync()
        for number in done:
            self._spool.discard(number)
            self._trail.forget(number)
            self._moved.discard(number)
        for number in sorted(set(numbers) - set(done) - self._moved)[:-_BEHIND]:
            self._move(number)

    def _move(self, number: int) -> None:
        """Writes once more what is open in a segment, so that an hour-long call does not keep it for an hour."""
        self._moved.add(number)
        records = self._trail.open_in(number)
        for start in range(0, len(records), _MOVED):
            self._spool.append(encoded(records[start : start + _MOVED]))


def adopt(root: Path, own: Path, keeper: Keeper, estimate: Estimate) -> int:
    """Stores what dead routers have left, then deletes it; tells how many spools that were. What they had begun and not
    ended becomes rows of estimates. Raises Stopped and OSError.
    """
    adopted = 0
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.name in {own.name, making(own).name} or not folder.is_dir():
            continue
        with _locked(folder) as held:
            if not held:
                continue
            if folder.name.startswith("."):
                # Its router died while it made it: there is nothing in it yet.
                _remove(folder)
                continue
            try:
                _adopt(folder, keeper, estimate)
            except (UnknownFormError, UnreadableError) as error:
                _log.error("the spool %s is left alone: another version has written it (%s)", folder.name, error)
                continue
            adopted += 1
    return adopted


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Holds the lock of a router's folder; False where the router lives, or another one is at it."""
    try:
        fd = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Somebody was about to delete it.
        with contextlib.suppress(OSError):
            folder.rmdir()
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # Whoever had it may have deleted the folder meanwhile.
        yield (folder / LOCK).exists()
    finally:
        os.close(fd)


def _adopt(folder: Path, keeper: Keeper, estimate: Estimate) -> None:
    trail, progress = Trail(whole=False), Progress(folder)
    try:
        begun = progress.number, progress.at
        for number, path in segments_in(folder):
            batch, at = Batch(), 0
            for payload, at in frames(path):
                rows = trail.take(decoded(payload), number)
                if (number, at) > begun:
                    batch.add(payload, rows)
                if len(batch.payloads) >= _BATCH:
                    keeper.keep(batch)
                    progress.reached(number, at)
                    batch = Batch()
            if batch.payloads:
                keeper.keep(batch)
                progress.reached(number, at)
        attempts, calls = trail.lost(estimate)
        if attempts or calls:
            _log.warning(
                "a router that was ended left %d attempts and %d calls without their end: they are estimated",
                len(attempts),
                len(calls),
            )
            keeper.add_lost((attempts, calls))
        progress.sync()
    finally:
        progress.close()
    for _, path in segments_in(folder):
        path.unlink()
    (folder / NAME).unlink()
    _remove(folder)


def _remove(folder: Path) -> None:
    """Deletes a folder that has nothing in it but its lock, which is held."""
    (folder / LOCK).unlink()
    folder.rmdir()

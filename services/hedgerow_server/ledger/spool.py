"""Where records wait for the store: a folder of segments for each router, which outlives it.

The event loop writes, at places of its own, into room that was set aside before. A thread has the disk take what was
written, a few milliseconds later, and sets the next room aside. Where it cannot, no further calls are admitted, while
what is left of the room takes the records of those that are under way.
"""

import asyncio
import fcntl
import logging
import os
import threading
import time
from collections import deque
from pathlib import Path

from hedgerow_server.ledger.segment import HEAD_BYTES, MAGIC, Segment, framed, sync_folder

_log = logging.getLogger(__name__)
LOCK = "lock"
"""The file in a router's folder that the router holds a lock on while it lives."""
_AGAIN_S = 0.5
"""How long after a failure the disk is tried again."""
_TAKEN_AT_ONCE = 64
"""Held frames that are written while the event loop waits for the lock."""


class Spool:
    """The segments of this router. `append` is for the event loop, the rest for threads."""

    def __init__(self, root: Path, *, segment_bytes: int, max_bytes: int) -> None:
        """Touches nothing yet: `tend` does. `root` is the folder of all routers."""
        self._root = root
        self.folder = root / f"{os.getpid()}-{os.urandom(6).hex()}"
        """This router's own."""
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._lock_fd: int | None = None
        self._number = 0
        self._current: Segment | None = None
        self._next: Segment | None = None
        self._segments: dict[int, Segment] = {}
        self._retired: list[Segment] = []
        self._held: deque[bytes] = deque()
        self._unsynced: list[tuple[Segment, int, bytes]] = []
        self._suspect = False
        self._problem = "it is not there yet"
        self._failed_s = 0.0
        self._told = False
        self._appended = 0
        self._synced = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def admitting(self) -> bool:
        """Whether there is room for the records of further calls."""
        current = self._current
        if current is None or self._held or self._suspect:
            return False
        # Where nothing ails the disk there will be room, even if the thread has not come to it.
        return self._next is not None or not self._problem or current.room > self._segment_bytes // 2

    @property
    def problem(self) -> str:
        """Why further calls are not admitted; empty where they are."""
        return "" if self.admitting else self._problem or "its room is used up"

    @property
    def used_bytes(self) -> int:
        """How much of the disk it takes."""
        with self._lock:
            return sum(one.size for one in self._segments.values())

    def append(self, payload: bytes, *, hold: bool = True) -> int:
        """Writes a record and returns its number for `synced`, from 1. Where there is no room now, it is held until
        there is, or without `hold` not taken: then 0. For any thread.
        """
        frame = framed(payload)
        with self._lock:
            if self._held or not self._put(frame):
                if not hold:
                    return 0
                self._held.append(frame)
            self._appended += 1
            return self._appended

    async def synced(self, number: int) -> None:
        """Returns once the disk has the record with this number, and those before it."""
        if self._synced < number:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((number, future))
            await future

    def wake(self) -> None:
        """Tells those that wait what the disk has, in the event loop."""
        while self._waiting and self._waiting[0][0] <= self._synced:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits who can be told."""
        try:
            return self._waiting[0][0] <= self._synced
        except IndexError:
            return False

    def tend(self) -> None:
        """Has the disk take what was written, and makes room for more. For one thread, every few milliseconds."""
        if not self._suspect or time.monotonic() - self._failed_s >= _AGAIN_S:
            self._sync()
        if self._needs_room() and time.monotonic() - self._failed_s >= _AGAIN_S:
            with self._lock:
                self._set_aside()
        self._write_held()
        problem = self.problem
        if problem and self._failed_s and not self._told:
            _log.error("the ledger takes no further calls: %s", problem)
            self._told = True
        elif not problem and self._told:
            _log.warning("the ledger takes calls again")
            self._told = False

    def written(self) -> list[tuple[int, Path, int]]:
        """The segments in order: number, file, and up to where they are written."""
        with self._lock:
            return [(number, one.path, one.end) for number, one in sorted(self._segments.items())]

    def discard(self, number: int) -> None:
        """Deletes a segment that is no longer needed, unless it is being written. Raises OSError."""
        with self._lock:
            one = self._segments.get(number)
            if one is None or one is self._current or one is self._next:
                return
            one.path.unlink(missing_ok=True)
            del self._segments[number]

    def close(self, *, empty: bool) -> None:
        """Ends it. Where it is `empty` its folder goes; otherwise the next router finds what is in there."""
        self._failed_s = 0.0
        self.tend()
        with self._lock:
            for one in {*self._retired, *(one for one in (self._current, self._next) if one is not None)}:
                one.close()
            if empty and not self._held and self._lock_fd is not None:
                for path in (*(one.path for one in self._segments.values()), self.folder / LOCK):
                    path.unlink(missing_ok=True)
                for left in self.folder.iterdir():
                    left.unlink()
                self.folder.rmdir()
            self._current = self._next = None
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None

    def _put(self, frame: bytes) -> bool:
        """Writes a frame where there is room. The lock is held."""
        current = self._current
        if current is None:
            return False
        at = current.end
        end = at + len(frame)
        if end > current.size:
            if self._next is None and not self._problem:
                # The thread has not come to it.
                self._set_aside()
            if self._next is None or self._next.room < len(frame):
                return False
            self._retired.append(current)
            current, self._current, self._next = self._next, self._next, None
            at = current.end
            end = at + len(frame)
        try:
            current.write_at(at, frame)
        except OSError as error:
            self._failed(error)
            return False
        current.end = end
        self._unsynced.append((current, at, frame))
        return True

    def _needs_room(self) -> bool:
        return self._current is None or self._next is None or self._next.room < len(self._oldest_held())

    def _oldest_held(self) -> bytes:
        try:
            return self._held[0]
        except IndexError:
            return b""

    def _set_aside(self) -> None:
        """Makes a segment. The lock is held."""
        try:
            if self._lock_fd is None:
                self._lock_fd = _own(self._root, self.folder)
            size = max(self._segment_bytes, len(MAGIC) + len(self._oldest_held()) + HEAD_BYTES)
            # What was begun must be able to end.
            most = self._max_bytes + (2 * size if self._held else 0)
            if sum(one.size for one in self._segments.values()) + size > most:
                self._problem = f"{self._max_bytes} bytes of records wait for the store"
                self._failed_s = time.monotonic()
                return
            made = self._segments[self._number + 1] = Segment(self.folder, self._number + 1, size)
        except OSError as error:
            self._failed(error)
            return
        self._number += 1
        self._problem = ""
        if self._current is None:
            self._current = made
            return
        if self._next is not None:
            # Too small for what must come next.
            self._retired.append(self._next)
        self._next = made

    def _write_held(self) -> None:
        while self._held:
            with self._lock:
                for _ in range(_TAKEN_AT_ONCE):
                    if not self._held or not self._put(self._held[0]):
                        break
                    self._held.popleft()
                else:
                    continue
                if not self._held and self._next is not None:
                    self._problem = ""
                return

    def _sync(self) -> None:
        with self._lock:
            batch, self._unsynced = self._unsynced, []
            retired, self._retired = self._retired, []
            number = self._appended - len(self._held)
            suspect = self._suspect
        if not batch and not retired:
            return
        try:
            if suspect:
                # After a failure the kernel may take pages for clean that the disk does not have: they are written
                # anew. See https://wiki.postgresql.org/wiki/Fsync_Errors.
                for one, at, frame in batch:
                    one.write_at(at, frame)
            for one in dict.fromkeys(one for one, _, _ in batch):
                one.sync()
        except OSError as error:
            with self._lock:
                self._unsynced = batch + self._unsynced
                self._retired = retired + self._retired
                self._suspect = True
                self._failed(error)
            return
        if suspect:
            self._suspect = False
            self._problem = ""
        self._synced = max(self._synced, number)
        for one in retired:
            one.close()

    def _failed(self, error: OSError) -> None:
        self._problem = f"its spool cannot be written: {error.strerror or error}"
        self._failed_s = time.monotonic()


def making(folder: Path) -> Path:
    """What a router's folder is called until its lock is held."""
    return folder.with_name(f".{folder.name}")


def _own(root: Path, folder: Path) -> int:
    """Makes a router's folder with the lock on it held; nobody sees it before. Raises OSError."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = making(folder)
    made.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.rename(folder)
        sync_folder(root)
    except BaseException:
        os.close(fd)
        raise
    return fd

"""What a router has used of counts that it shares, in a file that outlives it.

Others hear within a quarter of a second what a router has used. One that is killed has used something that they have
not heard of: whoever comes after it finds it here, and tells it. The file is mapped into memory: a note costs the event
loop no system call, and what a process has stored there the system keeps, however the process ends.

The file is a row of blocks. A block is a row of entries, words of 64 bits in the byte order of the machine, and then
zeros. An entry is its length in words, the slot, what else is in `Used`, as `_HEAD` has it, and the key, filled up with
zeros.
"""

import fcntl
import logging
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

_log = logging.getLogger(__name__)
_SUFFIX = ".used"
"""A file of another form needs another one."""
_FIRST_BLOCK = 1 << 18
"""Bytes. Each later block is as long as all before it, so that there are few."""
_WORD = 8
_WORDS, _SLOT, _AMOUNT = 0, 1, 2
_HEAD = struct.Struct("=7q")
"""Length in words, slot, amount, scale, length_us, keep_ms, length of the key in bytes."""
_NOWHERE = -1
"""The slot of an entry that stands for nothing any more."""
_KEY_MAX = 16_384
"""Bytes. A count with a longer key is not noted."""


class Used(msgspec.Struct, frozen=True, gc=False):
    """What a router has used of one count."""

    key: str
    slot: int
    amount: int
    scale: int
    """How many units of `amount` are one of the shared count."""
    length_us: int
    keep_ms: int


class Note:
    """Where the use of one count is noted."""

    __slots__ = ("at", "cells")

    def __init__(self, cells: memoryview, at: int) -> None:
        """Of `Notes`. `cells` are the words of a block, `at` is the first of the entry."""
        self.cells = cells
        self.at = at

    def used(self, amount: int) -> None:
        """So much of the slot is used."""
        self.cells[self.at + _AMOUNT] = amount

    def turn(self, slot: int) -> None:
        """Another slot has begun, of which nothing is used."""
        # In this order a router that dies in between leaves no use in a slot to which it does not belong.
        self.cells[self.at + _AMOUNT] = 0
        self.cells[self.at + _SLOT] = slot


class Notes:
    """The file of this router. `tend` is for a thread, the rest for the event loop."""

    def __init__(self, folder: Path, router: str) -> None:
        """Touches nothing yet: `tend` does. `router` is what the lender calls this router."""
        self._path = folder / f"{router}{_SUFFIX}"
        self._fd: int | None = None
        self._size = 0
        self._block: memoryview | None = None
        self._next: memoryview | None = None
        self._at = 0
        """The first free word of the block."""
        self._free: dict[int, list[Note]] = {}
        """Entries that stand for nothing any more, by their length."""
        self._problem = ""

    @property
    def lacks_room(self) -> bool:
        """Whether `tend` has something to do."""
        return self._next is None

    def tend(self) -> None:
        """Makes the file, and room for more. Where that cannot be done, further counts stay without a note."""
        if self._next is not None:
            return
        try:
            if self._fd is None:
                self._fd = _own(self._path)
            block = self._size or _FIRST_BLOCK
            # What is mapped the disk has promised: to store where it has no room for would end the process.
            os.posix_fallocate(self._fd, self._size, block)
            mapped = memoryview(mmap.mmap(self._fd, block, offset=self._size))
        except OSError as error:
            problem = error.strerror or str(error)
            if problem != self._problem:
                _log.warning("what is used of shared limits cannot be noted in %s: %s", self._path, problem)
            self._problem = problem
            return
        self._size, self._next, self._problem = self._size + block, mapped.cast("q"), ""

    def take(self, used: Used) -> Note | None:
        """A place for a count; None where there is no room now."""
        key = used.key.encode()
        if len(key) > _KEY_MAX:
            return None
        words = (_HEAD.size + len(key) + _WORD - 1) // _WORD
        free = self._free.get(words)
        note = free.pop() if free else self._further(words)
        if note is None:
            return None
        cells, at = note.cells, note.at
        start = _WORD * at
        raw = cells.cast("B")
        # The slot last of all: until then the entry stands for nothing.
        cells[at + _SLOT] = _NOWHERE
        raw[start + _HEAD.size : start + _WORD * words] = key.ljust(_WORD * words - _HEAD.size, b"\0")
        _HEAD.pack_into(raw, start, words, _NOWHERE, used.amount, used.scale, used.length_us, used.keep_ms, len(key))
        cells[at + _SLOT] = used.slot
        return note

    def release(self, note: Note) -> None:
        """The count is of no use any more."""
        note.cells[note.at + _SLOT] = _NOWHERE
        self._free.setdefault(note.cells[note.at + _WORDS], []).append(note)

    def close(self, *, keep: bool) -> None:
        """Ends it; without `keep` all of it was told, and the file goes."""
        if self._fd is None:
            return
        if not keep:
            self._path.unlink(missing_ok=True)
        # What is mapped has a descriptor of its own, which would keep the lock.
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)
        self._fd = None

    def _further(self, words: int) -> Note | None:
        if self._block is None or self._at + words > len(self._block):
            if self._next is None:
                return None
            self._block, self._next, self._at = self._next, None, 0
        note = Note(self._block, self._at)
        self._at += words
        return note


class Left:
    """The file of a router that is gone. For a thread."""

    def __init__(self, path: Path, fd: int) -> None:
        """`fd` holds the lock on it."""
        self._path = path
        self._fd = fd
        self.router = path.name.removesuffix(_SUFFIX)

    def counts(self) -> list[Used]:
        """What it had used, each count once. Raises OSError."""
        with open(self._fd, "rb", closefd=False) as file:
            content = file.read()
        found: dict[str, Used] = {}
        for one in _entries(content):
            # A count that was let go and came back may stand there twice.
            other = found.get(one.key)
            if one.slot != _NOWHERE and (other is None or (other.slot, other.amount) < (one.slot, one.amount)):
                found[one.key] = one
        return list(found.values())

    def close(self, *, told: bool) -> None:
        """Lets go of it; where all was `told` the file goes."""
        if told:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)


def noted_in(folder: Path) -> list[Path]:
    """The files of all routers, of those that live, too. Raises OSError."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def left(path: Path) -> Left | None:
    """A file with the lock on it held; None where its router lives, or somebody was quicker. Raises OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = os.fstat(fd).st_nlink > 0
    except BlockingIOError:
        gone = False
    if gone:
        return Left(path, fd)
    os.close(fd)
    return None


def _own(path: Path) -> int:
    """Makes a file with the lock on it held. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(fd).st_nlink:
            raise FileNotFoundError(f"{path} was taken for one of a router that is gone")
    except BaseException:
        os.close(fd)
        raise
    return fd


def _entries(content: bytes) -> Iterator[Used]:
    at, end = 0, _FIRST_BLOCK
    while at + _HEAD.size <= len(content):
        words, slot, amount, scale, length_us, keep_ms, length = _HEAD.unpack_from(content, at)
        key = content[at + _HEAD.size : at + _HEAD.size + length] if 0 < length <= _KEY_MAX else b""
        if words <= 0 or at + words * _WORD > end or len(key) != length or scale <= 0:
            # Nothing more in this block.
            at, end = end, 2 * end
            continue
        yield Used(key.decode(errors="replace"), slot, amount, scale, length_us, keep_ms)
        at += words * _WORD

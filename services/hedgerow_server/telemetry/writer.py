"""Lines on their way to a stream or a file: a thread writes them, and nobody waits for it.

What cannot be written, or comes while too much waits, is dropped and counted: a full disk, a pipe that nobody reads.
"""

import collections
import os
import select
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TextIO

_QUEUE_LINES = 10_000
_BATCH_LINES = 256
_PAUSE_S = 0.05
_CLOSING_S = 2.0
_MODE = 0o640

Render = Callable[[], bytes]
"""Makes a line without its end, in the thread that writes."""


class TornError(OSError):
    """Only a part was written."""


class Target(Protocol):
    """Where lines go."""

    def write(self, data: bytes) -> None:
        """Writes all of it; raises OSError or ValueError."""

    def ready(self, size: int) -> bool:
        """Whether so many bytes can be written without waiting for a reader."""


class LineWriter:
    """Writes lines, each with its line end.

    The thread looks for lines every 50 ms rather than being woken for each: a wake-up costs the event loop more than
    all else that a line does.
    """

    def __init__(self, target: Target, name: str) -> None:
        """`name` is the thread's."""
        self.dropped = 0
        """Lines that were lost."""
        self._target = target
        self._lines: collections.deque[Render] = collections.deque()
        self._closing = threading.Event()
        self._torn = False
        self._writing = False
        self._thread = threading.Thread(target=self._write_lines, name=name, daemon=True)
        self._thread.start()

    def put(self, line: Render) -> None:
        """Queues a line, or drops and counts it."""
        if len(self._lines) < _QUEUE_LINES:
            self._lines.append(line)
        else:
            self.dropped += 1

    def put_at_once(self, text: str) -> None:
        """Writes a line before it returns, so that whoever hears of what it tells finds it there; queues it where that
        would mean to wait for a reader, or where others wait already. For lines that are rare; one thread at a time.
        """
        data = text.encode("utf-8", "backslashreplace")
        if self._lines or self._writing or not self._target.ready(len(data) + 1):
            self.put(lambda: data)
        else:
            self._write([data + b"\n"])

    def close(self) -> None:
        """Writes what is queued, at most for two seconds."""
        self._closing.set()
        self._thread.join(timeout=_CLOSING_S)

    def _write_lines(self) -> None:
        last = False
        while not last:
            last = self._closing.wait(_PAUSE_S)
            while self._lines:
                # Before the queue is emptied: nobody else may find it empty while the last of it is being written.
                self._writing = True
                batch = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH_LINES))]
                self._write([line() + b"\n" for line in batch])
            self._writing = False

    def _write(self, lines: list[bytes]) -> None:
        data = b"".join(lines)
        # A line of which only a part was written must not swallow the next one.
        data = b"\n" + data if self._torn else data
        try:
            self._target.write(data)
            self._torn = False
        except (OSError, ValueError) as error:
            self.dropped += len(lines)
            self._torn = self._torn or isinstance(error, TornError)


class StreamTarget:
    """A stream of the process. Where it has a descriptor that is written to, past the stream's buffer: a thread that is
    stuck in a pipe must not hold a lock that the end of the process waits for.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Standard error by default."""
        self._stream = stream or sys.stderr
        try:
            self._descriptor: int | None = self._stream.fileno()
        except (OSError, ValueError):
            self._descriptor = None
        self._poll = select.poll()
        if self._descriptor is not None:
            self._poll.register(self._descriptor, select.POLLOUT)

    def ready(self, size: int) -> bool:
        """Whether so many bytes can be written without waiting: a pipe that says so takes PIPE_BUF of them."""
        if self._descriptor is None:
            return True
        return size <= select.PIPE_BUF and bool(self._poll.poll(0))

    def write(self, data: bytes) -> None:
        """Writes all of it."""
        if self._descriptor is None:
            self._stream.write(data.decode())
            self._stream.flush()
        else:
            _write_all(self._descriptor, data)


class FileTarget:
    """A file to which lines are appended. One that was moved away, as log rotation does, is opened anew."""

    def __init__(self, path: Path) -> None:
        """Raises OSError for a file that cannot be opened."""
        self._path = path
        self._descriptor = self._opened()

    def ready(self, size: int) -> bool:
        """Always: a file has no reader."""
        return True

    def write(self, data: bytes) -> None:
        """Writes all of it."""
        if not self._same():
            fresh = self._opened()
            os.close(self._descriptor)
            self._descriptor = fresh
        _write_all(self._descriptor, data)

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _same(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(self._descriptor)
        return (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev)


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except OSError as error:
            if len(left) < len(data):
                raise TornError(*error.args) from None
            raise

"""Reads a changed configuration without holding up the calls: another process parses and checks it."""

import asyncio
import contextlib
import logging
import pickle
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec
import watchfiles

from hedgerow_server.config.load import ConfigError, Fault
from hedgerow_server.config.model import Section
from hedgerow_server.config.worker import FAULTS, HEADER, PIECE, question
from hedgerow_server.core.slices import Work

_log = logging.getLogger(__name__)
_LIMIT_S = 120.0
_IDLE_S = 60.0
_FRAME_BYTES = 16 * 1024 * 1024
_TOTAL_BYTES = 512 * 1024 * 1024
_LOOK_MS = 5_000
_DEBOUNCE_MS = 500
_QUIET_MS = 50

SettingsT = TypeVar("SettingsT", bound=Section)
Mark = tuple[int, int, int, int]


class Told(msgspec.Struct, frozen=True):
    """What a file says: the fingerprint of its settings, and pieces that `assemble` puts together."""

    fingerprint: str
    pieces: deque[tuple[bytes, bytes]]


def assemble(told: Told, model: type[SettingsT]) -> Work[SettingsT]:
    """The settings, put together a few pieces at a time. Takes the pieces away."""
    values: dict[str, Any] = {}
    while told.pieces:
        section, key, value = pickle.loads(told.pieces.popleft()[1])  # noqa: S301  our own process wrote it
        if key is None:
            values[section] = value
        else:
            values[section][key] = value
        yield 4
    # All is checked already; to do it once more would hold up the calls.
    return cast("SettingsT", model.model_construct(set(values), **values))


class ConfigReader:
    """Has a process of its own read files, one at a time. The process starts with the first file and stays for a minute
    after the last one.
    """

    def __init__(self, command: Sequence[str], *, limit_s: float = _LIMIT_S, idle_s: float = _IDLE_S) -> None:
        """`command` runs `worker.work`. A file that takes longer than `limit_s` seconds is given up."""
        self._command = tuple(command)
        self._limit_s = limit_s
        self._idle_s = idle_s
        self._process: _Process | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def read(self, path: Path, text: bytes | None = None) -> Told:
        """What a file says, in pieces; with `text`, what a file of this name would say. Raises ConfigError."""
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None and self._process.ended:
            self._let_go()
        process = self._process = self._process or _Process(self._command)
        asking = asyncio.ensure_future(asyncio.to_thread(process.ask, path, text))
        good = False
        try:
            done, _ = await asyncio.wait({asking}, timeout=self._limit_s)
            if not done:
                raise _unread(path, f"reading it took longer than {self._limit_s:g} s")
            frames = asking.result()
        except (EOFError, OSError) as error:
            raise _unread(path, f"the process that reads it failed ({error})") from None
        else:
            good = True
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._let_go)
        finally:
            if not good:
                asking.add_done_callback(_ignore)
                self._let_go()
        kind, data = frames.pop()
        # Nobody else writes to this pipe than our own process, which got the path from us.
        content = pickle.loads(data)  # noqa: S301
        if kind == FAULTS:
            raise ConfigError(content)
        return Told(str(content), frames)

    async def close(self) -> None:
        """Ends the process."""
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.kill)

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            asyncio.get_running_loop().run_in_executor(None, process.kill)


class _Process:
    """The process. Its methods block, `kill` but for a moment: they are for threads.

    It is no asyncio one: uvloop would fork for it, which takes long with much memory and runs gRPC's handlers.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._popen: subprocess.Popen[bytes] | None = None
        self._killed = False

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself, or been ended by the system."""
        return self._popen is not None and self._popen.poll() is not None

    def ask(self, path: Path, text: bytes | None) -> deque[tuple[bytes, bytes]]:
        """What it says of a file or a text, the last frame being no piece. Raises OSError and EOFError."""
        if self._popen is None:
            # In a session of its own: Ctrl-C is for the router alone.
            self._popen = subprocess.Popen(  # noqa: S603  our own program
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            if self._killed:
                self.kill()
        into, out = self._popen.stdin, self._popen.stdout
        assert into is not None
        assert out is not None
        into.write(question(path, text))
        into.flush()
        frames: deque[tuple[bytes, bytes]] = deque()
        total = 0
        while not frames or frames[-1][0] == PIECE:
            kind, length = HEADER.unpack(_exactly(out, HEADER.size))
            total += length
            if length > _FRAME_BYTES or total > _TOTAL_BYTES:
                raise OSError("it says too much")
            frames.append((kind, _exactly(out, length)))
        return frames

    def kill(self) -> None:
        """Ends it."""
        self._killed = True
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()
            for pipe in (self._popen.stdin, self._popen.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()


def _ignore(future: asyncio.Future[deque[tuple[bytes, bytes]]]) -> None:
    """Nobody waits any more."""
    if not future.cancelled():
        future.exception()


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError("it ended")
    return data


def _unread(path: Path, why: str) -> ConfigError:
    return ConfigError([Fault(str(path), 1, "", why)])


def mark(path: Path) -> Mark | None:
    """What tells that a file, or the one that a link now leads to, is another; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


async def changes(path: Path, seen: Mark | None) -> AsyncIterator[None]:
    """Yields whenever the file is another than before, at first than it was `seen`.

    The folder is watched, for editors put a new file in the place of the old one and Kubernetes turns a link beside it.
    Every few seconds the file is looked at whatever the watch says: not all file systems tell, and a link may lead
    elsewhere.
    """
    async for _ in _hints(path.parent):
        now = await asyncio.to_thread(mark, path)
        if now != seen:
            seen = now
            yield


async def _hints(folder: Path) -> AsyncIterator[None]:
    told = False
    while True:
        try:
            async for _ in watchfiles.awatch(
                folder,
                watch_filter=None,
                recursive=False,
                debounce=_DEBOUNCE_MS,
                step=_QUIET_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
            ):
                told = False
                yield
        except (OSError, RuntimeError) as error:
            if not told:
                _log.warning("%s cannot be watched (%s); it is looked at every few seconds", folder, error)
            told = True
        await asyncio.sleep(_LOOK_MS / 1000)
        yield

"""One worker as the supervisor sees it: its process, which is started again whenever it ends by itself."""

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from hedgerow_server.workers.backoff import Backoff
from hedgerow_server.workers.handover import Start, framed
from hedgerow_server.workers.peer import Peer
from hedgerow_server.workers.words import WorkerState

_log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whoever has the workers."""

    def start_of(self, child: "Child") -> Start:
        """What a new process is given."""

    def peer_of(self, child: "Child") -> Peer:
        """Its end of the connection."""

    def changed(self) -> None:
        """A worker has come, or gone."""


class Child:
    """The place of one worker. On the event loop."""

    def __init__(self, index: int, owner: Owner, backoff: Backoff | None = None) -> None:
        self.index = index
        self.restarts = 0
        self.peer: Peer | None = None
        """Its connection; None while there is no process."""
        self.entered = False
        """Whether it hears of all changes."""
        self.serving = False
        self.ever_served = False
        self.problems: tuple[str, ...] = ()
        self.status: int | None = None
        """The exit status of its last process."""
        self._owner = owner
        self._backoff = backoff or Backoff()
        self._popen: subprocess.Popen[bytes] | None = None
        self._ending = asyncio.Event()
        self._served_s = 0.0

    @property
    def state(self) -> WorkerState:
        """How it is."""
        pid = self._popen.pid if self._popen is not None else 0
        return WorkerState(self.index, pid, self.serving, self.restarts, self.problems)

    async def keep(self) -> None:
        """Runs processes one after the other, until `end`."""
        while not self._ending.is_set():
            self.status = await self._run()
            served_s = time.monotonic() - self._served_s if self.serving else 0.0
            self.peer, self._popen = None, None
            self.entered = self.serving = False
            self.problems = ()
            self._owner.changed()
            if self._ending.is_set():
                return
            pause_s = self._backoff.pause_s(served_s)
            self.restarts += 1
            _log.error(
                "worker %d ended by itself (%s); it is started again in %g s", self.index, _why(self.status), pause_s
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._ending.wait()

    def serves(self) -> None:
        """It takes calls."""
        self.serving = self.ever_served = True
        self._served_s = time.monotonic()

    def end(self) -> None:
        """Starts no further process. That of now is told by whoever calls this."""
        self._ending.set()

    def kill(self) -> None:
        """Ends its process the hard way."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(signal.SIGKILL)

    async def _run(self) -> int:
        """One process, until its end; gives its exit status, below 0 for a signal."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "hedgerow_server", "worker", str(self.index), str(theirs.fileno())]
            # In a session of its own: Ctrl-C is for the supervisor, which tells the workers.
            self._popen = subprocess.Popen(  # noqa: S603, ASYNC220  our own program; and nobody's call waits here
                command, pass_fds=(theirs.fileno(),), start_new_session=True
            )
        peer = self._owner.peer_of(self)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: peer, sock=ours)
        transport.write(framed(self._owner.start_of(self)))
        self.peer = peer
        status = await _ended(self._popen)
        peer.close()
        return status


async def _ended(popen: subprocess.Popen[bytes]) -> int:
    """The exit status of a process, once it has ended."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()

    def tell(status: int) -> None:
        if not future.done():
            future.set_result(status)

    def wait(then: Callable[[int], None] = tell) -> None:
        status = popen.wait()
        # The loop may have ended meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(then, status)

    # Not asyncio's own: it forks by itself where it can, and watches by signals.
    threading.Thread(target=wait, daemon=True, name=f"worker-{popen.pid}").start()
    return await future


def _why(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"

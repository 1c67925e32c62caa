"""The supervisor, as a worker reaches it, and through it all other workers."""

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import msgspec

from hedgerow_server.workers import words
from hedgerow_server.workers.handover import Start
from hedgerow_server.workers.peer import Peer, PeerFailed
from hedgerow_server.workers.words import Pages, Question, Said, WorkerState

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
"""prctl(2)."""

Answer = Callable[[bytes], Awaitable[bytes]]


class Member:
    """One worker among several. On the event loop."""

    def __init__(self, start: Start) -> None:
        self.index = start.index
        self.workers = start.workers
        """How many there are."""
        self.addresses = start.addresses
        """Where all of them listen, by door."""
        self.fleet: list[WorkerState] = []
        """How they are."""
        self.ending = asyncio.Event()
        """Set when this one is to end: the supervisor says so, or has gone."""
        self.hurrying = asyncio.Event()
        """Set when open calls get no more time."""
        self.reloading = asyncio.Event()
        """Set when somebody wants the configuration to be read again."""
        self.speaking = asyncio.Event()
        """Set once this one serves the admin doors for all."""
        self._caught_up = asyncio.Event()
        self._answers: dict[str, Answer] = {}
        self._listeners: dict[str, Callable[[bytes], None]] = {}
        self._peer = Peer(self._asked, self._heard, self._gone)
        self._problems: tuple[str, ...] = ()
        self._said = msgspec.msgpack.Decoder(list[Said])
        self._states = msgspec.msgpack.Decoder(list[WorkerState])

    async def connect(self, connection: socket.socket) -> None:
        """Takes the socket to the supervisor, from which `Start` was read."""
        await asyncio.get_running_loop().create_connection(lambda: self._peer, sock=connection)

    def on(self, name: str, heard: Callable[[bytes], None]) -> None:
        """Who is to hear what the supervisor tells under this name."""
        self._listeners[name] = heard

    def answer(self, name: str, with_: Answer) -> None:
        """What answers a question of other workers, once this one has caught up with them."""
        self._answers[name] = with_

    async def ask(self, name: str, content: bytes = b"") -> bytes:
        """What the supervisor answers. Raises PeerGone (a ConnectionError) and PeerFailed."""
        return await self._peer.ask(name, content)

    def tell(self, name: str, content: bytes = b"") -> None:
        """Tells the supervisor."""
        self._peer.tell(name, content)

    async def enter(self) -> dict[str, bytes]:
        """What the others keep; from now on this worker is asked what all are asked. `caught_up` once it has taken over
        what is kept. Raises PeerGone.
        """
        return msgspec.msgpack.decode(await self.ask(words.ENTER), type=dict[str, bytes])

    def caught_up(self) -> None:
        """Answers what was asked since, and all that will be."""
        self._caught_up.set()

    async def ask_all(self, name: str, content: bytes = b"") -> list[Said]:
        """What every other worker answers; of one that ends meanwhile nothing, and well. Raises PeerGone."""
        return self._said.decode(await self.ask(words.ALL, msgspec.msgpack.encode(Question(name, content))))

    async def keep(self, name: str, content: bytes) -> None:
        """Keeps something for workers that start later. Raises PeerGone."""
        await self.ask(words.KEEP, msgspec.msgpack.encode(Question(name, content)))

    async def pages(self, own: bytes) -> Pages:
        """The numbers of all others. Raises PeerGone."""
        return msgspec.msgpack.decode(await self.ask(words.PAGES, own), type=Pages)

    def say_problems(self, problems: list[str]) -> None:
        """Why calls should not come to this worker, where that is news."""
        if tuple(problems) != self._problems:
            self._problems = tuple(problems)
            self.tell(words.PROBLEMS, msgspec.msgpack.encode(self._problems))

    def others_problems(self) -> list[str]:
        """Why calls should not come to one of the others."""
        found: list[str] = []
        for one in self.fleet:
            if one.index != self.index:
                if not one.serving:
                    found.append(f"worker {one.index}: not serving")
                found += [f"worker {one.index}: {why}" for why in one.problems]
        return found

    def _asked(self, name: str, content: bytes) -> Awaitable[bytes]:
        return self._answer(name, content)

    async def _answer(self, name: str, content: bytes) -> bytes:
        await self._caught_up.wait()
        answer = self._answers.get(name)
        if answer is None:
            raise PeerFailed(f"nobody answers {name!r}")
        return await answer(content)

    def _heard(self, name: str, content: bytes) -> None:
        match name:
            case words.FLEET:
                self.fleet = self._states.decode(content)
            case words.SPEAK:
                self.speaking.set()
            case words.RELOAD:
                self.reloading.set()
            case words.DRAIN:
                self.ending.set()
            case words.HURRY:
                self.hurrying.set()
            case _:
                heard = self._listeners.get(name)
                if heard is not None:
                    heard(content)

    def _gone(self) -> None:
        if not self.ending.is_set():
            _log.error("the supervisor has ended: worker %d ends as well", self.index)
        self.ending.set()


def die_with_parent() -> None:
    """Has the system send SIGTERM when the supervisor ends, also while this process cannot notice it. Linux only:
    elsewhere the end of the socket has to do.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        _log.warning("prctl(PR_SET_PDEATHSIG): %s", os.strerror(ctypes.get_errno()))

"""What workers share through the supervisor: changes that all of them must hear of, limits, and their numbers."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from hedgerow_server.limits.lending import LendingDesk
from hedgerow_server.limits.supervised import ASKED, CALL_BACK, CALLED_BACK
from hedgerow_server.workers import words
from hedgerow_server.workers.child import Child
from hedgerow_server.workers.peer import Peer, PeerFailed, PeerGone
from hedgerow_server.workers.words import Pages, Question, Said, WorkerState

_log = logging.getLogger(__name__)
_PATIENCE_S = 60.0
"""How long a worker may take to answer what all are asked: with new secrets a configuration takes half a minute."""
_GATHER_S = 5.0
"""How long one may take to give its numbers. Of one that takes longer the last ones are told."""

Merge = Callable[[Sequence[bytes]], bytes]
"""Adds up the counts of several workers' numbers."""


class Hub:
    """Relays between workers. It knows nothing of what they say, but for limits."""

    def __init__(self, merge: Merge, changed: Callable[[], None]) -> None:
        """`changed` is called when a worker serves, or says something else of how it is."""
        self.children: list[Child] = []
        self.kept: dict[str, bytes] = {}
        self._merge = merge
        self._changed = changed
        self._lending = LendingDesk()
        self._peers: dict[int, Peer] = {}
        self._numbers = itertools.count()
        self._latest: dict[int, bytes] = {}
        """The numbers of the process that lives in a worker's place, as it last told them."""
        self._gone = b""
        self._question = msgspec.msgpack.Decoder(Question)
        self._strings = msgspec.msgpack.Decoder(tuple[str, ...])

    def peer_of(self, child: Child) -> Peer:
        """A connection for a new process of a worker."""
        who = next(self._numbers)

        def asked(name: str, content: bytes) -> bytes | Awaitable[bytes]:
            if name in ASKED:
                return self._lending.asked(who, name, content)
            return self._asked(child, name, content)

        def heard(name: str, content: bytes) -> None:
            if name == CALL_BACK:
                self._call_back(who, content)
            else:
                self._heard(child, name, content)

        def gone() -> None:
            self._left(who, child)

        peer = self._peers[who] = Peer(asked, heard, gone)
        return peer

    def fleet(self) -> list[WorkerState]:
        """How the workers are."""
        return [one.state for one in self.children]

    def tell_all(self, name: str, content: bytes = b"") -> None:
        """Tells every worker something."""
        for peer in self._peers.values():
            peer.tell(name, content)

    def _asked(self, child: Child, name: str, content: bytes) -> bytes | Awaitable[bytes]:
        match name:
            case words.ENTER:
                child.entered = True
                return msgspec.msgpack.encode(self.kept)
            case words.KEEP:
                said = self._question.decode(content)
                self.kept[said.name] = said.content
                return b""
            case words.KEPT:
                return self.kept.get(content.decode(), b"")
            case words.ALL:
                said = self._question.decode(content)
                return self._ask_others(child, said.name, said.content)
            case words.PAGES:
                return self._pages(child, content)
        raise PeerFailed(f"nobody answers {name!r}")

    def _heard(self, child: Child, name: str, content: bytes) -> None:
        if name == words.SERVING:
            child.serves()
        elif name == words.PROBLEMS:
            child.problems = self._strings.decode(content)
        self._changed()

    def _left(self, who: int, child: Child) -> None:
        """A process has ended, or is about to."""
        del self._peers[who]
        self._lending.left(who)
        child.entered = False
        latest = self._latest.pop(child.index, None)
        if latest is not None:
            self._gone = self._merge([one for one in (self._gone, latest) if one])

    def _call_back(self, who: int, key: bytes) -> None:
        for other, peer in self._peers.items():
            if other != who:
                peer.tell(CALLED_BACK, key)

    async def _ask_others(self, child: Child, name: str, content: bytes) -> bytes:
        others = [one for one in self.children if one is not child and one.entered and one.peer is not None]
        return msgspec.msgpack.encode(await asyncio.gather(*(_asked(one, name, content) for one in others)))

    async def _pages(self, child: Child, own: bytes) -> bytes:
        self._latest[child.index] = own
        others = [one for one in self.children if one is not child and one.entered and one.peer is not None]
        for said in await asyncio.gather(*(_asked(one, words.NUMBERS, b"", _GATHER_S) for one in others)):
            if said.ok and self.children[said.index].entered:
                self._latest[said.index] = said.content
        living = [page for index, page in self._latest.items() if index != child.index]
        return msgspec.msgpack.encode(Pages(living, self._gone, self.fleet()))


async def _asked(child: Child, name: str, content: bytes, patience_s: float = _PATIENCE_S) -> Said:
    assert child.peer is not None
    try:
        async with asyncio.timeout(patience_s):
            return Said(child.index, True, await child.peer.ask(name, content))
    except TimeoutError:
        return Said(child.index, False, f"no answer within {patience_s:g} s".encode())
    except PeerFailed as error:
        return Said(child.index, False, str(error).encode())
    except PeerGone:
        # Whoever comes in its place is told what is kept.
        return Said(child.index, True, b"")

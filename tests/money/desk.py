"""A supervisor's lending and workers' connections to it, over real sockets, all in one process."""

import asyncio
import socket

from hedgerow_server.limits.supervised import SupervisedLender
from hedgerow_server.telemetry.merging import merged_counts
from hedgerow_server.workers.child import Child
from hedgerow_server.workers.handover import Start
from hedgerow_server.workers.hub import Hub
from hedgerow_server.workers.member import Member
from hedgerow_server.workers.peer import Peer


class Desk:
    """The supervisor's side. Its children are places without processes."""

    def __init__(self) -> None:
        self.hub = Hub(merged_counts, lambda: None)
        self._ours: dict[Member, Peer] = {}

    async def member(self, *, enters: bool = False) -> Member:
        """A further worker's connection; `enters`: it is asked what all are asked."""
        ours, theirs = socket.socketpair()
        index = len(self.hub.children)
        child = Child(index, self)
        self.hub.children.append(child)
        peer = child.peer = self.hub.peer_of(child)
        await asyncio.get_running_loop().create_connection(lambda: peer, sock=ours)
        member = Member(Start(index=index, workers=2, path="", seen=None, pieces=(), addresses={}))
        await member.connect(theirs)
        self._ours[member] = peer
        if enters:
            await member.enter()
            member.caught_up()
        return member

    async def lender(self) -> tuple[SupervisedLender, Member]:
        """What a further worker borrows from, and its connection."""
        member = await self.member()
        return SupervisedLender(member), member

    async def leave(self, member: Member) -> None:
        """Its process is gone."""
        self._ours.pop(member).close()
        await member.ending.wait()

    async def close(self) -> None:
        """Ends all connections."""
        for member in tuple(self._ours):
            await self.leave(member)

    def start_of(self, child: Child) -> Start:
        """Nothing is started here."""
        raise NotImplementedError

    def peer_of(self, child: Child) -> Peer:
        """As above."""
        raise NotImplementedError

    def changed(self) -> None:
        """Nobody has to know."""

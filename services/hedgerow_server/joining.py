"""How a process becomes one worker of several."""

import pickle
import socket
from collections import deque

import msgspec

from hedgerow_server.config.reload import Told, assemble
from hedgerow_server.core.slices import at_once
from hedgerow_server.differing import in_force
from hedgerow_server.history import Memo
from hedgerow_server.settings import Settings
from hedgerow_server.together import Joined
from hedgerow_server.workers.handover import Start
from hedgerow_server.workers.member import Member


class Found(msgspec.Struct, frozen=True):
    """The configuration that a worker is to serve."""

    settings: Settings
    loaded: Settings
    """What its file says: some of that takes effect only once all are started again."""
    memo: Memo | None
    """What other workers say of it; None: it is that of the start."""


def found(start: Start) -> Found:
    """The configuration that a worker is given: the one that all others have, however old that of the start is."""
    started = at_once(assemble(Told("", deque(start.pieces)), Settings))
    if not start.in_force:
        return Found(started, started, None)
    memo: Memo = pickle.loads(start.in_force)  # noqa: S301  another worker of ours wrote it
    loaded = at_once(assemble(memo.history.now.told(), Settings))
    return Found(in_force(loaded, started)[0], loaded, memo)


async def join(start: Start, configuration: Found, connection: socket.socket) -> Joined:
    """Takes the socket to the supervisor, within the event loop."""
    member = Member(start)
    await member.connect(connection)
    return Joined(member, configuration.loaded, configuration.memo)

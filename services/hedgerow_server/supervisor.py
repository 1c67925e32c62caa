"""The parent of a router's workers: starts them, starts those again that end by themselves, and has all of them end.

It takes the place of the process that has read the configuration (`command`), and loads next to nothing. What workers
say to each other goes through it (`workers.hub`); callers and operators never do: one worker serves the admin doors for
all, and when it ends another one.
"""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hedgerow_server.announcing import announce
from hedgerow_server.telemetry.logs import set_up_logging
from hedgerow_server.telemetry.merging import merged_counts
from hedgerow_server.workers import words
from hedgerow_server.workers.child import Child
from hedgerow_server.workers.handover import Handover, Start, found_in
from hedgerow_server.workers.hub import Hub
from hedgerow_server.workers.peer import Peer
from hedgerow_server.workers.reserved import AddressTaken, Reserved

_log = logging.getLogger("hedgerow_server.supervisor")
_BEYOND_S = 45.0
"""How much longer than its open calls may go on a worker may take to end: the ledger's rows, the last words to callers,
answers that are read on.
"""


class Supervisor:
    """Owns the workers. On the event loop."""

    def __init__(self, handover: Handover, reserved: Reserved) -> None:
        self._handover = handover
        self._addresses = reserved.addresses
        self._hub = Hub(merged_counts, self.changed)
        self._children = self._hub.children = [Child(index, self) for index in range(handover.workers)]
        self._speaker: Child | None = None
        self._up = False
        self._stopping = asyncio.Event()
        self._failed = asyncio.Event()

    async def run(self) -> int:
        """Serves until a signal ends it; returns the exit status."""
        hurrying = self._signals()
        keeping = [asyncio.create_task(one.keep()) for one in self._children]
        stopped = {asyncio.create_task(self._stopping.wait()), asyncio.create_task(self._failed.wait())}
        await asyncio.wait(stopped, return_when=asyncio.FIRST_COMPLETED)
        for one in self._children:
            one.end()
        self._hub.tell_all(words.DRAIN)
        told = asyncio.create_task(self._tell_hurry(hurrying))
        _, late = await asyncio.wait(keeping, timeout=self._drain_s() + _BEYOND_S)
        if late:
            _log.error("%d workers have not ended in time: they are killed", len(late))
            for one in self._children:
                one.kill()
            await asyncio.wait(keeping)
        for task in (told, *stopped):
            task.cancel()
        if self._failed.is_set():
            return 1
        _log.info("all workers have ended")
        return 0

    def start_of(self, child: Child) -> Start:
        """What a new process is given."""
        had = self._handover
        return Start(
            index=child.index,
            workers=had.workers,
            path=had.path,
            seen=had.seen,
            pieces=had.pieces,
            addresses=self._addresses,
            in_force=self._hub.kept.get(words.CONFIG, b""),
        )

    def peer_of(self, child: Child) -> Peer:
        """Its end of the connection."""
        return self._hub.peer_of(child)

    def changed(self) -> None:
        """A worker has come or gone, or says something else of how it is."""
        if self._speaker is not None and not self._speaker.serving:
            self._speaker = None
        if self._speaker is None and not self._stopping.is_set():
            self._elect()
        if not self._up:
            self._look_up()
        self._hub.tell_all(words.FLEET, msgspec.msgpack.encode(self._hub.fleet()))

    def _elect(self) -> None:
        self._speaker = next((one for one in self._children if one.serving and one.peer is not None), None)
        if self._speaker is not None and self._speaker.peer is not None:
            _log.info("worker %d serves the admin doors", self._speaker.index)
            self._speaker.peer.tell(words.SPEAK)

    def _look_up(self) -> None:
        """Whether the start has come to its end, a good one or not."""
        if any(one.status is not None and not one.ever_served for one in self._children):
            # It has said why; the others would say the same.
            self._failed.set()
            for one in self._children:
                one.end()
        elif all(one.serving for one in self._children):
            self._up = True
            ports_file = self._handover.ports_file
            announce(self._addresses, Path(ports_file) if ports_file is not None else None, _log)
            _log.info("%d workers share these addresses", len(self._children))

    def _drain_s(self) -> float:
        kept = self._hub.kept.get(words.DRAIN_S)
        return msgspec.msgpack.decode(kept, type=float) if kept else self._handover.drain_s

    def _signals(self) -> asyncio.Event:
        """Takes signals from now on; the event is set by the second one to end."""
        hurrying = asyncio.Event()

        def on_signal() -> None:
            (hurrying if self._stopping.is_set() else self._stopping).set()

        def on_hangup() -> None:
            if self._speaker is not None and self._speaker.peer is not None:
                self._speaker.peer.tell(words.RELOAD)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal)
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
        return hurrying

    async def _tell_hurry(self, hurrying: asyncio.Event) -> None:
        await hurrying.wait()
        self._hub.tell_all(words.HURRY)


async def _supervise(handover: Handover) -> int:
    try:
        reserved = Reserved(handover.addresses)
    except AddressTaken as error:
        _log.error("%s", error)
        return 1
    with contextlib.closing(reserved):
        return await Supervisor(handover, reserved).run()


def main(arguments: Sequence[str]) -> int:
    """`arguments`: the descriptor of the handover. Returns the exit status."""
    handover = found_in(int(arguments[0]))
    set_up_logging(handover.log_level, handover.log_format)
    return asyncio.run(_supervise(handover))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

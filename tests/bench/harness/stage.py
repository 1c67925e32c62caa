"""Everything that a bench runs: the load with its upstream, ours, the peers; ended together in any case."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from bench.harness import peers
from bench.harness.driver import Driver, Target, driver
from bench.harness.machine import Cores, cores
from bench.harness.ours import Size, floors, hedgerow
from bench.harness.system import EMBED, STREAM, UNARY, System

HEDGEROW, TWIN, CORE, DIRECT = "hedgerow", "hedgerow_again", "hedgerow_grpcio", "direct"
"""Ours, a second copy of the same build, one whose gRPC door is on grpcio, and the upstream without any gateway."""


@dataclass(slots=True)
class Stage:
    """What is running."""

    driver: Driver
    cores: Cores
    transport: str
    systems: dict[str, System] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Peers that were asked for and are not there, each with why."""

    def those(self, kind: str, names: Sequence[str] | None = None) -> list[System]:
        """The systems that serve a kind of call, of these names where some are given."""
        return [one for one in self.systems.values() if kind in one.does and (names is None or one.name in names)]

    def named(self, name: str) -> System:
        """One of them."""
        return self.systems[name]


@contextmanager
def stage(wanted: Sequence[str], transport: str, *, twin: bool = True) -> Iterator[Stage]:
    """Starts all; a peer that does not start is left out, and told."""
    # Whoever ends a bench ends what it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as exits:
        places = cores()
        load = exits.enter_context(driver(places))
        made = Stage(load, places, transport)
        mock = Target("openai", load.mock_url, connections=1024)
        everything = frozenset({UNARY, STREAM, EMBED})
        for number, name in enumerate((HEDGEROW, TWIN) if twin else (HEDGEROW,)):
            doors = exits.enter_context(hedgerow(load.mock_url, places, name, transport, Size()))
            made.systems |= {one.name: one for one in doors[: 2 - number]}
        if twin:
            core = exits.enter_context(hedgerow(load.mock_url, places, CORE, transport, engine="grpcio"))[0]
            made.systems[CORE] = replace(core, title=f"{core.title} on grpcio")
        for peer in wanted:
            for one in _peer(exits, made, peer):
                made.systems[one.name] = one
        made.systems[DIRECT] = System(DIRECT, "the upstream itself", None, mock, everything, "no gateway")
        yield made


def _peer(exits: ExitStack, made: Stage, peer: str) -> Sequence[System]:
    print(f"starting {peer} …", file=sys.stderr, flush=True)
    if peer == "grpcio":
        return exits.enter_context(floors(made.driver.mock_url, made.cores))
    program = peers.installed(peer)
    if program is None:
        made.missing.append(f"{peer}: could not be installed here")
        return ()
    try:
        return (exits.enter_context(peers.GATEWAYS[peer](program, made.driver.mock_url, made.cores)),)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        made.missing.append(f"{peer}: did not start")
        return ()

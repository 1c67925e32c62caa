"""Routers that stand in for each other: on ports of their own for good, with one store, and an Envoy in front."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from mesh.envoy import Envoy, configured, contract, envoy
from money.accounts import Entry, book, differences, ledger
from money.counter import configuration
from money.hook import free_port
from rpc.caller import eventually
from stack import Process, router, simulator

Rows = tuple[list[CallRow], list[AttemptRow]]
CALLERS = {50051: 0, 50061: 1, 50071: 2}
BOOK = 200_000
"""How many calls the simulator remembers."""
HTTP = {8080: 0, 8081: 1, 8082: 2}
"""The ports of the three routers in deploy/envoy."""


class Replica:
    """A router that can be ended and started anew where it was."""

    def __init__(self, folder: Path, number: int, config: dict[str, Any], environment: dict[str, str]) -> None:
        self.name = f"replica-{number}"
        self.grpc, self.http = free_port(), free_port()
        self._folder, self._environment = folder, environment
        self._config = {
            **config,
            "server": {
                **config["server"],
                "grpc": {**config["server"]["grpc"], "listen": f"127.0.0.1:{self.grpc}"},
                "http": {**config["server"]["http"], "listen": f"127.0.0.1:{self.http}"},
            },
        }
        self._exits: ExitStack | None = None
        self.process: Process | None = None
        self._starts = 0

    def start(self) -> None:
        """Starts it; its log goes on in a file of its own."""
        self._starts += 1
        self._exits = ExitStack()
        name = f"{self.name}-{self._starts}"
        self.process = self._exits.enter_context(router(self._folder, self._config, name, **self._environment))

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self.process is not None
        self.process.popen.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and waits; its exit status."""
        assert self.process is not None
        status = self.process.stop(number)
        self.close()
        return status

    def close(self) -> None:
        """Ends it at once, if it runs."""
        if self._exits is not None:
            self._exits.close()
            self._exits = None

    def logs(self) -> str:
        """All that it has ever logged."""
        files = sorted(self._folder.glob(f"{self.name}-*.log"))
        return "".join(file.read_text(errors="replace") for file in files)


class Mesh:
    """A simulator, three routers and an Envoy."""

    def __init__(self, folder: Path, sim_url: str, replicas: list[Replica]) -> None:
        self.folder, self.sim_url, self.replicas = folder, sim_url, replicas
        self.envoy: Envoy
        self.read: Callable[[], Rows] = lambda: ledger(folder / "hedgerow.db")
        """Reads the ledger."""

    @property
    def ports(self) -> set[int]:
        """Of the routers' gRPC doors."""
        return {one.grpc for one in self.replicas}

    def all_well(self) -> None:
        """Returns once Envoy sends calls to all of them."""
        eventually(lambda: self.envoy.healthy() == self.ports, "all routers are healthy", 30)

    @contextmanager
    def without(self, one: Replica) -> Iterator[None]:
        """With a router ended as SIGTERM ends it; afterwards it is there again."""
        assert one.stop() == 0
        try:
            yield
        finally:
            one.start()
            self.all_well()

    def rows(self) -> Rows:
        """What is in the ledger."""
        try:
            return self.read()
        except sqlite3.OperationalError:
            return [], []

    def entries(self) -> list[Entry]:
        """What is in the simulator's book."""
        found = book(self.sim_url)
        assert len(found) < BOOK, "the simulator's book is full: it has forgotten calls"
        return found

    def balance(self, within_s: float = 30) -> list[str]:
        """What differs between ledger and book, once everything has had its time to be stored."""
        until = time.monotonic() + within_s
        while True:
            found = differences(*self.rows(), self.entries())
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def faults(self) -> list[str]:
        """Lines of the routers' logs that tell of a fault of their own."""
        lines = [line for one in self.replicas for line in one.logs().splitlines()]
        return [line for line in lines if "Traceback" in line or " ERROR " in line or '"code":"INTERNAL"' in line]


def settings(folder: Path, sim_url: str, **sections: Any) -> dict[str, Any]:
    """The configuration that the routers have in common; `sections` replace some."""
    made = configuration(sim_url, folder / "hedgerow.db")
    made["server"] |= {"drain_seconds": 30.0, "trusted_proxies": {"networks": ["127.0.0.1/32"]}}
    made["telemetry"] = {"log_peers": True, "propagate_baggage": ["tier"], "propagate_request_id": True}
    # A thousand streams at a time: with three routers at one file the rows may wait for some seconds.
    made["ledger"]["max_bytes"] = 128 * 1_048_576
    # SQLite waits for nobody longer than that; three routers write at once here.
    made["store"]["busy_timeout_seconds"] = 2.0
    # Fifteen seconds of tokens.
    rolling = {"provider": "sim", "model": "sim-tokens-5-3000"}
    made["routes"]["rolling"] = {"kind": "chat", "candidates": [rolling], "max_attempts": 1}
    return {**made, **sections}


@contextmanager
def mesh(folder: Path, file: str = "hedgerow.yaml", **sections: Any) -> Iterator[Mesh]:
    """Starts all of them, and waits until Envoy finds them well. `own` makes sections of the router of a number."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder, "--book-size", str(BOOK)))
        sim_url = f"http://{sim.addresses['http']}"
        environment, own = sections.pop("environment", {}), sections.pop("own", lambda _: {})
        config = settings(folder, sim_url, **sections)
        replicas = [Replica(folder, number, {**config, **own(number)}, environment) for number in range(3)]
        for one in replicas:
            exits.callback(one.close)
            one.start()
        made = Mesh(folder, sim_url, replicas)
        ports = {9901: 0, 10000: 0}
        ports |= {port: replicas[number].grpc for port, number in CALLERS.items()}
        ports |= {port: replicas[number].http for port, number in HTTP.items()}
        text = configured(file, ports, {"/etc/envoy/contract.binpb": contract(folder)})
        made.envoy = exits.enter_context(envoy(folder, text))
        made.all_well()
        yield made

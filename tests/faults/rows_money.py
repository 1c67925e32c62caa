"""Rows L1 to L3: the ledger's store, its disk and the router itself fail. Each trial has a router of its own."""

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from faults.expect import check_told
from faults.ground import BAD_KEY, Place, configuration
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow
from money.accounts import differences, ledger
from money.counter import SMALL
from rpc.caller import Caller, connected, eventually
from stack import Process, router

REFUSED = "UNAVAILABLE LEDGER_UNAVAILABLE"
SLOW = Candidate("sim-tokens-3-2000-10")
"""Two seconds to the first token."""
STUCK = Candidate("sim-silent")
CALLS = 6


@dataclass(frozen=True)
class Own:
    """A router of one trial."""

    place: Place
    router: Process
    caller: Caller
    store: Path

    def chat(self, **given: Any) -> Any:
        """Calls the trial's route."""
        return self.place.chat(caller=self.caller, **given)

    def differences(self) -> list[str]:
        """What differs between its ledger and the book."""
        entries = [one for name in self.place.names for one in self.place.ground.book(name)["calls"]]
        return differences(*self.rows(), entries, by="provider")

    def rows(self) -> tuple[list[CallRow], list[AttemptRow]]:
        """What is in its ledger."""
        try:
            return ledger(self.store)
        except sqlite3.OperationalError:
            return [], []  # it is made with the first row

    def balanced(self) -> None:
        """Waits until ledger and book are equal."""
        eventually(lambda: not self.differences(), "ledger and book are equal: " + str(self.differences()[:3]), 20)


@contextmanager
def own(place: Place, name: str = "first", **section: Any) -> Iterator[Own]:
    """A router with a ledger."""
    folder = place.ground.folder / f"money-{place.route}"
    folder.mkdir(exist_ok=True)
    store = folder / "ledger.db"
    config = {
        **configuration(CASES, {"sim": place.ground.sim_url}),
        "store": {"path": str(store), "busy_timeout_seconds": 0.2},
        "ledger": {**SMALL, **section},
    }
    with (
        router(folder, config, name, HEDGEROW_TEST_BAD_KEY=BAD_KEY) as running,
        connected(running.addresses["grpc"]) as caller,
    ):
        grpc.channel_ready_future(caller.channel).result(30)
        yield Own(place, running, caller, store)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another process writes, and does not end."""
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def warmed(one: Own) -> Any:
    """The store is there once there is a row."""
    first = one.chat()
    eventually(lambda: one.rows()[0] and not one.differences(), "the first row is stored")
    return first


def store_locked(place: Place) -> Seen:
    """Calls go on as ever; every row is there once afterwards."""
    with own(place) as one:
        outcomes = [warmed(one)]
        with locked(one.store):
            outcomes += [one.chat() for _ in range(CALLS)]
            assert len(one.rows()[0]) == 1
        for outcome in outcomes:
            check_told(place, outcome, "a", "OK")
        one.balanced()
    return place.audit(*outcomes)


def spool_full(place: Place) -> Seen:
    """New calls are refused, one that is under way ends and is not lost, and then calls are taken again."""
    with own(place, max_bytes=262_144) as one, ThreadPoolExecutor(9) as pool:
        outcomes = [warmed(one)]
        with locked(one.store):
            under_way = pool.submit(one.chat)
            refused: list[Any] = []
            while not refused:
                # Given up before anything comes, so that each costs two records and no time.
                found = list(pool.map(lambda _: one.chat(timeout=0.1), range(64)))
                refused = [outcome for outcome in found if _refused(outcome)]
            check_told(place, refused[0], "", REFUSED, "1000-1000")
            outcomes.append(under_way.result())
        check_told(place, outcomes[-1], "a", "OK")
        again = eventually(lambda: _unless_refused(one.chat()), "calls are taken again", 20)
        check_told(place, again, "a", "OK")
        one.balanced()
    return Seen(REFUSED, "a · a")


def _refused(outcome: Any) -> bool:
    return outcome.code is grpc.StatusCode.UNAVAILABLE and outcome.reason == "LEDGER_UNAVAILABLE"


def _unless_refused(outcome: Any) -> Any:
    return None if _refused(outcome) else outcome


def killed(place: Place) -> Seen:
    """What a caller was told is there, what was open becomes a row of an estimate, nothing is there twice."""
    with own(place) as one, ThreadPoolExecutor(CALLS) as pool:
        lost = [pool.submit(one.chat) for _ in range(CALLS)]
        eventually(lambda: len(place.ground.book(place.names[0])["calls"]) == CALLS, "they are under way")
        one.router.stop(signal.SIGKILL)
        assert {outcome.result().code for outcome in lost} == {grpc.StatusCode.UNAVAILABLE}
    with own(place, "heir") as heir:
        eventually(lambda: len(heir.rows()[0]) == CALLS, "the heir has estimated them", 20)
        calls, attempts = heir.rows()
        assert {(call.lost, call.estimated) for call in calls} == {(True, True)}
        assert {(one.outcome, one.estimated, one.number) for one in attempts} == {("LOST", True, 1)}
        assert all(one.input_uncached_tokens for one in attempts)
        heir.balanced()
    return Seen("UNAVAILABLE", "lost", estimated=True, note=f"{CALLS} calls under way")


def l1(mode: Mode) -> Iterator[Trial]:
    """The store."""
    yield Trial("locked", (HEALTHY,), store_locked)


def l2(mode: Mode) -> Iterator[Trial]:
    """The spool."""
    yield Trial("full", (SLOW,), spool_full)


def l3(mode: Mode) -> Iterator[Trial]:
    """The router."""
    yield Trial("killed", (STUCK,), killed, {"max_attempts": 1})


CASES = [
    *row("L1", "the ledger's store is locked", l1),
    *row("L2", "the ledger's spool is full", l2),
    *row("L3", "kill -9 with calls under way", l3),
]

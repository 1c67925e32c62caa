"""Routers of this version and of the next on one store: while a new version is rolled out, nothing fails or is lost."""

import sqlite3
import threading
from itertools import count
from pathlib import Path

import grpc
import yaml
from money.accounts import differences
from money.counter import Counter, configuration, counter, ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected, eventually, new_trace
from stack import KEY, process


class Load(threading.Thread):
    """Calls to a router, one after the other, until it is told to stop."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(daemon=True)
        self._caller = caller
        self._over = threading.Event()
        self.codes: list[grpc.StatusCode] = []
        self.errors: list[str] = []

    def run(self) -> None:
        for number in count():
            if self._over.is_set():
                return
            rpc = (COMPLETE, STREAM_COMPLETE)[number % 2]
            outcome = self._caller.chat(rpc, "fast", metadata=ids(new_trace()))
            self.codes.append(outcome.code)
            if outcome.code is not grpc.StatusCode.OK:
                self.errors.append(f"{outcome.reason} {outcome.text}")

    def more(self, calls: int) -> bool:
        """Whether so many further calls have been made."""
        return len(self.codes) >= calls

    def stop(self) -> None:
        """Ends after the call under way."""
        self._over.set()
        self.join(30)


def _columns(desk: Counter) -> set[str]:
    with sqlite3.connect(f"file:{desk.store}?mode=ro", uri=True) as connection:
        return {row[1] for row in connection.execute("PRAGMA table_info(ledger_call)")}


def test_a_router_goes_on_while_the_next_version_changes_the_store_under_it(tmp_path: Path) -> None:
    with counter(tmp_path) as desk:
        old = Load(desk.caller)
        old.start()
        eventually(lambda: old.more(30), "calls at the old router", 30)
        path = tmp_path / "router.yaml"
        path.write_text(yaml.safe_dump(configuration(desk.sim_url, desk.store)))
        arguments = ["-m", "money.newer", "serve", str(path)]
        environment = {"HEDGEROW_TEST_KEY": KEY, "PYTHONPATH": str(Path(__file__).parents[1])}
        with process(tmp_path, "next", arguments, environment) as newer, connected(newer.addresses["grpc"]) as caller:
            new = Load(caller)
            new.start()
            eventually(lambda: "next_version" in _columns(desk), "the next version's schema", 30)
            since_old, since_new = len(old.codes), len(new.codes)
            eventually(lambda: old.more(since_old + 50) and new.more(since_new + 50), "calls at both", 60)
            old.stop()
            new.stop()
        assert [*old.errors, *new.errors] == []
        calls = len(old.codes) + len(new.codes)
        eventually(lambda: len(desk.rows()[0]) >= calls, "all rows", 30)
        assert differences(*desk.rows(), desk.entries()) == []

"""A router whose ledger ails: what callers are told, and that ledger and book are equal afterwards."""

import os
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from money.counter import Counter, counter, ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, Way, chat, drained, eventually, new_trace


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another process is writing, and does not end."""
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def refused_once_full(desk: Counter) -> str:
    """Calls until one is refused by the ledger: its id."""
    with ThreadPoolExecutor(8) as pool:
        while True:
            for trace, outcome in pool.map(lambda _: desk.call(COMPLETE, "limited"), range(64)):
                if outcome.reason == "LEDGER_UNAVAILABLE":
                    assert outcome.code is grpc.StatusCode.UNAVAILABLE
                    assert outcome.pushback_ms is not None
                    assert outcome.pushback_ms > 0
                    return trace


def readiness(desk: Counter) -> str:
    """What /readyz says."""
    try:
        with urllib.request.urlopen(f"http://{desk.router.addresses['admin_http']}/readyz", timeout=5) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def test_a_locked_store_is_nothing_that_a_caller_sees(tmp_path: Path) -> None:
    """L1."""
    with counter(tmp_path) as desk:
        first, _ = desk.call(COMPLETE, "fast")
        desk.row(first)
        with locked(desk.store):
            told = [desk.call(rpc, "fast") for rpc in (COMPLETE, STREAM_COMPLETE) * 5]
            assert {outcome.code for _, outcome in told} == {grpc.StatusCode.OK}
            assert len(desk.rows()[0]) == 1
            assert "ledger" not in readiness(desk)
        for trace, outcome in told:
            assert desk.row(trace)[0].charged_picos == outcome.report.charged_picos
        assert desk.balance() == []


def test_a_full_spool_refuses_new_calls_and_loses_none_of_those_under_way(tmp_path: Path) -> None:
    """L2."""
    with counter(tmp_path, max_bytes=262_144) as desk:
        trace, _ = desk.call(COMPLETE, "fast")
        desk.row(trace)
        under_way = new_trace()
        with locked(desk.store):
            call = desk.caller.open(
                STREAM_COMPLETE, chat("late"), StreamCompleteResponse.FromString, metadata=ids(under_way)
            )
            refused = refused_once_full(desk)
            assert "ledger" in readiness(desk)
            assert not [one for one in desk.entries() if one["headers"].get("traceparent") == refused]
            assert drained(call).code is grpc.StatusCode.OK
        assert desk.row(under_way)[0].code == "OK"
        eventually(lambda: desk.call(COMPLETE, "fast")[1].code is grpc.StatusCode.OK, "calls are taken again")
        assert desk.balance() == []


def fill(path: Path) -> None:
    """Takes all that is left of a disk."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_refuses_new_calls_and_loses_none_of_those_under_way(tmp_path: Path) -> None:
    """L2: a real one, of which something else takes all that is left."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this container may not mount a small disk")
    try:
        with counter(tmp_path, spool=str(disk / "spool")) as desk:
            trace, _ = desk.call(COMPLETE, "fast")
            desk.row(trace)
            under_way = new_trace()
            call = desk.caller.open(
                STREAM_COMPLETE, chat("late"), StreamCompleteResponse.FromString, metadata=ids(under_way)
            )
            filler = disk / "filler"
            with pytest.raises(OSError, match="No space left"):
                fill(filler)
            refused_once_full(desk)
            assert "No space left on device" in readiness(desk)
            assert drained(call).code is grpc.StatusCode.OK
            assert desk.row(under_way)[0].code == "OK"
            filler.unlink()
            eventually(lambda: desk.call(COMPLETE, "fast")[1].code is grpc.StatusCode.OK, "calls are taken again")
            assert desk.balance() == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
def test_with_durability_fsync_answers_come_and_balance(tmp_path: Path, rpc: Way) -> None:
    with counter(tmp_path, durability="fsync") as desk:
        for route in ("fast", "over", "alone-cut"):
            trace, outcome = desk.call(rpc, route)
            assert desk.row(trace)[0].code == outcome.code.name
        assert desk.balance() == []


def test_a_stopped_router_leaves_nothing_in_the_spool(tmp_path: Path) -> None:
    with counter(tmp_path) as desk:
        told = [desk.call(COMPLETE, "fast")[0] for _ in range(20)]
        assert desk.router.stop() == 0
        assert sorted(call.request_id for call in desk.rows()[0]) == sorted(told)
        assert list((tmp_path / "hedgerow.db-spool").iterdir()) == []
        assert desk.balance() == []

"""What becomes of calls under way when the key that began them has ended, and of reloads that nobody called for."""

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from rpc.access import Guarded, bearer, guarded, troubled
from rpc.caller import COMPLETE, STREAM_COMPLETE, Outcome, chat, drained, eventually, item, options
from rpc.conftest import StartRouter
from stack import Stack

OK, UNAUTHENTICATED = grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED
WITHIN_S = 5.0
LONG = {"long": {"kind": "chat", "candidates": [{"provider": "sim", "model": "sim-tokens-400-50"}]}}
"""Twenty seconds of tokens."""
ROLES: dict[str, Any] = {"app": {}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the keys are."""
    return tmp_path_factory.mktemp("store") / "hedgerow.db"


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, store: Path) -> Iterator[Guarded]:
    """A router that ends the calls of keys that have ended, which is the default."""
    with guarded(_with_long(start_router), store, [], roles=ROLES) as running:
        yield running


def _with_long(start: StartRouter) -> StartRouter:
    def started(**sections: Any) -> Any:
        return start(extra_routes=LONG, **sections)

    return started


@contextmanager
def under_way(running: Guarded, token: str, rpc: str) -> Iterator[Callable[[], Outcome[Any]]]:
    """A long call that has begun; gives what waits for its end."""
    caller = running.caller
    if rpc == STREAM_COMPLETE:
        call = caller.open(rpc, chat("long"), chat_pb.StreamCompleteResponse.FromString, metadata=bearer(token))
        next(call)
        yield lambda: drained(call)
        call.cancel()
        return
    with ThreadPoolExecutor(1) as pool:
        before = _open_attempts(running)
        going = pool.submit(caller.chat, rpc, "long", metadata=bearer(token))
        eventually(lambda: _open_attempts(running) > before, "the call is at the provider")
        yield going.result


def _open_attempts(running: Guarded) -> int:
    return sum(one.running_attempts_count for one in running.admin.list_candidates(provider="sim"))


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_a_call_under_way_ends_when_its_key_is_revoked(ours: Guarded, rpc: str) -> None:
    """Within 5 s, and with the reason; what the caller has read by then stands, and another key's calls go on."""
    text, key_id = ours.key()
    other, _ = ours.key()
    with under_way(ours, other, STREAM_COMPLETE), under_way(ours, text, rpc) as ended:
        ours.admin.revoke_key(key_id)
        began_s = time.monotonic()
        outcome = ended()
        assert time.monotonic() - began_s < WITHIN_S
        assert (outcome.code, outcome.reason) == (UNAUTHENTICATED, "UNAUTHENTICATED")
        assert dict(outcome.info.metadata) == {"keyId": key_id, "keyState": "revoked"}
        assert len(outcome.report.attempts) == 1
        assert ours.caller.chat(COMPLETE, "fast", metadata=bearer(other)).code is OK
        assert _open_attempts(ours) >= 1, "the other key's call has ended with it"


def test_a_call_under_way_ends_when_its_key_was_revoked_at_another_router(
    ours: Guarded, start_router: StartRouter, store: Path
) -> None:
    text, key_id = ours.key()
    with (
        guarded(_with_long(start_router), store, [], roles=ROLES) as other,
        under_way(ours, text, STREAM_COMPLETE) as ended,
    ):
        other.admin.revoke_key(key_id)
        began_s = time.monotonic()
        assert ended().info.metadata["keyState"] == "revoked"
        assert time.monotonic() - began_s < WITHIN_S


def test_a_call_under_way_ends_when_its_key_expires(ours: Guarded) -> None:
    text, key_id = ours.key(lifetime={"seconds": 2})
    with under_way(ours, text, STREAM_COMPLETE) as ended:
        began_s = time.monotonic()
        outcome = ended()
        assert dict(outcome.info.metadata) == {"keyId": key_id, "keyState": "expired"}
        assert time.monotonic() - began_s < 2 + WITHIN_S


def test_a_stream_of_requests_ends_as_well(ours: Guarded) -> None:
    """While it waits for its caller's next item."""
    text, key_id = ours.key()
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield options("embed-small")
        yield item("one", "hi")
        over.wait()

    call = ours.caller.open_embed(requests(), metadata=bearer(text))
    try:
        next(call)
        ours.admin.revoke_key(key_id)
        assert drained(call).info.metadata["keyState"] == "revoked"
    finally:
        over.set()


def test_calls_under_way_go_on_where_the_configuration_lets_them(start_router: StartRouter, tmp_path: Path) -> None:
    """New ones are refused all the same."""
    api_keys = {"pepper": "pepper", "revoked_streams": "finish", "refresh_seconds": 0.1}
    with guarded(start_router, tmp_path / "a.db", [], api_keys=api_keys, roles=ROLES) as running:
        text, key_id = running.key()
        call = running.caller.open(
            STREAM_COMPLETE, chat("late"), chat_pb.StreamCompleteResponse.FromString, metadata=bearer(text)
        )
        next(call)
        running.admin.revoke_key(key_id)
        assert running.caller.chat(COMPLETE, "fast", metadata=bearer(text)).code is UNAUTHENTICATED
        assert drained(call).code is OK


# Reloads that no call asks for.


def reloads(running: Guarded) -> list[tuple[str, str]]:
    """Who has reloaded, and how that ended."""
    return [(one.who, one.outcome) for one in running.admin.list_audit_rows() if one.action == "Reload"]


def changed(running: Guarded, number: int) -> None:
    """Puts another configuration in the place of the one in force."""
    path = Path(running.admin.get_config().path)
    document = yaml.safe_load(path.read_text())
    document["deadline"] = {"max_seconds": 3000.0 + number}
    put(path, yaml.safe_dump(document, sort_keys=False))


def put(path: Path, text: str) -> None:
    """Puts a file in the place of another in one step."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(path)


def test_a_reload_by_a_changed_file_or_a_signal_leaves_a_row(stack: Stack, tmp_path: Path) -> None:
    """So does one that was refused; a file that was only touched leaves none."""
    with guarded(troubled(stack, tmp_path), tmp_path / "a.db", []) as running:
        path = Path(running.admin.get_config().path)
        changed(running, 1)
        eventually(lambda: reloads(running) == [("file", "OK")], "the row of the change")
        (row,) = (one for one in running.admin.list_audit_rows() if one.action == "Reload")
        told = json.loads(row.detail)["answer"]
        assert (told["applied"], told["changes"]) == (True, ["changed deadline.max_seconds"])
        assert told["config_hash"] == running.admin.get_config().hash
        os.utime(path)
        running.router.popen.send_signal(signal.SIGHUP)
        eventually(lambda: reloads(running)[1:] == [("signal", "OK")], "the row of the signal")
        good = path.read_text()
        put(path, good[: len(good) // 2] + "\n  ]:")
        eventually(lambda: reloads(running)[2:] == [("file", "FAILED_PRECONDITION")], "the row of the refusal")
        assert running.admin.verify_audit().broken_number == 0


def test_a_store_that_is_locked_holds_up_no_reload(stack: Stack, tmp_path: Path) -> None:
    """The configuration is in force at once, and the log tells and counts what the audit log misses."""
    with guarded(troubled(stack, tmp_path), tmp_path / "a.db", []) as running:
        running.key()
        before = running.admin.get_config().hash
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            changed(running, 1)
            eventually(lambda: running.admin.get_config().hash != before, "the configuration is in force")
            missed = "the audit log misses Reload by file (OK), row 1 that it misses since the start"
            assert missed not in running.router.log.read_text(), "the reload has waited for the store"
            eventually(lambda: missed in running.router.log.read_text(), "the log tells")
            locking.execute("ROLLBACK")
        assert reloads(running) == []

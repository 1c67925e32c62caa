"""A router of the version before and one of this version side by side, as a rolling upgrade and its way back have them:
on one store, one Redis, and over each other's spool.
"""

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import grpc
import pytest
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from mesh.previous import LIMIT, Pair, Side, postgres_store, sqlite_store, unpacked
from money.accounts import book, differences, ledger
from money.counter import ids
from redis_server import RedisServer
from rpc.access import bearer
from rpc.caller import COMPLETE, STREAM_COMPLETE, Outcome, booked, chat, eventually, new_trace
from stack import ROOT, simulator

pytestmark = pytest.mark.timeout(600)

BOTH = ("old", "new")
EACH_WAY = [("old", "new"), ("new", "old")]


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version before."""
    return unpacked(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def sim_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider."""
    with simulator(tmp_path_factory.mktemp("provider"), "--book-size", "100000") as running:
        yield f"http://{running.addresses['http']}"


class Rolling:
    """Both of them."""

    def __init__(self, pair: Pair, sides: dict[str, Side], token: str) -> None:
        self.pair, self.sides, self.token = pair, sides, token

    def ask(self, at: str, model: str = "fast", *, key: str = "", trace: str = "", token: str = "") -> Outcome[Any]:
        """A call at one of them."""
        request = chat(model)
        request.idempotency_key = key
        metadata = [*ids(trace or new_trace()), *bearer(token or self.token)]
        return self.sides[at].caller.ask(COMPLETE, request, metadata=metadata)

    def until(self, at: str, token: str, code: grpc.StatusCode) -> None:
        """Returns once a key gets this answer at one of them."""
        eventually(lambda: self.ask(at, token=token).code is code, f"{code} at the {at} one")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def pair(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    previous: Path,
    sim_url: str,
    redis: RedisServer,
) -> Pair:
    """On a store of each kind."""
    folder = tmp_path_factory.mktemp(request.param)
    store = (
        sqlite_store(folder)
        if request.param == "sqlite"
        else postgres_store(request.getfixturevalue("postgres_server"))
    )
    redis.flush()
    return Pair(folder, previous, sim_url, store, redis.url)


@pytest.fixture(scope="module")
def rolling(pair: Pair) -> Iterator[Rolling]:
    """The old one was first and has made the store; a key is known to both."""
    with pair.running("old") as old:
        made = old.admin.create_key(CreateKeyRequest(tenant="acme", roles=["app"]))
        before = pair.schema()
        with pair.running("new") as new:
            assert pair.schema() >= before
            found = Rolling(pair, {"old": old, "new": new}, made.secret_key)
            for at in BOTH:
                found.until(at, found.token, grpc.StatusCode.OK)
            yield found


@pytest.mark.parametrize(("here", "there"), EACH_WAY)
def test_a_key_of_one_opens_the_other_until_it_is_revoked(rolling: Rolling, here: str, there: str) -> None:
    made = rolling.sides[here].admin.create_key(CreateKeyRequest(tenant="acme", roles=["app"]))
    rolling.until(there, made.secret_key, grpc.StatusCode.OK)
    rolling.sides[there].admin.revoke_key(made.key.id)
    rolling.until(here, made.secret_key, grpc.StatusCode.UNAUTHENTICATED)


@pytest.mark.parametrize(("here", "there"), EACH_WAY)
def test_an_answer_that_one_has_given_is_repeated_by_the_other(rolling: Rolling, here: str, there: str) -> None:
    key, trace = uuid.uuid4().hex, new_trace()
    first = rolling.ask(here, key=key, trace=trace)
    again = rolling.ask(there, key=key, trace=trace)
    assert (first.code, again.code) == (grpc.StatusCode.OK, grpc.StatusCode.OK), (first.text, again.text)
    assert again.messages[0].message == first.messages[0].message
    assert len(booked(rolling.pair.sim_url, trace)) == 1


@pytest.mark.parametrize(("here", "there"), EACH_WAY)
def test_a_call_that_one_serves_is_not_served_by_the_other_as_well(rolling: Rolling, here: str, there: str) -> None:
    key, trace = uuid.uuid4().hex, new_trace()
    request = chat("paced")
    request.idempotency_key = key
    metadata = [*ids(trace), *bearer(rolling.token)]
    call = rolling.sides[here].caller.open(STREAM_COMPLETE, request, bytes, metadata=metadata)
    next(call)
    other = rolling.sides[there].caller.ask(STREAM_COMPLETE, request, metadata=metadata)
    if there == "new":
        # It waits for the answer, and repeats it.
        assert other.code is grpc.StatusCode.OK
    else:
        assert (other.code, other.reason) == (grpc.StatusCode.ABORTED, "IDEMPOTENCY_IN_FLIGHT")
    assert list(call)
    assert len(booked(rolling.pair.sim_url, trace)) == 1


def test_a_quota_holds_over_both(rolling: Rolling) -> None:
    codes = [rolling.ask(BOTH[number % 2], "few").code for number in range(2 * LIMIT)]
    assert codes.count(grpc.StatusCode.OK) == LIMIT
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_the_audit_log_of_both_is_one_unbroken_chain(rolling: Rolling) -> None:
    for at in BOTH:
        rolling.sides[at].admin.create_key(CreateKeyRequest(tenant="audited", description=at))
    for at in BOTH:
        assert rolling.sides[at].admin.verify_audit().broken_number == 0
        rows = rolling.sides[at].admin.list_audit_rows()
        assert len(rows) >= 3


def test_every_call_of_both_is_in_the_ledger_once(rolling: Rolling) -> None:
    traces = {at: [new_trace() for _ in range(10)] for at in BOTH}
    for old, new in zip(*traces.values(), strict=True):
        for at, trace in (("old", old), ("new", new)):
            assert rolling.ask(at, trace=trace).code is grpc.StatusCode.OK
    wanted = sorted([*traces["old"], *traces["new"]])
    listed = ", ".join(f"'{trace}'" for trace in wanted)
    sql = f"SELECT request_id FROM ledger_call WHERE request_id IN ({listed}) ORDER BY request_id"
    eventually(lambda: rolling.pair.store.ask(sql) == wanted, "each has its row")


@pytest.mark.parametrize("dead", BOTH)
def test_what_one_had_in_its_spool_when_it_was_killed_the_other_brings_into_the_ledger(
    tmp_path: Path, previous: Path, sim_url: str, redis: RedisServer, dead: str
) -> None:
    """Also a call that was open: its row says that the gateway died. The store is the new one's in both cases."""
    (heir,) = {*BOTH} - {dead}
    store = sqlite_store(tmp_path)
    both = Pair(tmp_path, previous, sim_url, store, redis.url)
    with both.running("new") as first:
        token = first.admin.create_key(CreateKeyRequest(tenant="acme", roles=["app"])).secret_key
    traces = [new_trace() for _ in range(5)]
    with both.running(dead, "spool") as side, closing(connect(str(store.file), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nothing gets into the store any more
        for trace in traces:
            metadata = [*ids(trace), *bearer(token)]
            assert side.caller.chat(COMPLETE, "fast", metadata=metadata).code is grpc.StatusCode.OK
        cut = new_trace()
        call = side.caller.open(STREAM_COMPLETE, chat("paced"), bytes, metadata=[*ids(cut), *bearer(token)])
        next(call)
        side.process.stop(signal.SIGKILL)
        other.execute("ROLLBACK")
    with both.running(heir, "spool"):
        eventually(lambda: len(ledger(tmp_path / "hedgerow.db")[0]) == len(traces) + 1, "all have their rows")
    calls, attempts = ledger(tmp_path / "hedgerow.db")
    assert {one.request_id for one in calls if one.lost} == {cut}
    mine = [one for one in book(sim_url) if one["headers"].get("traceparent") in traces]
    kept = [one for one in calls if not one.lost]
    known = {one.call_id for one in kept}
    assert differences(kept, [one for one in attempts if one.call_id in known], mine) == []


def test_the_old_one_starts_again_on_the_store_that_the_new_one_has_made_its_own(pair: Pair, rolling: Rolling) -> None:
    """The way back: what the new one has written is there, and the schema stays as it is."""
    key, trace = uuid.uuid4().hex, new_trace()
    assert rolling.ask("new", key=key, trace=trace).code is grpc.StatusCode.OK
    schema = pair.schema()
    with pair.running("old") as back:
        again = Rolling(pair, {"old": back}, rolling.token)
        again.until("old", rolling.token, grpc.StatusCode.OK)
        assert again.ask("old", key=key, trace=trace).code is grpc.StatusCode.OK
        assert back.admin.verify_audit().broken_number == 0
    assert len(booked(pair.sim_url, trace)) == 1
    assert pair.schema() == schema


def test_the_contract_breaks_nothing_of_the_version_before(previous: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.binpb"
    buf(previous, "build", "--path", "protos/hedgerow", "-o", str(before))
    buf(ROOT, "breaking", "protos", "--against", str(before))


def buf(folder: Path, *arguments: str) -> None:
    """Runs it in a folder; it must find nothing to tell of."""
    program = str(Path(sys.executable).with_name("buf"))
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

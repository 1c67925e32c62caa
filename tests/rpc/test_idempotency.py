"""A call with an idempotency key is answered once, however often it is repeated and at whichever router."""

import signal
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteRequest
from hedgerow_client import AbortedError, Client
from money.accounts import ledger
from rpc.access import Guarded, bearer, guarded, known_key, troubled
from rpc.caller import (
    COMPLETE,
    EMBED,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Door,
    Outcome,
    Way,
    book,
    booked,
    chat,
    connected,
    drained,
    embed,
    eventually,
    hello,
    new_trace,
)
from rpc.conftest import StartRouter
from stack import Process, Stack

OK, ABORTED, INVALID = grpc.StatusCode.OK, grpc.StatusCode.ABORTED, grpc.StatusCode.INVALID_ARGUMENT
CHATS = WAYS


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def routers(
    request: pytest.FixtureRequest, start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Guarded, Guarded]]:
    """Two on one store of each kind, which ask callers for API keys."""
    store: Any = tmp_path_factory.mktemp("idempotency") / "hedgerow.db"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        store = (server, server.database())
    with guarded(start_router, store, []) as one, guarded(start_router, store, []) as other:
        yield one, other


@pytest.fixture
def key() -> str:
    """An idempotency key that nobody has had."""
    return uuid.uuid4().hex


class Asker:
    """Asks with a key, and counts what that asks of the provider."""

    def __init__(self, caller: Caller, sim_url: str, token: str = "") -> None:
        self.caller, self.sim_url = caller, sim_url
        self.metadata = bearer(token) if token else []
        self.trace = new_trace()

    def ask(self, rpc: Way, key: str, model: str = "fast", text: str = "hi", **more: Any) -> Outcome[Any]:
        """Calls by any of the RPCs that take a key."""
        sent = [*self.metadata, ("traceparent", self.trace)]
        if rpc == EMBED:
            request: Any = embed(model, text)
            request.idempotency_key = key
            return self.caller.embed(request, metadata=sent, **more)
        request = chat(model, messages=[hello(text)])
        request.idempotency_key = key
        return self.caller.ask(rpc, request, metadata=sent, **more)

    def open(self, key: str, model: str) -> Any:
        """A stream under way."""
        request = chat(model)
        request.idempotency_key = key
        sent = [*self.metadata, ("traceparent", self.trace)]
        return self.caller.open(STREAM_COMPLETE, request, bytes, metadata=sent)

    @property
    def asked(self) -> int:
        """How often the provider was asked."""
        return len(booked(self.sim_url, self.trace))


@pytest.fixture
def asker(door: Door) -> Asker:
    """At a router that keeps answers in its memory."""
    return Asker(door.caller, door.stack.sim_url)


MODELS = {**dict.fromkeys(CHATS, "fast"), EMBED: "embed-small"}


def told(outcome: Outcome[Any]) -> list[bytes]:
    """The whole answer."""
    return [one.SerializeToString() for one in outcome.messages]


def said(outcome: Outcome[Any]) -> str:
    """The text of a chat answer, streamed or not."""
    if len(outcome.messages) == 1:
        return "".join(part.text for part in outcome.message.message.content)
    return "".join(one.text_delta.text for one in outcome.messages)


@pytest.mark.parametrize("rpc", [*CHATS, EMBED])
def test_a_repeated_call_gets_the_kept_answer_and_says_whose_it_is(asker: Asker, key: str, rpc: Way) -> None:
    first = asker.ask(rpc, key, MODELS[rpc])
    again = asker.ask(rpc, key, MODELS[rpc])
    assert (first.code, again.code) == (OK, OK)
    # At the HTTP doors the answer itself tells that it costs nothing this time.
    assert told(again) == told(first) if rpc.door == "grpc" else said(again) == said(first)
    assert (first.report.replay_of, again.report.replay_of) == ("", first.request_id)
    assert again.request_id != first.request_id
    assert asker.asked == 1


@pytest.mark.parametrize("rpc", CHATS)
def test_a_replay_costs_nothing(asker: Asker, key: str, rpc: Way) -> None:
    asker.ask(rpc, key)
    report = asker.ask(rpc, key).report
    assert (report.HasField("cost_picos"), report.cost_picos, report.charged_picos) == (True, 0, 0)
    assert not report.attempts
    assert not report.HasField("usage")


@pytest.mark.parametrize("rpc", CHATS)
def test_a_key_with_another_request_is_refused(asker: Asker, key: str, rpc: Way) -> None:
    asker.ask(rpc, key)
    other = next(one for one in CHATS if one.door == rpc.door and one.stream != rpc.stream)
    for refused in (asker.ask(rpc, key, text="ho"), asker.ask(rpc, key, model="all/x"), asker.ask(other, key)):
        assert (refused.code, refused.reason) == (INVALID, "IDEMPOTENCY_KEY_REUSED")
        named = refused.detail(error_details_pb2.BadRequest)
        assert named is not None
        assert [one.field for one in named.field_violations] == [
            "idempotency_key" if rpc.door == "grpc" else "idempotency-key"
        ]
    assert asker.asked == 1


def test_other_labels_and_metadata_are_no_other_request(asker: Asker, key: str) -> None:
    request = chat("fast")
    request.idempotency_key = key
    asker.caller.complete(request)
    request.labels["try"] = "2"
    again = asker.caller.complete(request, metadata=[("x-request-id", "second-try")], timeout=5)
    assert (again.code, bool(again.report.replay_of)) == (OK, True)


@pytest.mark.parametrize("rpc", CHATS)
def test_a_call_that_fails_frees_its_key(asker: Asker, key: str, rpc: Way) -> None:
    for times in (1, 2):
        assert asker.ask(rpc, key, model="fault-503").code is grpc.StatusCode.UNAVAILABLE
        assert asker.asked == times
    assert asker.ask(rpc, key).code is OK


def test_a_stream_that_its_caller_leaves_is_not_kept_and_frees_its_key(asker: Asker, key: str) -> None:
    left = asker.open(key, "slow")
    next(left)
    assert asker.ask(STREAM_COMPLETE, key, model="slow", timeout=0.5).reason == "IDEMPOTENCY_IN_FLIGHT"
    left.cancel()
    eventually(lambda: asker.ask(STREAM_COMPLETE, key).code is OK, "the key is free")


def test_the_python_client_names_the_call_in_flight_and_the_replay(asker: Asker, key: str, door: Door) -> None:
    request = StreamCompleteRequest.FromString(chat("paced").SerializeToString())
    request.idempotency_key = key
    with Client(door.stack.target) as client:
        first = client.stream(request)
        next(first)
        with pytest.raises(AbortedError) as refused, client.stream(request, timeout=0.3) as second:
            second.collect()
        assert refused.value.reason == "ERROR_REASON_IDEMPOTENCY_IN_FLIGHT"
        assert refused.value.retry_delay is not None
        answer = first.collect()
        with client.stream(request) as third:
            assert third.collect() == answer
        assert third.report is not None
        assert third.report.replay_of == first.request_id


@pytest.mark.parametrize("rpc", CHATS)
def test_one_router_replays_what_another_has_answered(
    routers: tuple[Guarded, Guarded], stack: Stack, key: str, rpc: Way
) -> None:
    token = known_key(routers, user="ann")
    askers = [Asker(one.caller, stack.sim_url, token) for one in routers]
    first, again = (one.ask(rpc, key) for one in askers)
    assert (first.code, again.report.replay_of) == (OK, first.request_id)
    assert [one.asked for one in askers] == [1, 0]


def test_of_many_calls_at_two_routers_one_asks_the_provider(
    routers: tuple[Guarded, Guarded], stack: Stack, key: str
) -> None:
    token = known_key(routers, user="ann")
    askers = [Asker(one.caller, stack.sim_url, token) for one in routers]
    with ThreadPoolExecutor(12) as pool:
        going = [pool.submit(askers[i % 2].ask, STREAM_COMPLETE, key, "all/sim-tokens-20-50") for i in range(12)]
        outcomes = [one.result() for one in going]
    assert sum(one.asked for one in askers) == 1
    assert {one.code for one in outcomes} == {OK}
    (first,) = [one for one in outcomes if not one.report.replay_of]
    assert {one.report.replay_of for one in outcomes} == {"", first.request_id}


def test_a_call_that_cannot_wait_for_another_with_its_key_is_told_when_to_come_again(asker: Asker, key: str) -> None:
    going = asker.open(key, "paced")
    next(going)
    refused = asker.ask(STREAM_COMPLETE, key, "paced", timeout=0.3)
    assert (refused.code, refused.reason) == (ABORTED, "IDEMPOTENCY_IN_FLIGHT")
    delay = refused.detail(error_details_pb2.RetryInfo)
    assert delay is not None
    assert delay.retry_delay.ToMilliseconds() > 0
    assert len(list(going)) > 1


def test_a_key_is_another_one_for_every_tenant_and_user(
    routers: tuple[Guarded, Guarded], stack: Stack, key: str
) -> None:
    """Whoever two API keys without a user belong to, they are not taken for the same."""
    wishes: list[dict[str, Any]] = [{"user": "ann"}, {"user": "bob"}, {"user": "ann", "team": "b"}, {}, {}]
    wishes.append({"user": "ann", "tenant": "globex"})
    for wish in wishes:
        token, _ = routers[0].key(**wish)
        one = Asker(routers[0].caller, stack.sim_url, token)
        outcome = one.ask(COMPLETE, key, text=str(wish))
        assert (outcome.code, outcome.report.replay_of, one.asked) == (OK, "", 1), wish


def test_a_users_second_api_key_finds_what_the_first_has_asked(
    routers: tuple[Guarded, Guarded], stack: Stack, key: str
) -> None:
    """A key may be rotated between a call and its repetition."""
    tokens = [routers[0].key(user="ann")[0] for _ in range(2)]
    first, again = (Asker(routers[0].caller, stack.sim_url, token).ask(COMPLETE, key) for token in tokens)
    assert again.report.replay_of == first.request_id


def test_a_users_kept_answers_are_erased_with_the_user(
    routers: tuple[Guarded, Guarded], stack: Stack, key: str
) -> None:
    erased, other = ({"user": name, "team": "b"} for name in (f"user-{key}", f"other-{key}"))
    tokens = [routers[0].key(**wish)[0] for wish in (erased, other)]
    for token in tokens:
        assert Asker(routers[0].caller, stack.sim_url, token).ask(COMPLETE, key).code is OK
    counts = routers[1].admin.erase_user("acme", f"user-{key}").erased_counts
    assert counts["kept_answers"] == 1
    token, _ = routers[0].key(**erased)
    assert not Asker(routers[0].caller, stack.sim_url, token).ask(COMPLETE, key).report.replay_of
    assert Asker(routers[0].caller, stack.sim_url, tokens[1]).ask(COMPLETE, key).report.replay_of


@pytest.fixture
def trouble(stack: Stack, tmp_path: Path) -> Callable[..., Any]:
    """Starts routers that may log trouble."""
    return troubled(stack, tmp_path)


def test_without_its_store_a_call_with_a_key_is_refused_rather_than_answered_twice(
    stack: Stack, trouble: Callable[..., Any], tmp_path: Path, key: str
) -> None:
    path = tmp_path / "kept.db"
    store = {"path": str(path), "busy_timeout_seconds": 0.05}
    with trouble(store=store) as running, connected(running.addresses) as caller:
        asker = Asker(caller, stack.sim_url)
        assert asker.ask(COMPLETE, key).code is OK
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            refused = asker.ask(COMPLETE, key)
            assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "IDEMPOTENCY_UNAVAILABLE")
            assert refused.pushback_ms == 1000
            assert asker.ask(COMPLETE, "").code is OK
        assert asker.ask(COMPLETE, key).report.replay_of
        assert asker.asked == 2


def test_an_answer_that_the_store_cannot_take_goes_out_with_a_warning(
    stack: Stack, trouble: Callable[..., Any], tmp_path: Path, key: str
) -> None:
    """It is paid for. The key stays taken for a while, as the warning says."""
    path = tmp_path / "kept.db"
    store = {"path": str(path), "busy_timeout_seconds": 0.05}
    with trouble(store=store) as running, connected(running.addresses) as caller:
        asker = Asker(caller, stack.sim_url)
        with ThreadPoolExecutor(1) as pool, closing(sqlite3.connect(path, isolation_level=None)) as other:
            going = pool.submit(asker.ask, STREAM_COMPLETE, key, "paced")
            eventually(lambda: asker.asked == 1, "the provider is asked")
            other.execute("BEGIN EXCLUSIVE")
            outcome = going.result()
        assert outcome.code is OK
        assert [one.field for one in outcome.report.warnings] == ["idempotency_key"]
        assert asker.ask(STREAM_COMPLETE, key, "paced", timeout=0.5).reason == "IDEMPOTENCY_IN_FLIGHT"
        assert asker.asked == 1


def test_a_router_that_keeps_nothing_refuses_keys_before_anybody_is_asked(
    stack: Stack, start_router: StartRouter, tmp_path: Path, key: str
) -> None:
    given = {"idempotency": {"enabled": False}, "store": {"path": str(tmp_path / "kept.db")}}
    with start_router(**given) as running, connected(running.addresses) as caller:
        before = len(book(stack.sim_url))
        refused = Asker(caller, stack.sim_url).ask(COMPLETE, key)
        assert (refused.code, refused.reason, refused.info.metadata["field"]) == (
            INVALID,
            "REQUEST_INVALID",
            "idempotency_key",
        )
        assert len(book(stack.sim_url)) == before


def test_what_a_router_had_under_way_is_served_by_another_once_it_says_nothing_any_more(
    stack: Stack, start_router: StartRouter, tmp_path: Path, key: str
) -> None:
    """A repetition waits for the lease of a router that is frozen, or killed. What the frozen one answers when it goes
    on is in the ledger, and not in the place of the kept answer.
    """
    given = {"store": {"path": str(tmp_path / "kept.db")}, "idempotency": {"lease_seconds": 1}}
    with (
        start_router(**given) as one,
        start_router(**given) as other,
        connected(one.addresses) as ours,
        connected(other.addresses) as theirs,
    ):
        first, again = Asker(ours, stack.sim_url), Asker(theirs, stack.sim_url)
        for ended, name in ((signal.SIGSTOP, key), (signal.SIGKILL, f"{key}-2")):
            asked = first.asked, again.asked
            going = first.open(name, "paced")
            next(going)
            if ended is signal.SIGSTOP:
                _freeze(one, tmp_path / "kept.db")
            else:
                one.popen.kill()
            outcome = again.ask(STREAM_COMPLETE, name, "paced")
            assert (outcome.code, outcome.report.replay_of) == (OK, "")
            if ended is signal.SIGSTOP:
                one.popen.send_signal(signal.SIGCONT)
                late = drained(going)
                assert late.code is OK
                assert [found.field for found in late.report.warnings] == ["idempotency_key"]
                _in_the_ledger(tmp_path / "kept.db", late.request_id, outcome.request_id)
                assert first.ask(STREAM_COMPLETE, name, "paced").report.replay_of == outcome.request_id
            assert again.ask(STREAM_COMPLETE, name, "paced").report.replay_of == outcome.request_id
            assert (first.asked, again.asked) == (asked[0] + 1, asked[1] + 1)


def _freeze(router: Process, store: Path) -> None:
    """SIGSTOP, at a moment at which it does not write to the file: in SQLite that would keep all others out."""
    for _ in range(50):
        router.popen.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(store, timeout=0.05, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                router.popen.send_signal(signal.SIGCONT)
            else:
                return
    raise AssertionError("it writes all the time")


def _in_the_ledger(store: Path, *request_ids: str) -> None:
    eventually(
        lambda: {call.request_id for call in ledger(store)[0]} >= set(request_ids), "all of them are in the ledger"
    )


@pytest.fixture(scope="module")
def narrow(start_router: StartRouter, stack: Stack) -> Iterator[Asker]:
    """At a router that keeps small answers only, and lets one call to `fast` through."""
    quota = {"name": "one", "match": {"model": ["fast"]}, "limits": [{"requests": 1, "per": "total"}]}
    with (
        start_router(idempotency={"max_answer_bytes": 2048}, quotas=[quota]) as running,
        connected(running.addresses) as caller,
    ):
        yield Asker(caller, stack.sim_url)


def test_a_replay_takes_nothing_of_a_quota(narrow: Asker, key: str) -> None:
    codes = [narrow.ask(STREAM_COMPLETE, one).code for one in (key, key, key, uuid.uuid4().hex)]
    assert codes == [OK, OK, OK, grpc.StatusCode.RESOURCE_EXHAUSTED]


def test_an_answer_above_the_limit_is_given_but_not_kept(narrow: Asker, key: str) -> None:
    before = narrow.asked
    for times in (1, 2):
        outcome = narrow.ask(EMBED, key, "embed-small")
        assert outcome.code is OK
        assert [one.field for one in outcome.report.warnings] == ["idempotency_key"]
        assert narrow.asked == before + times

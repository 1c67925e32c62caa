"""Row C10: the same idempotency key again. Partly on two routers of its own, which share a store and ask who calls."""

import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from faults.expect import check_answer, check_told
from faults.ground import BAD_KEY, Ground, Place, configuration
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from google.rpc import error_details_pb2
from rpc.access import CREDENTIALS, ROLES, Guarded, bearer, guarded, known_key
from rpc.caller import COMPLETE, Caller, Outcome, chat, eventually, hello, new_trace
from stack import Process, router

IN_FLIGHT = "ABORTED IDEMPOTENCY_IN_FLIGHT"
REUSED = "INVALID_ARGUMENT IDEMPOTENCY_KEY_REUSED"
AWAY = "UNAVAILABLE IDEMPOTENCY_UNAVAILABLE"
PARALLEL = 12
SLOW = Candidate("sim-tokens-20-50")
"""A second of tokens."""


def new_key() -> str:
    """An idempotency key that nobody has had."""
    return uuid.uuid4().hex


def ask(place: Place, key: str, text: str = "hi", caller: Caller | None = None, token: str = "") -> Outcome[Any]:
    """A call with a key."""
    request = chat(place.route, messages=[hello(text)])
    request.idempotency_key = key
    trace, by = new_trace(), caller or place.ground.caller
    call = by.complete if place.grpc == COMPLETE else by.stream_complete
    outcome: Outcome[Any] = call(request, metadata=[("traceparent", trace), *(bearer(token) if token else [])])
    place.traces[id(outcome)] = (outcome, trace)
    return outcome


def told(outcome: Outcome[Any]) -> str:
    """The code, and the reason of a failure."""
    return "OK" if outcome.code is grpc.StatusCode.OK else f"{outcome.code.name} {outcome.reason}"


def check_replay(first: Outcome[Any], again: Outcome[Any]) -> None:
    """The same answer, which says whose it is and costs nothing."""
    assert told(again) == "OK", told(again)
    assert again.messages == first.messages
    assert (first.report.replay_of, again.report.replay_of) == ("", first.request_id)
    assert not again.report.attempts
    assert (again.report.HasField("charged_picos"), again.report.charged_picos) == (True, 0)


def serial(place: Place) -> Seen:
    """One after the other: a replay."""
    key = new_key()
    outcomes = [ask(place, key) for _ in range(4)]
    check_answer(place, outcomes[0])
    for again in outcomes[1:]:
        check_replay(outcomes[0], again)
    seen = place.audit(*outcomes)
    return replace(seen, attempts="a", note="3 replays")


def other_body(place: Place) -> Seen:
    """The same key for something else: refused, while the first runs and afterwards."""
    key = new_key()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(ask, place, key)
        eventually(lambda: place.ground.book(place.names[0])["calls"], "the provider is asked")
        refused = [ask(place, key, "ho")]
        first = going.result()
    refused.append(ask(place, key, "ho"))
    for one in refused:
        assert told(one) == REUSED, told(one)
        named = one.detail(error_details_pb2.BadRequest)
        assert named is not None
        assert [violation.field for violation in named.field_violations] == ["idempotency_key"]
    assert told(first) == "OK"
    place.audit(first, *refused)
    return Seen(REUSED, "a")


def failed(place: Place) -> Seen:
    """A failure is not kept: each repetition asks again."""
    key = new_key()
    outcomes = [ask(place, key) for _ in range(2)]
    for one in outcomes:
        check_told(place, one, "a!PROVIDER_REJECTED_REQUEST", "INVALID_ARGUMENT PROVIDER_REJECTED_REQUEST")
    return place.audit(*outcomes)


def left(place: Place) -> Seen:
    """The caller leaves: nothing is kept, and the key is free."""
    key = new_key()
    call = _open(place, key)
    eventually(lambda: place.ground.book(place.names[0])["calls"], "the provider is asked")
    call.cancel()
    again = eventually(lambda: _unless_in_flight(ask(place, key)), "the key is free")
    assert told(again) == "OK", told(again)
    assert not again.report.replay_of
    assert len(place.entries()) == 2
    return Seen("OK", "a? | a", estimated=True)


def _open(place: Place, key: str) -> Any:
    request = chat(place.route)
    request.idempotency_key = key
    if place.mode is Mode.STREAM:
        return place.ground.caller.open(place.grpc, request, bytes)
    stub: Any = place.ground.caller.channel.unary_unary(place.grpc)
    return stub.future(request.SerializeToString(), timeout=30)


def _unless_in_flight(outcome: Outcome[Any]) -> Outcome[Any] | None:
    return None if told(outcome) == IN_FLIGHT else outcome


@contextmanager
def _pair(ground: Ground) -> Iterator[tuple[Guarded, Guarded]]:
    """Two routers with one store."""
    folder = ground.folder / "idempotency"
    folder.mkdir()

    def start(name: str) -> Any:
        @contextmanager
        def started(*, server: Any = None, environment: dict[str, str], **sections: Any) -> Iterator[Process]:
            config = {**configuration(CASES, {"sim": ground.sim_url}), **sections, "credentials": CREDENTIALS}
            config["store"]["busy_timeout_seconds"] = 0.2
            with router(folder, config, name, HEDGEROW_TEST_BAD_KEY=BAD_KEY, **environment) as running:
                yield running

        return started

    given = {"roles": {**ROLES, "app": {}}, "admin": {"access": "loopback"}}
    with ExitStack() as exits:
        yield (
            exits.enter_context(guarded(start("one"), folder / "kept.db", [], **given)),
            exits.enter_context(guarded(start("two"), folder / "kept.db", [], **given)),
        )


@contextmanager
def paired(place: Place) -> Iterator[tuple[Place, tuple[Guarded, Guarded]]]:
    """The trial at the first of the two, and both of them."""
    both: tuple[Guarded, Guarded] = place.ground.keep("idempotency", lambda: _pair(place.ground))
    one = both[0]
    ground = replace(place.ground, router=one.router, caller=one.caller, admin=one.admin_caller)
    own = replace(place, ground=ground, traces={})
    yield own, both
    own.check_clean()


def parallel(place: Place) -> Seen:
    """Many at once at both routers: one asks the provider, and the others wait for its answer."""
    with paired(place) as (own, both):
        token = known_key(both, user="ann")
        key = new_key()
        with ThreadPoolExecutor(PARALLEL) as pool:
            asking = [pool.submit(ask, own, key, "hi", both[i % 2].caller, token) for i in range(PARALLEL)]
            outcomes = [one.result() for one in asking]
        (first,) = [one for one in outcomes if told(one) == "OK" and not one.report.replay_of]
        others = [one for one in outcomes if one is not first]
        for one in others:
            assert told(one) == "OK", told(one)
            check_replay(first, one)
        seen = own.audit(first)
    return replace(seen, note=f"{len(others)} of {PARALLEL} waited for the answer")


def strangers(place: Place) -> Seen:
    """The same key of other tenants and users: each is on its own."""
    with paired(place) as (own, both):
        key = new_key()
        wishes: list[dict[str, Any]] = [{"user": "ann"}, {"user": "bob"}, {}, {}, {"user": "ann", "tenant": "globex"}]
        outcomes = []
        for wish in wishes:
            token = known_key(both, **wish)
            mine = [ask(own, key, str(wish), one.caller, token) for one in both]
            check_replay(*mine)
            outcomes.append(mine[0])
        seen = own.audit(*outcomes)
    return replace(seen, note=f"{len(wishes)} callers, {len(wishes)} answers")


def without_store(place: Place) -> Seen:
    """The store is away: refused before anybody is asked, for nobody could tell whether it was answered before."""
    with paired(place) as (own, both):
        token = known_key(both, user="ann")
        key = new_key()
        first = ask(own, key, "hi", both[1].caller, token)
        with closing(sqlite3.connect(_store(place.ground), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            refused = ask(own, key, "hi", both[1].caller, token)
        check_told(own, refused, "", AWAY, "1000-1000")
        check_replay(first, ask(own, key, "hi", both[1].caller, token))
        own.audit(first)
    return Seen(AWAY, "")


def _store(ground: Ground) -> Path:
    return ground.folder / "idempotency" / "kept.db"


def c10(mode: Mode) -> Iterator[Trial]:
    """The same idempotency key."""
    yield Trial("serial", (HEALTHY,), serial)
    yield Trial("other-body", (SLOW,), other_body)
    yield Trial("failed", (Candidate("sim-400"),), failed, {"max_attempts": 1})
    yield Trial("left", (SLOW,), left)
    yield Trial("parallel", (SLOW,), parallel)
    yield Trial("strangers", (HEALTHY,), strangers)
    yield Trial("no-store", (HEALTHY,), without_store)


CASES = row("C10", "the same idempotency key", c10, alone=True)

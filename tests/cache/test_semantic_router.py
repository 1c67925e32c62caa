"""A real router answers similar questions from what it has kept: which ones, for whom, and at whose cost."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cache import ngrams
from cache.routed import Asker, cached, origin, words
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1.policy_pb2 import CACHE_MODE_READ_ONLY
from hedgerow.usage.v1.usage_service_pb2 import GetCallRequest, GetCallResponse
from redis_server import RedisServer
from rpc.access import Guarded, bearer, guarded
from rpc.caller import COMPLETE, WAYS, Outcome, Way, connected, eventually, get
from stack import FORGIVING, KEY, Process, Stack, router

GET_CALL = "/hedgerow.usage.v1.UsageService/GetCall"
CHATS = WAYS
ONE, LIKE_IT = "How do I sort a list of words in Python?", "How can I sort a list of words in Python?"
OTHER = "How do I sort a list of words in Rust?"
LEAST = 0.8
EU = {"provider": "sim", "model": "gpt-4o-mini", "region": "eu"}


def semantic(**more: Any) -> dict[str, Any]:
    """A route that answers similar questions."""
    return cached(mode="semantic", min_similarity=LEAST, **more)


def configuration(stack: Stack, model: ngrams.Model, **more: Any) -> dict[str, Any]:
    """A router with routes of all kinds; vectors come from the test's model, at 2 dollars for a million tokens."""
    doors = {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http", "http")}
    at_sim = {"dialect": "openai", "base_url": f"{stack.sim_url}/v1", "credential": "sim"}
    price = {"provider": "ngrams", "model": "ngrams", "usd_per_million_tokens": {"input": 2.0}}
    return {
        "server": doors,
        "providers": {"sim": at_sim, "ngrams": {"dialect": "openai", "base_url": model.url}},
        "pricing": {"overrides": [price]},
        "breaker": FORGIVING,
        "routes": {
            "kept": semantic(),
            "for-all": semantic(scope="tenant"),
            "shadow": semantic(scope="tenant", shadow=True),
            "in-europe": {**semantic(), "candidates": [EU], "regions": ["eu"]},
            "questions": {
                "kind": "embed",
                "candidates": [{"provider": "ngrams", "model": "ngrams", "region": "us"}],
                "max_attempts": 1,
            },
        },
        "quotas": [{"name": "one-at-once", "by": ["user"], "limits": [{"concurrency": 1}]}],
        "cache": {"semantic": {"model": "questions", "timeout_seconds": 2}},
        **more,
    }


@pytest.fixture(scope="module")
def model() -> Iterator[ngrams.Model]:
    with ngrams.serving() as running:
        yield running


@pytest.fixture(scope="module")
def gate(stack: Stack, model: ngrams.Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The router, which knows its callers and keeps books."""
    folder = tmp_path_factory.mktemp("semantic")

    @contextmanager
    def start(*, server: Any = None, environment: dict[str, str], **sections: Any) -> Iterator[Process]:
        config = configuration(stack, model, **sections)
        config["credentials"]["sim"] = {"source": "env", "variable": "HEDGEROW_TEST_KEY"}
        with router(folder, config, HEDGEROW_TEST_KEY=KEY, **environment) as running:
            yield running

    with guarded(start, Path(folder) / "books.db", [], roles={"app": {}}) as one:
        yield one


class Person(Asker):
    """Somebody with a key, whose tenant and questions nobody else has."""

    def __init__(self, gate: Guarded, stack: Stack, tenant: str, user: str = "ann") -> None:
        self.token, _ = gate.key(tenant=tenant, user=user)
        self.tenant = tenant
        super().__init__(gate.caller, stack.sim_url, tuple(bearer(self.token)))


@pytest.fixture
def ann(gate: Guarded, stack: Stack, request: pytest.FixtureRequest) -> Person:
    return Person(gate, stack, f"t{abs(hash(request.node.name))}")


def number(gate: Guarded, name: str) -> float:
    """What the metrics say."""
    _, page = get(f"http://{gate.router.addresses['admin_http']}/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))


@pytest.mark.parametrize("second", CHATS)
@pytest.mark.parametrize("first", CHATS)
def test_a_similar_question_gets_the_kept_answer_and_is_told_so(ann: Person, first: Way, second: Way) -> None:
    one, other = ann.ask(first, ONE), ann.ask(second, LIKE_IT)
    assert origin(first, one) is None
    found = origin(second, other)
    assert found.kind == event_pb2.CACHE_KIND_SEMANTIC
    assert LEAST <= found.similarity < 1
    assert "".join(words(second, other)) == "".join(words(first, one))
    assert ann.asked == 1


def test_a_question_that_differs_by_a_name_is_asked(ann: Person) -> None:
    assert ngrams.embedded(ONE) @ ngrams.embedded(OTHER) > LEAST
    ann.ask(COMPLETE, ONE)
    assert origin(COMPLETE, ann.ask(COMPLETE, OTHER)) is None
    assert ann.asked == 2


def test_another_user_gets_none_of_it_unless_the_route_says_so(gate: Guarded, stack: Stack, ann: Person) -> None:
    ben = Person(gate, stack, "scopes", "ben")
    cho = Person(gate, stack, "scopes", "cho")
    for route, asked in (("kept", 1), ("for-all", 1)):
        ben.ask(COMPLETE, ONE, route)
        told = origin(COMPLETE, cho.ask(COMPLETE, LIKE_IT, route))
        assert (told is None) == (route == "kept")
        assert asked
    assert (ben.asked, cho.asked) == (2, 1)


def test_another_system_prompt_is_another_partition(ann: Person) -> None:
    ann.ask(COMPLETE, ONE)
    assert origin(COMPLETE, ann.ask(COMPLETE, LIKE_IT, spec={"temperature": 0.1})) is None
    assert ann.asked == 2


def test_a_question_of_today_is_never_looked_for(gate: Guarded, ann: Person, model: ngrams.Model) -> None:
    before, passed = len(model.asked), number(gate, 'hedgerow_semantic_passed_over_total{reason="freshness"}')
    ann.ask(COMPLETE, "What is the weather in Rome today?")
    assert origin(COMPLETE, ann.ask(COMPLETE, "How's today's weather in Rome?")) is None
    assert len(model.asked) == before
    assert number(gate, 'hedgerow_semantic_passed_over_total{reason="freshness"}') == passed + 2


def test_what_must_stay_in_a_region_is_not_sent_to_a_model_elsewhere(ann: Person, model: ngrams.Model) -> None:
    before = len(model.asked)
    for text in (ONE, LIKE_IT):
        assert origin(COMPLETE, ann.ask(COMPLETE, text, "in-europe")) is None
    assert len(model.asked) == before


def test_shadow_mode_asks_the_provider_and_tells_whether_the_answers_agree(gate: Guarded, ann: Person) -> None:
    found, checked = (number(gate, f"hedgerow_semantic_{name}_total") for name in ("found", "checks"))
    ann.ask(COMPLETE, ONE, "shadow")
    assert origin(COMPLETE, ann.ask(COMPLETE, LIKE_IT, "shadow")) is None
    assert ann.asked == 2
    assert number(gate, "hedgerow_semantic_found_total") == found + 1
    eventually(lambda: number(gate, "hedgerow_semantic_checks_total") == checked + 1 or None, "it is compared")


def call_of(gate: Guarded, person: Person, **wish: str) -> GetCallResponse | None:
    """What the books have of a call, once they have it."""

    def ask() -> GetCallResponse | None:
        told: Outcome[Any] = gate.caller.unary(
            GET_CALL, GetCallRequest(**wish), GetCallResponse.FromString, metadata=bearer(person.token)
        )
        return told.message if told.messages else None

    return eventually(ask, "the books have the call")


def test_the_vector_is_booked_to_the_caller_beside_the_call_that_it_was_for(gate: Guarded, ann: Person) -> None:
    chat = ann.ask(COMPLETE, ONE)
    told = call_of(gate, ann, request_id=chat.request_id)
    assert told is not None
    (vector_id,) = told.other_call_ids
    vector = call_of(gate, ann, call_id=vector_id)
    assert vector is not None
    assert (told.call.method, told.call.caused_by_call_id, told.call.purpose) == ("ChatService/Complete", "", "")
    assert (vector.call.method, vector.call.caused_by_call_id) == ("EmbedService/Embed", told.call.call_id)
    assert (vector.call.purpose, vector.call.user) == ("semantic_cache", "ann")
    assert vector.call.charged_picos == 7 * 2_000_000
    assert told.call.cost_picos == chat.report.cost_picos
    assert [one.attempt.provider for one in vector.attempts] == ["ngrams"]


@pytest.mark.parametrize("how", ["failing", "frozen"])
def test_without_vectors_the_provider_is_asked_and_equal_calls_are_answered(
    gate: Guarded, ann: Person, model: ngrams.Model, how: str
) -> None:
    passed = number(gate, 'hedgerow_semantic_passed_over_total{reason="vector"}')
    model.failing = how == "failing"
    if how == "frozen":
        model.open.clear()
    try:
        ann.ask(COMPLETE, ONE)
        assert origin(COMPLETE, ann.ask(COMPLETE, LIKE_IT)) is None
        assert origin(COMPLETE, ann.ask(COMPLETE, LIKE_IT)).kind == event_pb2.CACHE_KIND_EXACT
    finally:
        model.failing = False
        model.open.set()
    assert ann.asked == 2
    assert number(gate, 'hedgerow_semantic_passed_over_total{reason="vector"}') == passed + 2


def test_the_vector_takes_no_place_of_those_that_a_quota_allows_at_once(ann: Person, model: ngrams.Model) -> None:
    """The quota of this router is one call at once, which the chat has while its vector is made."""
    before = len(model.asked)
    ann.ask(COMPLETE, ONE)
    assert origin(COMPLETE, ann.ask(COMPLETE, LIKE_IT)).kind == event_pb2.CACHE_KIND_SEMANTIC
    assert len(model.asked) == before + 2


def test_an_erased_user_has_no_questions_left(gate: Guarded, ann: Person) -> None:
    ann.ask(COMPLETE, ONE)
    before = number(gate, "hedgerow_semantic_questions")
    told = gate.admin.erase_user(ann.tenant, "ann")
    assert told.erased_counts["cached_questions"] == 1
    assert number(gate, "hedgerow_semantic_questions") == before - 1


def test_routers_that_share_a_redis_find_what_the_other_has_kept(
    stack: Stack, model: ngrams.Model, redis: RedisServer, tmp_path: Path
) -> None:
    """Also one that starts later, which reads what there is."""
    redis.flush()
    mac = {"source": "env", "variable": "HEDGEROW_TEST_MAC"}
    sim = {"source": "env", "variable": "HEDGEROW_TEST_KEY"}
    config = configuration(stack, model, credentials={"mac": mac, "sim": sim})
    config["cache"] |= {"store": "redis", "mac_key": "mac", "redis": {"url": redis.url, "timeout_seconds": 1}}
    del config["quotas"]
    given = {"HEDGEROW_TEST_KEY": KEY, "HEDGEROW_TEST_MAC": "a key of more than sixteen characters"}
    with ExitStack() as exits:
        askers = []
        for name in ("one", "late"):
            running = exits.enter_context(router(tmp_path, config, name, **given))
            askers.append(Asker(exits.enter_context(connected(running.addresses)), stack.sim_url))
            if name == "one":
                askers[0].ask(COMPLETE, ONE, "for-all")
                assert askers[0].asked == 1

        def found() -> bool:
            told = origin(COMPLETE, askers[1].ask(COMPLETE, LIKE_IT, "for-all", cache=CACHE_MODE_READ_ONLY))
            return told is not None and told.kind == event_pb2.CACHE_KIND_SEMANTIC

        eventually(found, "the later one knows the question")
        askers[1].ask(COMPLETE, "How do I cook brown rice in a pot?", "for-all")

        def found_back() -> bool:
            again = "How can I cook brown rice in a pot?"
            return origin(COMPLETE, askers[0].ask(COMPLETE, again, "for-all", cache=CACHE_MODE_READ_ONLY)) is not None

        eventually(found_back, "the first one knows what the later one has kept")

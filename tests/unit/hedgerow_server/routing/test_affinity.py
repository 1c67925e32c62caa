"""Conversations that stay with their candidate."""

import time

import msgspec
import pytest
from hedgerow_server.core.request import EmbedSpec, Role, RoutePolicy
from hedgerow_server.routing import affinity as module
from hedgerow_server.routing.affinity import Affinity
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.route import Route
from unit.hedgerow_server.routing.paper import Paper, ask, chosen, said, turn

A, B, C = ({"provider": name, "model": f"{name}-1"} for name in "abc")
SESSION = RoutePolicy(session_id="s-1")


@pytest.fixture(name="now")
def now_fixture(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in its one entry."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def answer(route: Route, asked: object, by: str) -> None:
    """The call is answered by this provider."""
    plan = route.plan(asked)  # type: ignore[arg-type]
    assert plan.sticky is not None
    plan.sticky.keep(next(one for one in plan.candidates if one.upstream.name == by))


def test_a_conversation_stays_with_who_answered_it() -> None:
    route = Paper().route(A, B, C, affinity={})
    first = ask(said("Hello"))
    assert chosen(route, first) == ["a/a-1", "b/b-1", "c/c-1"]
    answer(route, first, "b")
    longer = ask(said("Hello", turn(Role.ASSISTANT, "Hi."), turn(Role.USER, "And now?")))
    assert chosen(route, longer) == ["b/b-1", "a/a-1", "c/c-1"]


@pytest.mark.parametrize("other", [said("Hello!"), said("Hello", prompt_cache_key="k"), said("")])
def test_another_beginning_is_another_conversation(other: object) -> None:
    route = Paper().route(A, B, affinity={})
    answer(route, ask(said("Hello")), "b")
    assert chosen(route, ask(other))[0] == "a/a-1"  # type: ignore[arg-type]


def test_instructions_are_part_of_the_beginning() -> None:
    def conversation(instructions: str, words: str) -> object:
        spec = said(words)
        return msgspec.structs.replace(spec, messages=(turn(Role.SYSTEM, instructions), *spec.messages))

    route = Paper().route(A, B, affinity={})
    answer(route, ask(conversation("Be brief.", "Hello")), "b")  # type: ignore[arg-type]
    assert chosen(route, ask(conversation("Be brief.", "Hello")))[0] == "b/b-1"  # type: ignore[arg-type]
    assert chosen(route, ask(conversation("Be long.", "Hello")))[0] == "a/a-1"  # type: ignore[arg-type]


def test_the_callers_own_name_for_a_conversation_comes_before_its_words() -> None:
    route = Paper().route(A, B, affinity={})
    answer(route, ask(said("Hello"), policy=SESSION), "b")
    assert chosen(route, ask(said("Something else"), policy=SESSION))[0] == "b/b-1"
    assert chosen(route, ask(said("Hello")))[0] == "a/a-1"
    assert chosen(route, ask(said("Hello"), policy=RoutePolicy(session_id="s-2")))[0] == "a/a-1"


@pytest.mark.parametrize("policy", [RoutePolicy(), SESSION])
def test_tenants_do_not_share_conversations(policy: RoutePolicy) -> None:
    route = Paper().route(A, B, affinity={})
    answer(route, ask(said("Hello"), policy=policy), "b")
    assert chosen(route, ask(said("Hello"), policy=policy, tenant="other"))[0] == "a/a-1"


def test_a_conversation_is_forgotten_after_its_time(now: list[float]) -> None:
    route = Paper().route(A, B, affinity={"ttl_seconds": 60})
    asked = ask(said("Hello"))
    answer(route, asked, "b")
    now[0] += 59
    assert chosen(route, asked)[0] == "b/b-1"
    now[0] += 2
    assert chosen(route, asked)[0] == "a/a-1"


def test_each_answer_starts_the_time_anew(now: list[float]) -> None:
    route = Paper().route(A, B, affinity={"ttl_seconds": 60})
    asked = ask(said("Hello"))
    for _ in range(3):
        answer(route, asked, "b")
        now[0] += 59
    assert chosen(route, asked)[0] == "b/b-1"


def test_a_conversation_moves_with_who_answers() -> None:
    route = Paper().route(A, B, C, affinity={})
    asked = ask(said("Hello"))
    answer(route, asked, "b")
    answer(route, asked, "c")
    assert chosen(route, asked) == ["c/c-1", "a/a-1", "b/b-1"]


def test_a_conversation_leaves_a_candidate_that_is_drained() -> None:
    paper = Paper()
    before = paper.route(A, B, strategy="weighted", affinity={})
    asked = ask(said("Hello"))
    answer(before, asked, "b")
    assert {chosen(before, asked)[0] for _ in range(20)} == {"b/b-1"}
    after = paper.route(A, {**B, "weight": 0}, strategy="weighted", affinity={})
    assert {chosen(after, asked)[0] for _ in range(20)} == {"a/a-1"}


def test_a_reload_forgets_no_conversation() -> None:
    paper = Paper()
    asked = ask(said("Hello"))
    answer(paper.route(A, B, affinity={}), asked, "b")
    assert chosen(paper.route(C, A, B, affinity={"ttl_seconds": 1}), asked)[0] == "b/b-1"


def test_two_regions_of_a_model_are_two_caches() -> None:
    route = Paper().route({**A, "region": "us"}, {**A, "region": "eu"}, affinity={})
    asked = ask(said("Hello"))
    plan = route.plan(asked)
    assert plan.sticky is not None
    plan.sticky.keep(plan.candidates[1])
    assert [one.region for one in route.plan(asked).candidates] == ["eu", "us"]


def test_embeddings_are_no_conversations() -> None:
    route = Paper().route(A, kind="embed", affinity={})
    assert route.plan(ask(EmbedSpec(model="fast", inputs=("a",)))).sticky is None


def test_a_route_without_affinity_remembers_nothing() -> None:
    assert Paper().route(A, B).plan(ask(policy=SESSION)).sticky is None


def test_names_behind_a_star_share_one_memory_and_not_their_conversations() -> None:
    paper = Paper()
    section = {"kind": "chat", "affinity": {}, "candidates": [{**A, "model": "*"}, {**B, "model": "*"}]}
    routes = paper.routes({"all/*": section})

    def asked(model: str) -> object:
        return ask(msgspec.structs.replace(said("Hello"), model=model), policy=SESSION)

    one, two = (routes.plan(asked(f"all/{name}")) for name in ("x", "y"))  # type: ignore[arg-type]
    assert one.sticky is not None
    assert two.sticky is not None
    assert one.sticky.affinity is two.sticky.affinity
    one.sticky.keep(one.candidates[1])
    assert routes.plan(asked("all/x")).candidates[0].label == "b/x"  # type: ignore[arg-type]
    assert routes.plan(asked("all/y")).candidates[0].label == "a/y"  # type: ignore[arg-type]


def test_the_oldest_give_way_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    one: Candidate = Paper().route(A).candidates[0]
    memory = Affinity(60.0)
    for number in range(5):
        memory.keep(("t", number), one, 0.0)
    assert [memory.find(("t", number), 0.0) is not None for number in range(5)] == [False, False, True, True, True]

"""The examples of docs/routing.md at work, and ExplainRoute, through a real router."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from hedgerow.common.v1.attempt_pb2 import ATTEMPT_OUTCOME_FAILED, ATTEMPT_OUTCOME_SUCCEEDED, Attempt
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow.router.v1 import router_service_pb2 as pb
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Door,
    Outcome,
    chat,
    connected,
)
from rpc.conftest import StartRouter
from stack import ROOT, Process, Stack, simulator

EXPLAIN = "/hedgerow.router.v1.RouterService/ExplainRoute"
PATHS = {"openai": "/v1", "anthropic": "", "mistral": "/v1"}
SLOW = "gpt-4o-sim-tokens-5-20-3000"
"""Its first token comes after three seconds."""


def example(after: str, **models: str) -> dict[str, Any]:
    """The configuration of the page that stands next behind these words, with the simulator's models for some."""
    page = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", page[page.index(after) :], re.DOTALL)
    assert block is not None
    found: dict[str, Any] = yaml.safe_load(block[1])
    for candidate in found["routes"]["assistant"]["candidates"]:
        candidate["model"] = models.get(candidate["provider"], candidate["model"])
    return found


def providers(url: str, **others: str) -> dict[str, Any]:
    """The page's providers, at this simulator, or another one for some."""
    page: list[str] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "routing.md").read_text(), re.DOTALL)
    sections: dict[str, Any] = yaml.safe_load(page[0])["providers"]
    for name, section in sections.items():
        section |= {"credential": "sim", "base_url": f"{others.get(name, url)}{PATHS[name]}"}
    return sections


def served(outcome: Outcome[Any]) -> str:
    """Who answered."""
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    (provider,) = (one.provider for one in attempts(outcome) if one.outcome == ATTEMPT_OUTCOME_SUCCEEDED)
    return str(provider)


def attempts(outcome: Outcome[Any]) -> list[Attempt]:
    """What was tried, in order."""
    return sorted(outcome.report.attempts, key=lambda one: one.number)


def calls(sim: str) -> int:
    """How many requests the simulator has had."""
    with urllib.request.urlopen(f"{sim}/_sim/book", timeout=10) as response:
        return len(json.load(response)["calls"])


def explain(caller: Caller, model: str, **fields: Any) -> Outcome[pb.ExplainRouteResponse]:
    """Asks for an explanation."""
    request = pb.ExplainRouteRequest(chat=chat(model).chat, **fields)
    return caller.unary(EXPLAIN, request, pb.ExplainRouteResponse.FromString)


@pytest.fixture(scope="module", name="america")
def america_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Another simulator, for what runs elsewhere."""
    with simulator(tmp_path_factory.mktemp("us"), name="us") as running:
        yield running


# The examples of the page


def test_where_the_first_token_is_not_there_in_two_seconds_the_next_answers(
    stack: Stack, start_router: StartRouter
) -> None:
    config = example("Try GPT-4o first", openai=SLOW)
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        began_s = time.monotonic()
        with ThreadPoolExecutor(len(WAYS)) as pool:
            outcomes = list(pool.map(lambda rpc: caller.chat(rpc, "assistant"), WAYS))
        took_s = time.monotonic() - began_s
    for outcome in outcomes:
        assert served(outcome) == "anthropic"
        first, second = attempts(outcome)
        assert (first.provider, first.outcome) == ("openai", ATTEMPT_OUTCOME_FAILED)
        assert first.error_reason == "ERROR_REASON_FIRST_TOKEN_TIMEOUT"
        assert second.outcome == ATTEMPT_OUTCOME_SUCCEEDED
    assert took_s >= 2


def test_where_it_is_there_in_time_nobody_else_is_asked(stack: Stack, start_router: StartRouter) -> None:
    config = example("Try GPT-4o first")
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        outcomes = [caller.chat(rpc, "assistant") for rpc in WAYS]
    assert [[one.provider for one in outcome.report.attempts] for outcome in outcomes] == [["openai"]] * len(WAYS)


@pytest.mark.parametrize("mistral", ["mistral-large-latest", "sim-503", "sim-cut"])
@pytest.mark.parametrize("of", ["European users only", "such as `identity.regions`"])
def test_european_users_are_served_by_mistral_or_by_nobody(
    stack: Stack, start_router: StartRouter, america: Process, mistral: str, of: str
) -> None:
    """Whatever Mistral does, not a request reaches the other region, which could answer."""
    config = {"identity": {"tenant": "acme", "team": "europe"}, **example(of, mistral=mistral)}
    us = f"http://{america.addresses['http']}"
    before = calls(us)
    with (
        start_router(providers=providers(stack.sim_url, openai=us), **config) as router,
        connected(router.addresses) as caller,
    ):
        outcomes = [caller.chat(rpc, "assistant", timeout=5) for rpc in WAYS]
        elsewhere = caller.complete(chat("assistant", route=RoutePolicy(providers=["openai"])), timeout=5)
    for outcome in outcomes:
        assert (outcome.code is grpc.StatusCode.OK) == (mistral == "mistral-large-latest")
        assert {one.provider for one in outcome.report.attempts} == {"mistral"}
    assert elsewhere.reason == "NO_CANDIDATE"
    assert calls(us) == before


def test_others_are_served_where_the_route_likes(stack: Stack, start_router: StartRouter) -> None:
    config = {"identity": {"tenant": "acme", "team": "america"}, **example("European users only")}
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        assert served(caller.chat(COMPLETE, "assistant")) == "openai"


def test_rules_look_at_labels_and_add_up(stack: Stack, start_router: StartRouter) -> None:
    config = {"identity": {"tenant": "acme"}, **example("A label that the call lacks")}
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        plain = chat("assistant")
        assert served(caller.complete(plain)) in ("anthropic", "mistral")
        plain.labels["feature"] = "autocomplete"
        assert served(caller.complete(plain)) == "mistral"


def test_a_canary_gets_its_share(stack: Stack, start_router: StartRouter) -> None:
    config = example("Weights and canaries")
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        found = explain(caller, "assistant").message
        answered = [caller.chat(COMPLETE, "assistant").report.attempts[0] for _ in range(60)]
    assert [(one.model, one.first_share) for one in found.candidates] == [
        ("gpt-4o", 0.95),
        ("gpt-4.1", 0.05),
        ("claude-sonnet-4-5", 0),
    ]
    assert {one.provider for one in answered} == {"openai"}
    assert sum(one.model == "gpt-4o" for one in answered) > 40


def test_the_cheapest_that_meets_its_condition_answers(stack: Stack, start_router: StartRouter) -> None:
    config = example("The cheapest that meets a condition")
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        request = chat("assistant")
        without = caller.complete(request).report.attempts[0].model
        request.labels["quality"] = "high"
        high = caller.complete(request).report.attempts[0].model
        request.labels["quality"] = "low"
        low = caller.complete(request).report.attempts[0].model
        prices = {one.model: one.price.expected_cost_picos for one in explain(caller, "assistant").message.candidates}
    assert (without, high, low) == ("gpt-4o", "gpt-4o", "gpt-4o-mini")
    assert prices["gpt-4o-mini"] < prices["gpt-4o"] < prices["claude-sonnet-4-5"]


def test_the_fastest_gets_most_calls(stack: Stack, start_router: StartRouter) -> None:
    config = example("The fastest now", openai="gpt-4o-sim-tokens-3-1-150", anthropic="claude-sim-tokens-3-1-100")
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        firsts = [served(caller.chat(STREAM_COMPLETE, "assistant")) for _ in range(40)]
        found = explain(caller, "assistant", stream=True).message.candidates
    assert set(firsts[:3]) == {"openai", "anthropic", "mistral"}
    assert firsts[3:].count("mistral") >= 28
    assert [one.provider for one in found] == ["mistral", "anthropic", "openai"]
    assert found[1].health.typical_first_token.ToTimedelta().total_seconds() >= 0.09


def test_a_conversation_stays_with_who_answered_it(stack: Stack, start_router: StartRouter) -> None:
    config = example("With affinity a conversation stays")
    with (
        start_router(providers=providers(stack.sim_url), **config) as router,
        connected(router.addresses) as caller,
    ):
        stays = RoutePolicy(session_id="one")
        first = served(caller.chat(COMPLETE, "assistant", route=stays))
        assert {served(caller.chat(COMPLETE, "assistant", route=stays)) for _ in range(12)} == {first}
        head = explain(caller, "assistant", route=stays).message.candidates[0]
    assert (head.provider, head.reason) == (first, pb.CANDIDATE_REASON_AFFINITY)


# ExplainRoute


def test_nothing_is_sent_for_an_explanation(door: Door) -> None:
    before = calls(door.stack.sim_url)
    one = explain(door.caller, "fault-500").message.candidates[0]
    assert (one.provider, one.model, one.credential) == ("sim", "sim-500", "sim")
    assert (one.eligible, one.would_be_asked, one.reason) == (True, True, pb.CANDIDATE_REASON_LISTED)
    assert calls(door.stack.sim_url) == before


def test_an_embedding_route_is_explained_as_well(door: Door) -> None:
    request = pb.ExplainRouteRequest()
    request.embed.model = "embed-small"
    request.embed.inputs.add(text="hedge")
    found = door.caller.unary(EXPLAIN, request, pb.ExplainRouteResponse.FromString).message
    assert (found.strategy, found.candidates[0].model) == (pb.ROUTE_STRATEGY_ORDERED, "text-embedding-3-small")
    assert found.candidates[0].price.input_token_picos == 20_000
    assert not found.HasField("hedging")


def test_a_call_that_nobody_may_serve_is_explained(door: Door) -> None:
    found = explain(door.caller, "fast", route=RoutePolicy(regions=["eu"])).message
    (one,) = found.candidates
    assert (one.eligible, one.reason, one.written_in) == (False, pb.CANDIDATE_REASON_REGION, "route.regions")
    assert door.caller.chat(COMPLETE, "fast", route=RoutePolicy(regions=["eu"])).reason == "NO_CANDIDATE"


def test_what_makes_no_call_makes_no_explanation(door: Door) -> None:
    assert explain(door.caller, "not-there").reason == "MODEL_NOT_FOUND"
    assert explain(door.caller, "embed-small").reason == "MODEL_NOT_FOUND"
    empty = door.caller.unary(EXPLAIN, pb.ExplainRouteRequest(), pb.ExplainRouteResponse.FromString)
    assert empty.code is grpc.StatusCode.INVALID_ARGUMENT


def test_one_that_rests_is_explained_with_its_time(stack: Stack, start_router: StartRouter) -> None:
    config = example("Try GPT-4o first", openai="gpt-sim-429-after-60")
    with (
        start_router(providers=providers(stack.sim_url), breaker={}, **config) as router,
        connected(router.addresses) as caller,
    ):
        assert served(caller.chat(COMPLETE, "assistant")) == "anthropic"
        first, second = explain(caller, "assistant").message.candidates
    assert (first.provider, first.eligible, first.would_be_asked) == ("openai", True, False)
    assert (first.reason, first.health.resting_because) == (pb.CANDIDATE_REASON_RESTING, "rate limit")
    assert 50 < first.health.back_in.ToTimedelta().total_seconds() <= 60
    assert (second.provider, second.would_be_asked) == ("anthropic", True)


def test_the_command_line_explains(door: Door, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hedgerow_client.cli.app", "explain", "fast", "--target", door.stack.target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, "gpt-4o-mini" in done.stdout) == (0, True), done.stderr
    assert "ordered" in done.stderr

"""What the keys of Portkey's configs become."""

from typing import Any

import pytest
from hedgerow_client.moving.portkey import translate
from hedgerow_client.moving.portkey.conditions import UnknownConditionError, condition
from hedgerow_server.routing.conditions import Condition
from unit.hedgerow_server.routing.paper import ask


def target(provider: str, model: str | None = "m", **more: Any) -> dict[str, Any]:
    params = {} if model is None else {"override_params": {"model": model}}
    return {"provider": provider, **params, **more}


def group(mode: str, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"strategy": {"mode": mode}, "targets": list(targets), **more}


def moved(document: dict[str, Any], **slugs: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration, and the notes by path."""
    config, report = translate(document, "r", slugs)
    return config, {note.path: note.text for note in report.notes}


OPENAI, ANTHROPIC, GROQ = target("openai", "o"), target("anthropic", "a"), target("groq", "g")


def candidates(config: dict[str, Any], *keys: str) -> list[list[Any]]:
    return [[one.get(key) for key in keys] for one in config["routes"]["r"]["candidates"]]


def test_fallback_is_the_order() -> None:
    config, notes = moved(group("fallback", OPENAI, ANTHROPIC))
    assert candidates(config, "provider", "model") == [["openai", "o"], ["anthropic", "a"]]
    assert "strategy" not in config["routes"]["r"]
    assert notes == {}


def test_loadbalance_is_by_weight() -> None:
    config, notes = moved(
        group("loadbalance", OPENAI | {"weight": 0.75}, ANTHROPIC | {"weight": 0.25}, GROQ | {"weight": 0})
    )
    assert config["routes"]["r"]["strategy"] == "weighted"
    assert candidates(config, "weight") == [[750], [250], [0]]
    assert notes == {}


def test_single_uses_its_first_target() -> None:
    config, notes = moved(group("single", OPENAI, ANTHROPIC))
    assert candidates(config, "model") == [["o"]]
    assert "targets" in notes


def test_a_config_may_be_a_target_itself() -> None:
    config, _ = moved(target("openai", "gpt-4o"))
    assert candidates(config, "provider", "model") == [["openai", "gpt-4o"]]


def test_targets_without_a_model_serve_all_models_of_their_provider() -> None:
    config, _ = moved(target("openai", None))
    assert config["routes"] == {"r/*": {"kind": "any", "candidates": [{"provider": "openai", "model": "*"}]}}


def test_targets_with_and_without_a_model_are_two_routes() -> None:
    config, notes = moved(group("fallback", OPENAI, target("groq", None)))
    assert set(config["routes"]) == {"r", "r/*"}
    assert "targets" in notes


def test_fallbacks_behind_a_loadbalance_are_asked_last() -> None:
    config, notes = moved(group("fallback", group("loadbalance", OPENAI, ANTHROPIC), GROQ))
    assert candidates(config, "model", "weight") == [["o", 1], ["a", 1], ["g", 0]]
    assert notes == {}


def test_a_loadbalance_within_a_loadbalance_shares_its_part() -> None:
    inner = group("loadbalance", OPENAI | {"weight": 1}, ANTHROPIC | {"weight": 3})
    config, _ = moved(group("loadbalance", inner | {"weight": 4}, GROQ | {"weight": 4}))
    assert candidates(config, "model", "weight") == [["o", 1], ["a", 3], ["g", 4]]


def test_fallbacks_within_a_loadbalance_are_partly_moved() -> None:
    config, notes = moved(group("loadbalance", group("fallback", OPENAI, ANTHROPIC) | {"weight": 2}, GROQ))
    assert candidates(config, "model", "weight") == [["o", 2], ["a", 0], ["g", 1]]
    assert "targets[0]" in notes


def test_retries_are_attempts() -> None:
    config, _ = moved(group("fallback", OPENAI, ANTHROPIC, retry={"attempts": 4}))
    assert config["routes"]["r"]["max_attempts"] == 5


def test_timeouts_are_in_seconds() -> None:
    config, notes = moved(group("fallback", OPENAI | {"request_timeout": 2500}, request_timeout=60000))
    assert config["deadline"] == {"default_seconds": 60}
    assert candidates(config, "first_token_timeout_seconds") == [[2.5]]
    assert set(notes) == {"request_timeout", "targets[0].request_timeout"}


def test_a_cache_is_of_the_route() -> None:
    config, notes = moved(OPENAI | {"cache": {"mode": "simple", "max_age": 60}})
    assert config["routes"]["r"]["cache"] == {"mode": "exact", "scope": "tenant", "ttl_seconds": 60}
    assert set(notes) == {"cache.max_age"}


def test_a_circuit_breaker_is_one_for_all_routes() -> None:
    document = group("fallback", OPENAI)
    document["strategy"]["cb_config"] = {"failure_threshold": 3, "cooldown_interval": 60000}
    config, notes = moved(document)
    assert config["breaker"] == {"consecutive_failures": 3, "ejection_seconds": 60, "max_ejection_seconds": 60}
    assert "strategy.cb_config" in notes


def test_keys_in_camel_case_are_the_same() -> None:
    theirs = {"strategy": {"mode": "fallback", "onStatusCodes": [429]}, "targets": [{"provider": "openai"}]}
    theirs["targets"][0] |= {"overrideParams": {"model": "m"}, "requestTimeout": 1000}  # type: ignore[index]
    config, _ = moved(theirs)
    assert candidates(config, "model", "first_token_timeout_seconds") == [["m", 1]]


@pytest.mark.parametrize(
    ("given", "provider", "model"),
    [
        ({"provider": "@openai-prod/gpt-4o"}, "openai", "gpt-4o"),
        ({"provider": "@anthropic", "override_params": {"model": "c"}}, "anthropic", "c"),
        ({"virtual_key": "my-groq-key", "override_params": {"model": "l"}}, "groq", "l"),
        ({"override_params": {"model": "@mistral-ai-eu/mistral-small"}}, "mistral", "mistral-small"),
        ({"provider": "@secret-slug", "override_params": {"model": "x"}}, "together", "x"),
    ],
)
def test_slugs_say_who_it_is_and_leave_a_variable_for_the_key(given: dict[str, Any], provider: str, model: str) -> None:
    config, notes = moved(group("fallback", given), **{"@secret-slug": "together-ai"})
    assert candidates(config, "provider", "model") == [[provider, model]]
    ((_, credential),) = config["credentials"].items()
    assert credential["variable"].endswith("_API_KEY")
    assert any(credential["variable"] in text for text in notes.values())


def test_a_slug_that_says_nothing_is_asked_about() -> None:
    config, notes = moved(group("fallback", OPENAI, {"provider": "@xyz", "override_params": {"model": "m"}}))
    assert candidates(config, "model") == [["o"]]
    assert "--provider xyz=openai" in notes["targets[1].provider"]


def test_azure_and_vertex_say_where_they_are() -> None:
    azure = {"provider": "azure-openai", "api_key": "k", "azure_resource_name": "res", "azure_deployment_id": "d"}
    vertex = target("vertex-ai", vertex_project_id="p1", vertex_region="us-central1")
    config, _ = moved(group("fallback", azure, vertex))
    assert config["providers"]["azure"]["base_url"] == "https://res.openai.azure.com"
    assert config["providers"]["vertex"] == {
        "dialect": "vertex",
        "project": "p1",
        "location": "us-central1",
        "credential": "google",
    }


def test_what_does_not_map_is_said_with_its_place() -> None:
    _, notes = moved(group("fallback", OPENAI | {"input_guardrails": ["g"]}, of_next_year=1, forward_headers=["x"]))
    assert set(notes) == {"targets[0].input_guardrails", "of_next_year", "forward_headers"}


@pytest.mark.parametrize("document", [[], {}, {"cache": {"mode": "simple"}}, "pc-123"])
def test_what_is_no_config_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="expected an object"):
        translate(document, "r")


@pytest.mark.parametrize(
    ("query", "labels", "holds"),
    [
        ({"metadata.plan": {"$eq": "paid"}}, {"plan": "paid"}, True),
        ({"metadata.plan": {"$eq": "paid"}}, {}, False),
        ({"metadata.plan": "paid"}, {"plan": "paid"}, True),
        ({"metadata.plan": {"$ne": "paid"}}, {}, True),
        ({"metadata.plan": {"$ne": "paid"}}, {"plan": "paid"}, False),
        ({"metadata.plan": {"$in": ["a", "b"]}}, {"plan": "b"}, True),
        ({"metadata.plan": {"$nin": ["a", "b"]}}, {"plan": "b"}, False),
        ({"metadata.plan": {"$nin": ["a", "b"]}}, {}, True),
        ({"metadata.plan": {"$regex": "^p"}}, {"plan": "paid"}, True),
        ({"metadata.beta": {"$eq": True}}, {"beta": "true"}, True),
        ({"metadata.plan": 'with "quotes" and \\'}, {"plan": 'with "quotes" and \\'}, True),
        ({"params.max_tokens": {"$gt": 10}}, {}, False),
        ({"params.model": {"$eq": "fast"}}, {}, True),
        ({"$and": [{"metadata.a": "1"}, {"metadata.b": "2"}]}, {"a": "1", "b": "2"}, True),
        ({"$or": [{"metadata.a": "1"}, {"metadata.b": "2"}]}, {"b": "2"}, True),
        ({"metadata.a": "1", "metadata.b": "2"}, {"a": "1"}, False),
    ],
)
def test_conditions_hold_for_the_same_calls(query: dict[str, Any], labels: dict[str, str], holds: bool) -> None:
    """Whatever labels a call has: the condition can always be told."""
    found = Condition(condition(query))
    assert found.holds(ask(labels=labels), in_doubt=not holds) is holds


@pytest.mark.parametrize(
    "query", [{}, [], {"$and": 1}, {"url.pathname": "x"}, {"metadata.a": {"$near": 1}}, {"metadata.a": {"$gt": 3}}]
)
def test_conditions_that_cannot_be_said_are_refused(query: Any) -> None:
    with pytest.raises(UnknownConditionError):
        condition(query)


def test_the_first_condition_that_holds_decides() -> None:
    document = group("conditional", OPENAI | {"name": "o"}, ANTHROPIC | {"name": "a"}, GROQ | {"name": "g"})
    document["strategy"] |= {
        "conditions": [
            {"query": {"metadata.x": "1"}, "then": "o"},
            {"query": {"metadata.y": "1"}, "then": "a"},
        ],
        "default": "g",
    }
    config, notes = moved(document)
    whens = {one["model"]: Condition(one["when"]) for one in config["routes"]["r"]["candidates"]}
    for labels, chosen in (({"x": "1", "y": "1"}, "o"), ({"y": "1"}, "a"), ({}, "g")):
        holding = [model for model, when in whens.items() if when.holds(ask(labels=labels), in_doubt=True)]
        assert holding == [chosen]
    assert notes == {}


def test_a_condition_that_cannot_be_said_is_passed_over_with_a_word() -> None:
    document = group("conditional", OPENAI | {"name": "o"}, GROQ | {"name": "g"})
    document["strategy"] |= {"conditions": [{"query": {"url.pathname": "/x"}, "then": "o"}], "default": "g"}
    config, notes = moved(document)
    assert candidates(config, "model", "when") == [["g", None]]
    assert {"strategy.conditions[0]", "targets[0]"} <= set(notes)

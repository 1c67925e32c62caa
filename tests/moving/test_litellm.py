"""What LiteLLM's keys become."""

from typing import Any

import pytest
from hedgerow_client.moving.litellm import translate
from hedgerow_client.moving.litellm.keys import SECTIONS
from hedgerow_client.moving.report import Verdict

KEY = "os.environ/OPENAI_API_KEY"


def model(name: str, of: str, **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": of, "api_key": KEY, **params}}


def moved(*models: dict[str, Any], **sections: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration, and the notes by path."""
    config, report = translate({"model_list": list(models), **sections})
    return config, {note.path: note.text for note in report.notes}


A = model("a", "openai/gpt-4o")
B = model("b", "anthropic/claude-sonnet-4-5")
C = model("c", "groq/llama-3.3-70b-versatile")


@pytest.mark.parametrize(
    ("of", "provider", "named"),
    [
        ("openai/gpt-4o", {"dialect": "openai"}, "gpt-4o"),
        ("gpt-4o-mini", {"dialect": "openai"}, "gpt-4o-mini"),
        ("claude-sonnet-4-5", {"dialect": "anthropic"}, "claude-sonnet-4-5"),
        ("gemini/gemini-2.5-pro", {"dialect": "gemini"}, "gemini-2.5-pro"),
        ("openrouter/openai/gpt-4o", {"dialect": "openai", "vendor": "openrouter"}, "openai/gpt-4o"),
        ("fireworks_ai/accounts/f/models/x", {"dialect": "openai", "vendor": "fireworks"}, "accounts/f/models/x"),
        ("xai/grok-4", {"dialect": "openai", "vendor": "xai"}, "grok-4"),
        ("openai/responses/gpt-5", {"dialect": "openai"}, "gpt-5"),
    ],
)
def test_the_prefix_of_a_model_says_who_serves_it(of: str, provider: dict[str, str], named: str) -> None:
    config, notes = moved(model("m", of))
    ((name, section),) = config["providers"].items()
    assert {key: section[key] for key in provider} == provider
    assert config["routes"]["m"]["candidates"] == [{"provider": name, "model": named}]
    assert notes == {}


@pytest.mark.parametrize(
    ("of", "given", "url"),
    [
        ("openai/m", "https://h/v1/", "https://h/v1"),
        ("azure/m", "https://r.openai.azure.com/openai/deployments/x", "https://r.openai.azure.com"),
        ("anthropic/m", "https://h/v1/messages", "https://h"),
        ("ollama/m", "http://localhost:11434/v1", "http://localhost:11434"),
    ],
)
def test_an_address_is_the_one_that_hedgerow_wants(of: str, given: str, url: str) -> None:
    config, _ = moved(model("m", of, api_base=given))
    (provider,) = config["providers"].values()
    assert provider["base_url"] == url


def test_a_variable_of_the_environment_is_a_credential() -> None:
    config, notes = moved(A)
    assert config["credentials"] == {"openai-api-key": {"source": "env", "variable": "OPENAI_API_KEY"}}
    assert notes == {}


def test_a_secret_in_plain_text_is_a_variable_of_its_own() -> None:
    """It shares none with the usual variable, which may hold another key."""
    config, notes = moved(A, model("p", "openai/gpt-4o", api_key="sk-1"), model("q", "openai/gpt-4o", api_key="sk-2"))
    variables = [one["variable"] for one in config["credentials"].values()]
    assert variables == ["OPENAI_API_KEY", "HEDGEROW_OPENAI_API_KEY", "HEDGEROW_OPENAI_API_KEY_2"]
    assert "HEDGEROW_OPENAI_API_KEY_2" in notes["model_list[2].litellm_params.api_key"]
    assert "sk-" not in str(config)


def test_without_a_key_the_usual_variable_is_meant() -> None:
    config, _ = moved({"model_name": "m", "litellm_params": {"model": "groq/llama"}})
    assert [one["variable"] for one in config["credentials"].values()] == ["GROQ_API_KEY"]


def test_deployments_that_say_the_same_of_their_provider_share_it() -> None:
    config, _ = moved(A, model("a2", "openai/gpt-4.1"))
    assert list(config["providers"]) == ["openai"]


def test_limits_are_of_the_provider_and_give_the_weights() -> None:
    config, _ = moved(model("m", "openai/x", rpm=60, tpm=1000), model("m", "openai/y", rpm=20))
    assert [one["rate_limits"] for one in config["providers"].values()] == [
        {"requests_per_minute": 60, "tokens_per_minute": 1000},
        {"requests_per_minute": 20},
    ]
    assert [one["weight"] for one in config["routes"]["m"]["candidates"]] == [60, 20]
    assert config["routes"]["m"]["strategy"] == "weighted"


def test_weights_below_one_keep_their_proportions() -> None:
    config, _ = moved(model("m", "openai/x", weight=0.9), model("m", "openai/y", weight=0.1))
    assert [one["weight"] for one in config["routes"]["m"]["candidates"]] == [900, 100]


def test_an_order_is_kept() -> None:
    config, _ = moved(model("m", "openai/second", order=2), model("m", "openai/first", order=1))
    route = config["routes"]["m"]
    assert [one["model"] for one in route["candidates"]] == ["first", "second"]
    assert "strategy" not in route


def test_fallbacks_follow_in_their_order() -> None:
    config, notes = moved(A, B, C, router_settings={"fallbacks": [{"a": ["b", "c"]}], "num_retries": 0})
    route = config["routes"]["a"]
    assert [one["model"] for one in route["candidates"]] == ["gpt-4o", "claude-sonnet-4-5", "llama-3.3-70b-versatile"]
    assert (route.get("max_attempts", 3), notes) == (3, {})
    assert config["routes"]["b"]["max_attempts"] == 1


def test_fallbacks_of_a_balanced_group_are_asked_last() -> None:
    config, _ = moved(A, model("a", "openai/gpt-4.1"), B, router_settings={"fallbacks": [{"a": ["b"]}]})
    assert [one["weight"] for one in config["routes"]["a"]["candidates"]] == [1, 1, 0]


def test_default_fallbacks_are_for_all_chats_without_others() -> None:
    config, _ = moved(
        A, B, C, model("e", "openai/text-embedding-3-small"), litellm_settings={"default_fallbacks": ["c"]}
    )
    counts = {name: len(route["candidates"]) for name, route in config["routes"].items()}
    assert counts == {"a": 2, "b": 2, "c": 1, "e": 1}


def test_fallbacks_that_are_not_there_are_reported() -> None:
    _, notes = moved(A, router_settings={"fallbacks": [{"a": ["zzz"]}, {"yyy": ["a"]}]})
    assert set(notes) == {"router_settings.fallbacks[0].a", "router_settings.fallbacks[1].yyy"}


def test_a_longer_context_is_another_candidate() -> None:
    config, notes = moved(A, B, router_settings={"context_window_fallbacks": [{"a": ["b"]}]})
    assert config["routes"]["a"]["larger_context"] is True
    assert "router_settings.context_window_fallbacks" in notes


@pytest.mark.parametrize(
    ("theirs", "ours", "notes"),
    [
        ("simple-shuffle", "weighted", 0),
        ("latency-based-routing", "fastest", 0),
        ("cost-based-routing", "cheapest", 0),
        ("least-busy", "weighted", 1),
        ("usage-based-routing-v2", "weighted", 1),
        ("of-next-year", "weighted", 1),
    ],
)
def test_strategies(theirs: str, ours: str, notes: int) -> None:
    config, said = moved(A, model("a", "openai/gpt-4.1"), router_settings={"routing_strategy": theirs})
    assert config["routes"]["a"]["strategy"] == ours
    assert len(said) == notes


def test_an_alias_is_a_route() -> None:
    config, notes = moved(
        A, router_settings={"model_group_alias": {"x": "a", "h": {"model": "a", "hidden": True}, "z": "none"}}
    )
    assert config["routes"]["x"] == config["routes"]["h"] == config["routes"]["a"]
    assert set(notes) == {"router_settings.model_group_alias.h", "router_settings.model_group_alias.z"}


def test_all_models_of_a_provider() -> None:
    config, notes = moved(model("openai/*", "openai/*"))
    assert config["routes"]["openai/*"] == {"kind": "any", "candidates": [{"provider": "openai", "model": "*"}]}
    assert notes == {}


@pytest.mark.parametrize(
    ("name", "of"), [("*", "*"), ("gpt-*", "openai/gpt-*"), ("my/*", "openai/gpt-4o"), ("a b", "gpt-4")]
)
def test_names_that_no_route_can_have_are_reported(name: str, of: str) -> None:
    config, notes = moved(model(name, of), A)
    assert list(config["routes"]) == ["a"]
    assert len(notes) == 1


def test_prices_are_for_a_million_tokens() -> None:
    info = {"input_cost_per_token": 0.000003, "output_cost_per_token": 0.000015}
    config, _ = moved({**B, "model_info": info})
    assert config["pricing"]["overrides"] == [
        {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "usd_per_million_tokens": {"input": 3.0, "output": 15.0},
        }
    ]


@pytest.mark.parametrize(
    ("duration", "per", "notes"),
    [
        ("30d", "month", 1),
        ("1h", "hour", 1),
        ("7d", "week", 1),
        ("24h", "day", 1),
        ("5d", "month", 2),
        (None, "total", 0),
    ],
)
def test_a_budget_for_all(duration: str | None, per: str, notes: int) -> None:
    config, report = translate(
        {"model_list": [A], "litellm_settings": {"max_budget": 100, "budget_duration": duration}}
    )
    assert config["budgets"] == [{"name": "all-calls-usd", "usd": 100, "per": per, "mode": "hard"}]
    assert "store" in config
    assert len(report.notes) == notes


def test_a_master_key_becomes_keys_of_hedgerow() -> None:
    config, notes = moved(A, general_settings={"master_key": "sk-secret"})
    assert config["identity"] == {"api_keys": {"pepper": "hedgerow-pepper"}}
    assert "hedgerow keys create" in notes["general_settings.master_key"]
    assert "sk-secret" not in str(config)


def test_a_cache_in_memory_is_for_every_route() -> None:
    config, notes = moved(A, litellm_settings={"cache": True, "cache_params": {"type": "local", "ttl": 60}})
    assert config["routes"]["a"]["cache"] == {"mode": "exact", "scope": "tenant", "ttl_seconds": 60}
    assert "cache" not in config
    assert notes == {}


def test_a_cache_in_redis_keeps_its_password_out() -> None:
    params = {"type": "redis", "host": "r", "password": "pw", "ssl": True, "namespace": "ours"}
    config, notes = moved(A, litellm_settings={"cache": True, "cache_params": params})
    cache = config["cache"]
    assert cache["redis"] == {"url": "rediss://r:6379", "password": "hedgerow-redis-password", "prefix": "ours"}
    assert "litellm_settings.cache_params.password" in notes


def test_a_semantic_cache_needs_a_route_for_embeddings() -> None:
    params = {"type": "redis-semantic", "similarity_threshold": 0.8, "redis_semantic_cache_embedding_model": "e"}
    settings = {"cache": True, "cache_params": params}
    config, _ = moved(A, model("e", "openai/text-embedding-3-small"), litellm_settings=settings)
    assert config["cache"]["semantic"] == {"model": "e", "min_similarity": 0.8}
    assert config["routes"]["a"]["cache"]["mode"] == "semantic"
    assert config["routes"]["e"]["cache"]["mode"] == "exact"
    config, notes = moved(A, litellm_settings=settings)
    assert config["routes"]["a"]["cache"]["mode"] == "exact"
    assert "cache.semantic.model" in notes["litellm_settings.cache_params.type"]


@pytest.mark.parametrize(
    ("sections", "path"),
    [
        ({"general_settings": {"of_next_year": 1}}, "general_settings.of_next_year"),
        ({"litellm_settings": {"success_callback": ["langfuse"]}}, "litellm_settings.success_callback"),
        ({"router_settings": {"content_policy_fallbacks": [{"a": ["b"]}]}}, "router_settings.content_policy_fallbacks"),
        ({"mcp_servers": {"x": {}}}, "mcp_servers"),
        ({"of_next_year": True}, "of_next_year"),
        ({"litellm_settings": [1]}, "litellm_settings"),
        ({"router_settings": {"timeout": "os.environ/T"}}, "router_settings.timeout"),
    ],
)
def test_what_does_not_map_is_said_with_its_place(sections: dict[str, Any], path: str) -> None:
    _, notes = moved(A, **sections)
    assert path in notes


def test_what_is_off_needs_no_word() -> None:
    _, notes = moved(A, general_settings={"store_model_in_db": False, "alerting": []}, litellm_settings=None)
    assert notes == {}


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings", "general_settings"])
def test_the_table_says_what_the_import_does(section: str) -> None:
    """A key that the table calls unmapped is reported; one that it calls mapped is never told to be unknown."""
    for key, known in SECTIONS[section].items():
        _, report = translate({"model_list": [A], section: {key: "some-value"}})
        said = {note.path: note for note in report.notes}
        path = f"{section}.{key}"
        if known.verdict is Verdict.NO:
            assert said[path].text == known.text
        elif known.verdict is Verdict.PARTLY and path in said:
            assert said[path].text
        assert all("does not know" not in note.text for note in report.notes), path


def test_every_parameter_of_a_model_in_the_table_is_known() -> None:
    for key in SECTIONS["model_list[].litellm_params"]:
        _, report = translate({"model_list": [model("a", "openai/x", **{key: "v"} if key != "model" else {})]})
        assert all("does not know" not in note.text for note in report.notes), key

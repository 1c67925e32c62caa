"""ListModels with the model catalogue: one key for each provider, no list of models in the configuration."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hedgerow.router.v1 import router_service_pb2 as pb
from rpc.caller import LIST_MODELS, Caller, connected, eventually
from rpc.conftest import StartRouter
from stack import Process

ACCOUNT = "https://account.example/v1"
VENDORS = (
    "avian azure_ai cerebras cloudflare crusoe dashscope databricks deepseek fireworks groq huggingface mistral "
    "openrouter perplexity snowflake together voyage xai zai"
)
PROVIDERS: dict[str, dict[str, Any]] = {
    "anthropic": {"dialect": "anthropic"},
    "azure": {"dialect": "azure_openai", "base_url": ACCOUNT},
    "bedrock": {"dialect": "bedrock", "region": "us-east-1"},
    "cohere": {"dialect": "cohere"},
    "gemini": {"dialect": "gemini"},
    "openai": {"dialect": "openai"},
    "vertex": {"dialect": "vertex", "project": "hedgerow-tests"},
    "vllm": {"dialect": "openai", "vendor": "vllm"},
    "unknown": {"dialect": "openai", "base_url": ACCOUNT, "catalogue": "none"},
} | {vendor: {"dialect": "openai", "vendor": vendor, "base_url": ACCOUNT} for vendor in VENDORS.split()}
DEPLOYED = {"azure", "azure_ai"}
ROUTES = {f"{name}/*": {"kind": "any", "candidates": [{"provider": name, "model": "*"}]} for name in PROVIDERS} | {
    "fast": {"kind": "chat", "candidates": [{"provider": "openai", "model": "gpt-5.5"}]}
}
OWN = "family: {family}\nmodels:\n  {model}: {{context_tokens: {tokens}}}\n"
REREAD_S = 20


def all_pages(caller: Caller, size: int, **fields: Any) -> list[pb.Model]:
    """Every model, page by page."""
    found: list[pb.Model] = []
    token = ""
    while True:
        request = pb.ListModelsRequest(page_size=size, page_token=token, **fields)
        answer = caller.unary(LIST_MODELS, request, pb.ListModelsResponse.FromString).message
        assert len(answer.models) <= size
        found += answer.models
        token = answer.next_page_token
        if not token:
            return found


@pytest.fixture(scope="module", name="gateway")
def gateway_fixture(start_router: StartRouter) -> Iterator[Process]:
    """A router with every provider and no model but one."""
    with start_router(providers=PROVIDERS, routes=ROUTES) as running:
        yield running


@pytest.fixture(scope="module")
def caller(gateway: Process) -> Iterator[Caller]:
    with connected(gateway.addresses["grpc"]) as one:
        yield one


@pytest.fixture(scope="module")
def every(caller: Caller) -> list[pb.Model]:
    """All models."""
    return all_pages(caller, 1000)


def test_a_key_for_each_provider_is_enough_for_171_models_of_14_providers(every: list[pb.Model]) -> None:
    concrete = [model for model in every if not model.name.endswith("/*")]
    assert len(concrete) >= 171
    assert len({model.candidates[0].provider for model in concrete}) >= 14


def test_pages_of_any_size_hold_the_same_sorted_models(caller: Caller, every: list[pb.Model]) -> None:
    keys = [(model.name, "chat" if model.kind == pb.MODEL_KIND_CHAT else "embed") for model in every]
    assert keys == sorted(set(keys))
    assert all_pages(caller, 97) == every


def test_a_model_is_listed_by_the_name_that_reaches_it_with_its_facts(every: list[pb.Model]) -> None:
    name = "text-embedding-3-small"
    (model,) = (one for one in every if one.name == f"openai/{name}")
    (candidate,) = model.candidates
    assert (model.kind, candidate.provider, candidate.model) == (pb.MODEL_KIND_EMBED, "openai", name)
    assert (candidate.facts.vector_space, candidate.facts.dimensions) == (f"openai/{name}", 1536)


def test_a_model_that_a_route_names_has_its_facts(every: list[pb.Model]) -> None:
    (fast,) = (one for one in every if one.name == "fast")
    (same,) = (one for one in every if one.name == "openai/gpt-5.5")
    assert fast.candidates[0].facts == same.candidates[0].facts
    assert fast.candidates[0].facts.context_tokens > 0


def test_no_listed_model_is_past_its_last_day(every: list[pb.Model]) -> None:
    today = dt.datetime.now(dt.UTC).date()
    dates = [one.facts.retire_date for model in every for one in model.candidates if one.facts.retire_date]
    assert dates
    assert min(map(dt.date.fromisoformat, dates)) >= today


def test_providers_whose_models_nobody_can_know_have_only_their_star(every: list[pb.Model]) -> None:
    found = {(model.name, one.provider) for model in every for one in model.candidates}
    alone = DEPLOYED | {"vllm", "unknown"}
    assert {name for name, provider in found if provider in alone} == {f"{name}/*" for name in alone}


@pytest.mark.parametrize("kind", [pb.MODEL_KIND_CHAT, pb.MODEL_KIND_EMBED])
def test_filters_hold_for_every_page(caller: Caller, every: list[pb.Model], kind: "pb.ModelKind.ValueType") -> None:
    found = all_pages(caller, 3, kind=kind, provider="cohere")
    assert found == [one for one in every if one.kind == kind and one.candidates[0].provider == "cohere"]
    assert len(found) > 3


def test_a_provider_that_is_not_configured_has_no_models(caller: Caller) -> None:
    assert all_pages(caller, 10, provider="nobody") == []


def test_a_file_of_the_configuration_adds_models_and_is_followed_while_the_router_runs(
    start_router: StartRouter, tmp_path: Path
) -> None:
    """Also after a version of it that cannot be used."""
    path = tmp_path / "ours.yaml"
    path.write_text(OWN.format(family="ours", model="m1", tokens=1000))
    providers = {"ours": {"dialect": "openai", "base_url": ACCOUNT, "catalogue": "ours"}}
    routes = {"ours/*": {"kind": "chat", "candidates": [{"provider": "ours", "model": "*"}]}}
    sections = {"providers": providers, "routes": routes, "catalogue": {"files": [str(path)]}}
    with start_router(**sections) as running, connected(running.addresses["grpc"]) as one:
        assert [model.name for model in all_pages(one, 10)] == ["ours/*", "ours/m1"]
        path.write_text("family: ours\nmodels: {m1: {contxt: 1}}\n")
        eventually(lambda: "m1.contxt: unknown key" in running.log.read_text() or None, "a line", REREAD_S)
        assert [model.name for model in all_pages(one, 10)] == ["ours/*", "ours/m1"]
        path.write_text(OWN.format(family="ours", model="m2", tokens=2000))
        eventually(lambda: "ours/m2" in {model.name for model in all_pages(one, 10)} or None, "m2", REREAD_S)
        assert [model.name for model in all_pages(one, 10)] == ["ours/*", "ours/m2"]

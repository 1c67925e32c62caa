"""The probe of a key, in each dialect against the simulator: it costs nothing and knows a good key from a bad one."""

import json
import urllib.request
from collections.abc import Mapping

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.rotation.port import Probed, Verdict
from hedgerow_server.edition import upstream
from hedgerow_server.providers import registry
from hedgerow_server.providers.openai.vendors import VENDORS
from hedgerow_server.providers.registry import Provider
from hedgerow_server.rotations import probed
from pydantic import TypeAdapter
from stack import DIALECTS, KEY, Stack

BAD = "sk-wrong-key-canary-2222222222222222"
FREE = {"anthropic", "azure", "cohere", "gemini", "vllm", "responses"}
"""Those of stack.DIALECTS that have a request that costs nothing."""


async def probe(section: Mapping[str, object], key: str, provider: str = "p") -> Probed:
    """What comes of it."""
    given = TypeAdapter(Provider).validate_python(section)
    one = upstream(provider, given, None, registry.transport(given, ()))
    try:
        return await probed(one, Secret(key))
    finally:
        await one.transport.close()


def section(stack: Stack, name: str) -> dict[str, object]:
    """A dialect at the simulator, where it is known by its name."""
    settings, _, _ = DIALECTS[name]
    return {**settings, "base_url": str(settings["base_url"]).format(sim=f"{stack.sim_url}/_sim/as/probe-{name}")}


def billed(stack: Stack, name: str) -> list[tuple[str, int, int]]:
    """What the simulator's book has of it."""
    with urllib.request.urlopen(f"{stack.sim_url}/_sim/book?provider=probe-{name}", timeout=10) as response:
        calls = json.load(response)["calls"]
    return [(one["outcome"], one["billed_input_tokens"], one["billed_output_tokens"]) for one in calls]


@pytest.mark.parametrize("transport", ["thin", "httpx", pytest.param("aiohttp", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", sorted(FREE))
async def test_it_knows_a_good_key_from_a_bad_one_and_costs_nothing(stack: Stack, name: str, transport: str) -> None:
    given = {**section(stack, name), "transport": transport}
    assert await probe(given, KEY) == Probed(Verdict.GOOD)
    refused = await probe(given, BAD)
    assert refused.verdict is Verdict.REFUSED
    assert refused.reason.startswith("p refuses the key (status 40")
    calls = billed(stack, name)
    assert {outcome for outcome, _, _ in calls} == {"completed", "error"}
    assert {(read, written) for _, read, written in calls} == {(0, 0)}


@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - FREE))
async def test_where_nothing_is_free_nothing_is_asked(stack: Stack, name: str) -> None:
    told = await probe(section(stack, name), KEY)
    assert told == Probed(Verdict.UNSURE, "p has no request that costs nothing")
    assert billed(stack, name) == []


@pytest.mark.parametrize("vendor", sorted(VENDORS))
async def test_a_vendor_is_probed_where_its_path_takes_only_a_good_key(stack: Stack, vendor: str) -> None:
    given = {"dialect": "openai", "vendor": vendor, "base_url": f"{stack.sim_url}/v1"}
    path = {str(name): one.probe_path for name, one in VENDORS.items()}[vendor]
    told = await probe(given, KEY)
    if path == "/models":
        assert told == Probed(Verdict.GOOD)
    elif path:
        assert told == Probed(Verdict.UNSURE, "p answers 404"), "the simulator has no such path"
    else:
        assert told.reason == "p has no request that costs nothing"


async def test_a_path_of_the_configuration_is_asked_instead(stack: Stack) -> None:
    given = {"dialect": "openai", "vendor": "perplexity", "base_url": f"{stack.sim_url}/v1", "probe_path": "/models"}
    assert (await probe(given, KEY)).verdict is Verdict.GOOD
    told = await probe({**given, "probe_path": ""}, KEY)
    assert told.verdict is Verdict.UNSURE


async def test_a_provider_that_is_away_tells_nothing_of_a_key() -> None:
    told = await probe({"dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}, KEY)
    assert told == Probed(Verdict.UNSURE, "p cannot be used: the connection was refused")


def fail(stack: Stack, provider: str) -> None:
    """It answers 503 from now on."""
    url = f"{stack.sim_url}/_sim/outage?provider={provider}"
    with urllib.request.urlopen(urllib.request.Request(url, data=b'{"fault": "503"}', method="PUT"), timeout=10):
        pass


async def test_a_provider_that_fails_tells_nothing_of_a_key(stack: Stack) -> None:
    fail(stack, "probe-failing")
    told = await probe({"dialect": "openai", "base_url": f"{stack.sim_url}/_sim/as/probe-failing/v1"}, KEY)
    assert told == Probed(Verdict.UNSURE, "p answers 503")

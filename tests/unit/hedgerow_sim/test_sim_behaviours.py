"""Model names that ask for a fault or a pace."""

import asyncio
import time

import aiohttp
import pytest
from hedgerow_sim import behaviours, tokens
from unit.hedgerow_sim.harness import CHAT, HELLO, Sim


@pytest.mark.parametrize(
    ("model", "status", "kind", "code"),
    [
        ("sim-400", 400, "invalid_request_error", None),
        ("sim-context-length", 400, "invalid_request_error", "context_length_exceeded"),
        ("sim-401", 401, "invalid_request_error", "invalid_api_key"),
        ("sim-403", 403, "request_forbidden", "unsupported_country_region_territory"),
        ("sim-404", 404, "invalid_request_error", "model_not_found"),
        ("sim-429", 429, "requests", "rate_limit_exceeded"),
        ("sim-429-quota", 429, "insufficient_quota", "insufficient_quota"),
        ("sim-500", 500, "server_error", None),
        ("sim-503", 503, "service_unavailable_error", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors_have_the_providers_shape(
    sim: Sim, *, model: str, status: int, kind: str, code: str | None, stream: bool
) -> None:
    answer = await sim.chat(model, stream=stream)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert (answer.json["error"]["type"], answer.json["error"]["code"]) == (kind, code)
    assert (await sim.last())["outcome"] == "error"


async def test_throttling_says_when_to_come_back(sim: Sim) -> None:
    headers = (await sim.chat("sim-429")).headers
    assert headers["retry-after"] == "2"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert "retry-after" not in (await sim.chat("sim-429-quota")).headers


async def test_embeddings_have_the_same_faults(sim: Sim) -> None:
    assert (await sim.embed("x", "sim-429")).status == 429
    with pytest.raises(aiohttp.ClientPayloadError):
        await sim.embed("x", "sim-cut")


async def test_html_comes_with_status_200(sim: Sim) -> None:
    answer = await sim.chat("sim-html")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!DOCTYPE html>")


async def test_json_comes_where_a_stream_was_asked_for(sim: Sim) -> None:
    answer = await sim.chat("sim-json-for-stream", stream=True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["object"] == "chat.completion"


async def test_a_stream_without_finish_reason_is_otherwise_whole(sim: Sim) -> None:
    answer = await sim.chat("sim-nofinish", stream=True)
    assert answer.events[-1] == "[DONE]"
    assert answer.text().endswith(".")
    assert {event["choices"][0]["finish_reason"] for event in answer.events[:-1]} == {None}
    assert (await sim.chat("sim-nofinish")).json["choices"][0]["finish_reason"] is None


async def test_an_error_comes_in_the_middle_of_a_stream(sim: Sim) -> None:
    answer = await sim.chat("sim-error-in-stream", stream=True)
    assert answer.status == 200
    assert tokens.count("".join(event["choices"][0]["delta"].get("content", "") for event in answer.events[:-1])) == 3
    assert answer.events[-1]["error"]["type"] == "server_error"
    assert (await sim.last())["outcome"] == "error"
    assert (await sim.chat("sim-error-in-stream")).status == 500


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sim-cut", "sim-reset"])
async def test_a_connection_breaks_in_the_middle_of_the_body(sim: Sim, model: str, stream: bool) -> None:
    async with sim.raw(CHAT, {"model": model, "messages": HELLO, "stream": stream}) as (reader, _):
        if model == "sim-reset":
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(), 5)
        else:
            got = await asyncio.wait_for(reader.read(), 5)
            assert got.count(b'"content":"') == (4 if stream else 1)
            assert not got.endswith((b"0\r\n\r\n", b"}"))
    assert (await sim.last())["outcome"] == "cut"


async def test_silence_sends_no_headers(sim: Sim) -> None:
    async with sim.raw(CHAT, {"model": "sim-silent", "messages": HELLO, "stream": True}) as (reader, _):
        await sim.last_when(lambda entry: entry["model"] == "sim-silent")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)


async def test_a_stall_keeps_the_socket_open_after_five_tokens(sim: Sim) -> None:
    async with sim.raw(CHAT, {"model": "sim-stall", "messages": HELLO, "stream": True}) as (reader, _):
        await sim.last_when(lambda entry: entry["output_tokens"] == 5)
        # The head, the role and the tokens, each in a chunk of its own.
        got = await asyncio.wait_for(reader.readuntil(b'"content":"Tell"'), 5)
        rest = await asyncio.wait_for(reader.readuntil(b"\n\n\r\n"), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        assert not reader.at_eof()
    assert (got + rest).count(b'"delta":{"content":') == 5


async def test_a_name_can_ask_for_so_many_tokens_at_such_a_pace(sim: Sim) -> None:
    begun = time.monotonic()
    answer = await sim.chat("sim-tokens-20-10-50", stream=True)
    assert time.monotonic() - begun >= 0.05 + 19 * 0.01
    assert tokens.count(answer.text()) == 20
    assert answer.events[-2]["choices"][0]["finish_reason"] == "stop"


async def test_slow_is_400_tokens_and_still_obeys_the_limit(sim: Sim) -> None:
    begun = time.monotonic()
    answer = await sim.chat("sim-slow", max_tokens=4)
    assert time.monotonic() - begun >= 4 * 0.05
    assert answer.json["usage"]["completion_tokens"] == 4
    async with sim.raw(CHAT, {"model": "sim-slow", "messages": HELLO, "stream": True}) as (reader, _):
        await asyncio.wait_for(reader.readuntil(b'"content":"You"'), 5)


async def test_a_name_can_ask_for_a_law(sim: Sim) -> None:
    begun = time.monotonic()
    assert (await sim.chat("sim-law-steady", max_tokens=1)).status == 200
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize("name", ["sim-unheard-of", "sim-cut.500", "sim-once-k.unheard", "sim-once-k.", "sim-cut-x"])
async def test_a_misspelt_fault_does_not_look_healthy(sim: Sim, name: str) -> None:
    answer = await sim.chat(name)
    assert answer.status == 404
    assert answer.json["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("name", ["gpt-4o", "simulated", "my-sim", "sim-"])
async def test_any_other_name_gets_a_normal_answer(sim: Sim, name: str) -> None:
    assert (await sim.chat(name)).json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["claude-sim-429", "us.anthropic.sim-429", "azure/sim-429"])
async def test_a_prefix_may_stand_before_a_fault(sim: Sim, name: str) -> None:
    assert (await sim.chat(name)).status == 429


def test_each_behaviour_says_what_it_does() -> None:
    described = dict(behaviours.described())
    assert {"sim-cut[-N]", "sim-429-quota", "sim-tokens-N-M[-F][.…]"} <= described.keys()
    assert all(line.endswith(".") for line in described.values())

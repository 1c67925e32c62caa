"""What holds in every chat dialect: the same answers whole and streamed, the same faults, its own errors."""

import asyncio
import json

import aiohttp
import pytest
from hedgerow_sim import tokens
from unit.hedgerow_sim.harness import KEY, Sim, running
from unit.hedgerow_sim.wires import CALL, WIRES, Wire

_FAULTS = {
    "sim-400": 400, "sim-context-length": 400, "sim-401": 401, "sim-403": 403, "sim-404": 404, "sim-429": 429,
    "sim-429-quota": 429, "sim-500": 500, "sim-503": 503,
}  # fmt: skip
_MODEL = "any-model"

every_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


@every_wire
@pytest.mark.parametrize("tools", [False, True], ids=["text", "tools"])
async def test_a_stream_says_what_the_whole_answer_says(sim: Sim, wire: Wire, *, tools: bool) -> None:
    prompt = CALL if tools else "Tell me about hedges, please"
    whole, streamed = [
        wire.told(await wire.ask(sim, _MODEL, stream=stream, prompt=prompt, tools=tools), stream=stream)
        for stream in (False, True)
    ]
    assert streamed == whole
    assert whole.finish == wire.finishes[2 if tools else 0]
    if tools:
        assert [name for name, _ in whole.calls] == ["weather", "tides"]
        assert all(arguments.keys() == {"city"} for _, arguments in whole.calls)
    else:
        assert whole.text.startswith("You asked: “Tell me about hedges, please”.")
        assert bool(whole.thinking) == (wire.name not in ("openai", "azure"))


@every_wire
async def test_an_answer_is_deterministic(sim: Sim, wire: Wire) -> None:
    first, second = [wire.told(await wire.ask(sim, _MODEL, stream=True), stream=True) for _ in range(2)]
    assert first == second


@every_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_limit_ends_an_answer(sim: Sim, wire: Wire, *, stream: bool) -> None:
    told = wire.told(await wire.ask(sim, _MODEL, stream=stream, limit=40), stream=stream)
    assert told.finish == wire.finishes[1]
    assert tokens.count(told.text) + tokens.count(told.thinking) == 40
    assert (await sim.last())["output_tokens"] == 40


@every_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_book_knows_what_was_asked_and_sent(sim: Sim, wire: Wire, *, stream: bool) -> None:
    told = wire.told(await wire.ask(sim, _MODEL, stream=stream), stream=stream)
    entry = await sim.last()
    assert (entry["model"], entry["stream"], entry["outcome"]) == (_MODEL, stream, "completed")
    assert entry["input_tokens"] > 0
    assert entry["output_tokens"] == tokens.count(told.text) + tokens.count(told.thinking)
    assert not set(entry["headers"]) & {"authorization", "api-key", "x-api-key", "x-goog-api-key"}


@every_wire
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", _FAULTS)
async def test_a_fault_has_the_providers_status(sim: Sim, wire: Wire, model: str, *, stream: bool) -> None:
    answer = await wire.ask(sim, model, stream=stream)
    assert answer.status == wire.statuses.get(model, _FAULTS[model])
    assert answer.headers["content-type"].startswith("application/json")
    json.loads(answer.body)
    assert (await sim.last())["outcome"] == "error"


@every_wire
async def test_a_stream_ends_without_finish_reason(sim: Sim, wire: Wire) -> None:
    told = wire.told(await wire.ask(sim, "sim-nofinish", stream=True), stream=True)
    assert told.finish is None
    assert told.text.endswith(".")


@every_wire
async def test_a_stream_breaks_after_three_tokens(sim: Sim, wire: Wire) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await wire.ask(sim, "sim-cut", stream=True)
    entry = await sim.last()
    assert entry["outcome"] == "cut"
    assert entry["output_tokens"] < (await _sent(sim, wire))


async def _sent(sim: Sim, wire: Wire) -> int:
    """The tokens of an undisturbed answer."""
    await wire.ask(sim, _MODEL, stream=True)
    sent: int = (await sim.last())["output_tokens"]
    return sent


@every_wire
async def test_a_stream_stalls_after_five_tokens(sim: Sim, wire: Wire) -> None:
    call = asyncio.create_task(wire.ask(sim, "sim-stall", stream=True))
    entry = await sim.last_when(lambda entry: entry["output_tokens"] >= 5)
    assert entry["outcome"] == "open"
    call.cancel()
    await sim.last_when(lambda entry: entry["outcome"] == "cancelled")


@every_wire
async def test_an_error_comes_in_the_middle_of_a_stream(sim: Sim, wire: Wire) -> None:
    answer = await wire.ask(sim, "sim-error-in-stream", stream=True)
    assert answer.status == 200
    tail = answer.body[-600:].decode(errors="replace").lower()
    assert "error" in tail or "exception" in tail
    assert (await sim.last())["outcome"] == "error"


@every_wire
async def test_a_document_comes_where_a_stream_was_asked_for(sim: Sim, wire: Wire) -> None:
    answer = await wire.ask(sim, "sim-json-for-stream", stream=True)
    assert answer.headers["content-type"].startswith("application/json")
    assert wire.read(answer.json).text


@every_wire
async def test_a_name_asks_for_so_many_tokens(sim: Sim, wire: Wire) -> None:
    told = wire.told(await wire.ask(sim, "sim-tokens-30-0", stream=True), stream=True)
    assert tokens.count(told.text) == 30


@every_wire
async def test_the_key_comes_in_the_providers_own_way(wire: Wire) -> None:
    async with running(key=KEY) as sim:
        assert (await wire.ask(sim, _MODEL, stream=False)).status == 200
        path, body = wire.path(_MODEL, False), wire.body(_MODEL, False, "x", None, False)
        wrong = {name: value.replace(KEY, "another") for name, value in wire.key.items()}
        for headers in (wrong, {}):
            answer = await sim.post(path, body, **headers)
            assert answer.status in (400, 401, 403)
            assert KEY not in answer.body.decode()

"""The book: what it keeps, what it forgets, and callers who leave."""

import asyncio
import json
import time
from typing import Any

import pytest
from unit.hedgerow_sim.harness import CHAT, HELLO, Sim, running


async def test_an_entry_says_what_was_asked_and_what_was_sent(sim: Sim) -> None:
    before = time.time()
    await sim.post(CHAT, {"model": "m", "messages": HELLO, "stream": True}, traceparent="00-1-2-01")
    entry = await sim.last()
    assert (entry["number"], entry["path"], entry["model"], entry["stream"]) == (1, CHAT, "m", True)
    assert (entry["status"], entry["outcome"]) == (200, "completed")
    assert entry["headers"]["traceparent"] == "00-1-2-01"
    assert before <= entry["started_unix"] <= entry["first_byte_unix"] <= entry["ended_unix"] <= time.time()
    # One chunk a token, and the role, the finish reason and [DONE].
    assert entry["sent_chunks"] == entry["output_tokens"] + 3


@pytest.mark.parametrize(
    "name", ["authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "x-amz-security-token"]
)
async def test_no_secret_is_kept(sim: Sim, name: str) -> None:
    await sim.post(CHAT, {"model": "m", "messages": HELLO}, **{name: "very-secret"})
    assert "very-secret" not in json.dumps(await sim.book())


async def test_keys_in_the_query_are_not_kept(sim: Sim) -> None:
    await sim.post(CHAT + "?key=very-secret", {"model": "m", "messages": HELLO})
    assert "very-secret" not in json.dumps(await sim.book())
    assert (await sim.last())["path"] == CHAT


async def test_only_the_last_calls_are_kept_but_the_totals_count_all() -> None:
    async with running(book_size=2) as sim:
        usages = [(await sim.chat(f"m{number}")).json["usage"] for number in range(4)]
        book = await sim.book()
    assert [call["model"] for call in book["calls"]] == ["m2", "m3"]
    assert book["totals"]["calls"] == book["totals"]["completed"] == 4
    assert book["totals"]["output_tokens"] == sum(usage["completion_tokens"] for usage in usages)


async def test_the_answer_can_be_limited_to_the_last_calls(sim: Sim) -> None:
    for _ in range(3):
        await sim.chat()
    assert [call["number"] for call in (await sim.book("?last=2"))["calls"]] == [2, 3]


async def test_emptying_forgets_calls_under_way_too(sim: Sim) -> None:
    async with sim.raw(CHAT, {"model": "sim-stall", "messages": HELLO, "stream": True}) as (reader, _):
        await reader.readuntil(b"data: ")
        async with sim.http.delete(sim.url + "/_sim/book") as answer:
            assert answer.status == 204
        assert (await sim.book())["totals"]["calls"] == 0
    await sim.chat()
    book = await sim.book()
    assert [call["number"] for call in book["calls"]] == [1]
    assert book["totals"]["calls"] == book["totals"]["completed"] == 1


async def test_a_call_under_way_is_open_and_counted(sim: Sim) -> None:
    async with sim.raw(CHAT, {"model": "sim-stall", "messages": HELLO, "stream": True}):
        await sim.last_when(lambda entry: entry["output_tokens"] == 5)
        book = await sim.book()
    assert book["calls"][0]["outcome"] == "open"
    assert book["calls"][0]["ended_unix"] is None
    assert (book["totals"]["open"], book["totals"]["output_tokens"]) == (1, 5)


async def _leaves(sim: Sim, body: dict[str, Any], seen: bytes) -> Any:
    """The entry of a call whose client leaves once it has `seen` these bytes; checks that it is booked in time."""
    async with sim.raw(CHAT, {"messages": HELLO} | body) as (reader, _):
        if seen:
            await asyncio.wait_for(reader.readuntil(seen), 5)
        else:
            await sim.last_when(lambda entry: entry["model"] == body["model"])
        left = time.time()
    entry = await sim.last_when(lambda entry: entry["outcome"] != "open")
    assert entry["ended_unix"] - left < 0.25
    return entry


@pytest.mark.parametrize(
    ("body", "seen", "tokens"),
    [
        pytest.param({"model": "sim-silent"}, b"", 0, id="before the headers"),
        pytest.param({"model": "sim-tokens-5-9000", "stream": True}, b"", 0, id="before the first token"),
        pytest.param({"model": "sim-tokens-5-9000-0", "stream": True}, b'"content":"You"', 1, id="mid-stream"),
        pytest.param({"model": "sim-stall", "stream": True}, b'"content":"Tell"', 5, id="in a stall"),
        pytest.param({"model": "sim-stall"}, b"created", None, id="in the middle of a body"),
    ],
)
async def test_a_client_that_leaves_is_booked_as_cancelled_within_250_ms(
    sim: Sim, body: dict[str, Any], seen: bytes, tokens: int | None
) -> None:
    entry = await _leaves(sim, body, seen)
    assert entry["outcome"] == "cancelled"
    assert tokens is None or entry["output_tokens"] == tokens
    assert (entry["first_byte_unix"] is None) == (not seen)


async def test_a_client_that_leaves_without_having_sent_its_body_is_cancelled(sim: Sim) -> None:
    _, writer = await asyncio.open_connection(sim.host, sim.port)
    writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: sim\r\ncontent-length: 100\r\n\r\n{{".encode())
    await sim.last_when(lambda entry: entry["outcome"] == "open")
    writer.transport.abort()
    entry = await sim.last_when(lambda entry: entry["outcome"] != "open")
    assert entry["outcome"] == "cancelled"


async def test_a_client_that_stops_reading_and_leaves_is_cancelled(sim: Sim) -> None:
    """The server is blocked in a write then, not in a wait."""
    async with sim.raw(CHAT, {"model": "sim-tokens-90000-0", "messages": HELLO, "stream": True}) as (reader, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        entry = await sim.last_when(lambda entry: entry["output_tokens"] > 0)
        assert reader is not None
    entry = await sim.last_when(lambda entry: entry["outcome"] != "open")
    assert entry["outcome"] == "cancelled"
    assert 0 < entry["output_tokens"] < 90_000

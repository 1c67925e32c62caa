"""Bytes, ends and tool calls that are not what they should be, in every dialect, unary and streamed."""

import json

import pytest
from hedgerow_sim import tokens
from unit.hedgerow_sim.calls import Got, both, call, everywhere, normal
from unit.hedgerow_sim.harness import Sim
from unit.hedgerow_sim.wires import CALL

_TEXT = "Grüße, “Ærøskøbing” — 世界 🌿 naïve 🧑‍🌾 | ende gut."


def _is_array(got: Got) -> bool:
    return got.wire.name == "gemini-array"


# --- Bytes ---


@both
async def test_one_event_is_malformed_and_no_text_is_lost(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-malformed", stream=stream):
        assert (got.status, got.end) == (200, "whole"), got
        with pytest.raises(ValueError):
            _ = got.payloads
        whole = await normal(shared, got.wire, stream=stream)
        assert got.entry["output_tokens"] == whole.entry["output_tokens"], got
        assert not stream or len(got.body) > len(whole.body), got


@both
async def test_what_is_unknown_can_be_skipped(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-unknown-event-2", stream=stream):
        assert b"nown" in got.body, got
        assert sum("nobody knows" in json.dumps(one) for one in got.payloads) == stream, got
        if not stream:
            assert got.wire.told(got.answer, stream=False).text.endswith("."), got


@both
async def test_characters_that_are_split_join_again(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-utf8-split", stream=stream):
        assert got.wire.told(got.answer, stream=stream).text == _TEXT, got
        assert got.billed[1] == got.entry["output_tokens"] > 0, got


@both
async def test_a_body_ends_in_the_middle_of_a_character(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-utf8-truncated", stream=stream):
        if got.wire.name == "bedrock-claude" and stream:
            continue  # Its text travels as base64: there is no character to cut.
        assert (got.status, got.end) == (200, "whole"), got
        assert got.body.endswith("🌿".encode()[:2]), got


@both
async def test_one_byte_of_the_text_is_invalid(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-utf8-invalid", stream=stream):
        if "amazon" not in got.headers["content-type"]:
            assert got.body.count(b"\xff") >= 1, got
            with pytest.raises(UnicodeDecodeError):
                got.body.decode()
        else:
            with pytest.raises(UnicodeDecodeError):
                _ = got.payloads


@both
async def test_one_line_is_as_long_as_asked(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-long-line-1", stream=stream):
        assert (got.status, got.end) == (200, "whole"), got
        told = got.wire.told(got.answer, stream=stream)
        assert told.text == f"So long: {'x' * (1 << 20)} and done.", got.wire


@both
async def test_many_events_are_tiny_and_all_counted(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-tiny-events-3000", stream=stream):
        assert tokens.count(got.wire.told(got.answer, stream=stream).text) == 3000, got.wire
        assert got.entry["output_tokens"] == got.billed[1] >= 3000, got.wire
        assert not stream or got.entry["sent_chunks"] >= 3000, got.wire


async def test_a_document_for_a_stream_is_billed(shared: Sim) -> None:
    async for got in everywhere(shared, "sim-json-for-stream", stream=True):
        assert got.headers["content-type"].startswith("application/json"), got
        assert got.wire.read(json.loads(got.body)).text, got
        assert got.entry["outcome"] == "completed", got
        assert got.billed[1] == got.entry["output_tokens"] > 0, got


async def test_a_stream_for_a_document_is_billed(shared: Sim) -> None:
    async for got in everywhere(shared, "sim-stream-for-json", stream=False):
        assert len(got.body.splitlines()) > 1 or "amazon" in got.headers["content-type"] or _is_array(got), got
        assert got.entry["outcome"] == "completed", got
        assert got.billed[1] == got.entry["output_tokens"] > 0, got


# --- Ends ---


@both
async def test_an_error_ends_a_stream(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-error-in-stream-4", stream=stream):
        assert (got.status, got.entry["outcome"]) == (200 if stream else 500, "error"), got
        assert (got.billed[1] >= 4) == stream, got
        assert got.billed[1] == got.entry["output_tokens"], got


async def test_an_error_event_comes_first(shared: Sim) -> None:
    async for got in everywhere(shared, "sim-error-first-503", stream=True):
        assert got.status == 200, got
        text = got.body.decode(errors="replace").lower()
        assert "error" in text or "exception" in text, got
        assert "overload" in text or "unavailable" in text or "busy" in text, got
        if _is_array(got):
            assert len(json.loads(got.body)) == 1


@both
async def test_nobody_says_why_it_ended(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-nofinish", stream=stream):
        whole = await normal(shared, got.wire, stream=stream)
        assert got.entry["output_tokens"] == whole.entry["output_tokens"], got
        assert len(got.body) < len(whole.body) + 10, got


@both
async def test_the_content_filter_ends_an_answer(shared: Sim, *, stream: bool) -> None:
    words = {"anthropic": "refusal", "gemini": "SAFETY", "vertex": "SAFETY", "bedrock": "content_filtered",
             "cohere": "ERROR_TOXIC", "responses": "incomplete"}  # fmt: skip
    words |= {"vertex-claude": "refusal", "bedrock-claude": "refusal", "gemini-array": "SAFETY"}
    async for got in everywhere(shared, "sim-filter-finish-6", stream=stream):
        told = got.wire.told(got.answer, stream=stream)
        assert told.finish == words.get(got.wire.name, "content_filter"), got
        assert tokens.count(told.text) == 6, got
    assert got.entry["outcome"] == "completed"


def _marks(got: Got) -> int:
    """How often a stream says that it is over."""
    marks = {
        "openai": b"[DONE]", "azure": b"[DONE]", "cohere": b"[DONE]", "responses": b"event: response.completed",
        "anthropic": b"event: message_stop", "vertex-claude": b"event: message_stop", "bedrock": b"messageStop",
        "gemini": b'"finishReason"', "gemini-array": b'"finishReason"', "vertex": b'"finishReason"',
        "ollama": b'"done":true',
    }  # fmt: skip
    if got.wire.name == "bedrock-claude":
        return sum(one["type"] == "message_stop" for one in got.payloads)
    return got.body.count(marks[got.wire.name])


@pytest.mark.parametrize(
    ("model", "marks"), [("sim-done-twice", 2), ("sim-done-missing", 0), ("sim-done-early-3", 2), ("sim-done-text", 1)]
)
async def test_the_mark_of_the_end_comes_as_often_as_asked(shared: Sim, model: str, marks: int) -> None:
    async for got in everywhere(shared, model, stream=True):
        assert (got.status, got.end) == (200, "whole"), got
        # The end of Gemini's array is one, too; the items before have to be well-formed.
        assert _marks(got) == marks, got


async def test_what_follows_an_end_is_text_and_costs_nothing(shared: Sim) -> None:
    async for got in everywhere(shared, "sim-done-early-3", stream=True):
        short = await call(shared, got.wire, "sim-tokens-3-0", stream=True)
        assert got.billed == short.billed, got
        assert len(got.body) > len(short.body), got
    async for got in everywhere(shared, "sim-done-text", stream=True):
        whole = await normal(shared, got.wire, stream=True)
        assert got.billed == whole.billed, got
        assert len(got.body) > len(whole.body), got


@pytest.mark.parametrize("model", ["sim-done-twice", "sim-done-missing", "sim-done-early", "sim-done-text"])
async def test_a_document_that_does_not_end_where_it_should_is_no_json(shared: Sim, model: str) -> None:
    async for got in everywhere(shared, model, stream=False):
        assert (got.status, got.end) == (200, "whole"), got
        with pytest.raises(json.JSONDecodeError):
            json.loads(got.body)


@both
async def test_a_tool_call_is_cut(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-tool-cut", stream=stream, tools=True, prompt=CALL):
        assert (got.status, got.end, got.entry["outcome"]) == (200, "broken", "cut"), got
        assert len(got.body) > 20, got
        whole = await call(shared, got.wire, "sim-jitter-0", stream=stream, tools=True, prompt=CALL)
        assert got.entry["output_tokens"] < whole.entry["output_tokens"], got


@both
async def test_a_tool_call_needs_no_tools_to_break_off(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-tool-half", stream=stream):
        assert (got.status, got.end) == (200, "whole"), got
        assert b"lookup" in got.body or got.wire.name in ("gemini", "gemini-array", "vertex", "ollama") or (
            got.wire.name == "bedrock-claude"
        ), got  # fmt: skip

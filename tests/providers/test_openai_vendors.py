"""Recorded traffic of other vendors that speak OpenAI's dialect: nothing of it trips the reader."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import HedgerowError, ProviderRejectedRequest, StreamCut
from hedgerow_server.core.event import Finished, FinishReason
from hedgerow_server.core.request import Reasoning, Text, ToolCall
from providers.openai_expected import body_bytes, expected
from providers.openai_run import folded, read
from stack import RECORDINGS

Json = dict[str, Any]

DIALECTS = ("openai_chat", "mistral_chat", "azure_ai_chat")
FAILURES: dict[str, type[HedgerowError]] = {
    # Errors inside a 200: Groq's `event: error`, OpenRouter's `error` member.
    "groq-chat_stream-84a58a25227e": ProviderRejectedRequest,
    "openrouter-chat_stream-ca0b843d74f3": ProviderRejectedRequest,
    # Snowflake's streams never give a finish reason.
    "snowflake-chat_stream-b3f28278c0b9": StreamCut,
}


def _recordings() -> list[Json]:
    paths = [path for path in sorted(RECORDINGS.glob("*.jsonl")) if path.name != "openai.jsonl"]
    records = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in records if one["api"] in DIALECTS and one["kind"] in ("chat", "chat_stream")]


RECORDED = _recordings()
ANSWERED = [one for one in RECORDED if one["id"] not in FAILURES]
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def _read(recording: Json, piece_bytes: int) -> list[Any]:
    body = body_bytes(recording)
    kind = "text/event-stream" if recording["response"].get("stream_format") else "application/json"
    return list(read((body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)), kind))


@pytest.mark.parametrize("vendor", [one for one in RECORDED if one["id"] in FAILURES], ids=lambda one: str(one["id"]))
def test_a_failure_inside_a_200_is_a_failure(vendor: Json) -> None:
    with pytest.raises(FAILURES[vendor["id"]]):
        _read(vendor, 4096)


@pytest.mark.parametrize("vendor", ANSWERED, ids=lambda one: str(one["id"]))
def test_a_vendors_answer_is_read_as_recorded(vendor: Json) -> None:
    """Text, thoughts, calls, finish and the sums of the usage."""
    wanted = expected(vendor)
    events = _read(vendor, 4096)
    answer, last = folded(events), events[-1]
    contents = [part.content for part in answer.message.content]
    assert "".join(one.text for one in contents if isinstance(one, Text)) == wanted.text
    assert "".join(one.text for one in contents if isinstance(one, Reasoning)) == wanted.reasoning
    calls = [(one.name, one.arguments) for one in contents if isinstance(one, ToolCall)]
    assert calls == [(name, arguments) for _, name, arguments in wanted.calls]
    assert isinstance(last, Finished)
    assert last.native_reason == wanted.word
    assert (last.reason is FinishReason.TOOL_CALLS) == bool(wanted.calls)
    if wanted.usage is not None:
        assert last.usage is not None
        assert last.usage.input_tokens == wanted.usage["prompt_tokens"]
        assert last.usage.output_tokens == wanted.usage["completion_tokens"]


@pytest.mark.parametrize("vendor", ANSWERED, ids=lambda one: str(one["id"]))
def test_small_pieces_give_the_same_events(vendor: Json) -> None:
    """Seven bytes at a time: events, CRLF and UTF-8 sequences are cut everywhere."""
    assert _read(vendor, 7) == _read(vendor, 1 << 20)

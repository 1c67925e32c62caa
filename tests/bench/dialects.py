"""CPU per chunk of a stream in each dialect, from the provider's bytes to the serialised events.

Measured in this process, one chunk a feed: the dialect's reader, the joining of neighbouring deltas, the encoder of the
RPC. Each dialect reads an answer made here (thoughts where it has them, some text, a tool call) and, where the
recordings are beside the checkout, the longest recorded one. Figures of one run compare with each other, not across
machines.
"""

import argparse
import base64
import itertools
import json
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Completed, Event, Finished, Usage, coalesce
from hedgerow_server.core.port import Dialect, Operation
from hedgerow_server.providers.anthropic import Anthropic, AnthropicSection
from hedgerow_server.providers.azure_openai import AzureOpenAI, AzureOpenAISection
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection
from hedgerow_server.providers.cohere import Cohere, CohereSection
from hedgerow_server.providers.google import Gemini, GeminiSection, Vertex, VertexSection
from hedgerow_server.providers.ollama import Ollama, OllamaSection
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection
from hedgerow_server.wire.chat_events import EventEncoder
from providers.replay import recordings_of

Json = dict[str, Any]
Pieces = list[str]


def _pieces(text: str, count: int) -> Pieces:
    """A token or two a chunk."""
    return [f" {word}" for word in itertools.islice(itertools.cycle(text.split()), count)]


THOUGHTS = _pieces("first the length of it", 20)
WORDS = _pieces("Hedges grow slowly, so plant them early and prune them often.", 165)
ARGUMENTS = ['{"len', 'gth_m":', " 12", ', "spe', 'cies":', ' "hawt', 'horn"', "}"]
STAMP = 1_790_000_000


def _data(*chunks: Json) -> list[bytes]:
    return [f"data: {json.dumps(chunk, separators=(',', ':'))}\n\n".encode() for chunk in chunks]


def _named(*chunks: Json) -> list[bytes]:
    return [f"event: {one['type']}\ndata: {json.dumps(one, separators=(',', ':'))}\n\n".encode() for one in chunks]


def openai() -> list[bytes]:
    """A stream of Chat Completions. OpenAI itself shows no thoughts there."""

    def chunk(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": "chatcmpl-CkxUD1b6YqzGkTgTqhKrNq0yFoP7w",
            "object": "chat.completion.chunk",
            "created": STAMP,
            "model": "gpt-4.1-2025-04-14",
            "service_tier": "default",
            "system_fingerprint": "fp_7a1c5d2e90",
            "choices": [choice],
            "usage": None,
            "obfuscation": "kq7Zp2xV",
        }

    def call(**piece: Any) -> Json:
        return chunk({"tool_calls": [{"index": 0, **piece}]})

    usage = {"prompt_tokens": 90, "completion_tokens": 164, "total_tokens": 254}
    return [
        *_data(chunk({"role": "assistant", "content": "", "refusal": None})),
        *_data(*(chunk({"content": word}) for word in WORDS)),
        *_data(call(id="call_h3dG3", type="function", function={"name": "plan_hedge", "arguments": ""})),
        *_data(*(call(function={"arguments": piece}) for piece in ARGUMENTS)),
        *_data(chunk({}, "tool_calls"), {**chunk({}), "choices": [], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


def responses() -> list[bytes]:
    """A stream of Responses."""
    text = "".join(WORDS)
    thoughts = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "".join(THOUGHTS)}]}
    content = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    message = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [content]}
    call = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "plan_hedge"}
    call["arguments"] = "".join(ARGUMENTS)
    usage = {"input_tokens": 90, "output_tokens": 184, "output_tokens_details": {"reasoning_tokens": 20}}
    head = {"id": "resp_1", "object": "response", "created_at": STAMP, "model": "gpt-5-2025-08-07", "output": []}
    last = {**head, "status": "completed", "output": [thoughts, message, call], "usage": usage}

    def step(kind: str, **more: Any) -> Json:
        return {"type": f"response.{kind}", **more}

    def deltas(kind: str, item: str, at: int, pieces: Pieces) -> Iterator[Json]:
        for piece in pieces:
            yield step(kind, item_id=item, output_index=at, delta=piece, obfuscation="kq7Zp2xV")

    steps = [
        step("created", response={**head, "status": "in_progress"}),
        step("output_item.added", output_index=0, item={**thoughts, "summary": []}),
        *deltas("reasoning_summary_text.delta", "rs_1", 0, THOUGHTS),
        step("output_item.done", output_index=0, item=thoughts),
        step("output_item.added", output_index=1, item={**message, "content": []}),
        *({**one, "content_index": 0, "logprobs": []} for one in deltas("output_text.delta", "msg_1", 1, WORDS)),
        step("output_text.done", item_id="msg_1", output_index=1, content_index=0, text=text),
        step("output_item.done", output_index=1, item=message),
        step("output_item.added", output_index=2, item={**call, "arguments": ""}),
        *deltas("function_call_arguments.delta", "fc_1", 2, ARGUMENTS),
        step("output_item.done", output_index=2, item=call),
        step("completed", response=last),
    ]
    return _named(*({**one, "sequence_number": number} for number, one in enumerate(steps)))


def anthropic() -> list[bytes]:
    """A stream of Messages."""
    usage = {"input_tokens": 90, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    head = {"id": "msg_01Hedge", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": []}

    def block(at: int, kind: Json, deltas: list[Json]) -> Iterator[Json]:
        yield {"type": "content_block_start", "index": at, "content_block": kind}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}

    thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in THOUGHTS]
    arguments = [{"type": "input_json_delta", "partial_json": piece} for piece in ARGUMENTS]
    return _named(
        {"type": "message_start", "message": {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        *block(
            0, {"type": "thinking", "thinking": ""}, [*thoughts, {"type": "signature_delta", "signature": "ErUB" * 40}]
        ),
        {"type": "ping"},
        *block(1, {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in WORDS]),
        *block(2, {"type": "tool_use", "id": "toolu_1", "name": "plan_hedge", "input": {}}, arguments),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 184}},
        {"type": "message_stop"},
    )


def google() -> list[bytes]:
    """A stream of generateContent. Calls come whole."""

    def chunk(part: Json, **more: Any) -> Json:
        usage = {"promptTokenCount": 90, "candidatesTokenCount": 164, "totalTokenCount": 274, "thoughtsTokenCount": 20}
        return {
            "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0, **more}],
            "usageMetadata": {**usage, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}]},
            "modelVersion": "gemini-2.5-flash",
            "responseId": "h3dG3r0wAAAAAAAA",
        }

    call = {"name": "plan_hedge", "args": json.loads("".join(ARGUMENTS))}
    return _data(
        *(chunk({"text": piece, "thought": True}) for piece in THOUGHTS),
        *(chunk({"text": word}) for word in WORDS),
        chunk({"functionCall": call, "thoughtSignature": "CtwB" * 40}),
        chunk({"text": ""}, finishReason="STOP"),
    )


def bedrock() -> list[bytes]:
    """A stream of ConverseStream: binary frames."""

    def delta(at: int, **more: Json | str) -> bytes:
        return _frame("contentBlockDelta", {"contentBlockIndex": at, "delta": more, "p": "abcdefghijklmnopqr"})

    def stop(at: int) -> bytes:
        return _frame("contentBlockStop", {"contentBlockIndex": at, "p": "abcdefgh"})

    tool = {"toolUse": {"toolUseId": "tooluse_1", "name": "plan_hedge"}}
    usage = {"inputTokens": 90, "outputTokens": 184, "totalTokens": 274}
    return [
        _frame("messageStart", {"role": "assistant", "p": "abcd"}),
        *(delta(0, reasoningContent={"text": piece}) for piece in THOUGHTS),
        delta(0, reasoningContent={"signature": "ErUB" * 40}),
        stop(0),
        *(delta(1, text=word) for word in WORDS),
        stop(1),
        _frame("contentBlockStart", {"contentBlockIndex": 2, "start": tool, "p": "abcd"}),
        *(delta(2, toolUse={"input": piece}) for piece in ARGUMENTS),
        stop(2),
        _frame("messageStop", {"stopReason": "tool_use", "p": "abcdefghijk"}),
        _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 812}, "p": "abc"}),
    ]


def _frame(name: str, payload: Json) -> bytes:
    headers = b""
    said = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    for key, value in said.items():
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload, separators=(",", ":")).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    data = prelude + struct.pack(">I", crc32(prelude)) + headers + body
    return data + struct.pack(">I", crc32(data))


def cohere() -> list[bytes]:
    """A stream of Chat v2."""

    def step(kind: str, at: int | None = None, **message: Any) -> Json:
        index = {} if at is None else {"index": at}
        return {"type": kind, **index, **({"delta": {"message": message}} if message else {})}

    function = {"name": "plan_hedge", "arguments": ""}
    usage = {"billed_units": {"input_tokens": 60, "output_tokens": 164}, "tokens": {"input_tokens": 90}}
    return _named(
        {"id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4", **step("message-start", role="assistant", content=[])},
        *(step("tool-plan-delta", tool_plan=piece) for piece in THOUGHTS),
        step("content-start", 0, content={"type": "text", "text": ""}),
        *(step("content-delta", 0, content={"text": word}) for word in WORDS),
        step("content-end", 0),
        step("tool-call-start", 0, tool_calls={"id": "plan_1", "type": "function", "function": function}),
        *(step("tool-call-delta", 0, tool_calls={"function": {"arguments": piece}}) for piece in ARGUMENTS),
        step("tool-call-end", 0),
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": usage}},
    )


def ollama() -> list[bytes]:
    """A stream of Ollama's own chat; a call comes whole."""

    def line(done: bool = False, **message: Any) -> Json:
        said = {"role": "assistant", "content": "", **message}
        return {"model": "qwen3:8b", "created_at": "2026-01-05T10:00:00.123456Z", "message": said, "done": done}

    call = {"id": "call_1", "function": {"index": 0, "name": "plan_hedge", "arguments": json.loads("".join(ARGUMENTS))}}
    counts = {"total_duration": 9, "prompt_eval_count": 90, "prompt_eval_duration": 4, "eval_count": 184}
    documents = [
        *(line(thinking=piece) for piece in THOUGHTS),
        *(line(content=word) for word in WORDS),
        line(tool_calls=[call]),
        {**line(done=True), "done_reason": "stop", **counts},
    ]
    return [json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in documents]


_VERTEX = {"dialect": "vertex", "project": "example", "location": "us-central1"}
_AZURE = {"dialect": "azure_openai", "base_url": "https://example.openai.azure.com"}
DIALECTS: dict[str, tuple[Dialect, Callable[[], list[bytes]], tuple[str, ...], str | None]] = {
    "openai": (
        OpenAI("bench", OpenAISection(dialect="openai")),
        openai,
        ("openai_chat", "mistral_chat", "azure_ai_chat"),
        None,
    ),
    "openai_responses": (
        OpenAIResponses("bench", OpenAIResponsesSection(dialect="openai_responses")),
        responses,
        ("openai_responses",),
        None,
    ),
    "azure_openai": (
        AzureOpenAI("bench", AzureOpenAISection.model_validate(_AZURE)),
        openai,
        ("openai_chat",),
        "azure_openai",
    ),
    "anthropic": (
        Anthropic("bench", AnthropicSection(dialect="anthropic")),
        anthropic,
        ("anthropic_messages",),
        None,
    ),
    "gemini": (Gemini("bench", GeminiSection(dialect="gemini")), google, ("gemini_generate",), "gemini"),
    "vertex": (Vertex("bench", VertexSection.model_validate(_VERTEX)), google, ("gemini_generate",), "vertex"),
    "vertex_claude": (
        Vertex("bench", VertexSection.model_validate(_VERTEX)),
        anthropic,
        ("vertex_anthropic",),
        "vertex",
    ),
    "bedrock": (
        Bedrock("bench", BedrockSection.model_validate({"dialect": "bedrock", "region": "us-east-1"})),
        bedrock,
        ("bedrock_converse",),
        None,
    ),
    "cohere": (Cohere("bench", CohereSection(dialect="cohere")), cohere, ("cohere_v2_chat",), None),
    "ollama": (Ollama("bench", OllamaSection(dialect="ollama")), ollama, ("ollama_chat",), None),
}
"""Each dialect: a provider of it, the answer made here, the recordings' words for it, and their provider if one alone
is meant.
"""


def serialised(dialect: Dialect, chunks: list[bytes]) -> int:
    """Reads a stream, a chunk at a time; gives the bytes of the messages that callers get. Raises HedgerowError."""
    reader = dialect.reader(Operation.CHAT, stream=True, content_type="")
    encoder, size = EventEncoder(), 0
    for chunk in chunks:
        for event in coalesce(reader.feed(chunk)):
            for message in encoder.encode(event):
                size += len(message)
    for event in reader.finish():
        for message in encoder.encode(_as_sent(event)):
            size += len(message)
    return size


def _as_sent(event: Event) -> Event:
    """The last event as the executor sends it."""
    return (
        Completed(event.reason, event.native_reason, event.usage or Usage()) if isinstance(event, Finished) else event
    )


def longest_recorded(dialect: Dialect, apis: tuple[str, ...], provider: str | None) -> list[bytes]:
    """The chunks of the recorded stream that has the most, of those that are whole; none without recordings."""
    streams = (
        _split(recording["response"])
        for recording in recordings_of(*apis)
        if recording["kind"] == "chat_stream" and provider in (None, recording["provider"])
    )
    return max((chunks for chunks in streams if chunks and _whole(dialect, chunks)), key=len, default=[])


def _split(response: Json) -> list[bytes]:
    """A recorded stream's events, one a chunk; none if it is of another kind."""
    if response["stream_format"] == "sse":
        body = response["body"].replace("\r\n", "\n")
        return [f"{block}\n\n".encode() for block in body.split("\n\n") if block]
    chunks: list[bytes] = []
    if response["stream_format"] == "aws-eventstream":
        left = base64.b64decode(response["body"])
        while left:
            size = int.from_bytes(left[:4], "big")
            chunks.append(left[:size])
            left = left[size:]
    return chunks


def _whole(dialect: Dialect, chunks: list[bytes]) -> bool:
    try:
        return serialised(dialect, chunks) > 0
    except HedgerowError:
        return False


def measured(dialect: Dialect, chunks: list[bytes], rounds: int, scale: float) -> list[float]:
    """CPU-µs per chunk, one figure a round."""
    repeats = max(1, int(scale * 40_000 / len(chunks)))
    for _ in range(max(1, repeats // 10)):
        serialised(dialect, chunks)
    figures: list[float] = []
    for _ in range(rounds):
        before = time.process_time()
        for _ in range(repeats):
            serialised(dialect, chunks)
        figures.append((time.process_time() - before) * 1e6 / (repeats * len(chunks)))
    return figures


def main() -> None:
    """Prints a table; with --json also one object for each measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench dialects", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure is taken (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much work a round is (default 1: 40000 chunks)")
    arguments = parser.parse_args()
    result: Json = {}
    print(f"{'measure':<30} {'CPU-µs':>8}   min … max of {arguments.rounds}, chunks of the stream")
    for name, (dialect, make, apis, provider) in DIALECTS.items():
        for suffix, chunks in (("", make()), ("_recorded", longest_recorded(dialect, apis, provider))):
            if not chunks:
                continue
            values = measured(dialect, chunks, arguments.rounds, arguments.scale)
            middle = statistics.median(values)
            print(f"{name + suffix:<30} {middle:>8.2f}   {min(values):.2f} … {max(values):.2f}, {len(chunks)}")
            figures = {"cpu_us": round(middle, 2), "all": [round(value, 2) for value in values], "chunks": len(chunks)}
            result[f"{name}{suffix}"] = {"hedgerow": figures}
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

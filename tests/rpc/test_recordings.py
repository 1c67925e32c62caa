"""Recorded traffic of OpenAI through a whole router: gRPC in front, real HTTP behind, on both upstream transports.

What is expected is read from the recordings with the standard library alone (providers/openai_expected.py).
"""

import struct
from typing import Any

import grpc
import pytest
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse, StreamCompleteResponse
from hedgerow.common.v1 import warning_pb2
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.embed.v1 import embed_service_pb2 as embed_pb
from hedgerow_client.errors import Trailers
from hedgerow_client.fold import ChatFold
from providers.openai_expected import Expected, Json, expected, expected_vectors
from rpc.caller import COMPLETE, STREAM_COMPLETE, Door, Outcome, chat
from stack import recordings

WORDS = {
    "stop": event_pb2.FINISH_REASON_STOP,
    "length": event_pb2.FINISH_REASON_LENGTH,
    "tool_calls": event_pb2.FINISH_REASON_TOOL_CALLS,
    "function_call": event_pb2.FINISH_REASON_TOOL_CALLS,
}
ERRORS = {
    400: (grpc.StatusCode.INVALID_ARGUMENT, "PROVIDER_REJECTED_REQUEST"),
    401: (grpc.StatusCode.UNAVAILABLE, "PROVIDER_AUTH"),
    404: (grpc.StatusCode.UNAVAILABLE, "PROVIDER_MODEL_UNAVAILABLE"),
}
HOW = pytest.mark.parametrize("how", ["", "/bytes"], ids=["as recorded", "one byte a chunk"])
CHATS = [one for one in recordings() if one["kind"] in ("chat", "chat_stream")]


def test_every_kind_of_recording_is_there() -> None:
    """Were the folder's format to change, the tests below would have nothing to run on and pass."""
    kinds = {one["kind"] for one in recordings()}
    if not kinds:
        pytest.skip("the recordings of provider traffic are not beside the checkout")
    assert kinds == {"chat", "chat_stream", "embed", "error"}


@HOW
def test_a_recording_arrives_as_recorded(either: Door, recording: Json, how: str) -> None:
    """Text, calls, finish reason and usage of a chat; vectors to the last bit; code and reason of an error."""
    model = f"{recording['id']}{how}"
    match recording["kind"]:
        case "chat":
            check_answer(either.caller.complete(chat(model)).message, recording)
        case "chat_stream":
            check_answer(folded(either.caller.stream_complete(chat(model))), recording)
        case "embed":
            check_vectors(either.caller.embed(embed_request(model, recording)).message, recording)
        case "error":
            check_error(failed(either, model, recording), recording)


@HOW
@pytest.mark.parametrize("chat_recording", CHATS, ids=[str(one["id"]) for one in CHATS])
def test_the_unary_answer_is_the_fold_of_the_stream(either: Door, chat_recording: Json, how: str) -> None:
    """Whatever form the provider answers in: a stream though none was asked for, or a document instead of one."""
    model = f"{chat_recording['id']}{how}"
    unary = either.caller.chat(COMPLETE, model).message
    streamed = folded(either.caller.chat(STREAM_COMPLETE, model))
    for answer in (unary, streamed):
        check_answer(answer, chat_recording)
        assert [attempt.upstream_status for attempt in answer.attempts] == [200]
        del answer.attempts[:]
        # A stream tells of what turns up late in the trailer: by then Started has long gone out.
        del answer.warnings[:]
    # Calls that the provider gave no id get a fresh one each time.
    if None in [call_id for call_id, _, _ in expected(chat_recording).calls]:
        for answer in (unary, streamed):
            for part in answer.message.content:
                part.tool_call.id = part.tool_call.id and "-"
    assert unary == streamed


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
@pytest.mark.parametrize("chat_recording", CHATS, ids=[str(one["id"]) for one in CHATS])
def test_further_choices_are_dropped_with_a_warning(door: Door, chat_recording: Json, rpc: str) -> None:
    """In the report in any case, in the answer where it is not sent before it is known."""
    several = chat_recording["request"]["body"].get("n", 1) > 1
    wanted = [warning_pb2.WARNING_CODE_CHOICES_DROPPED] if several else []
    outcome = door.caller.chat(rpc, chat_recording["id"])
    assert [warning.code for warning in outcome.report.warnings] == wanted
    if rpc == COMPLETE:
        assert [warning.code for warning in outcome.message.warnings] == wanted


def folded(outcome: Outcome[StreamCompleteResponse]) -> CompleteResponse:
    """The answer of a stream that keeps the contract."""
    assert outcome.code is grpc.StatusCode.OK, f"{outcome.code}: {outcome.text}"
    kinds = [event.WhichOneof("event") for event in outcome.messages]
    assert kinds[0] == "started"
    assert kinds[-1] == "completed"
    assert "started" not in kinds[1:]
    assert "completed" not in kinds[:-1]
    assert None not in kinds
    assert [event.sequence for event in outcome.messages] == list(range(1, len(kinds) + 1))
    fold = ChatFold()
    for event in outcome.messages:
        fold.feed(event)
    return fold.finish(Trailers())


def check_answer(answer: CompleteResponse, recording: Json) -> None:
    """The answer equals the recorded one."""
    wanted = expected(recording)
    parts = answer.message.content
    assert "".join(part.text for part in parts) == wanted.text
    assert "".join(part.reasoning.text for part in parts) == wanted.reasoning
    assert "".join(part.refusal for part in parts) == wanted.refusal
    assert b"".join(part.audio.data for part in parts) == wanted.audio
    assert "".join(part.audio.transcript for part in parts) == wanted.transcript
    assert [citation.url for part in parts for citation in part.citations] == wanted.citations
    check_calls(answer, wanted)
    assert answer.model == wanted.model
    assert answer.native_finish_reason == wanted.word
    calls_forced = wanted.word == "stop" and wanted.calls
    assert answer.finish_reason == (event_pb2.FINISH_REASON_TOOL_CALLS if calls_forced else WORDS[wanted.word])
    check_usage(answer.usage, wanted.usage)


def check_calls(answer: CompleteResponse, wanted: Expected) -> None:
    """The tool calls equal the recorded ones; those without an id got one of their own."""
    calls = [part.tool_call for part in answer.message.content if part.HasField("tool_call")]
    assert [(call.name, call.arguments) for call in calls] == [(name, args) for _, name, args in wanted.calls]
    for call, (call_id, _, _) in zip(calls, wanted.calls, strict=True):
        assert call.id == call_id or (call_id is None and call.id)


def check_usage(usage: Usage, reported: dict[str, Any] | None) -> None:
    """The counts equal the recorded ones; where there are none, estimates stand in for them and say so."""
    assert usage.final
    if reported is None:
        assert usage.estimated
        assert usage.input_tokens > 0
        return
    read, made = reported.get("prompt_tokens_details") or {}, reported.get("completion_tokens_details") or {}
    assert not usage.estimated
    assert usage.input_tokens == reported["prompt_tokens"]
    assert usage.output_tokens == reported["completion_tokens"]
    assert usage.input_cache_read_tokens == read.get("cached_tokens", 0)
    assert usage.output_reasoning_tokens == made.get("reasoning_tokens", 0)
    assert usage.output_audio_tokens == made.get("audio_tokens", 0)


def embed_request(model: str, recording: Json) -> embed_pb.EmbedRequest:
    """As many inputs as the recorded request had."""
    given = recording["request"]["body"]["input"]
    several = isinstance(given, list) and not isinstance(given[0], int)
    inputs = [embed_pb.EmbedInput(text=f"text {number}") for number in range(len(given) if several else 1)]
    return embed_pb.EmbedRequest(embed=embed_pb.EmbedSpec(model=model, inputs=inputs))


def check_vectors(answer: embed_pb.EmbedResponse, recording: Json) -> None:
    """The vectors equal the recorded ones to the last bit, in their order."""
    body = recording["response"]["body"]
    vectors = [struct.pack(f"<{len(one.values)}f", *one.values) for one in answer.embeddings]
    assert vectors == [struct.pack(f"<{len(one)}f", *one) for one in expected_vectors(recording)]
    assert answer.model == body["model"]
    assert answer.usage.input_tokens == body["usage"]["prompt_tokens"]
    assert answer.usage.output_tokens == 0
    assert answer.usage.final


def failed(door: Door, model: str, recording: Json) -> Outcome[Any]:
    """The outcome of the RPC that the recorded request corresponds to."""
    if recording["api"] == "openai_embed":
        return door.caller.embed(embed_request(model, recording))
    return door.caller.chat(STREAM_COMPLETE if recording["request"]["body"].get("stream") else COMPLETE, model)


def check_error(outcome: Outcome[Any], recording: Json) -> None:
    """Code and reason follow the status; the provider's short code is told, its text is not."""
    response = recording["response"]
    said = response["body"]["error"]
    assert (outcome.code, outcome.reason) == ERRORS[response["status"]]
    assert outcome.messages == []
    assert outcome.info.metadata["upstreamStatus"] == str(response["status"])
    assert outcome.info.metadata["upstreamCode"] == (said["code"] or said["type"])
    assert [attempt.upstream_status for attempt in outcome.report.attempts] == [response["status"]]
    assert said["message"].encode() not in outcome.everything

"""Chat answers: every event and every part of the core becomes the contract's own."""

import pytest
from google.protobuf import json_format
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1 import attempt_pb2, warning_pb2
from hedgerow_server.core.event import (
    AttemptKind,
    AttemptOutcome,
    AttemptRecord,
    CitationAdded,
    Completed,
    Event,
    FinishReason,
    LogprobsDelta,
    MediaDelta,
    ModelsListed,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    Warning,
    WarningCode,
)
from hedgerow_server.core.request import (
    Citation,
    Part,
    ProviderItem,
    ProviderState,
    Text,
    TokenAlternative,
    TokenLogprob,
)
from hedgerow_server.wire.chat import ChatAnswer, ChatDecoder
from hedgerow_server.wire.chat_events import EventEncoder
from hedgerow_server.wire.check import Checker
from unit.hedgerow_server.calls import call

USAGE = Usage(
    input_uncached_tokens=1,
    input_cache_read_tokens=2,
    input_cache_writes=((300.0, 3), (None, 4)),
    input_audio_tokens=5,
    input_image_tokens=6,
    output_visible_tokens=7,
    output_reasoning_tokens=8,
    output_audio_tokens=9,
    output_image_tokens=10,
    other_units={"web_search_requests": 11},
    estimated=True,
    final=True,
)
USAGE_JSON = {
    "inputTokens": "21",
    "outputTokens": "34",
    "inputUncachedTokens": "1",
    "inputCacheReadTokens": "2",
    "inputCacheWrites": [{"ttl": "300s", "tokens": "3"}, {"tokens": "4"}],
    "inputAudioTokens": "5",
    "inputImageTokens": "6",
    "outputVisibleTokens": "7",
    "outputReasoningTokens": "8",
    "outputAudioTokens": "9",
    "outputImageTokens": "10",
    "otherUnits": {"web_search_requests": "11"},
    "estimated": True,
    "final": True,
}
RECORD = AttemptRecord(
    number=2,
    provider="sim",
    model="gpt",
    region="eu",
    kind=AttemptKind.RETRY,
    start_unix_s=1_700_000_000.25,
    outcome=AttemptOutcome.FAILED,
    error_reason="STREAM_CUT",
    upstream_status=200,
    upstream_request_id="up-1",
    first_token_s=0.5,
    total_s=61.000001,
    usage=USAGE,
)
RECORD_JSON = {
    "number": 2,
    "provider": "sim",
    "model": "gpt",
    "region": "eu",
    "kind": "ATTEMPT_KIND_RETRY",
    "outcome": "ATTEMPT_OUTCOME_FAILED",
    "errorReason": "ERROR_REASON_STREAM_CUT",
    "upstreamStatus": 200,
    "upstreamRequestId": "up-1",
    "startTime": "2023-11-14T22:13:20.250Z",
    "firstTokenDuration": "0.500s",
    "totalDuration": "61.000001s",
    "usage": USAGE_JSON,
}
WARNING = Warning(WarningCode.PARAMETER_IGNORED, "chat.top_k", "not sent")
WARNING_JSON = {"code": "WARNING_CODE_PARAMETER_IGNORED", "field": "chat.top_k", "message": "not sent"}
CITATION = Citation("https://u", "t", "c", 0, 3, "s")
CITATION_JSON = {
    "url": "https://u",
    "title": "t",
    "citedText": "c",
    "startIndex": 0,
    "endIndex": 3,
    "sourceId": "s",
}
TOKEN = TokenLogprob("é", -0.5, b"\xc3\xa9", 7, (TokenAlternative("e", -2.0), TokenAlternative("é", -0.5, b"\xc3", 0)))
TOKEN_JSON = {
    "token": "é",
    "logprob": -0.5,
    "data": "w6k=",
    "tokenId": "7",
    "top": [{"token": "e", "logprob": -2.0}, {"token": "é", "logprob": -0.5, "data": "ww==", "tokenId": "0"}],
}
EVENTS: list[tuple[Event, dict[str, object]]] = [
    (
        Started("sim", "gpt-2026", (WARNING,), "r1"),
        {"started": {"provider": "sim", "model": "gpt-2026", "warnings": [WARNING_JSON], "responseId": "r1"}},
    ),
    (TextDelta(2, "hé"), {"textDelta": {"partIndex": 2, "text": "hé"}}),
    (RefusalDelta(2, "no"), {"refusalDelta": {"partIndex": 2, "text": "no"}}),
    (ReasoningDelta(2, "hm"), {"reasoningDelta": {"partIndex": 2, "text": "hm"}}),
    (ToolCallStarted(2, "i", "f"), {"toolCallStarted": {"partIndex": 2, "id": "i", "name": "f"}}),
    (ToolCallArgumentsDelta(2, "{"), {"toolCallArgumentsDelta": {"partIndex": 2, "arguments": "{"}}),
    (ToolCallEnded(2), {"toolCallEnded": {"partIndex": 2}}),
    (CitationAdded(2, CITATION), {"citationAdded": {"partIndex": 2, "citation": CITATION_JSON}}),
    (LogprobsDelta(2, (TOKEN,)), {"logprobsDelta": {"partIndex": 2, "tokens": [TOKEN_JSON]}}),
    (
        MediaDelta(2, "audio/wav", b"\x00\xff", "https://m", "hey"),
        {
            "mediaDelta": {
                "partIndex": 2,
                "mediaType": "audio/wav",
                "data": "AP8=",
                "url": "https://m",
                "transcript": "hey",
            }
        },
    ),
    (
        ProviderItemAdded(2, ProviderItem("openai_chat", "search", b"\x00\xff")),
        {"providerItemAdded": {"partIndex": 2, "item": {"provider": "openai_chat", "type": "search", "data": "AP8="}}},
    ),
    (
        ProviderStateAttached(2, ProviderState("openai_chat", b"\x00\xff")),
        {"providerStateAttached": {"partIndex": 2, "state": {"provider": "openai_chat", "data": "AP8="}}},
    ),
    (
        Completed(FinishReason.LENGTH, "max_tokens", USAGE, (RECORD,), "END"),
        {
            "completed": {
                "finishReason": "FINISH_REASON_LENGTH",
                "nativeFinishReason": "max_tokens",
                "usage": USAGE_JSON,
                "attempts": [RECORD_JSON],
                "stopSequence": "END",
            }
        },
    ),
]


def written(event: Event) -> service.StreamCompleteResponse:
    """The one message of an event."""
    (message,) = EventEncoder().encode(event)
    return service.StreamCompleteResponse.FromString(message)


@pytest.mark.parametrize(("event", "expected"), EVENTS, ids=[type(event).__name__ for event, _ in EVENTS])
def test_every_event_is_written_whole(event: Event, expected: dict[str, object]) -> None:
    assert json_format.MessageToDict(written(event)) == {"sequence": "1", **expected}


EMPTY: list[Event] = [
    Started(),
    TextDelta(0, ""),
    RefusalDelta(0, ""),
    ReasoningDelta(0, ""),
    ToolCallStarted(0, "", ""),
    ToolCallArgumentsDelta(0, ""),
    ToolCallEnded(0),
    CitationAdded(0, Citation()),
    MediaDelta(0),
    ProviderItemAdded(0, ProviderItem("", "", b"")),
    ProviderStateAttached(0, ProviderState("", b"")),
]


@pytest.mark.parametrize("event", EMPTY, ids=lambda event: type(event).__name__)
def test_an_event_of_nothing_but_defaults_is_still_that_event(event: Event) -> None:
    """An unset oneof would look like an event that the client does not know."""
    full = next(one for one, _ in EVENTS if type(one) is type(event))
    assert written(event).WhichOneof("event") == written(full).WhichOneof("event")


def test_events_are_numbered_from_one_without_gaps() -> None:
    encoder = EventEncoder()
    messages = [message for event, _ in EVENTS for message in encoder.encode(event)]
    numbers = [service.StreamCompleteResponse.FromString(message).sequence for message in messages]
    assert numbers == list(range(1, len(EVENTS) + 1))


def test_what_is_no_chat_event_is_a_fault() -> None:
    with pytest.raises(KeyError):
        EventEncoder().encode(ModelsListed((), ""))


@pytest.mark.parametrize(
    ("core", "contract", "prefix"),
    [
        (FinishReason, event_pb2.FinishReason, "FINISH_REASON_"),
        (WarningCode, warning_pb2.WarningCode, "WARNING_CODE_"),
        (AttemptKind, attempt_pb2.AttemptKind, "ATTEMPT_KIND_"),
        (AttemptOutcome, attempt_pb2.AttemptOutcome, "ATTEMPT_OUTCOME_"),
    ],
)
def test_the_enums_of_the_core_are_those_of_the_contract(core, contract, prefix: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """They are written by their number."""
    numbers = {f"{prefix}{one.name}": one.value for one in core}
    assert {**numbers, f"{prefix}UNSPECIFIED": 0} == dict(contract.items())


def answered(*events: Event) -> service.CompleteResponse:
    """The response of Complete for these events."""
    answer = ChatAnswer()
    for event in events:
        answer.add(event)
    return service.CompleteResponse.FromString(answer.encode())


def test_a_whole_answer_is_written_whole() -> None:
    response = answered(
        EVENTS[0][0],
        ReasoningDelta(0, "hm"),
        ProviderStateAttached(0, ProviderState("openai_chat", b"\x00\xff")),
        TextDelta(1, "hé"),
        CitationAdded(1, CITATION),
        LogprobsDelta(1, (TOKEN,)),
        ToolCallStarted(2, "i", "f"),
        ToolCallArgumentsDelta(2, "{}"),
        ToolCallEnded(2),
        EVENTS[-1][0],
    )
    assert json_format.MessageToDict(response) == {
        "message": {
            "role": "ROLE_ASSISTANT",
            "content": [
                {"reasoning": {"text": "hm"}, "providerState": {"provider": "openai_chat", "data": "AP8="}},
                {"text": "hé", "citations": [CITATION_JSON], "logprobs": [TOKEN_JSON]},
                {"toolCall": {"id": "i", "name": "f", "arguments": "{}"}},
            ],
        },
        "finishReason": "FINISH_REASON_LENGTH",
        "nativeFinishReason": "max_tokens",
        "usage": USAGE_JSON,
        "provider": "sim",
        "model": "gpt-2026",
        "warnings": [WARNING_JSON],
        "attempts": [RECORD_JSON],
        "responseId": "r1",
        "stopSequence": "END",
    }


@pytest.mark.parametrize(
    "events",
    [
        [TextDelta(0, "hi"), CitationAdded(0, CITATION)],
        [TextDelta(0, "")],
        [RefusalDelta(0, "no")],
        [ReasoningDelta(0, ""), ProviderStateAttached(0, ProviderState("openai_chat", b"s"))],
        [ToolCallStarted(0, "i", "f"), ToolCallArgumentsDelta(0, '{"a": 1}'), ToolCallEnded(0)],
        [ProviderItemAdded(0, ProviderItem("openai_chat", "search", b"\x00"))],
        [MediaDelta(0, "image/png", b"a")],
        [MediaDelta(0, "image/png", url="https://i")],
        [MediaDelta(0, "audio/wav", b"a", transcript="hey")],
        [MediaDelta(0, "audio/wav", transcript="hey")],
        [MediaDelta(0, "application/pdf", b"a")],
        [],
    ],
    ids=lambda events: "+".join(type(event).__name__ for event in events) or "nothing",
)
def test_an_answer_goes_back_into_the_conversation_unchanged(events: list[Event]) -> None:
    done = Completed(FinishReason.STOP, "stop", Usage(final=True))
    response = answered(Started("sim", "gpt"), *events, done)
    request = service.CompleteRequest()
    request.chat.model = "fast"
    request.chat.messages.append(response.message)
    decoded = ChatDecoder(Checker(1 << 20)).complete(call(body=request.SerializeToString()))
    again = ChatAnswer()
    for event in (*events, done):
        again.add(event)
    assert decoded.spec.messages == (again._fold.answer().message,)


def test_log_probabilities_in_a_conversation_are_not_read() -> None:
    """They say nothing to a model."""
    response = answered(Started(), TextDelta(0, "hé"), LogprobsDelta(0, (TOKEN,)), EVENTS[-1][0])
    assert len(response.message.content[0].logprobs) == 1
    request = service.CompleteRequest()
    request.chat.model = "fast"
    request.chat.messages.append(response.message)
    decoded = ChatDecoder(Checker(1 << 20)).complete(call(body=request.SerializeToString()))
    assert decoded.spec.messages[0].content == (Part(Text("hé")),)

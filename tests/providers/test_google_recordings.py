"""Recorded traffic of the Gemini API and of Vertex AI: the adapters against what the recordings hold, however they
arrive.
"""

import json
import struct
from collections.abc import Container
from typing import Any

import pytest
from hedgerow_server.core.error import (
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
    ProviderThrottled,
)
from hedgerow_server.core.event import (
    CitationAdded,
    EmbeddingsAdded,
    Event,
    Finished,
    FinishReason,
    ProviderStateAttached,
    Started,
    Usage,
)
from hedgerow_server.core.fold import Answer
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    ChatSpec,
    Message,
    Part,
    ProviderItem,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from hedgerow_server.providers.google import Gemini, Vertex
from hypothesis import given, settings
from hypothesis import strategies as st
from providers.google_expected import (
    ITEMS,
    Expected,
    body_bytes,
    chunks,
    expected,
    expected_tokens,
    expected_vectors,
    returned,
)
from providers.google_run import gemini, read, vertex
from providers.google_spec import canonical_chat, chat_spec, embed_spec
from providers.openai_run import cut, folded
from stack import RECORDINGS

Json = dict[str, Any]

SHORT_BYTES = 8192
ROUND_EDGES = 8
WORDS = {
    "STOP": FinishReason.STOP,
    "1": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "SAFETY": FinishReason.CONTENT_FILTER,
    "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
}
ERRORS: dict[int, type[HedgerowError]] = {
    400: ProviderRejectedRequest,
    404: ProviderModelUnavailable,
    429: ProviderThrottled,
}
# Its key is not valid, which Google says with a 400.
BAD_KEYS = ("gemini-error-b8359442095a",)
DELAYS_S = {"gemini-error-627055f91899": 48.0}
# Recorded to see it refused: the contract lets nobody say it.
NOT_SAYABLE = {"vertex-error-b303cacf4dad": "a role that does not exist"}
DIALECTS = ("gemini_generate", "gemini_embed", "vertex_predict")


def _recordings() -> list[Json]:
    paths = [RECORDINGS / name for name in ("gemini.jsonl", "vertex.jsonl")]
    lines = [line for path in paths if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in map(json.loads, lines) if one["api"] in DIALECTS]


RECORDED = _recordings()
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str, but: Container[str] = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def dialect(recording: Json) -> Gemini | Vertex:
    """The adapter that the recording is about."""
    return gemini() if recording["provider"] == "gemini" else vertex()


def media_type(recording: Json) -> str:
    """The content type that goes with the recording."""
    return "text/event-stream" if recording["response"].get("stream_format") else "application/json"


def run(recording: Json, *places: int) -> list[Event]:
    """The events of a recorded chat, cut at these bytes."""
    return read(dialect(recording), cut(body_bytes(recording), *places), media_type(recording))


def texts(answer: Answer, kind: type[Text] | type[Reasoning]) -> str:
    """All text of one kind, joined."""
    contents = [part.content for part in answer.message.content]
    return "".join(content.text for content in contents if isinstance(content, kind))


def check_usage(usage: Usage | None, reported: Json | None) -> None:
    """The usage equals what was reported last, class by class, and adds up to the reported total."""
    if reported is None:
        assert usage is None
        return
    assert usage is not None
    assert usage.final
    assert not usage.estimated
    details = {one["modality"]: one["tokenCount"] for one in reported.get("promptTokensDetails", [])}
    prompt = reported.get("promptTokenCount", 0)
    assert usage.input_tokens == prompt + reported.get("toolUsePromptTokenCount", 0)
    assert usage.output_tokens == reported.get("candidatesTokenCount", 0) + reported.get("thoughtsTokenCount", 0)
    assert usage.output_reasoning_tokens == reported.get("thoughtsTokenCount", 0)
    assert usage.input_cache_read_tokens == reported.get("cachedContentTokenCount", 0)
    assert usage.input_audio_tokens == min(details.get("AUDIO", 0), prompt)
    assert usage.input_image_tokens == min(details.get("IMAGE", 0) + details.get("VIDEO", 0), prompt)
    if "totalTokenCount" in reported:
        assert usage.input_tokens + usage.output_tokens == reported["totalTokenCount"]


def check_calls(answer: Answer, wanted: Expected) -> None:
    """The tool calls equal the recorded ones; those without an id got one of their own."""
    calls = [part.content for part in answer.message.content if isinstance(part.content, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        (name, args) for _, name, args in wanted.calls
    ]
    for call, (call_id, _, _) in zip(calls, wanted.calls, strict=True):
        assert call.id == call_id or (call_id is None and call.id)
    assert len({call.id for call in calls}) == len(calls)


def check_citations(answer: Answer, wanted: Expected) -> None:
    """The sources in order, each beside the words of the answer that it stands for."""
    cited = []
    for part in answer.message.content:
        for one in part.citations:
            assert isinstance(part.content, Text)
            assert one.start_index is not None
            cited.append((one.url, one.title, part.content.text[one.start_index : one.end_index]))
    assert cited == wanted.sources


@about("chat", "chat_stream")
def test_a_chat_is_read_as_recorded(recorded: Json) -> None:
    """Text, reasoning, calls, items, citations, model, finish reason and usage."""
    wanted = expected(recorded)
    events = run(recorded)
    answer, last = folded(events), events[-1]
    assert isinstance(last, Finished)
    assert texts(answer, Text) == wanted.text
    assert texts(answer, Reasoning) == wanted.reasoning
    check_calls(answer, wanted)
    items = [part.content for part in answer.message.content if isinstance(part.content, ProviderItem)]
    assert [(item.type, json.loads(item.data)) for item in items] == wanted.items
    check_citations(answer, wanted)
    assert (answer.started.model, answer.started.response_id) == (wanted.model, wanted.response_id)
    assert last.native_reason == wanted.word
    assert last.reason is (FinishReason.TOOL_CALLS if wanted.calls else WORDS[wanted.word])
    check_usage(last.usage, wanted.usage)
    assert last.warnings == ()
    if last.usage is not None:
        assert last.usage.other_units == ({"webSearchQueries": len(wanted.queries)} if wanted.queries else {})


@about("chat", "chat_stream", "embed")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    events = read(dialect(recorded), [body_bytes(recorded)], media_type(recorded), operation)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@about("chat", "chat_stream")
def test_state_and_citations_come_after_a_delta_of_their_part(recorded: Json) -> None:
    seen = set()
    for event in run(recorded):
        if isinstance(event, ProviderStateAttached | CitationAdded):
            assert event.part_index in seen
        elif not isinstance(event, Started | Finished):
            seen.add(event.part_index)  # type: ignore[union-attr]


@about("embed")
def test_embeddings_are_read_as_recorded(recorded: Json) -> None:
    """Vectors to the last bit, in order, and the usage."""
    events = read(dialect(recorded), [body_bytes(recorded)], "application/json", Operation.EMBED)
    added = [event for event in events if isinstance(event, EmbeddingsAdded)]
    assert len(added) == 1
    vectors = [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in added[0].vectors]
    assert vectors == expected_vectors(recorded)
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.usage is not None
    assert last.usage.input_tokens == expected_tokens(recorded)
    assert last.usage.output_tokens == 0


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    said = response["body"]["error"]
    error = dialect(recorded).classify(response["status"], response["headers"], body_bytes(recorded))
    bad_key = recorded["id"] in BAD_KEYS
    assert type(error) is (ProviderAuth if bad_key else ERRORS[response["status"]])
    assert error.metadata["upstreamStatus"] == str(response["status"])
    assert error.metadata["upstreamCode"] == ("API_KEY_INVALID" if bad_key else said["status"])
    assert error.retry_delay_s == DELAYS_S.get(recorded["id"])
    assert said["message"] not in f"{error.message} {error.metadata} {error.violations}"


def cuts(body: bytes, *, every: bool) -> list[int]:
    """Where to cut: everywhere, or round the edges of events."""
    if every or len(body) <= SHORT_BYTES:
        return list(range(1, len(body)))
    edges = [at + 4 for at in range(len(body)) if body[at : at + 4] == b"\r\n\r\n"]
    near = {edge + step for edge in edges for step in range(-ROUND_EDGES, ROUND_EDGES + 1)}
    return sorted(near & set(range(1, len(body))))


@about("chat_stream")
def test_every_cut_in_two_gives_the_same_events(recorded: Json, request: pytest.FixtureRequest) -> None:
    """Every byte of short streams, the edges of longer ones, every byte of all with --long."""
    whole = run(recorded)
    every = request.config.getoption("--long", default=False)
    for place in cuts(body_bytes(recorded), every=bool(every)):
        assert run(recorded, place) == whole, f"cut at byte {place}"


@about("chat_stream")
def test_byte_by_byte_gives_the_same_events(recorded: Json) -> None:
    assert run(recorded, *range(1, len(body_bytes(recorded)))) == run(recorded)


@about("chat_stream")
def test_a_stream_as_a_json_array_gives_the_same_events(recorded: Json) -> None:
    """What the API answers where the query lacks alt=sse."""
    body = recorded["response"]["body"].replace("\r\n\r\n", "\n,\n").replace("data: ", "").rstrip().rstrip(",")
    assert read(dialect(recorded), [f"[{body}]".encode()], "application/json") == run(recorded)


@about("chat_stream")
def test_a_stream_that_ends_early_has_no_finish(recorded: Json) -> None:
    """Without its last chunk, which holds the finish reason."""
    body = body_bytes(recorded)
    short = body[: body.rstrip().rfind(b"data: ")]
    with pytest.raises(HedgerowError) as caught:
        read(dialect(recorded), [short], "text/event-stream")
    assert caught.value.reason == "STREAM_CUT"


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_the_next_request(recorded: Json) -> None:
    """What is sent back are the parts that Google had sent; calls keep the ids they had, or none."""
    wanted = expected(recorded)
    model = recorded["model"]
    message = folded(run(recorded)).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    calls = [part.content for part in message.content if isinstance(part.content, ToolCall)]
    results = Message(Role.TOOL, tuple(Part(ToolResult(call.id, (Part(Text("fine")),))) for call in reversed(calls)))
    spec = ChatSpec(model=model, messages=(message, *([results] if calls else []), asked))
    prepared = gemini().build(spec, stream=True, model=model, secret=None)
    contents = json.loads(prepared.request.body)["contents"]
    assert prepared.warnings == ()
    if parts := returned(wanted.parts):
        assert contents[0] == {"parts": parts, "role": "model"}
    if wanted.calls:
        answers = [part["functionResponse"] for part in contents[1]["parts"]]
        assert [(one["name"], one.get("id")) for one in answers] == [
            (name, call_id) for call_id, name, _ in wanted.calls
        ]


@about("chat", "chat_stream", "error", but=NOT_SAYABLE)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical_chat` names."""
    body, model = recorded["request"]["body"], recorded["model"]
    if recorded["api"] == "gemini_embed":
        prepared = dialect(recorded).build(embed_spec(body, model), stream=False, model=model, secret=None)
        assert json.loads(prepared.request.body) == body
    else:
        stream = "streamGenerateContent" in recorded["path"]
        prepared = dialect(recorded).build(chat_spec(body, model), stream=stream, model=model, secret=None)
        assert json.loads(prepared.request.body) == canonical_chat(body)
        assert prepared.request.url.endswith(recorded["path"].rpartition("/")[2] + ("?alt=sse" if stream else ""))
    assert prepared.warnings == ()


@about("embed")
def test_the_recorded_request_for_embeddings_is_built_again(recorded: Json) -> None:
    body, model = recorded["request"]["body"], recorded["model"]
    prepared = dialect(recorded).build(embed_spec(body, model), stream=False, model=model, secret=None)
    assert json.loads(prepared.request.body) == body
    assert prepared.request.url.endswith(recorded["path"].rpartition("/")[2])


def grown(value: Any, names: list[str], path: tuple[str, ...] = ()) -> Any:
    """The JSON with unknown members in every object that the adapter reads, but not in what goes through as it is."""
    if isinstance(value, list):
        return [grown(one, names, path) for one in value]
    if not isinstance(value, dict):
        return value
    if path[-1:] in (("args",), ("response",)) or any(name in value for name in ITEMS):
        return value
    more: Json = {f"x_{name}": [{"deep": None}] for name in names}
    return {**more, **{name: grown(one, names, (*path, name)) for name, one in value.items()}}


@settings(max_examples=60, deadline=None)
@given(
    recorded=st.sampled_from([one for one in RECORDED if one["kind"] in ("chat", "chat_stream")]),
    names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3, unique=True),
    event=st.sampled_from(
        ["event: surprise\ndata: {}\n\n", "event: ping\ndata: soon\n\n", ": comment\n\n", "id: 7\n\n"]
    ),
)
def test_what_is_not_known_changes_nothing(recorded: Json, names: list[str], event: str) -> None:
    """Unknown members anywhere, unknown events between the chunks."""
    found = [json.dumps(grown(chunk, names)) for chunk in chunks(recorded)]
    if recorded["kind"] == "chat":
        body = found[0]
    else:
        body = event + "".join(f"data: {chunk}\r\n\r\n{event}" for chunk in found)
    assert _same(read(dialect(recorded), [body.encode()], media_type(recorded)), run(recorded))


def _same(some: list[Event], others: list[Event]) -> bool:
    """Whether the answers are equal; JSON that goes through may be spaced in another way, and ids that were made of the
    bytes of an answer without id may differ.
    """
    one, other = folded(some), folded(others)

    def plain(answer: Answer) -> list[Any]:
        out: list[Any] = []
        for part in answer.message.content:
            content = part.content
            if isinstance(content, ProviderItem):
                out.append((content.type, json.loads(content.data)))
            elif isinstance(content, ToolCall):
                out.append((content.name, json.loads(content.arguments), part.state))
            else:
                out.append(part)
        return out

    return plain(one) == plain(other) and one.completed == other.completed and one.started == other.started


@pytest.mark.parametrize("word", ["SOMETHING_NEW", 99, None])
def test_a_finish_reason_that_is_not_known_is_other(word: object) -> None:
    body = json.dumps({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": word or "NEW"}]})
    last = read(gemini(), [body.encode()], "application/json")[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.native_reason) == (FinishReason.OTHER, str(word or "NEW"))

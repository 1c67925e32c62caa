"""Log probabilities of tokens: how each dialect asks for them and reads them."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Event, LogprobsDelta, WarningCode
from hedgerow_server.core.port import Dialect, Operation
from hedgerow_server.core.request import (
    ChatSpec,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    TokenAlternative,
    TokenLogprob,
    ToolCall,
)
from hedgerow_server.providers.anthropic import Anthropic, AnthropicSection
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection
from hedgerow_server.providers.logprobs import read_tokens
from providers import cohere_run, google_run, openai_run, responses_run
from providers.ollama_run import ollama
from providers.pieces import folded

Json = dict[str, Any]

HI = Message(Role.USER, (Part(Text("hi")),))
ENTRY = {
    "token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -2, "bytes": None}],
}  # fmt: skip
TOKEN = TokenLogprob("é", -0.5, "é".encode(), None, (TokenAlternative("e", -2.0),))
PLAIN = TokenLogprob("a", -1.0)
A = {"token": "a", "logprob": -1}


def asked(adapter: Dialect, top: int) -> tuple[Json, list[tuple[WarningCode, str]]]:
    """The body of a request for log probabilities, and the warnings."""
    spec = ChatSpec(model="fast", messages=(HI,), top_logprobs=top)
    prepared = adapter.build(spec, stream=False, model="model", secret=None)
    return json.loads(prepared.request.body), [(one.code, one.field) for one in prepared.warnings]


def members(body: Json) -> Json:
    """What of a body is about log probabilities."""
    names = ("logprobs", "top_logprobs", "include", "responseLogprobs")
    return {name: value for name, value in {**body, **body.get("generationConfig", {})}.items() if name in names}


@pytest.mark.parametrize(
    ("adapter", "alone", "three"),
    [
        (openai_run.openai(), {"logprobs": True}, {"logprobs": True, "top_logprobs": 3}),
        (openai_run.openai(vendor="together"), {"logprobs": 1}, {"logprobs": 3}),
        (ollama(), {"logprobs": True}, {"logprobs": True, "top_logprobs": 3}),
        (google_run.gemini(), {"responseLogprobs": True}, {"responseLogprobs": True, "logprobs": 3}),
        (cohere_run.cohere(), {"logprobs": True}, {"logprobs": True}),
        (
            responses_run.responses(encrypted_reasoning=False),
            {"include": ["message.output_text.logprobs"]},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        ),
    ],
    ids=["openai", "together", "ollama", "gemini", "cohere", "responses"],
)
def test_each_provider_is_asked_in_its_own_words(adapter: Dialect, alone: Json, three: Json) -> None:
    body, warnings = asked(adapter, 0)
    assert (members(body), warnings) == (alone, [])
    assert members(asked(adapter, 3)[0]) == three


def test_nobody_is_asked_unless_the_caller_asks() -> None:
    spec = ChatSpec(model="fast", messages=(HI,))
    for adapter in (openai_run.openai(), ollama(), google_run.gemini(), cohere_run.cohere()):
        assert members(json.loads(adapter.build(spec, stream=True, model="m", secret=None).request.body)) == {}


@pytest.mark.parametrize(
    ("adapter", "warning"),
    [
        (openai_run.openai(vendor="groq"), WarningCode.PARAMETER_IGNORED),
        (openai_run.openai(vendor="mistral"), WarningCode.PARAMETER_IGNORED),
        (Anthropic("vendor", AnthropicSection.model_validate({"dialect": "anthropic"})), WarningCode.PARAMETER_IGNORED),
        (
            Bedrock("vendor", BedrockSection.model_validate({"dialect": "bedrock", "region": "us-east-1"})),
            WarningCode.PARAMETER_IGNORED,
        ),
        (openai_run.openai(vendor="xai"), WarningCode.PARAMETER_CHANGED),
        (cohere_run.cohere(), WarningCode.PARAMETER_CHANGED),
    ],
    ids=["groq", "mistral", "anthropic", "bedrock", "xai", "cohere"],
)
def test_who_has_less_of_it_says_so(adapter: Dialect, warning: WarningCode) -> None:
    body, warnings = asked(adapter, 20)
    assert warnings == [(warning, "chat.top_logprobs")]
    assert bool(members(body)) == (warning is WarningCode.PARAMETER_CHANGED)
    assert members(body).get("top_logprobs", 8) == 8


def frames(*choices: Json) -> bytes:
    """Chunks of these choices as a stream, with a finish reason."""
    chunks = [{"id": "r", "choices": [{"index": 0, **choice}]} for choice in choices]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks) + b"data: [DONE]\n\n"


def by_part(events: list[Event]) -> list[tuple[Any, tuple[TokenLogprob, ...]]]:
    """The parts of an answer and their log probabilities."""
    return [(part.content, part.logprobs) for part in folded(events).message.content]


def test_openai_says_it_beside_each_piece_of_text() -> None:
    """Refusals have a list of their own."""
    body = frames(
        {"delta": {"role": "assistant", "content": ""}, "logprobs": {"content": [], "refusal": None}},
        {"delta": {"content": "é"}, "logprobs": {"content": [ENTRY], "refusal": None}},
        {"delta": {"content": "a"}, "logprobs": {"content": [A], "refusal": None}},
        {"delta": {"refusal": "a"}, "logprobs": {"content": None, "refusal": [A]}},
    )
    assert by_part(openai_run.stream(body)) == [(Text("éa"), (TOKEN, PLAIN)), (Refusal("a"), (PLAIN,))]


def test_tokens_of_thoughts_and_calls_stand_with_them() -> None:
    """As vLLM tells of all tokens, whatever they became."""
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    body = frames(
        {"delta": {"reasoning": "a"}, "logprobs": {"content": [A]}},
        {"delta": {"content": "é"}, "logprobs": {"content": [ENTRY]}},
        {"delta": {"tool_calls": [call]}, "logprobs": {"content": [A, A]}},
    )
    assert by_part(openai_run.stream(body)) == [
        (Reasoning("a"), (PLAIN,)),
        (Text("é"), (TOKEN,)),
        (ToolCall("c", "f", "{}"), (PLAIN, PLAIN)),
    ]


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_how_a_stream_is_cut_does_not_move_tokens(piece: int) -> None:
    body = frames(
        {"delta": {"content": "é"}, "logprobs": {"content": [ENTRY]}},
        {"delta": {"refusal": "a"}, "logprobs": {"refusal": [A]}},
        {"delta": {"content": "a"}, "logprobs": {"content": [A]}},
    )
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)]
    assert openai_run.read(pieces, "text/event-stream") == openai_run.stream(body)


def document(message: Json, logprobs: Any) -> list[tuple[Any, tuple[TokenLogprob, ...]]]:
    """The parts of a whole answer of OpenAI's and their log probabilities."""
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}
    body = json.dumps({"id": "r", "choices": [choice]}).encode()
    return by_part(openai_run.read([body], "application/json"))


def test_those_of_a_whole_answer_stand_with_its_text() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    message = {"reasoning": "Hm", "content": "éa", "tool_calls": [call]}
    found = document(message, {"content": [ENTRY, A], "refusal": None})
    assert found == [(Reasoning("Hm"), ()), (Text("éa"), (TOKEN, PLAIN)), (ToolCall("c", "f", "{}"), ())]
    assert document({"content": None, "refusal": "a"}, {"content": None, "refusal": [A]}) == [(Refusal("a"), (PLAIN,))]
    assert document({"content": ""}, {"content": [A]}) == []


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], [1], {}, {"content": 3}, {"content": [{"logprob": "x"}], "tokens": 1}]
)
def test_what_cannot_be_read_is_left_out(value: Any) -> None:
    (part,) = document({"content": "a"}, value)
    assert part[0] == Text("a")
    assert part[1] in ((), (TokenLogprob("a", 3.0),))


def test_the_older_lists_are_read_too() -> None:
    """Together's and Fireworks', which stand side by side."""
    older = {
        "tokens": ["a", "b", "c"],
        "token_logprobs": [-1, None, -0.25],
        "token_ids": [7, 8],
        "top_logprobs": [{"a": -1, "z": -3}],
    }
    likeliest = (TokenAlternative("a", -1.0), TokenAlternative("z", -3.0))
    wanted = (TokenLogprob("a", -1.0, token_id=7, top=likeliest), TokenLogprob("c", -0.25))
    assert document({"content": "abc"}, older) == [(Text("abc"), wanted)]


def test_a_bare_number_is_that_of_the_chunks_one_token() -> None:
    """Together's streams; a certain token has zero."""
    found = by_part(openai_run.stream(frames({"delta": {"content": "a"}, "logprobs": 0})))
    assert found == [(Text("a"), (TokenLogprob("a", 0.0),))]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), True, "1", None, 1 << 70])
def test_what_is_no_number_tells_nothing(number: Any) -> None:
    assert read_tokens([{"token": "a", "logprob": number}, A]) == (PLAIN,)


@pytest.mark.parametrize("data", [[256], ["a"], "ab", {}, [-1], None])
def test_bytes_that_are_none_are_left_out(data: Any) -> None:
    assert read_tokens([{**A, "bytes": data}]) == (PLAIN,)


def test_responses_says_it_with_deltas_and_with_whole_items() -> None:
    """What came with the deltas is not told again with the item."""
    content = {"type": "output_text", "text": "éa", "annotations": [], "logprobs": [ENTRY, A]}
    item = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [content]}
    done = {"id": "r", "status": "completed", "output": [item]}
    where = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    steps = [
        {**where, "delta": "é", "logprobs": [ENTRY]},
        {**where, "delta": "a", "logprobs": [A]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": done},
    ]
    body = b"".join(f"data: {json.dumps(step)}\n\n".encode() for step in steps)
    streamed = by_part(responses_run.stream(body))
    whole = by_part(responses_run.read([json.dumps(done).encode()], "application/json"))
    assert streamed == whole == [(Text("éa"), (TOKEN, PLAIN))]


def test_google_says_it_step_by_step() -> None:
    """A certain token has no number: zeros are left out."""
    result = {
        "chosenCandidates": [{"token": "a", "tokenId": 7, "logProbability": -0.5}, {"token": "b"}],
        "topCandidates": [{"candidates": [{"token": "z", "tokenId": 9, "logProbability": -0.25}]}],
    }
    candidate = {"content": {"parts": [{"text": "ab"}]}, "finishReason": "STOP", "logprobsResult": result}
    events = google_run.read(
        google_run.gemini(), [json.dumps({"candidates": [candidate]}).encode()], "application/json"
    )
    top = (TokenAlternative("z", -0.25, token_id=9),)
    assert by_part(events) == [(Text("ab"), (TokenLogprob("a", -0.5, token_id=7, top=top), TokenLogprob("b", 0.0)))]


def test_cohere_says_it_of_several_tokens_at_once() -> None:
    """Their text stands in the first of them."""
    several = {"text": "a hedge", "token_ids": [7, 8], "logprobs": [-0.5, -1]}
    wanted = (TokenLogprob("a hedge", -0.5, token_id=7), TokenLogprob("", -1.0, token_id=8))
    message = {"role": "assistant", "content": [{"type": "text", "text": "a hedge"}]}
    whole = {"id": "r", "message": message, "finish_reason": "COMPLETE", "logprobs": [several]}
    found = by_part(cohere_run.read([json.dumps(whole).encode()], "application/json"))
    assert found == [(Text("a hedge"), wanted)]
    streamed = cohere_run.stream(
        cohere_run.sse(
            {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
            {
                "type": "content-delta", "index": 0,
                "delta": {"message": {"content": {"text": "a hedge"}}}, "logprobs": several,
            },
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
        )
    )  # fmt: skip
    assert by_part(streamed) == found


def test_an_answer_with_them_goes_back_without_them() -> None:
    """Whatever the provider: it takes none."""
    message = Message(Role.ASSISTANT, (Part(Text("a"), logprobs=(TOKEN,)),))
    bare = Message(Role.ASSISTANT, (Part(Text("a")),))
    for adapter in (openai_run.openai(), ollama(), google_run.gemini(), cohere_run.cohere()):
        built = [
            adapter.build(ChatSpec(model="m", messages=(one, HI)), stream=True, model="m", secret=None)
            for one in (message, bare)
        ]
        assert built[0] == built[1]


def test_who_did_not_ask_gets_no_events() -> None:
    reader = openai_run.openai().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    body = frames({"delta": {"content": "a"}, "logprobs": None}, {"delta": {"content": "b"}})
    assert not any(isinstance(event, LogprobsDelta) for event in reader.feed(body))

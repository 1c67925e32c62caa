"""Tool calls of servers that number and name them in ways of their own."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import Event, ToolCallArgumentsDelta, ToolCallEnded, ToolCallStarted
from hedgerow_server.core.request import ToolCall
from providers.openai_run import folded, read, stream

DONE = b"data: [DONE]\n\n"


def piece(index: Any = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    """A fragment of a tool call; None leaves a member out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    members = {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}
    return {**members, "function": function}


def events_of(*deltas: dict[str, Any]) -> list[Event]:
    """The events of a stream of these deltas."""
    chunks = [{"id": "r1", "choices": [{"index": 0, "delta": one}]} for one in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return stream(b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in (*chunks, end)) + DONE)


def calls_of(*fragments: Any) -> list[tuple[str, str]]:
    """Names and arguments of the calls in a stream, of one fragment a chunk."""
    return named(events_of(*({"tool_calls": [one]} for one in fragments)))


def named(events: list[Event]) -> list[tuple[str, str]]:
    """Names and arguments of the calls in an answer."""
    contents = [part.content for part in folded(events).message.content]
    return [(one.name, one.arguments) for one in contents if isinstance(one, ToolCall)]


def in_document(*calls: Any) -> list[tuple[str, str]]:
    """Names and arguments of the calls in a whole answer."""
    choice = {"index": 0, "message": {"content": None, "tool_calls": list(calls)}, "finish_reason": "tool_calls"}
    return named(read([json.dumps({"id": "r1", "choices": [choice]}).encode()], "application/json"))


def test_fragments_of_two_calls_may_alternate() -> None:
    wanted = [("a", '{"x":1}'), ("b", '{"y":2}')]
    first, second = piece(0, "c1", "a", '{"x"'), piece(1, "c2", "b", '{"y"')
    assert calls_of(first, second, piece(0, arguments=":1}"), piece(1, arguments=":2}")) == wanted


def test_calls_may_all_be_announced_in_one_delta_before_any_arguments() -> None:
    announced = {"tool_calls": [piece(0, "c1", "a", ""), piece(1, "c2", "b", "")]}
    rest = [{"tool_calls": [piece(index, arguments=text)]} for index, text in ((0, '{"x":1}'), (1, '{"y":2}'))]
    assert named(events_of(announced, *rest)) == [("a", '{"x":1}'), ("b", '{"y":2}')]


def test_text_amid_the_arguments_does_not_end_the_call() -> None:
    deltas = (
        {"tool_calls": [piece(0, "c1", "a", '{"x"')]},
        {"content": "\n"},
        {"tool_calls": [piece(0, arguments=":1}")]},
    )
    assert named(events_of(*deltas)) == [("a", '{"x":1}')]


def test_a_call_ends_as_soon_as_another_begins_if_it_is_whole_and_else_at_the_end() -> None:
    """Whoever waits for the first call need not wait for the last."""
    whole, half, none = piece(0, "c0", "f", "{}"), piece(1, "c1", "g", "{"), piece(2, "c2", "h", "")
    content = events_of({"tool_calls": [whole, half, none]}, {"tool_calls": [piece(1, arguments="}")]})[1:-1]
    assert content == [
        ToolCallStarted(0, "c0", "f"),
        ToolCallArgumentsDelta(0, "{}"),
        ToolCallEnded(0),
        ToolCallStarted(1, "c1", "g"),
        ToolCallArgumentsDelta(1, "{"),
        ToolCallStarted(2, "c2", "h"),
        ToolCallArgumentsDelta(1, "}"),
        ToolCallEnded(1),
        ToolCallArgumentsDelta(2, "{}"),
        ToolCallEnded(2),
    ]


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize("arguments", ['{"x":1}', "", " "])
def test_a_whole_call_that_is_told_again_is_one_call(index: int | None, arguments: str) -> None:
    """In the last chunk, or with nothing but its names."""
    calls = calls_of(piece(index, "c1", "a", '{"x":1}'), piece(index, "c1", "a", arguments))
    assert [(name, text.strip()) for name, text in calls] == [("a", '{"x":1}')]


def test_arguments_that_come_whole_after_their_fragments_count_once() -> None:
    """So vLLM flushes the calls of some models; also once another call has begun."""
    fragments = piece(0, "c1", "a", ""), piece(0, None, None, '{"x"'), piece(0, None, None, ":1}")
    again = piece(0, None, None, '{"x":1}')
    assert calls_of(*fragments, again) == [("a", '{"x":1}')]
    assert calls_of(*fragments, piece(1, "c2", "b", "{}"), again) == [("a", '{"x":1}'), ("b", "{}")]


def test_equal_fragments_are_no_repetition() -> None:
    nested = [piece(0, "c1", "a", '{"x":'), piece(0, None, None, '{"x":'), piece(0, None, None, "{}}}")]
    assert calls_of(*nested) == [("a", '{"x":{"x":{}}}')]


def test_blanks_after_the_end_of_a_call_are_nothing() -> None:
    assert calls_of(piece(0, "c1", "a", "{}"), piece(1, "c2", "b", "{}"), piece(0, None, None, "\n")) == [
        ("a", "{}"),
        ("b", "{}"),
    ]


def test_an_id_for_each_fragment_makes_no_calls_of_them() -> None:
    """Whether the name comes with each of them or with the first; arguments that are not complete go on."""
    assert calls_of(piece(0, "c1", "a", '{"x"'), piece(0, "c2", "a", ":1}")) == [("a", '{"x":1}')]
    fragments = piece(None, "c1", "a", ""), piece(None, "c2", None, '{"x"'), piece(None, "c3", "", ":1}")
    assert calls_of(*fragments, piece(None, "c4", "b", "{}")) == [("a", '{"x":1}'), ("b", "{}")]


def test_a_call_whose_id_comes_before_its_name_is_a_call() -> None:
    assert calls_of(piece(None, "c1", "a", "{}"), piece(None, "c2"), piece(None, "c2", "b", "{}")) == [
        ("a", "{}"),
        ("b", "{}"),
    ]


def test_one_function_called_twice_under_one_index_is_two_calls() -> None:
    """Ollama, Dynamo and older vLLM number all calls 0."""
    twice = [piece(0, "c1", "a", ""), piece(0, "", None, '{"x":1}'), piece(0, "c2", "a", ""), piece(0, "", None, "{}")]
    assert calls_of(*twice) == [("a", '{"x":1}'), ("a", "{}")]


def test_two_calls_without_index_that_have_one_id_stay_two_calls() -> None:
    """Some name a call like its function, so that two calls of it have one id."""
    both = piece(None, "add", "add", '{"x":1}'), piece(None, "add", "add", '{"x":2}')
    assert calls_of(*both) == [("add", '{"x":1}'), ("add", '{"x":2}')]
    assert in_document(*both) == [("add", '{"x":1}'), ("add", '{"x":2}')]


def test_fragments_that_name_their_call_by_its_id_alone_may_alternate() -> None:
    first, second = piece(None, "c1", "a", "{"), piece(None, "c2", "b", "{")
    rest = piece(None, "c1", None, '"x":1}'), piece(None, "c2", None, "}")
    assert calls_of(first, second, *rest) == [("a", '{"x":1}'), ("b", "{}")]


def test_a_call_may_hold_the_members_of_its_function_itself() -> None:
    """Cloudflare's own form."""
    assert in_document({"name": "a", "arguments": {"x": 1}}) == [("a", '{"x":1}')]


def test_the_one_call_of_a_delta_may_stand_outside_of_a_list() -> None:
    """Older text-generation-inference, whose ids are numbers or empty."""
    first = {"tool_calls": {**piece(0, "", "a", '{"x"'), "id": 0}}
    assert named(events_of(first, {"tool_calls": piece(0, "", None, ":1}")})) == [("a", '{"x":1}')]

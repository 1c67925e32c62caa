"""Where the texts of requests stand, and requests with others in their place."""

import json

import msgspec
import pytest
from hedgerow_server.core.guard import Judged, Source
from hedgerow_server.core.request import (
    VERBATIM,
    Audio,
    ChatSpec,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    Message,
    Part,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from hedgerow_server.guardrails.texts import rewritten, rewritten_arguments, texts

STATE = ProviderState("anthropic", b"signed")
SPEC = ChatSpec(
    model="fast",
    messages=(
        Message(Role.SYSTEM, (Part(Text("be kind")),)),
        Message(Role.DEVELOPER, (Part(Text("be brief")),)),
        Message(
            Role.USER, (Part(Text("hello")), Part(Image(url="https://x/y")), Part(Audio(b"x", transcript="spoken")))
        ),
        Message(
            Role.ASSISTANT,
            (
                Part(Reasoning("a thought"), STATE),
                Part(Text("an answer")),
                Part(ToolCall("c1", "find", '{"q": "a query", "deep": [{"x": "nested"}]}')),
                Part(Refusal("not that")),
            ),
        ),
        Message(
            Role.TOOL,
            (Part(ToolResult("c1", (Part(Text("a result")), Part(File(b"a page", media_type="text/html"))))),),
        ),
        Message(
            Role.USER,
            (
                Part(File(b"%PDF", media_type="application/pdf")),
                Part(File(b'{"a":1}', media_type="application/ld+json")),
            ),
        ),
    ),
    tools=(FunctionTool("find", "finds things"),),
)


def test_every_text_is_found_with_who_wrote_it() -> None:
    assert [(one.source.value, one.text) for one in texts(SPEC)] == [
        ("system", "be kind"),
        ("system", "be brief"),
        ("user", "hello"),
        ("user", "spoken"),
        ("reasoning", "a thought"),
        ("assistant", "an answer"),
        ("arguments", "q"),
        ("arguments", "a query"),
        ("arguments", "deep"),
        ("arguments", "x"),
        ("arguments", "nested"),
        ("assistant", "not that"),
        ("tool_result", "a result"),
        ("document", "a page"),
        ("document", '{"a":1}'),
        ("document", "finds things"),
    ]


def test_the_same_texts_give_the_same_request() -> None:
    assert rewritten(SPEC, [one.text for one in texts(SPEC)]) is SPEC


def test_other_texts_stand_where_those_stood() -> None:
    new = rewritten(SPEC, [one.text.upper() for one in texts(SPEC)])
    assert [one.text for one in texts(new)] == [one.text.upper() for one in texts(SPEC)]
    assert json.loads(new.messages[3].content[2].content.arguments) == {  # type: ignore[union-attr]
        "Q": "A QUERY",
        "DEEP": [{"X": "NESTED"}],
    }
    assert new.messages[4].content[0].content.content[1].content.data == b"A PAGE"  # type: ignore[union-attr]


def test_thoughts_that_were_changed_lose_their_signature_and_others_keep_it() -> None:
    others = [one.text for one in texts(SPEC)]
    place = others.index("a thought")
    unsigned = rewritten(SPEC, [*others[:place], "[GONE]", *others[place + 1 :]])
    assert (unsigned.messages[3].content[0].state, SPEC.messages[3].content[0].state) == (None, STATE)
    assert rewritten(SPEC, ["BE KIND", *others[1:]]).messages[3].content[0].state == STATE


def test_the_strings_of_a_block_that_is_sent_as_it_is_are_texts_of_a_document() -> None:
    """As the provider reads them, and it stays a block with others in their place."""
    block = '{"type": "search_result", "content": [{"text": "line\\nof \\u0061"}], "n": 1}'
    spec = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text(block), ProviderState("a", VERBATIM)),)),))
    found = texts(spec)
    assert Judged("line\nof a", Source.DOCUMENT) in found
    others = ["<x>" if one.text.startswith("line") else one.text for one in found]
    (part,) = rewritten(spec, others).messages[0].content
    assert part.content == Text('{"type": "search_result", "content": [{"text": "<x>"}], "n": 1}')
    assert part.state == ProviderState("a", VERBATIM)


def test_inputs_of_embeddings_are_texts_and_tokens_stay_as_they_are() -> None:
    spec = EmbedSpec(model="embed", inputs=("one", (1, 2), "three"))
    assert texts(spec) == [Judged("one", Source.EMBEDDING), Judged("three", Source.EMBEDDING)]
    assert rewritten(spec, ["1", "3"]).inputs == ("1", (1, 2), "3")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ('{"a": "x\\u0079z"}', ["a", "xyz"]),
        ('{"a": "quote \\" and \\\\"}', ["a", 'quote " and \\']),
        ('{"card": 4111111111111111, "n": 12}', ["card", "4111111111111111", "n"]),
        ("not json: bob@example.com", ["not json: bob@example.com"]),
        ('{"cut": "off', ['{"cut": "off']),
        ("", [""]),
    ],
)
def test_strings_of_arguments_are_seen_as_the_function_sees_them(arguments: str, found: list[str]) -> None:
    seen: list[str] = []

    def note(text: str, source: Source) -> str:
        assert source is Source.ARGUMENTS
        seen.append(text)
        return text

    assert rewritten_arguments(arguments, note) == arguments
    assert seen == found


def test_a_replaced_string_leaves_the_rest_of_the_arguments_letter_by_letter() -> None:
    """Numbers too, which a parser would write anew; one that is replaced becomes a string."""
    arguments = '{ "to":"bob",\n "amount": 1.10, "card":4111111111111111, "big": 123456789012345678901234567890 }'

    def redact(text: str, _: Source) -> str:
        return '["X"]' if text in ("bob", "4111111111111111") else text

    new = rewritten_arguments(arguments, redact)
    assert new == arguments.replace('"bob"', '"[\\"X\\"]"').replace("4111111111111111", '"[\\"X\\"]"')
    assert json.loads(new)["to"] == '["X"]'


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), "text/plain", "é"),
        ("é".encode("utf-16"), "text/plain", "é"),
        ("é".encode("utf-16le"), 'text/csv; charset="utf-16le"', "é"),
    ],
)
def test_text_files_are_read_and_written_in_their_own_encoding(data: bytes, media_type: str, text: str) -> None:
    message = Message(Role.USER, (Part(File(data, media_type=media_type)),))
    spec = ChatSpec(model="fast", messages=(message,))
    assert [one.text for one in texts(spec)] == [text]
    file = rewritten(spec, [text * 2]).messages[0].content[0].content
    assert isinstance(file, File)
    assert [
        one.text for one in texts(msgspec.structs.replace(spec, messages=(Message(Role.USER, (Part(file),)),)))
    ] == [text * 2]


def test_deep_arguments_are_one_text_and_break_nothing() -> None:
    arguments = "[" * 100_000 + '"x"' + "]" * 100_000
    assert rewritten_arguments(arguments, lambda text, _: text) == arguments

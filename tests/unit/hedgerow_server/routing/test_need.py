"""What a request needs, read off the request."""

import pytest
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    Content,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderTool,
    ReasoningSpec,
    Role,
    ToolResult,
)
from hedgerow_server.routing.need import lacks, need_of, too_long
from unit.hedgerow_server.routing.paper import said, turn


def with_content(content: Content) -> ChatSpec:
    """A conversation with this in its last turn."""
    return said("look", Message(Role.USER, (Part(content),)))


def test_a_plain_chat_needs_nothing() -> None:
    need = need_of(said("hello"), stream=True)
    assert need.as_map() == {
        "kind": "chat",
        "model": "fast",
        "stream": True,
        "input_tokens": need.input_tokens,
        "max_output_tokens": 0,
        "messages": 1,
        "inputs": 0,
        "tools": False,
        "json_schema": False,
        "images": False,
        "audio": False,
        "files": False,
        "reasoning": False,
        "prefill": False,
    }
    assert need.input_tokens > 0


@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        (said("a", max_output_tokens=7), "max_output_tokens", 7),
        (said("a", turn(Role.ASSISTANT, "b"), turn(Role.USER, "c")), "messages", 3),
        (said("a", tools=(FunctionTool("f"),)), "tools", True),
        (said("a", tools=(ProviderTool("openai", "{}"),)), "tools", False),
        (said("a", response_format=JsonSchemaFormat("s", "{}")), "json_schema", True),
        (said("a", response_format=JsonObjectFormat()), "json_schema", False),
        (said("a", reasoning=ReasoningSpec()), "reasoning", True),
        (said("a", turn(Role.ASSISTANT, "b")), "prefill", True),
        (with_content(Image(url="u")), "images", True),
        (with_content(Audio(data=b"a")), "audio", True),
        (with_content(File(data=b"a", media_type="application/pdf")), "files", True),
        (with_content(File(data=b"a", media_type="video/mp4")), "files", True),
        (with_content(ToolResult("1", (Part(Image(url="u")),))), "images", True),
        (EmbedSpec(model="v", inputs=("a", "b")), "inputs", 2),
        (EmbedSpec(model="v", inputs=("a",)), "kind", "embed"),
    ],
)
def test_a_need_is_seen(spec: ChatSpec | EmbedSpec, key: str, value: object) -> None:
    assert need_of(spec, stream=False).as_map()[key] == value


VIDEO = need_of(with_content(File(data=b"a", media_type="video/mp4")), stream=False)


@pytest.mark.parametrize(
    ("modalities", "words"),
    [({"text", "video"}, ""), ({"text", "file"}, ""), ({"text", "image"}, "takes no video"), (set(), "")],
)
def test_a_video_is_taken_by_models_for_videos_or_for_files(modalities: set[str], words: str) -> None:
    assert lacks(ModelFacts(input_modalities=frozenset(modalities)), VIDEO) == words


def test_a_model_of_which_nothing_is_known_lacks_nothing() -> None:
    assert (lacks(None, VIDEO), lacks(ModelFacts(), VIDEO)) == ("", "")
    assert (too_long(None, VIDEO), too_long(ModelFacts(), VIDEO)) == ("", "")


@pytest.mark.parametrize("fact", ["tools", "json_schema", "prefill"])
@pytest.mark.parametrize("value", [True, None])
def test_only_a_plain_no_is_against_a_model(fact: str, value: bool | None) -> None:
    spec = said("a", turn(Role.ASSISTANT, "b"), tools=(FunctionTool("f"),), response_format=JsonSchemaFormat("s", "{}"))
    assert lacks(ModelFacts(**{fact: value}), need_of(spec, stream=False)) == ""  # type: ignore[arg-type]


def test_a_request_as_long_as_the_context_fits() -> None:
    need = need_of(said("x" * 4000), stream=False)
    assert too_long(ModelFacts(context_tokens=need.input_tokens), need) == ""
    assert too_long(ModelFacts(context_tokens=need.input_tokens - 1), need) != ""

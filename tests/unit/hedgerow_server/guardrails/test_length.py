"""Requests larger than they may be."""

import pydantic
import pytest
from hedgerow_server.core.request import ChatSpec, EmbedSpec, FunctionTool, Image, Message, Part, Role, Text, ToolResult
from hedgerow_server.guardrails.length import LengthGuard, LengthGuardSection

PICTURE = Part(Image(data=b"x", media_type="image/png"))
CHAT = ChatSpec(
    model="m",
    messages=(
        Message(Role.USER, (Part(Text("12345678")), PICTURE)),
        Message(Role.TOOL, (Part(ToolResult("id", (Part(Text("abc")), PICTURE))),)),
    ),
    tools=(FunctionTool("f"), FunctionTool("g", "ten letter")),
)
EMBED = EmbedSpec(model="m", inputs=("1234", "56"))


def categories(spec: ChatSpec | EmbedSpec, **keys: int) -> list[str]:
    guard = LengthGuard(LengthGuardSection.model_validate(keys))
    return [finding.category for finding in guard.check(spec)]


@pytest.mark.parametrize(
    ("spec", "kind", "count"),
    [
        (CHAT, "characters", 21),
        (CHAT, "messages", 2),
        (CHAT, "tools", 2),
        (CHAT, "images", 2),
        (EMBED, "characters", 6),
        (EMBED, "messages", 2),
        (EMBED, "tools", 0),
        (EMBED, "images", 0),
    ],
)
def test_a_count_above_its_limit_is_found(spec: ChatSpec | EmbedSpec, kind: str, count: int) -> None:
    assert categories(spec, **{kind: count}) == []
    if count:
        assert categories(spec, **{kind: count - 1}) == [f"length.{kind}"]


def test_tokens_are_estimated() -> None:
    assert categories(CHAT, tokens=2000) == ["length.tokens"]
    assert categories(CHAT, tokens=3000) == []


def test_every_limit_that_is_passed_is_told() -> None:
    assert categories(CHAT, characters=1, messages=1, tools=9) == ["length.messages", "length.characters"]


@pytest.mark.parametrize(
    "keys", [{}, {"characters": 1, "sides": ["output"]}, {"characters": 1, "action": "redact"}, {"characters": -1}]
)
def test_sections_of_no_use_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        LengthGuardSection.model_validate(keys)

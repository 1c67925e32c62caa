"""Requests that are larger than a route is meant for."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import pydantic

from hedgerow_server.core.guard import Finding
from hedgerow_server.core.request import ChatSpec, EmbedSpec, Image, Part, ToolResult
from hedgerow_server.core.tokens import input_tokens
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.texts import texts

Most = Annotated[int, pydantic.Field(ge=0)]


class LengthGuardSection(GuardEntry):
    """A guard that counts. Only what is given is counted."""

    type: Literal["length"] = "length"
    """Counts what a request has."""
    characters: Most | None = None
    """The most code points of all texts of a request: messages, tool results, arguments, text files, what functions are
    for."""
    messages: Most | None = None
    """The most messages of a chat, or inputs of an Embed."""
    tokens: Most | None = None
    """The most input tokens, by the rule of thumb that quotas use too (4 bytes of text each, 1,000 for a picture)."""
    tools: Most | None = None
    """The most tools that a chat offers."""
    images: Most | None = None
    """The most pictures, those in tool results included."""

    @pydantic.model_validator(mode="after")
    def _a_count(self) -> "LengthGuardSection":
        if self.sides != ("input",):
            raise ValueError("expected sides: [input]: only requests are counted")
        if self.action == "redact":
            raise ValueError("expected another action than redact: there is nothing that could be replaced")
        if all(one is None for one in (self.characters, self.messages, self.tokens, self.tools, self.images)):
            raise ValueError("expected characters, messages, tokens, tools or images")
        return self


class LengthGuard:
    """RequestGuard of one entry."""

    def __init__(self, section: LengthGuardSection) -> None:
        self._section = section

    def check(self, spec: ChatSpec | EmbedSpec) -> Sequence[Finding]:
        """A finding for each count that is above its limit: "length.characters", "length.messages" and so on."""
        return [Finding(0, 0, f"length.{kind}") for kind, most, count in self._counts(spec) if count > most]

    def _counts(self, spec: ChatSpec | EmbedSpec) -> Iterator[tuple[str, int, int]]:
        section = self._section
        if section.messages is not None:
            yield "messages", section.messages, len(spec.messages if isinstance(spec, ChatSpec) else spec.inputs)
        if section.tools is not None:
            yield "tools", section.tools, len(spec.tools) if isinstance(spec, ChatSpec) else 0
        if section.images is not None:
            yield "images", section.images, _images(spec)
        if section.characters is not None:
            yield "characters", section.characters, sum(len(one.text) for one in texts(spec))
        if section.tokens is not None:
            yield "tokens", section.tokens, input_tokens(spec).expected


def _images(spec: ChatSpec | EmbedSpec) -> int:
    if isinstance(spec, EmbedSpec):
        return 0
    return sum(_pictures(part) for message in spec.messages for part in message.content)


def _pictures(part: Part) -> int:
    if isinstance(part.content, ToolResult):
        return sum(map(_pictures, part.content.content))
    return isinstance(part.content, Image)

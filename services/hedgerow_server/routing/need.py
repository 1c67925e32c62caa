"""What a request needs of a model, and whether a model has it."""

import msgspec

from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Part,
    Role,
    ToolResult,
)
from hedgerow_server.core.tokens import input_tokens

_MODALITIES = {Image: "image", Audio: "audio", File: "file"}


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """The features of one request."""

    kind: str
    """"chat" or "embed"."""
    model: str
    """The name that the caller used."""
    stream: bool
    input_tokens: int
    """Estimated: a rule of thumb."""
    max_output_tokens: int | None = None
    messages: int = 0
    inputs: int = 0
    """Of an embedding request."""
    tools: bool = False
    """Whether it offers functions."""
    json_schema: bool = False
    modalities: frozenset[str] = frozenset()
    """Of "image", "audio", "file" and "video"; a video comes as a file."""
    reasoning: bool = False
    prefill: bool = False
    """Whether the conversation ends with the model's own turn."""

    def as_map(self) -> dict[str, object]:
        """For conditions: every field, and each modality by its plural."""
        return {
            "kind": self.kind,
            "model": self.model,
            "stream": self.stream,
            "input_tokens": self.input_tokens,
            "max_output_tokens": self.max_output_tokens or 0,
            "messages": self.messages,
            "inputs": self.inputs,
            "tools": self.tools,
            "json_schema": self.json_schema,
            "images": "image" in self.modalities,
            "audio": "audio" in self.modalities,
            "files": not self.modalities.isdisjoint(("file", "video")),
            "reasoning": self.reasoning,
            "prefill": self.prefill,
        }


def need_of(spec: ChatSpec | EmbedSpec, *, stream: bool) -> Need:
    """Reads the features off a request."""
    if isinstance(spec, EmbedSpec):
        return Need(
            kind="embed",
            model=spec.model,
            stream=stream,
            input_tokens=input_tokens(spec).expected,
            inputs=len(spec.inputs),
        )
    modalities: set[str] = set()
    for message in spec.messages:
        _add_modalities(message.content, modalities)
    return Need(
        kind="chat",
        model=spec.model,
        stream=stream,
        input_tokens=input_tokens(spec).expected,
        max_output_tokens=spec.max_output_tokens,
        messages=len(spec.messages),
        tools=any(isinstance(tool, FunctionTool) for tool in spec.tools),
        json_schema=isinstance(spec.response_format, JsonSchemaFormat),
        modalities=frozenset(modalities),
        reasoning=spec.reasoning is not None,
        prefill=bool(spec.messages) and spec.messages[-1].role is Role.ASSISTANT,
    )


def _add_modalities(parts: tuple[Part, ...], found: set[str]) -> None:
    for part in parts:
        content = part.content
        modality = _MODALITIES.get(type(content))
        if isinstance(content, File) and content.media_type.startswith("video/"):
            found.add("video")
        elif modality is not None:
            found.add(modality)
        elif isinstance(content, ToolResult):
            _add_modalities(content.content, found)


def lacks(facts: ModelFacts | None, need: Need) -> str:
    """What a model is known not to have of what is needed, for people; empty where nothing is known to be missing."""
    if facts is None:
        return ""
    if need.tools and facts.tools is False:
        return "calls no functions"
    if need.json_schema and facts.json_schema is False:
        return "takes no JSON schema"
    if need.prefill and facts.prefill is False:
        return "refuses a conversation that ends with its own turn"
    if facts.input_modalities:
        missing = sorted(need.modalities - facts.input_modalities)
        if missing and not (missing == ["video"] and "file" in facts.input_modalities):
            return f"takes no {missing[0]}"
    return ""


def too_long(facts: ModelFacts | None, need: Need) -> str:
    """Says that a request is probably longer than a model's context; empty where it fits or nothing is known. The
    request's tokens are a rule of thumb, so this may prefer another model but must not refuse a call.
    """
    if facts is None or facts.context_tokens is None or need.input_tokens <= facts.context_tokens:
        return ""
    return f"has a context of {facts.context_tokens} tokens, the request about {need.input_tokens}"

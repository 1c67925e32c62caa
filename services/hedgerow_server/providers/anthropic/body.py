"""What is sent to Claude: the body of a message request. Members that are None are left out."""

from typing import Any

import msgspec


class CacheControl(msgspec.Struct, tag="ephemeral", omit_defaults=True):
    """Caches the prompt up to here, for `5m` or `1h`."""

    ttl: str | None = None


class Cacheable(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a cache hint can stand at."""

    cache_control: CacheControl | None = None


class Base64Source(msgspec.Struct, tag="base64"):
    """Bytes in base64."""

    media_type: str
    data: str


class UrlSource(msgspec.Struct, tag="url"):
    """What the provider fetches."""

    url: str


class FileSource(msgspec.Struct, tag="file"):
    """A file that was uploaded before."""

    file_id: str


class TextSource(msgspec.Struct, tag="text"):
    """Plain text."""

    data: str
    media_type: str = "text/plain"


class CitationsConfig(msgspec.Struct):
    """Whether a document may be cited."""

    enabled: bool


class TextBlock(Cacheable, tag="text", omit_defaults=True):
    """Text, with the citations that the provider had given."""

    text: str
    citations: list[msgspec.Raw] | None = None


class ImageBlock(Cacheable, tag="image", omit_defaults=True):
    """A picture."""

    source: Base64Source | UrlSource | FileSource


class DocumentBlock(Cacheable, tag="document", omit_defaults=True):
    """A document."""

    source: Base64Source | UrlSource | FileSource | TextSource
    title: str | None = None
    citations: CitationsConfig | None = None


class ToolUseBlock(Cacheable, tag="tool_use", omit_defaults=True):
    """A call of a function."""

    id: str
    name: str
    input: Any
    caller: Any = None
    toolset_name: str | None = None


class ToolResultBlock(Cacheable, tag="tool_result", omit_defaults=True):
    """What a function returned."""

    tool_use_id: str
    content: list[TextBlock | ImageBlock | DocumentBlock | msgspec.Raw] | None = None
    is_error: bool | None = None
    toolset_name: str | None = None


class ThinkingBlock(msgspec.Struct, tag="thinking"):
    """A thought, with its signature."""

    thinking: str
    signature: str


class RedactedThinkingBlock(msgspec.Struct, tag="redacted_thinking"):
    """A thought that is encrypted altogether."""

    data: str


Media = ImageBlock | DocumentBlock
BlockBody = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | msgspec.Raw
)


class Turn(msgspec.Struct):
    """What one side says; sides alternate, and the operator may say more between them."""

    role: str
    content: list[BlockBody]


class ToolBody(Cacheable, omit_defaults=True):
    """A function that may be called."""

    name: str
    input_schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None


class ToolChoiceBody(msgspec.Struct, omit_defaults=True):
    """Whether and which tools must be called: `auto`, `any`, `tool` or `none`."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct, omit_defaults=True):
    """How the model thinks before it answers."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class JsonSchema(msgspec.Struct, tag="json_schema"):
    """An answer that follows a schema."""

    schema: msgspec.Raw


class OutputConfig(msgspec.Struct, omit_defaults=True):
    """How much effort an answer is worth, and its form."""

    effort: str | None = None
    format: JsonSchema | None = None


class MessageBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /v1/messages, or with `anthropic_version` in the place of `model` that of another platform."""

    messages: list[Turn]
    max_tokens: int
    model: str | None = None
    anthropic_version: str | None = None
    anthropic_beta: list[str] | None = None
    stream: bool | None = None
    system: list[TextBlock | msgspec.Raw] | None = None
    tools: list[ToolBody | msgspec.Raw] | None = None
    tool_choice: ToolChoiceBody | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None


encode = msgspec.json.Encoder().encode

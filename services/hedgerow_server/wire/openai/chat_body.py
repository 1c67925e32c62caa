"""What callers of Chat Completions send: https://platform.openai.com/docs/api-reference/chat/create, with the members
that clients of other vendors of the API have beside it.

Members of these objects that stand nowhere here are refused rather than lost; those of the body itself are passed on.
"""

from typing import Annotated, Any, Literal

import msgspec

from hedgerow_server.wire.extension import Extension

Int32 = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)]
Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
EFFORT = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object without further members."""


class CacheControl(Strict, frozen=True, kw_only=True):
    """The mark of a prefix that shall be cached, in Anthropic's words."""

    type: Literal["ephemeral"] = "ephemeral"
    ttl: Literal["5m", "1h"] | None = None


class ImageUrl(Strict, frozen=True, kw_only=True):
    """A picture; `url` may be a data URL."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class Address(Strict, frozen=True, kw_only=True):
    """A video; `url` may be a data URL."""

    url: str


class InputAudio(Strict, frozen=True, kw_only=True):
    """A recording: base64, and the name of its format."""

    data: str
    format: str = "wav"


class InputFile(Strict, frozen=True, kw_only=True):
    """A file, by id or as a data URL."""

    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None


class _Part(Strict, frozen=True, kw_only=True, tag_field="type"):
    """A part of a message."""

    cache_control: CacheControl | None = None


class TextPart(_Part, frozen=True, kw_only=True, tag="text"):
    """Text."""

    text: str
    annotations: Any = None


class ImagePart(_Part, frozen=True, kw_only=True, tag="image_url"):
    """A picture."""

    image_url: ImageUrl
    index: Any = None


class AudioPart(_Part, frozen=True, kw_only=True, tag="input_audio"):
    """A recording."""

    input_audio: InputAudio


class FilePart(_Part, frozen=True, kw_only=True, tag="file"):
    """A file."""

    file: InputFile


class VideoPart(_Part, frozen=True, kw_only=True, tag="video_url"):
    """A video (vLLM, OpenRouter, Qwen)."""

    video_url: Address


class RefusalPart(_Part, frozen=True, kw_only=True, tag="refusal"):
    """The model's words when it declined."""

    refusal: str


Part = TextPart | ImagePart | AudioPart | FilePart | VideoPart | RefusalPart


class FunctionCall(Strict, frozen=True, kw_only=True):
    """Which function was called. `parsed_arguments` is what the official SDK adds."""

    name: str
    arguments: str
    parsed_arguments: Any = None


class CustomCall(Strict, frozen=True, kw_only=True):
    """Which custom tool was called."""

    name: str
    input: str


class ToolCall(Strict, frozen=True, kw_only=True):
    """A call of a tool."""

    id: str
    type: Literal["function", "custom"] | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    index: Any = None
    extra_content: Any = None
    provider_specific_fields: Any = None


class AudioRef(msgspec.Struct, frozen=True):
    """Generated audio that comes back; its data are not needed."""

    id: str
    transcript: str | None = None


class Kept(msgspec.Struct, frozen=True):
    """What an answer's message had beside what the API knows."""

    parts: str = ""


class Message(Strict, frozen=True, kw_only=True):
    """A message of any role, or what an answer had in its place."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: AudioRef | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    images: list[ImagePart] | None = None
    cache_control: CacheControl | None = None
    hedgerow: Kept | None = None
    function_call: Any = None
    # What answers have and requests do not need.
    annotations: Any = None
    parsed: Any = None
    # State in the words of other gateways and vendors, which cannot be told whose it is.
    reasoning_details: Any = None
    thinking_blocks: Any = None
    extra_content: Any = None
    provider_specific_fields: Any = None


class StreamOptions(msgspec.Struct, frozen=True):
    """How a stream is wanted."""

    include_usage: bool | None = None


class FunctionName(Strict, frozen=True, kw_only=True):
    """The name of a function."""

    name: str


class NamedTool(Strict, frozen=True, kw_only=True):
    """A tool that must or may be called."""

    type: str = "function"
    function: FunctionName | None = None


class AllowedTools(Strict, frozen=True, kw_only=True):
    """The tools that may be called, and whether one must be."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool]


class ToolChoice(Strict, frozen=True, kw_only=True):
    """A choice that is more than a word."""

    type: str = "function"
    function: FunctionName | None = None
    allowed_tools: AllowedTools | None = None
    custom: Any = None


class TextFormat(Strict, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Free text."""


class JsonObject(Strict, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """An answer that is a JSON object."""


class Schema(Strict, frozen=True, kw_only=True):
    """The schema of an answer."""

    name: str
    schema: msgspec.Raw = msgspec.Raw(b"{}")
    description: str | None = None
    strict: bool | None = None


class JsonSchema(Strict, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """An answer that follows a schema."""

    json_schema: Schema


class ReasoningBody(Strict, frozen=True, kw_only=True):
    """How much to reason, in OpenRouter's words."""

    effort: EFFORT | None = None
    max_tokens: Int32 | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class Thinking(msgspec.Struct, frozen=True):
    """How much to reason, in Anthropic's words."""

    type: str
    budget_tokens: Int32 | None = None


class ChatBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of POST /v1/chat/completions, as far as the contract knows it."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonObject | JsonSchema | None = None
    reasoning_effort: EFFORT | None = None
    reasoning: ReasoningBody | None = None
    max_tokens: Int32 | None = None
    max_completion_tokens: Int32 | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Int32 | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: Int64 | None = None
    stop: str | list[str] | None = None
    logprobs: bool | Int32 | None = None
    top_logprobs: Int32 | None = None
    n: int | None = None
    prompt_cache_key: str | None = None
    functions: Any = None
    function_call: Any = None
    hedgerow: Extension | None = None

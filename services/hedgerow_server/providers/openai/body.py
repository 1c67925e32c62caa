"""What is sent to OpenAI: the bodies of chat completion and embedding requests. Members that are None are left out."""

from typing import Any

import msgspec


class ImageUrl(msgspec.Struct, omit_defaults=True):
    """A picture; `url` may be a data URL."""

    url: str
    detail: str | None = None


class InputAudio(msgspec.Struct):
    """A recording; `data` is base64, `format` wav or mp3."""

    data: str
    format: str


class InputFile(msgspec.Struct, omit_defaults=True):
    """A file, by id or as a data URL."""

    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None


class TextPart(msgspec.Struct, tag="text"):
    """Text."""

    text: str


class ImagePart(msgspec.Struct, tag="image_url"):
    """A picture."""

    image_url: ImageUrl


class AudioPart(msgspec.Struct, tag="input_audio"):
    """A recording."""

    input_audio: InputAudio


class FilePart(msgspec.Struct, tag="file"):
    """A file."""

    file: InputFile


ContentPart = TextPart | ImagePart | AudioPart | FilePart


class FunctionCall(msgspec.Struct):
    """Which function was called with which arguments."""

    name: str
    arguments: str


class FunctionToolCall(msgspec.Struct, tag="function", omit_defaults=True):
    """A call of a function."""

    id: str
    function: FunctionCall
    extra_content: Any = None


class CustomCall(msgspec.Struct):
    """Which custom tool was called with which text."""

    name: str
    input: str


class CustomToolCall(msgspec.Struct, tag="custom"):
    """A call of a custom tool."""

    id: str
    custom: CustomCall


class AudioRef(msgspec.Struct):
    """Audio of an earlier answer."""

    id: str


class ThoughtChunk(msgspec.Struct, tag="thinking"):
    """Thoughts within the content of an answer (Mistral)."""

    thinking: list[TextPart]


class ChatMessage(msgspec.Struct, omit_defaults=True):
    """A message of any role."""

    role: str
    content: str | list[Any] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: AudioRef | None = None
    images: list[ImagePart] | None = None
    tool_calls: list[FunctionToolCall | CustomToolCall | msgspec.Raw] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[Any] | None = None
    extra_content: Any = None


class Function(msgspec.Struct, omit_defaults=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw | None = None
    strict: bool | None = None


class FunctionToolBody(msgspec.Struct, tag="function"):
    """A tool that is a function."""

    function: Function


class FunctionName(msgspec.Struct):
    """The name of a function."""

    name: str


class NamedFunction(msgspec.Struct, tag="function"):
    """A function that must or may be called."""

    function: FunctionName


class AllowedTools(msgspec.Struct):
    """The tools that may be called, and whether one must be."""

    mode: str
    tools: list[NamedFunction]


class AllowedToolsChoice(msgspec.Struct, tag="allowed_tools"):
    """A choice that narrows the tools."""

    allowed_tools: AllowedTools


class JsonSchema(msgspec.Struct, omit_defaults=True):
    """The schema of an answer."""

    name: str
    schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None


class JsonSchemaBody(msgspec.Struct, tag="json_schema"):
    """An answer that follows a schema."""

    json_schema: JsonSchema


class JsonObjectBody(msgspec.Struct, tag="json_object"):
    """An answer that is a JSON object."""


class StreamOptions(msgspec.Struct):
    """Whether the stream ends with its usage."""

    include_usage: bool


class ChatBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /chat/completions."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[FunctionToolBody | msgspec.Raw] | None = None
    tool_choice: str | NamedFunction | AllowedToolsChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: JsonObjectBody | JsonSchemaBody | None = None
    reasoning_effort: str | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    prompt_cache_key: str | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    # What only other vendors have.
    top_k: int | None = None
    reasoning: dict[str, Any] | None = None
    thinking: dict[str, str] | None = None
    enable_thinking: bool | None = None
    thinking_budget: int | None = None


class EmbedBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /embeddings."""

    model: str
    input: list[str] | list[tuple[int, ...]]
    encoding_format: str | None = None
    dimensions: int | None = None


encode = msgspec.json.Encoder().encode

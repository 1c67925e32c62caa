"""What is sent to the Responses API. Members that are None are left out."""

from typing import Any

import msgspec


class Breakpoint(msgspec.Struct, omit_defaults=True):
    """Where a prefix ends that shall be cached."""

    mode: str
    ttl: str | None = None


class InputText(msgspec.Struct, tag="input_text", omit_defaults=True):
    """Text."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class InputImage(msgspec.Struct, tag="input_image", omit_defaults=True):
    """A picture by URL, which may be a data URL, or by the id of a file."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputFile(msgspec.Struct, tag="input_file", omit_defaults=True):
    """A file by id, by URL or as a data URL."""

    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    file_data: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class AudioData(msgspec.Struct):
    """A recording; `data` is base64, `format` wav or mp3."""

    data: str
    format: str


class InputAudio(msgspec.Struct, tag="input_audio"):
    """A recording."""

    input_audio: AudioData


InputPart = InputText | InputImage | InputFile | InputAudio


class OutputText(msgspec.Struct, tag="output_text"):
    """Text of an earlier answer."""

    text: str
    annotations: list[Any]


class OutputRefusal(msgspec.Struct, tag="refusal"):
    """A refusal of an earlier answer."""

    refusal: str


class InputMessage(msgspec.Struct, omit_defaults=True):
    """A message of anyone but the model, or one of the model that has no id."""

    role: str
    content: str | list[Any]
    phase: msgspec.Raw | None = None


class OutputMessage(msgspec.Struct, tag="message", omit_defaults=True):
    """A message of an earlier answer, as it came."""

    id: msgspec.Raw
    role: str
    status: str
    content: list[OutputText | OutputRefusal]
    phase: msgspec.Raw | None = None


class FunctionTool(msgspec.Struct, tag="function", omit_defaults=True):
    """A function that may be called."""

    name: str
    parameters: msgspec.Raw
    description: str | None = None
    strict: bool | None = None


class NamedFunction(msgspec.Struct, tag="function"):
    """A function that must or may be called."""

    name: str


class AllowedTools(msgspec.Struct, tag="allowed_tools"):
    """The tools that may be called, and whether one must be."""

    mode: str
    tools: list[NamedFunction]


class JsonSchema(msgspec.Struct, tag="json_schema", omit_defaults=True):
    """An answer that follows a schema."""

    name: str
    schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None


class JsonObject(msgspec.Struct, tag="json_object"):
    """An answer that is a JSON object."""


class Body(msgspec.Struct, omit_defaults=True):
    """The body of POST /responses."""

    model: str
    input: list[Any]
    store: bool | None = None
    stream: bool | None = None
    include: list[Any] | None = None
    tools: list[FunctionTool | msgspec.Raw] | None = None
    tool_choice: str | NamedFunction | AllowedTools | None = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    prompt_cache_key: str | None = None
    top_logprobs: int | None = None


encode = msgspec.json.Encoder().encode

"""What callers of the Responses API send: https://platform.openai.com/docs/api-reference/responses/create.

Members of what a caller says (texts, pictures, files) that stand nowhere here are refused rather than lost; those of
the body, of tools and of what an earlier answer held are passed on.
"""

from typing import Annotated, Literal

import msgspec

from hedgerow_server.wire.extension import Extension

Int32 = Annotated[int, msgspec.Meta(ge=-(1 << 31), lt=1 << 31)]
Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
ABSENT = msgspec.Raw()
"""A member that is not there."""


class _Loose(msgspec.Struct, frozen=True, kw_only=True):
    """An object whose further members somebody else looks at, or that says nothing by them."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object without further members."""


class Body(_Loose, frozen=True, kw_only=True):
    """The body of a request, as far as the contract knows it."""

    model: str
    input: str | list[msgspec.Raw] | None = None
    instructions: str | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: msgspec.Raw = ABSENT
    parallel_tool_calls: bool | None = None
    text: dict[str, msgspec.Raw] | None = None
    reasoning: dict[str, msgspec.Raw] | None = None
    max_output_tokens: Int32 | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Int32 | None = None
    top_logprobs: Int32 | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: Int64 | None = None
    include: list[str] | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: "StreamOptions | None" = None
    prompt_cache_key: str | None = None
    hedgerow: Extension | None = None


class StreamOptions(_Strict, frozen=True, kw_only=True):
    """How a stream looks."""

    include_obfuscation: bool | None = None


class Breakpoint(_Strict, frozen=True, kw_only=True):
    """Where a prefix ends that shall be cached."""

    mode: Literal["explicit"] = "explicit"
    ttl: Literal["30m", "12h"] | None = None


class _Piece(_Strict, frozen=True, kw_only=True, tag_field="type"):
    """A piece of what a message or the output of a function says."""

    prompt_cache_breakpoint: Breakpoint | None = None


class InputText(_Piece, frozen=True, kw_only=True, tag="input_text"):
    """Text."""

    text: str


class InputImage(_Piece, frozen=True, kw_only=True, tag="input_image"):
    """A picture by its URL, which may be a data URL, or by the id of a file."""

    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


class InputFile(_Piece, frozen=True, kw_only=True, tag="input_file"):
    """A file: its id, its URL, or itself in base64 or as a data URL."""

    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None


class Recording(_Strict, frozen=True, kw_only=True):
    """A recording in base64, and the name of its format."""

    data: str
    format: str


class InputAudio(_Piece, frozen=True, kw_only=True, tag="input_audio"):
    """A recording."""

    input_audio: Recording


class OutputText(_Loose, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    """Text of an earlier answer. What else an answer says of it a request does not need."""

    text: str


class OutputRefusal(_Loose, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    """A refusal of an earlier answer."""

    refusal: str


class OutputMedium(_Loose, frozen=True, kw_only=True, tag_field="type", tag="output_medium"):
    """A recording or a file of an earlier answer, in the gateway's own words: the API has none."""

    media_type: str
    data: str = ""
    url: str = ""
    transcript: str = ""


Piece = InputText | InputImage | InputFile | InputAudio | OutputText | OutputRefusal | OutputMedium
"""A piece of a message, whoever speaks."""
InputPiece = InputText | InputImage | InputFile | InputAudio
"""A piece of the output of a function."""


class Kept(_Strict, frozen=True, kw_only=True, omit_defaults=True):
    """The member `hedgerow` of an output item: what the provider wants back and the item has no other place for."""

    id: str = ""
    """The provider's own id of the item, where a stream had begun under another one."""
    state: str = ""
    """State of the item, as a word of ours."""
    provider: str = ""
    """Whose item it is, if it is no part that the gateway knows."""


class Head(_Loose, frozen=True, kw_only=True):
    """What tells items apart."""

    type: str | None = None
    role: str | None = None
    hedgerow: Kept | None = None


class MessageItem(_Loose, frozen=True, kw_only=True):
    """A message."""

    role: str
    content: str | list[Piece]


class CallItem(_Loose, frozen=True, kw_only=True):
    """A call of a function."""

    call_id: str
    name: str
    arguments: str


class CustomCallItem(_Loose, frozen=True, kw_only=True):
    """A call of a custom tool."""

    call_id: str
    name: str
    input: str


class OutputItem(_Loose, frozen=True, kw_only=True):
    """What a function or a custom tool returned."""

    call_id: str
    output: str | list[InputPiece]


class Summary(_Loose, frozen=True, kw_only=True):
    """A summary of thoughts."""

    text: str


class ReasoningItem(_Loose, frozen=True, kw_only=True):
    """What a model thought."""

    summary: list[Summary] | None = None
    encrypted_content: str | None = None


class ImageItem(_Loose, frozen=True, kw_only=True):
    """A picture that a model has drawn; `result` is base64."""

    result: str | None = None
    output_format: str | None = None


class FunctionBody(_Loose, frozen=True, kw_only=True):
    """A function that the caller runs, and nothing more but members that are null."""

    type: str
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class Named(_Loose, frozen=True, kw_only=True):
    """A tool by its type, and its name where it has one."""

    type: str
    name: str = ""


class Choice(_Loose, frozen=True, kw_only=True):
    """A choice of tools that is more than a word."""

    type: str
    name: str = ""
    mode: Literal["auto", "required"] = "auto"
    tools: list[Named] = []


class TextFormat(_Loose, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Free text."""


class JsonObject(_Loose, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class JsonSchema(_Strict, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    name: str
    schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None

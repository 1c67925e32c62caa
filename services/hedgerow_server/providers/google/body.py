"""What is sent to Google: the bodies of generateContent and of the embedding methods. Members that are None are left
out.
"""

import msgspec


class BlobOut(msgspec.Struct, rename="camel"):
    """Media; `data` is base64."""

    mime_type: str
    data: str


class FileOut(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Media by address: of the Files API, of Cloud Storage, or of the web."""

    file_uri: str
    mime_type: str | None = None


class MediaResolution(msgspec.Struct):
    """How closely the model looks at a medium."""

    level: str


class FunctionCallOut(msgspec.Struct, omit_defaults=True):
    """A call of a function in the conversation so far."""

    name: str
    args: msgspec.Raw
    id: str | None = None


class ResponsePart(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A medium that a function returned."""

    inline_data: BlobOut | None = None
    file_data: FileOut | None = None


class FunctionResponseOut(msgspec.Struct, omit_defaults=True):
    """What a function returned."""

    name: str
    response: msgspec.Raw
    id: str | None = None
    parts: list[ResponsePart] | None = None


class PartOut(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A part of a content; exactly one of its kinds is set."""

    text: str | None = None
    inline_data: BlobOut | None = None
    file_data: FileOut | None = None
    function_call: FunctionCallOut | None = None
    function_response: FunctionResponseOut | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    media_resolution: MediaResolution | None = None


class ContentOut(msgspec.Struct, omit_defaults=True):
    """A turn of the conversation; a raw part is one that came back as it was."""

    parts: list[PartOut | msgspec.Raw]
    role: str | None = None


class FunctionDeclaration(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters_json_schema: msgspec.Raw | None = None


class FunctionTools(msgspec.Struct, rename="camel"):
    """All functions that may be called: one tool."""

    function_declarations: list[FunctionDeclaration]


class FunctionCallingConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Whether and which functions must be called."""

    mode: str
    allowed_function_names: list[str] | None = None


class ToolConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """How tools are used."""

    function_calling_config: FunctionCallingConfig | None = None
    include_server_side_tool_invocations: bool | None = None


class ThinkingConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """How much the model thinks: a level, or a budget in tokens."""

    include_thoughts: bool | None = None
    thinking_level: str | None = None
    thinking_budget: int | None = None


class GenerationConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """How the answer is made."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    response_mime_type: str | None = None
    response_json_schema: msgspec.Raw | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    thinking_config: ThinkingConfig | None = None


class ChatBody(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The body of generateContent."""

    contents: list[ContentOut]
    system_instruction: ContentOut | None = None
    tools: list[FunctionTools | msgspec.Raw] | None = None
    tool_config: msgspec.Raw | None = None
    generation_config: msgspec.Raw | None = None


encode = msgspec.json.Encoder().encode
EMPTY = msgspec.Raw(b"{}")

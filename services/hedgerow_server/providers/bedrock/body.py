"""What is sent to Converse. Members that are None are left out; bytes become base64."""

import msgspec


class Source(msgspec.Struct, omit_defaults=True, rename={"data": "bytes", "s3_location": "s3Location"}):
    """Where a medium is: in the request, or in S3."""

    data: bytes | None = None
    s3_location: dict[str, str] | None = None


class Medium(msgspec.Struct, omit_defaults=True):
    """An image, a document, a video or audio. Only documents have names."""

    format: str
    source: Source
    name: str | None = None


class CachePoint(msgspec.Struct, omit_defaults=True):
    """The end of what is to be cached; `ttl` is 5m or 1h."""

    type: str
    ttl: str | None = None


class ToolUse(msgspec.Struct, rename="camel"):
    """A call of a function."""

    tool_use_id: str
    name: str
    input: msgspec.Raw


class ResultPiece(msgspec.Struct, omit_defaults=True):
    """A piece of what a function returned: one of these."""

    text: str | None = None
    image: Medium | None = None
    document: Medium | None = None
    video: Medium | None = None


class ToolResult(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What a function returned; `status` is left out for a success."""

    tool_use_id: str
    content: list[ResultPiece]
    status: str | None = None


class ReasoningText(msgspec.Struct):
    """Thoughts and the signature that proves them."""

    text: str
    signature: str


class ReasoningContent(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Thoughts, or base64 of what replaces thoughts that are kept secret."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Block(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A block of a message: one of these."""

    text: str | None = None
    image: Medium | None = None
    document: Medium | None = None
    video: Medium | None = None
    audio: Medium | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    reasoning_content: ReasoningContent | None = None
    cache_point: CachePoint | None = None


class Turn(msgspec.Struct):
    """A message of the user or the assistant."""

    role: str
    content: list[Block | msgspec.Raw]


class InputSchema(msgspec.Struct):
    """The schema of a tool's arguments."""

    json: msgspec.Raw


class ToolSpec(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A function that may be called."""

    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A function, or the end of what is to be cached of the tools."""

    tool_spec: ToolSpec | None = None
    cache_point: CachePoint | None = None


class ToolConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The tools, and whether one must be called: `{"auto": {}}`, `{"any": {}}` or `{"tool": {"name": …}}`."""

    tools: list[Tool | msgspec.Raw]
    tool_choice: dict[str, dict[str, str]] | None = None


class InferenceConfig(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What all models understand alike."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class JsonSchema(msgspec.Struct, omit_defaults=True):
    """The schema of an answer, as text."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(msgspec.Struct, rename="camel"):
    """What an answer must look like."""

    json_schema: JsonSchema


class TextFormat(msgspec.Struct):
    """The form of an answer's text."""

    type: str
    structure: Structure


class OutputConfig(msgspec.Struct, rename="camel"):
    """The form of an answer."""

    text_format: TextFormat


class ConverseBody(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The body of POST /model/{id}/converse and /converse-stream."""

    messages: list[Turn]
    system: list[Block] | None = None
    inference_config: InferenceConfig | None = None
    tool_config: ToolConfig | None = None
    output_config: OutputConfig | None = None
    additional_model_request_fields: dict[str, object] | None = None


encode = msgspec.json.Encoder().encode

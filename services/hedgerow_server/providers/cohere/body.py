"""What is sent to Cohere: the bodies of chat and embed requests. Members that are None are left out."""

import msgspec


class ImageUrl(msgspec.Struct, omit_defaults=True):
    """A picture; `url` may be a data URL."""

    url: str
    detail: str | None = None


class TextBlock(msgspec.Struct, tag="text"):
    """Text."""

    text: str


class ThinkingBlock(msgspec.Struct, tag="thinking"):
    """Thoughts of an earlier answer."""

    thinking: str


class ImageBlock(msgspec.Struct, tag="image_url"):
    """A picture."""

    image_url: ImageUrl


class Document(msgspec.Struct, omit_defaults=True):
    """A document: what it holds by name, and the id that citations give it."""

    data: msgspec.Raw
    id: str | None = None


class DocumentBlock(msgspec.Struct, tag="document"):
    """A document among what a function returned."""

    document: Document


Block = TextBlock | ThinkingBlock | ImageBlock | DocumentBlock


class FunctionCall(msgspec.Struct):
    """Which function was called with which arguments."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, tag="function"):
    """A call of a function."""

    id: str
    function: FunctionCall


class ChatMessage(msgspec.Struct, omit_defaults=True):
    """A message of any role."""

    role: str
    content: str | list[Block] | None = None
    tool_plan: str | None = None
    tool_calls: list[ToolCall | msgspec.Raw] | None = None
    tool_call_id: str | None = None


class Function(msgspec.Struct, omit_defaults=True):
    """A function that may be called."""

    name: str
    parameters: msgspec.Raw
    description: str | None = None


class FunctionTool(msgspec.Struct, tag="function"):
    """A tool that is a function."""

    function: Function


class JsonObject(msgspec.Struct, tag="json_object", omit_defaults=True):
    """An answer that is a JSON object, maybe of a schema."""

    json_schema: msgspec.Raw | None = None


class Thinking(msgspec.Struct, omit_defaults=True):
    """Whether to think, and with at most how many tokens."""

    type: str
    token_budget: int | None = None


class ChatBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /chat."""

    model: str
    messages: list[ChatMessage]
    stream: bool
    tools: list[FunctionTool | msgspec.Raw] | None = None
    strict_tools: bool | None = None
    tool_choice: str | None = None
    documents: list[Document] | None = None
    response_format: JsonObject | None = None
    thinking: Thinking | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    p: float | None = None
    k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop_sequences: list[str] | None = None
    logprobs: bool | None = None


class EmbedBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /embed."""

    model: str
    texts: list[str]
    input_type: str
    embedding_types: list[str]
    output_dimension: int | None = None


encode = msgspec.json.Encoder().encode

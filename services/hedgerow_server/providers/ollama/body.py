"""What is sent to Ollama: the bodies of chat and embed requests. Members that are None are left out."""

import msgspec


class FunctionCall(msgspec.Struct):
    """Which function was called with which arguments, an object."""

    name: str
    arguments: msgspec.Raw


class ToolCall(msgspec.Struct):
    """A call of a function."""

    id: str
    function: FunctionCall


class ChatMessage(msgspec.Struct, omit_defaults=True):
    """A message of any role; `images` are base64. Of a result `tool_name` is what older servers know it by."""

    role: str
    content: str
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Function(msgspec.Struct, omit_defaults=True):
    """A function that may be called."""

    name: str
    parameters: msgspec.Raw
    description: str | None = None


class FunctionTool(msgspec.Struct, tag="function"):
    """A tool that is a function."""

    function: Function


class Options(msgspec.Struct, omit_defaults=True):
    """How the model is run."""

    num_ctx: int | None = None
    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: list[str] | None = None


class ChatBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /api/chat. Without `stream` Ollama streams, so it is always said."""

    model: str
    messages: list[ChatMessage]
    stream: bool
    tools: list[FunctionTool | msgspec.Raw] | None = None
    format: str | msgspec.Raw | None = None
    think: bool | str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    options: msgspec.Raw | None = None
    keep_alive: str | None = None


class EmbedBody(msgspec.Struct, omit_defaults=True):
    """The body of POST /api/embed."""

    model: str
    input: list[str]
    dimensions: int | None = None
    options: msgspec.Raw | None = None
    keep_alive: str | None = None


encode = msgspec.json.Encoder().encode

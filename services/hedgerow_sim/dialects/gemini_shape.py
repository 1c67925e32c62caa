"""The shape of generateContent requests: the proto's JSON, in either spelling of its names, unknown fields refused.

Source: https://ai.google.dev/api/generate-content, https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference
"""

from typing import Any, Final, Literal, TypeVar

import msgspec

from hedgerow_sim.dialects import shape
from hedgerow_sim.dialects.google_errors import misfit, refuse

T = TypeVar("T")
Fields = dict[str, Any]
"""A JSON object."""

# Objects with names of the caller's own, which are not the proto's.
_OPAQUE: Final = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels"}
)


class _Form(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    pass


class FunctionCall(_Form, frozen=True):
    """A call of a function."""

    name: str
    """Of the function."""
    args: Fields = {}
    """Arguments."""
    id: str | None = None
    """Only newer models give one."""


class FunctionResponse(_Form, frozen=True):
    """What a function gave."""

    name: str
    """Of the function."""
    response: Fields = {}
    """Any object."""
    id: str | None = None
    """Of the call, where that had one."""
    parts: Any = None
    """Media."""
    will_continue: bool | None = None
    """Of asynchronous functions."""
    scheduling: str | None = None
    """Of asynchronous functions."""


class Part(_Form, frozen=True):
    """A part of a content: exactly one kind of data, and remarks on it."""

    text: str | None = None
    """Data: text."""
    function_call: FunctionCall | None = None
    """Data: a call."""
    function_response: FunctionResponse | None = None
    """Data: a result."""
    inline_data: Fields | None = None
    """Data: media."""
    file_data: Fields | None = None
    """Data: media by reference."""
    executable_code: Fields | None = None
    """Data: of the code execution tool."""
    code_execution_result: Fields | None = None
    """Data: of the code execution tool."""
    tool_call: Fields | None = None
    """Data: of a tool that the provider runs."""
    tool_response: Fields | None = None
    """Data: of a tool that the provider runs."""
    thought: bool = False
    """Whether it is reasoning."""
    thought_signature: str | None = None
    """Base64."""
    video_metadata: Fields | None = None
    """Remark."""
    media_resolution: Any = None
    """Remark."""
    part_metadata: Fields | None = None
    """Remark."""

    @property
    def empty(self) -> bool:
        """Whether there is no data in it."""
        return self.text is None and self.function_call is None and self.function_response is None and not self.media

    @property
    def media(self) -> bool:
        """Whether the data is neither text nor of a function."""
        return any(
            one is not None
            for one in (
                self.inline_data,
                self.file_data,
                self.executable_code,
                self.code_execution_result,
                self.tool_call,
                self.tool_response,
            )
        )


class Content(_Form, frozen=True):
    """One turn."""

    parts: list[Part] = []
    """In order."""
    role: str = "user"
    """user or model."""


class ThinkingConfig(_Form, frozen=True):
    """How much to think."""

    include_thoughts: bool = False
    """Whether to show it."""
    thinking_budget: int | None = None
    """Tokens; 0 none, -1 as the model likes."""
    thinking_level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high"] | None = None
    """In place of a budget."""


class GenerationConfig(_Form, frozen=True):
    """Parameters of the answer."""

    candidate_count: int = 1
    """How many."""
    stop_sequences: list[str] = []
    """Where to stop."""
    max_output_tokens: int | None = None
    """Limit, thoughts included."""
    temperature: float | None = None
    """0 to 2."""
    top_p: float | None = None
    """0 to 1."""
    top_k: float | None = None
    """Positive."""
    seed: int | None = None
    """Not used."""
    presence_penalty: float | None = None
    """Not used."""
    frequency_penalty: float | None = None
    """Not used."""
    response_logprobs: bool | None = None
    """Not used."""
    logprobs: int | None = None
    """Not used."""
    response_mime_type: str | None = None
    """text/plain or application/json."""
    response_schema: Fields | None = None
    """Google's kind of schema."""
    response_json_schema: Fields | None = None
    """JSON Schema."""
    response_modalities: list[str] | None = None
    """Not used."""
    thinking_config: ThinkingConfig | None = None
    """How much to think."""
    speech_config: Any = None
    """Not used."""
    media_resolution: Any = None
    """Not used."""
    image_config: Any = None
    """Not used."""
    audio_timestamp: bool | None = None
    """Not used."""
    enable_enhanced_civic_answers: bool | None = None
    """Not used."""
    routing_config: Any = None
    """Not used."""
    model_selection_config: Any = None
    """Not used."""


class Declaration(_Form, frozen=True):
    """A function."""

    name: str
    """Its name."""
    description: str = ""
    """What it does."""
    parameters: Fields | None = None
    """Google's kind of schema."""
    parameters_json_schema: Fields | None = None
    """JSON Schema."""
    response: Fields | None = None
    """Not used."""
    response_json_schema: Fields | None = None
    """Not used."""
    behavior: str | None = None
    """Not used."""


class ToolSet(_Form, frozen=True):
    """Functions, or tools that the provider runs, which are accepted and never used here."""

    function_declarations: list[Declaration] = []
    """The functions."""
    google_search: Any = None
    """Run by the provider."""
    google_search_retrieval: Any = None
    """Run by the provider."""
    code_execution: Any = None
    """Run by the provider."""
    url_context: Any = None
    """Run by the provider."""
    google_maps: Any = None
    """Run by the provider."""
    file_search: Any = None
    """Run by the provider."""
    computer_use: Any = None
    """Run by the provider."""
    retrieval: Any = None
    """Run by the provider."""
    enterprise_web_search: Any = None
    """Run by the provider."""
    mcp_servers: Any = None
    """Run by the provider."""


class CallingConfig(_Form, frozen=True):
    """Which functions to call."""

    mode: Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED", "auto", "any", "none"] = "AUTO"
    """Whether one has to be called."""
    allowed_function_names: list[str] = []
    """Only these."""
    stream_function_call_arguments: bool | None = None
    """Not used."""


class ToolConfig(_Form, frozen=True):
    """How to use the tools."""

    function_calling_config: CallingConfig = CallingConfig()
    """The functions."""
    retrieval_config: Any = None
    """Not used."""
    include_server_side_tool_invocations: bool | None = None
    """Not used."""


class Generate(_Form, frozen=True):
    """A request."""

    contents: list[Content] = []
    """The conversation."""
    system_instruction: Content | None = None
    """Before it."""
    tools: list[ToolSet] = []
    """What may be called."""
    tool_config: ToolConfig = ToolConfig()
    """How."""
    generation_config: GenerationConfig = GenerationConfig()
    """Parameters."""
    safety_settings: list[Fields] = []
    """Not used."""
    cached_content: str | None = None
    """Not used."""
    model: str | None = None
    """Repeats the path's."""
    labels: Fields | None = None
    """Not used."""
    model_armor_config: Fields | None = None
    """Not used."""
    store: bool | None = None
    """Not used."""
    service_tier: str | None = None
    """Not used."""


def read(body: bytes, form: type[T]) -> T:
    """A body in its form. Raises Refusal."""
    try:
        return shape.convert(_camel(shape.decode(body, Fields)), form)
    except shape.Misfit as exc:
        raise misfit(exc) from None
    except RecursionError:
        raise refuse("Invalid JSON payload received. Nesting too deep.") from None


def convert(value: Any, form: type[T], *path: str | int) -> T:
    """A part of a body that was read already, in its form. Raises Refusal."""
    try:
        return shape.convert(value, form, *path)
    except shape.Misfit as exc:
        raise misfit(exc) from None


def _camel(value: Any) -> Any:
    """Names in camel case; nulls are left out, as the proto's JSON takes them for absent."""
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = ((_camel_name(name), one) for name, one in value.items() if one is not None)
    return {name: one if name in _OPAQUE else _camel(one) for name, one in named}


def _camel_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(one[:1].upper() + one[1:] for one in rest)

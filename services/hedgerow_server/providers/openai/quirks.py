"""How a vendor's OpenAI dialect differs from OpenAI's own: data, no code of anyone's."""

from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section

Parameter = Literal[
    "frequency_penalty",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "seed",
    "stop_sequences",
    "temperature",
    "top_logprobs",
    "top_p",
]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
_Field = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
_Path = Annotated[str, pydantic.StringConstraints(pattern=r"^/[^\s?#]*$", max_length=256)]


class Quirks(Section):
    """How the provider differs from OpenAI. Each key that is left out is as the vendor's."""

    stream_usage: bool = True
    """Whether streams are asked for their usage (`stream_options`). Some bring it without, and know no such option."""
    developer_role: bool = True
    """Whether there is a role `developer`. If not, it becomes `system`."""
    names: bool = True
    """Whether messages may hold the name of who speaks. If not, it is ignored, with a warning."""
    text_lists: bool = True
    """Whether several texts may be a list where no media can stand. If not, they are joined by newlines."""
    needs_content: bool = False
    """Whether a message that does nothing but call tools must have a content all the same. It is empty then."""
    lacks: frozenset[Parameter] = frozenset()
    """Parameters that the provider does not have. They are ignored with a warning; stop_sequences are refused."""
    top_k: bool = False
    """Whether there is a parameter `top_k`."""
    logprobs: Literal["flag", "number"] = "flag"
    """How log probabilities are asked for: by `logprobs: true` with `top_logprobs`, or by `logprobs` as that number."""
    max_top_logprobs: int = pydantic.Field(default=20, ge=0, le=20)
    """The most of the likeliest tokens at each place. Who asks for more gets these, with a warning."""
    seed_field: _Field = "seed"
    """What the provider calls the seed."""
    max_stop_sequences: int = pydantic.Field(default=4, ge=1, le=16)
    """The most stop sequences; more are refused."""
    required_tool_choice: Literal["required", "any"] = "required"
    """The word for a choice that demands a tool call."""
    allowed_tools: bool = True
    """Whether a choice may narrow the tools. If not, the others are not offered in that call."""
    json_schema: bool = True
    """Whether answers can follow a schema. If not, any JSON object is asked for, with a warning."""
    reasoning: Literal["effort", "object", "thinking", "enable_thinking", "none"] = "effort"
    """How reasoning is asked for: `reasoning_effort`; an object `reasoning` with effort and max_tokens; `thinking` that
    is enabled or disabled, with `reasoning_effort` beside it where there are efforts; `enable_thinking` with
    `thinking_budget`; not at all.
    """
    efforts: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    """The efforts that the provider knows, in rising order. Others become the nearest one, with a warning."""
    reasoning_returns: Literal["never", "reasoning_content", "reasoning", "content"] = "never"
    """How the provider wants its thoughts back: never, in that field of messages with tool calls, or in the content.
    What comes as `reasoning_details` goes back as such.
    """
    reasoning_outside: tuple[str, ...] = ()
    """How the names of models begin whose completion_tokens leave reasoning out and whose total does not tell."""
    reasoning_hidden: bool = False
    """Whether what the total has beyond its parts is reasoning."""
    finish_reason_optional: bool = False
    """Whether answers may end without a finish reason: `[DONE]` is an end then. Such an answer finishes as OTHER."""
    embed_path: _Path = "/embeddings"
    """Where embeddings are, below the base URL."""
    dimensions_field: _Field = "dimensions"
    """What the provider calls the length of vectors."""
    input_type_field: _Field | None = None
    """What the provider calls the purpose of vectors, which it knows as `query` and `document`. None: it knows none."""
    vector_encoding: Literal["base64", "float", "base64_int8", "none"] = "base64"
    """The encoding to ask for: base64 of 32-bit floats, numbers, base64 of 8-bit integers, or none named. Numbers and
    base64 of floats are read whatever was asked for.
    """

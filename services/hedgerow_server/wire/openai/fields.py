"""Fields of the contract in the words of OpenAI's API, for errors and warnings."""

import re

_OPTION = re.compile(r"(?:chat|embed)\.provider_options\['(?:openai|openai_chat)'\]\.(?P<name>.+)", re.DOTALL)
_RESULT = re.compile(r"(?P<at>messages\[\d+\])\.content\[\d+\]\.tool_result(?:\.(?P<rest>.+))?", re.DOTALL)
_CALL = re.compile(r"(?P<at>messages\[\d+\])\.content\[\d+\]\.tool_call\b.*", re.DOTALL)
_INPUT = re.compile(r"inputs(?P<at>\[\d+\])?.*", re.DOTALL)
_NAMES = {
    "max_output_tokens": "max_completion_tokens",
    "stop_sequences": "stop",
    "reasoning.effort": "reasoning_effort",
    "tool_choice.mode": "tool_choice",
    "idempotency_key": "idempotency-key",
}
_WORDS = (
    (re.compile(r"\.(?:image|audio)\.data$"), ""),
    (re.compile(r"\.image\."), ".image_url."),
    (re.compile(r"\.audio\."), ".input_audio."),
    (re.compile(r"\.file\.provider_file_id$"), ".file.file_id"),
    (re.compile(r"\.file\.(?:data|url)$"), ".file.file_data"),
    (re.compile(r"\.provider_tool\b.*"), ""),
    (re.compile(r"^stop_sequences"), "stop"),
    (re.compile(r"^tool_choice\.function_names.*"), "tool_choice"),
    (re.compile(r"^(route|labels)\b"), r"hedgerow.\1"),
    (re.compile(r"^provider_options\b"), "hedgerow.provider_options"),
)


def api_field(field: str) -> str:
    """The field that a caller of Chat Completions or Embeddings knows by another name than the contract."""
    if (option := _OPTION.fullmatch(field)) is not None:
        return option["name"]
    own = field.removeprefix("chat.").removeprefix("embed.")
    if own in _NAMES:
        return _NAMES[own]
    if (result := _RESULT.fullmatch(own)) is not None:
        return f"{result['at']}.{result['rest'] or 'content'}"
    if (call := _CALL.fullmatch(own)) is not None:
        return f"{call['at']}.tool_calls"
    if (one := _INPUT.fullmatch(own)) is not None:
        return f"input{one['at'] or ''}"
    for pattern, word in _WORDS:
        own = pattern.sub(word, own)
    return own

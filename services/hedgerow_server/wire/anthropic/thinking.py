"""How to think, how much effort an answer is worth, and its form.

The contract says it for every provider. What it cannot say, or not exactly, also goes in the caller's own words to
providers of the dialect, where they hold.
"""

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.wire.anthropic.asked import FORMAT, THINKING, Asked
from hedgerow_server.wire.anthropic.reading import Members, members, text_of
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded

_NAME = "answer"
_EFFORTS = {name.rpartition("_")[2].lower(): number for name, number in pb.ReasoningEffort.items() if number}
_NULL = b"null"
_PLAIN = {"enabled": {"type", "budget_tokens"}, "disabled": {"type"}, "adaptive": {"type"}}
"""The members of each way to think that the contract has words for."""


def write_output(chat: pb.ChatSpec, asked: Asked) -> Members:
    """Takes over thinking, effort and form; gives the members that go to providers of the dialect as they are. Raises
    RequestInvalid.
    """
    config = members(asked.output_config, "output_config") if _says(asked.output_config) else {}
    if "format" in config:
        _write_format(chat, config.pop("format"), "output_config.format")
    elif _says(asked.output_format):
        _write_format(chat, asked.output_format, "output_format")
    effort = text_of(config, "effort", "output_config") if "effort" in config else ""
    if effort:
        if effort not in _EFFORTS:
            raise wrong("output_config.effort", f"must be one of {', '.join(_EFFORTS)}")
        chat.reasoning.effort = pb.ReasoningEffort.ValueType(_EFFORTS[effort])
    own: Members = {}
    exact = _write_thinking(chat, asked.thinking, effort)
    if _says(asked.thinking) and not exact:
        own["thinking"] = asked.thinking
    if config and not (exact and config.keys() == {"effort"}):
        own["output_config"] = msgspec.Raw(msgspec.json.encode(config))
    return own


def _says(value: msgspec.Raw) -> bool:
    return bytes(value) not in (b"", _NULL)


def _write_format(chat: pb.ChatSpec, form: msgspec.Raw, at: str) -> None:
    target = chat.response_format.json_schema
    target.name, target.schema = _NAME, bytes(decoded(FORMAT, form, at).schema).decode()


def _write_thinking(chat: pb.ChatSpec, thinking: msgspec.Raw, effort: str) -> bool:
    """Whether what the contract says of it now is all that the caller has said."""
    if not _says(thinking):
        return not effort
    asked = decoded(THINKING, thinking, "thinking")
    match asked.type:
        case "enabled":
            if asked.budget_tokens is None:
                raise wrong("thinking.budget_tokens", "is required")
            chat.reasoning.max_tokens = asked.budget_tokens
        case "disabled":
            chat.reasoning.effort = pb.REASONING_EFFORT_NONE
    plain = _PLAIN.get(asked.type)
    said = members(thinking, "thinking").keys()
    return plain is not None and said <= plain and bool(effort) == (asked.type == "adaptive")

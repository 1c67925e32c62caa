"""The fields of the contract by the names that Anthropic's API has for them."""

import re

import msgspec

_MESSAGE = re.compile(r"chat\.messages\[(?P<message>\d+)\](?:\.content(?:\[(?P<part>\d+)\](?P<rest>.*))?)?", re.DOTALL)
_PIECE = re.compile(r"\.tool_result\.content\[(?P<piece>\d+)\](?P<rest>.*)", re.DOTALL)
_OPTION = re.compile(r"chat\.provider_options\['anthropic_messages'\](?:\.(?P<name>[^.]+))?(?P<rest>.*)", re.DOTALL)
_OPTIONS = {"betas": "anthropic-beta", "tool_members": "tools"}
_TOOL = re.compile(r"chat\.tools\[(?P<tool>\d+)\](?P<rest>.*)", re.DOTALL)
_INSIDE = {
    "image": "source",
    "image.data": "source.data",
    "image.url": "source.url",
    "image.media_type": "source.media_type",
    "file": "source",
    "file.data": "source.data",
    "file.url": "source.url",
    "file.media_type": "source.media_type",
    "file.provider_file_id": "source.file_id",
    "file.name": "title",
    "tool_call.id": "id",
    "tool_call.name": "name",
    "tool_call.arguments": "input",
    "tool_call": "",
    "tool_result": "",
    "tool_result.tool_call_id": "tool_use_id",
    "tool_result.content": "content",
    "reasoning": "",
    "reasoning.text": "thinking",
    "cache_hint.ttl": "cache_control.ttl",
    "provider_item": "",
    "provider_item.type": "type",
    "provider_state": "",
    "function.name": "name",
    "function.description": "description",
    "function.parameters": "input_schema",
    "function.strict": "strict",
    "provider_tool": "",
    "provider_tool.definition": "",
}
_OUTSIDE = (
    ("chat.max_output_tokens", "max_tokens"),
    ("chat.reasoning.max_tokens", "thinking.budget_tokens"),
    ("chat.reasoning.effort", "output_config.effort"),
    ("chat.reasoning", "thinking"),
    ("chat.response_format.json_schema", "output_config.format"),
    ("chat.response_format", "output_config.format"),
    ("chat.tool_choice.function_names", "tool_choice.name"),
    ("chat.tool_choice", "tool_choice"),
    ("chat.parallel_tool_calls", "tool_choice.disable_parallel_tool_use"),
    ("idempotency_key", "idempotency-key"),
    ("route", "hedgerow.route"),
    ("labels", "hedgerow.labels"),
)


class Origins(msgspec.Struct, frozen=True):
    """The form of a call: where the messages of the contract come from."""

    paths: list[tuple[str, list[str]]] = []
    """Of each message, and of each of its parts."""

    def named(self, field: str) -> str:
        """The caller's name of a field of the contract; one that is the caller's already stays."""
        if match := _MESSAGE.fullmatch(field):
            return self._message(match)
        if match := _TOOL.fullmatch(field):
            return _below(f"tools[{match['tool']}]", match["rest"])
        if match := _OPTION.fullmatch(field):
            name = match["name"] or "body"
            return _OPTIONS.get(name, name) + match["rest"]
        if field.startswith("chat.provider_options"):
            return f"hedgerow.{field.removeprefix('chat.')}"
        for ours, theirs in _OUTSIDE:
            if field == ours or field.startswith((f"{ours}.", f"{ours}[")):
                return theirs
        return field.removeprefix("chat.")

    def _message(self, match: re.Match[str]) -> str:
        index = int(match["message"])
        if index >= len(self.paths):
            return "messages"
        whole, parts = self.paths[index]
        if match["part"] is None or int(match["part"]) >= len(parts):
            return whole
        at, rest = parts[int(match["part"])], match["rest"]
        if piece := _PIECE.fullmatch(rest):
            return _below(f"{at}.content[{piece['piece']}]", piece["rest"])
        return _below(at, rest)


def _below(at: str, rest: str) -> str:
    rest = rest.lstrip(".")
    inside = _INSIDE.get(rest, rest)
    return f"{at}.{inside}" if inside else at

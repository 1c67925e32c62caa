"""Content blocks of Anthropic messages: what they say, and how calls, results and reasoning have to go together."""

import binascii
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim.chat import Said
from hedgerow_sim.dialects.anthropic_errors import refuse
from hedgerow_sim.seals import Seals

Fields = dict[str, Any]
"""A JSON object."""

THINKING: Final = "anthropic thinking"
REDACTED: Final = "anthropic redacted thinking"

_TYPES: Final = (
    "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
    "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
    "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
    "advisor_tool_result", "mcp_tool_use", "mcp_tool_result", "container_upload", "compaction", "tool_reference",
    "tool_addition", "tool_removal",
)  # fmt: skip
_ATTACHED: Final = ("image", "document", "search_result", "container_upload")


def text_of(block: Fields) -> str:
    """The text of a block, empty if it has none."""
    text = block.get("text")
    return text if isinstance(text, str) else ""


class Blocks:
    """Reads a conversation's messages one after the other."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._waiting: list[str] = []

    def message(
        self, index: int, role: Literal["user", "assistant", "system"], content: str | list[Fields], *, last: bool
    ) -> Said:
        """What a message says. Raises Refusal."""
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        results = [one.get("tool_use_id") for one in blocks if one.get("type") == "tool_result"]
        self._answered(index, results)
        if role == "assistant" and last and blocks and text_of(blocks[-1]) != text_of(blocks[-1]).rstrip():
            raise refuse("messages: final assistant content cannot end with trailing whitespace")
        texts: list[str] = []
        hidden: list[str] = []
        for number, block in enumerate(blocks):
            kind = self._checked(f"messages.{index}.content.{number}", role, block)
            if kind == "text":
                texts.append(block["text"])
            elif kind == "tool_result":
                texts.append(_result(block.get("content")))
            elif kind == "tool_use":
                hidden.append(block["name"] + msgspec.json.encode(block["input"]).decode())
                self._waiting.append(block["id"])
            elif kind == "thinking":
                hidden.append(block["thinking"])
        attachments = sum(one.get("type") in _ATTACHED for one in blocks)
        return Said("tool" if results else role, "\n".join(texts), " ".join(hidden), attachments)

    def done(self, after: int) -> None:
        """The conversation is over, so no call may wait for its result."""
        self._answered(after, [])

    def _answered(self, index: int, results: Sequence[Any]) -> None:
        for number, one in enumerate(results):
            if one not in self._waiting:
                raise refuse(
                    f"messages.{index}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{one}. Each `tool_result` block must have a corresponding `tool_use` block in the previous "
                    "message."
                )
        if left := [one for one in self._waiting if one not in results]:
            raise refuse(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(left)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
                "message."
            )
        self._waiting = []

    def _checked(self, at: str, role: str, block: Fields) -> str:
        kind = block.get("type")
        if kind is None:
            raise refuse(f"{at}.type: Field required")
        if kind not in _TYPES:
            listed = ", ".join(f"'{one}'" for one in _TYPES)
            raise refuse(
                f"{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {listed}"
            )
        if kind in ("tool_use", "thinking", "redacted_thinking") and role != "assistant":
            raise refuse(f"{at}: `{kind}` blocks can only be in `assistant` messages")
        if kind == "tool_result" and role != "user":
            raise refuse(f"{at}: `tool_result` blocks can only be in `user` messages")
        match kind:
            case "text":
                _present(f"{at}.text", block, text=str)
                if not block["text"].strip():
                    raise refuse("messages: text content blocks must contain non-whitespace text")
            case "tool_use":
                _present(f"{at}.tool_use", block, id=str, name=str, input=dict)
            case "tool_result":
                _present(f"{at}.tool_result", block, tool_use_id=str)
            case "thinking":
                _present(f"{at}.thinking", block, thinking=str, signature=str)
                self._sealed(at, kind, block["signature"], THINKING, block["thinking"])
            case "redacted_thinking":
                _present(f"{at}.redacted_thinking", block, data=str)
                self._sealed(at, kind, block["data"], REDACTED, "")
        return str(kind)

    def _sealed(self, at: str, kind: str, given: str, purpose: str, content: str) -> None:
        try:
            seal = binascii.a2b_base64(given, strict_mode=True)
        except (binascii.Error, ValueError):
            seal = b""
        # Reasoning whose text was not shown comes back without it, so its signature stands for itself.
        if not self._seals.fit(seal, purpose, content):
            word = "signature" if kind == "thinking" else "data"
            raise refuse(f"{at}: Invalid `{word}` in `{kind}` block")


def _present(at: str, block: Fields, **wanted: type) -> None:
    for name, kind in wanted.items():
        if name not in block:
            raise refuse(f"{at}.{name}: Field required")
        if not isinstance(block[name], kind):
            raise refuse(f"{at}.{name}: Input should be a valid {'string' if kind is str else 'dictionary'}")


def _result(content: Any) -> str:
    """The text of a tool's result: a string, or blocks."""
    if isinstance(content, list):
        return "\n".join(text_of(one) for one in content if isinstance(one, dict))
    return content if isinstance(content, str) else ""

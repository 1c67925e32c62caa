"""Blocks into events: the same whether they come as the events of a stream or whole."""

import base64
from typing import Any

import msgspec

from hedgerow_server.core.event import ReasoningDelta, TextDelta
from hedgerow_server.core.request import Citation, ProviderItem
from hedgerow_server.providers.bedrock.answer import Block, Delta, Start
from hedgerow_server.providers.bedrock.citation import read_citation
from hedgerow_server.providers.bedrock.state import DIALECT, State, write_state
from hedgerow_server.providers.loose import member, text_of
from hedgerow_server.providers.parts import Parts
from hedgerow_server.providers.refusal import protocol_error

_SERVER_CALL = "server_tool_use"
_NOTHING = Delta()


class _Item:
    """A call or a result of a tool that the provider runs, while it grows."""

    __slots__ = ("content", "input", "kind", "start", "type")

    def __init__(self, kind: str, start: dict[str, Any], word: str) -> None:
        self.kind = kind
        self.start = start
        self.type = word
        self.input: list[str] = []
        self.content: list[Any] = []

    def add(self, pieces: list[Any]) -> None:
        """More of a result; neighbouring texts are one."""
        for piece in pieces:
            text, before = member(piece, "text"), member(self.content[-1], "text") if self.content else None
            if isinstance(text, str) and isinstance(before, str):
                self.content[-1] = {"text": before + text}
            else:
                self.content.append(piece)

    def whole(self) -> ProviderItem:
        """The item, in the form that a request has it."""
        if self.kind == "toolUse":
            rest: dict[str, Any] = {"input": _raw("".join(self.input))}
        else:
            rest = {"content": self.content}
        return ProviderItem(DIALECT, self.type, msgspec.json.encode({self.kind: {**self.start, **rest}}))


class Assembly:
    """Takes the blocks of one message, in order. A block is a part, except that citations go to the text before them
    where they have none of their own.
    """

    __slots__ = (
        "_block",
        "_call",
        "_fresh",
        "_held",
        "_image",
        "_item",
        "_provider",
        "_redacted",
        "_signature",
        "parts",
    )

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self.parts = Parts()
        self._block: object = None  # the index of the open block, None between blocks
        self._fresh = True  # the open block has said nothing yet
        self._call = False
        self._item: _Item | None = None
        self._image: tuple[str, list[str]] | None = None
        self._signature = ""
        self._redacted = b""
        self._held: list[Citation] = []

    def start(self, index: object, start: Start | None) -> None:
        """A block begins. Kinds that are not known are skipped."""
        if start is None:
            return
        if isinstance(start.tool_use, dict):
            self._enter(index)
            self._start_call(start.tool_use)
        elif isinstance(start.tool_result, dict):
            self._enter(index)
            word = text_of(start.tool_result.get("type")) or "toolResult"
            self._item = _Item("toolResult", start.tool_result, word)
        elif isinstance(start.image, dict):
            self._enter(index)
            self._image = (text_of(start.image.get("format")), [])

    def delta(self, index: object, delta: Delta) -> bool:
        """More of a block; False for nothing that is known. Raises UpstreamProtocol for what cannot be its."""
        if index != self._block:
            if delta == _NOTHING:
                return False
            self._enter(index)
        text = delta.text
        if type(text) is str and text:
            self._say_text(text)
        elif delta.tool_use is not None:
            self._add_input(text_of(member(delta.tool_use, "input")))
        elif delta.reasoning_content is not None:
            self._reason(delta.reasoning_content)
        elif delta.citation is not None:
            self._cite(read_citation(delta.citation))
        elif isinstance(delta.tool_result, list) and self._item is not None:
            self._item.add(delta.tool_result)
        elif self._image is not None:
            self._image[1].append(text_of(member(member(delta.image, "source"), "bytes")))
        else:
            return delta != _NOTHING
        return True

    def stop(self, index: object = None) -> None:
        """The open block ends, if it is the one of this index, or whichever it is. Raises UpstreamProtocol."""
        if index is not None and index != self._block:
            return
        if self._call:
            self.parts.close()
        if self._item is not None:
            self.parts.item(self._item.whole())
        if self._image is not None:
            self._end_image(*self._image)
        if self._signature or self._redacted:
            self._end_reasoning()
        for citation in self._held:
            self.parts.cite(citation)
        self._block, self._fresh, self._call, self._item, self._image = None, True, False, None, None
        self._held.clear()

    def whole(self, index: int, block: Block, raw: bytes) -> None:
        """A block that came whole; `raw` are its bytes. Kinds that are not known are skipped."""
        call = block.tool_use
        if call is not None and call.type != _SERVER_CALL:
            start = {"toolUseId": call.tool_use_id, "name": call.name}
            self.start(index, Start(tool_use=start))
            given = bytes(call.input).decode()
            self._add_input("" if given == "null" else given)
        elif call is not None or block.tool_result is not None:
            self._enter(index)
            word = _SERVER_CALL if call is not None else text_of(member(block.tool_result, "type")) or "toolResult"
            self.parts.item(ProviderItem(DIALECT, word, raw))
        elif block.image is not None:
            self.start(index, Start(image=block.image))
            self.delta(index, Delta(image=block.image))
        elif block.citations_content is not None:
            for piece in _list(member(block.citations_content, "content")):
                self.delta(index, Delta(text=member(piece, "text")))
            for citation in _list(member(block.citations_content, "citations")):
                self.delta(index, Delta(citation=citation))
        elif block.reasoning_content is not None:
            thoughts = member(block.reasoning_content, "reasoningText")
            for name, value in (
                ("text", thoughts),
                ("signature", thoughts),
                ("redactedContent", block.reasoning_content),
            ):
                self.delta(index, Delta(reasoning_content={name: member(value, name)}))
        else:
            self.delta(index, Delta(text=block.text))
        self.stop()

    def _enter(self, index: object) -> None:
        self.stop()
        self._block = index

    def _say_text(self, text: str) -> None:
        self.parts.say(TextDelta, text, anew=self._fresh)
        self._fresh = False
        if self._held:
            for citation in self._held:
                self.parts.cite(citation)
            self._held.clear()

    def _cite(self, citation: Citation) -> None:
        if self._fresh:
            # Whether this is for the text before (Nova) or for the one to come is told by what follows.
            self._held.append(citation)
        else:
            self.parts.cite(citation)

    def _reason(self, content: Any) -> None:
        if text := text_of(member(content, "text")):
            self.parts.say(ReasoningDelta, text, anew=self._fresh)
            self._fresh = False
        self._signature += text_of(member(content, "signature"))
        if redacted := text_of(member(content, "redactedContent")):
            self._redacted += self._decoded(redacted)

    def _end_reasoning(self) -> None:
        if self._fresh:
            self.parts.say(ReasoningDelta, "", anew=True)
        state = State(signature=self._signature, redacted=base64.b64encode(self._redacted).decode())
        self.parts.attach(write_state(state))
        self._signature, self._redacted = "", b""

    def _start_call(self, start: dict[str, Any]) -> None:
        if start.get("type") == _SERVER_CALL:
            self._item = _Item("toolUse", start, _SERVER_CALL)
            return
        name = text_of(start.get("name"))
        if not name:
            raise protocol_error(self._provider, "a tool call without a name")
        self.parts.start_call(text_of(start.get("toolUseId")), name, name)
        self._call = True

    def _add_input(self, text: str) -> None:
        if self._call:
            self.parts.arguments(text)
        elif self._item is not None:
            self._item.input.append(text)
        elif text:
            raise protocol_error(self._provider, "the input of a tool call that has not begun")

    def _end_image(self, form: str, pieces: list[str]) -> None:
        data = b"".join(map(self._decoded, pieces))
        if data:
            self.parts.medium(f"image/{form or 'png'}", data)

    def _decoded(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:  # binascii.Error is one; characters that are not ASCII raise it bare
            raise protocol_error(self._provider, "bytes that are not base64") from None


def _raw(text: str) -> msgspec.Raw:
    """The text as JSON, an empty object where it is none."""
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return msgspec.Raw(b"{}")
    return msgspec.Raw(text.encode())


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

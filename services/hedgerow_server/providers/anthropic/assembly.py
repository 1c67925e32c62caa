"""Blocks of content into events: the same whether they arrive in deltas or whole.

Blocks come one after the other, each between its start and its stop. Each becomes one part.
"""

from typing import Any

import msgspec

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import ReasoningDelta, TextDelta
from hedgerow_server.core.request import Citation, ProviderItem
from hedgerow_server.providers.anthropic.answer import Block, Cited, Delta, read_block, read_cited
from hedgerow_server.providers.anthropic.state import DIALECT, State, state
from hedgerow_server.providers.loose import member, text_of
from hedgerow_server.providers.parts import Parts, Words
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

_NO_INPUT = (b"", b"{}", b"null")
_DIRECT = "direct"
# Blocks that are known and passed on as they are, as are the results of the tools that Anthropic runs.
_ITEMS = frozenset(
    {"server_tool_use", "mcp_tool_use", "mcp_tool_listing", "container_upload", "compaction", "fallback"}
)
_GROWING = (
    "text",
    "thinking",
    "signature",
    "content",
    "encrypted_content",
)  # members of a delta that make an item grow
_Item = dict[str, Any] | msgspec.Raw


class Assembly:
    """Takes the blocks of one message."""

    __slots__ = ("_block", "_citations", "_fresh", "_index", "_input", "_item", "_provider", "_watch", "model", "parts")

    def __init__(self, provider: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self.parts = Parts()
        """The parts that the blocks made."""
        self.model = ""
        """The model that took over from the one that the message named, empty where none did."""
        self._index: object = None
        self._block: Block | None = None  # the open one
        self._fresh = False  # whether the open block has no part yet
        self._input: list[str] = []  # of a tool that the provider runs
        self._item: _Item | None = None  # a block that is passed on as it is
        self._citations: list[msgspec.Raw] = []

    def start(self, index: object, raw: msgspec.Raw, seed: str) -> None:
        """Opens a block and takes what it holds already. `seed` names the answer. Raises UpstreamProtocol."""
        self.end()
        block = read_block(raw)
        kind = block.type if block is not None else None
        if block is None or not isinstance(kind, str):
            raise protocol_error(self._provider, "a content block without a type")
        self._index, self._block, self._fresh = index, block, True
        if kind == "text":
            self._say(TextDelta, text_of(block.text))
            for citation in block.citations if isinstance(block.citations, list) else ():
                self._cite(msgspec.Raw(msgspec.json.encode(citation)))
        elif kind == "thinking":
            self._say(ReasoningDelta, text_of(block.thinking))
        elif kind == "tool_use":
            self._start_call(block, seed)
        elif kind != "redacted_thinking":
            self._item = msgspec.Raw(bytes(raw))
            if kind == "fallback":
                self.model = text_of(member(block.to, "model"))
            if kind not in _ITEMS and not kind.endswith("_tool_result"):
                self._watch.note(Unknown.CONTENT_TYPE, kind)

    def delta(self, index: object, delta: Delta) -> None:
        """Takes more of the open block. Raises UpstreamProtocol for a delta of another one."""
        block = self._block
        if block is None:
            # A server that names no start can only mean text.
            self.parts.say(TextDelta, text_of(delta.text) if delta.type == "text_delta" else "")
            return
        if index != self._index:
            raise protocol_error(self._provider, "a delta of a content block that is not open")
        if self._item is not None:
            self._add_to_item(delta)
        elif delta.type == "text_delta":
            self._take_text(block, text_of(delta.text))
        elif delta.type == "thinking_delta":
            self._say(ReasoningDelta, text_of(delta.thinking))
        elif delta.type == "input_json_delta":
            if block.type == "tool_use":
                fragment = text_of(delta.partial_json)
                self._fresh = self._fresh and not fragment
                self.parts.arguments(fragment)
        elif delta.type == "signature_delta":
            block.signature = delta.signature
        elif delta.type == "citations_delta":
            self._cite(msgspec.Raw(bytes(delta.citation)))
        else:
            self._watch.note(Unknown.CONTENT_TYPE, delta.type)

    def end(self) -> None:
        """Closes the open block, if any."""
        block, self._block = self._block, None
        if block is None:
            return
        if self._item is not None:
            self._end_item(text_of(block.type))
        elif block.type == "tool_use":
            if self._fresh and (given := bytes(block.input)) not in _NO_INPUT:
                self.parts.arguments(given.decode())
            self.parts.close()
            self.parts.say(TextDelta, text_of(block.text))
        elif block.type == "thinking":
            self._end_thought(block)
        elif block.type == "redacted_thinking":
            self.parts.say(ReasoningDelta, "", anew=True)
            self.parts.attach(state(State(redacted=text_of(block.data))))
        elif self._citations:
            self.parts.attach(state(State(citations=self._citations)))
            self._citations = []

    def _take_text(self, block: Block, text: str) -> None:
        # Servers that only speak the dialect put text between calls into the block of a call: it is said behind it.
        if block.type == "tool_use":
            block.text = text_of(block.text) + text
        else:
            self._say(TextDelta, text)

    def _say(self, kind: Words, text: str) -> None:
        if text:
            self.parts.say(kind, text, anew=self._fresh)
            self._fresh = False

    def _start_call(self, block: Block, seed: str) -> None:
        name = text_of(block.name)
        if not name:
            raise protocol_error(self._provider, "a tool call without a name")
        self.parts.start_call(text_of(block.id), name, seed)
        caller = block.caller
        if isinstance(caller, dict) and caller.get("type") == _DIRECT:
            caller = None
        if caller is not None or block.toolset_name:
            self.parts.attach(state(State(caller=caller, toolset_name=text_of(block.toolset_name) or None)))

    def _end_thought(self, block: Block) -> None:
        signature = text_of(block.signature)
        if self._fresh:
            if not signature:
                return
            # The model keeps the thought to itself.
            self.parts.say(ReasoningDelta, "", anew=True)
        self.parts.attach(state(State(signature=signature)))

    def _cite(self, raw: msgspec.Raw) -> None:
        cited = read_cited(raw)
        if cited is None:
            return
        if self._fresh:
            self._fresh = False
            self.parts.say(TextDelta, "", anew=True)
        self._citations.append(raw)
        self.parts.cite(_citation(cited))

    def _add_to_item(self, delta: Delta) -> None:
        if delta.type == "input_json_delta":
            self._input.append(text_of(delta.partial_json))
            return
        for name in _GROWING:
            if more := text_of(getattr(delta, name)):
                item = self._item = _members(self._item)
                item[name] = text_of(item.get(name)) + more

    def _end_item(self, kind: str) -> None:
        item, self._item = self._item, None
        given, self._input = "".join(self._input), []
        if given:
            item = _members(item)
            item["input"] = _json(given)
        data = bytes(item) if isinstance(item, msgspec.Raw) else msgspec.json.encode(item)
        self.parts.item(ProviderItem(DIALECT, kind, data))


def _members(item: _Item | None) -> dict[str, Any]:
    if isinstance(item, msgspec.Raw):
        item = msgspec.json.decode(item, type=dict[str, Any])
    return item or {}


def _json(text: str) -> object:
    """JSON text as it is; what the output limit cut is wrapped as Anthropic advises, so that it can be sent back."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"INVALID_JSON": text}
    return msgspec.Raw(text.encode())


def _citation(cited: Cited) -> Citation:
    numbers = (cited.document_index, cited.search_result_index)
    number = next((str(number) for number in numbers if type(number) is int), "")
    return Citation(
        url=text_of(cited.url) or text_of(cited.source),
        title=text_of(cited.title) or text_of(cited.document_title),
        cited_text=text_of(cited.cited_text),
        source_id=text_of(cited.file_id) or number,
    )

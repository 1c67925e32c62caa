"""Items and their fragments into events.

An item may come in fragments, whole once it is done, or only in the finished response: what was told is not told again.
Fragments name their item, so those of several items may alternate.
"""

import base64
from typing import Any

import msgspec

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    LogprobsDelta,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState
from hedgerow_server.providers.logprobs import read_tokens
from hedgerow_server.providers.loose import text_of
from hedgerow_server.providers.openai_responses.answer import Item, StreamEvent, members_of, read_item
from hedgerow_server.providers.openai_responses.state import DIALECT, PARTIAL_IMAGE, rest_of
from hedgerow_server.providers.parts import Parts, Words, made_call_id
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.watch import Watch

Place = int | str
"""Which item of the output: its index, else its id."""
_Key = tuple[str, str]  # the type of an item and its id

_CALLS = frozenset({"function_call", "custom_tool_call"})
# Custom tools that the provider runs itself, as parts of its tool x_search (xAI).
_OWN_TOOLS = frozenset({"x_user_search", "x_keyword_search", "x_semantic_search", "x_thread_fetch"})
# Items that ask the caller to act, as a function call does.
_FOR_THE_CALLER = frozenset({"computer_call", "local_shell_call", "apply_patch_call", "mcp_approval_request"})
# Items that are known and passed on as they are.
_ITEMS = _FOR_THE_CALLER | {
    "additional_tools",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call_output",
    "custom_tool_call_output",
    "file_search_call",
    "function_call_output",
    "image_generation_call",
    "local_shell_call_output",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
    "x_search_call",
}
_MAX_INDEX = (1 << 31) - 1


class _Call:
    """A call while it grows."""

    __slots__ = ("ended", "has_arguments", "part")

    def __init__(self, part: int) -> None:
        self.part = part
        self.has_arguments = False
        self.ended = False


class Assembly:
    """Takes what one response says."""

    __slots__ = (
        "_calls",
        "_cited",
        "_done",
        "_parts",
        "_places",
        "_provider",
        "_seed",
        "_tag",
        "_texts",
        "_thoughts",
        "_watch",
        "called",
        "refused",
    )

    def __init__(self, provider: str, watch: Watch, tag: str = DIALECT) -> None:
        """State and items travel under `tag`."""
        self._provider = provider
        self._watch = watch
        self._tag = tag
        self._parts = Parts()
        self._texts: dict[tuple[Place, Words, int], int] = {}  # the part of each piece of text
        self._thoughts: dict[Place, tuple[str, int]] = {}  # which words of a reasoning item are shown; its latest part
        self._calls: dict[Place, _Call] = {}
        self._cited: dict[int, int] = {}  # the citations of each part
        self._done: dict[Place, _Key] = {}
        self._places: dict[str, int] = {}  # of the items, by their ids
        self._seed = ""
        self.refused = False
        self.called = False
        """Whether the caller must act: run a function, or answer an item that asks for it."""

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._parts.take()

    def has_content(self) -> bool:
        """Whether a part has begun."""
        return self._parts.index >= 0

    def name(self, response_id: str) -> None:
        """The response's id, of which ids are made where a call has none."""
        self._seed = self._seed or response_id

    def say(self, kind: Words, event: StreamEvent) -> None:
        """More text or refusal of a message."""
        place, text = self._place(event), text_of(event.delta)
        index = event.content_index if type(event.content_index) is int else 0
        part = self._texts.get((place, kind, index))
        if part is None:
            part = self._open(place, kind, index, text)
        elif text:
            self._parts.events.append(kind(part, text))
        if event.logprobs:
            self._weigh(part, event.logprobs)

    def think(self, words: str, event: StreamEvent) -> None:
        """More of the summary or of the content of a reasoning item, whichever came first: the other says it again."""
        place, text = self._place(event), text_of(event.delta)
        index = event.summary_index if words == "summary" else event.content_index
        self._think(place, words, index if type(index) is int else 0, text)

    def extend(self, event: StreamEvent) -> None:
        """More arguments of a call. What belongs to no call that was named waits for the whole item."""
        call = self._calls.get(self._place(event))
        if call is not None and not call.ended:
            self._extend(call, text_of(event.delta))

    def cite(self, event: StreamEvent) -> None:
        """A source of a text."""
        citation = _citation(event.annotation)
        if citation is None:
            return
        place, index = self._place(event), event.content_index if type(event.content_index) is int else 0
        part = self._texts.get((place, TextDelta, index))
        if part is None:
            part = self._open(place, TextDelta, index, "")
        self._cite(part, citation)

    def preview(self, event: StreamEvent) -> None:
        """A preview of an image, which is a part of its own."""
        data = self._decoded(event.partial_image_b64)
        if data:
            self._parts.medium(_image_type(event.output_format), data)
            self._attach(self._parts.index, PARTIAL_IMAGE)

    def begin(self, event: StreamEvent) -> None:
        """An item begins. Only of a call there is something to tell then."""
        item = read_item(event.item)
        if item is None:
            return
        place = self._place(event, item)
        if text_of(item.type) in _CALLS and not _is_own(item):
            self._start(place, item)

    def finish(self, event: StreamEvent) -> None:
        """An item is done."""
        item = read_item(event.item)
        if item is not None:
            self._take(self._place(event, item), item, event.item)

    def close(self, output: list[msgspec.Raw]) -> None:
        """The response is done: takes the items that were not done before, ends what is open."""
        streamed = {"message": bool(self._texts), "reasoning": bool(self._thoughts)}
        nothing_done = not self._done
        items = [(raw, item) for raw in output if (item := read_item(raw)) is not None]
        told, known = set(self._done.values()), {_key(item) for _, item in items}
        for index, (raw, item) in enumerate(items):
            # Indices may have counted what the output leaves out: then the ids tell which items these are.
            if (key := _key(item))[1] and key in told:
                continue
            place: Place = index
            if index in self._done:
                if self._done[index] not in known or not key[1]:
                    continue
                place = key[1]
            # A server that marks no item as done may count them in another way: what it streamed stays as it is.
            if not (nothing_done and streamed.get(key[0])):
                self._take(place, item, raw)
        for call in self._calls.values():
            self._end(call)

    def _place(self, event: StreamEvent, item: Item | None = None) -> Place:
        """Where the event's item stands. Some servers leave the index out of some events: the id finds it again."""
        index = event.output_index
        item_id = text_of(event.item_id) or (text_of(item.id) if item is not None else "")
        if type(index) is not int:
            return self._places.get(item_id, item_id)
        if item_id:
            self._places[item_id] = index
        return index

    def _take(self, place: Place, item: Item, raw: msgspec.Raw) -> None:
        if place in self._done:
            return
        self._done[place] = _key(item)
        match text_of(item.type):
            case "message":
                self._message(place, item, raw)
            case "reasoning":
                self._reasoning(place, item, raw)
            case "function_call" | "custom_tool_call" if not _is_own(item):
                self._call(place, item, raw)
            case "image_generation_call" if isinstance(item.result, str) and item.result:
                self._parts.medium(_image_type(item.output_format), self._decoded(item.result))
                self._attach(self._parts.index, rest_of(raw))
            case kind:
                self._parts.item(ProviderItem(self._tag, kind, bytes(raw)))
                if kind not in _ITEMS and kind not in _CALLS:
                    self._watch.note(Unknown.CONTENT_TYPE, kind)
                self.called = self.called or _asks_the_caller(kind, item)

    def _message(self, place: Place, item: Item, raw: msgspec.Raw) -> None:
        state = rest_of(raw)
        pieces = [{"text": item.content}] if isinstance(item.content, str) else members_of(item.content)
        for index, piece in enumerate(pieces):
            kind: Words = RefusalDelta if piece.get("type") == "refusal" else TextDelta
            part = self._texts.get((place, kind, index))
            if part is None:
                part = self._open(place, kind, index, text_of(piece.get("refusal" if kind is RefusalDelta else "text")))
                self._weigh(part, piece.get("logprobs"))
            told = self._cited.get(part, 0)
            for annotation in members_of(piece.get("annotations"))[told:]:
                if citation := _citation(annotation):
                    self._cite(part, citation)
            self._attach(part, state)

    def _reasoning(self, place: Place, item: Item, raw: msgspec.Raw) -> None:
        if place not in self._thoughts:
            for words, pieces in (("summary", item.summary), ("content", item.content)):
                for index, piece in enumerate(members_of(pieces)):
                    self._think(place, words, index, text_of(piece.get("text")))
        if place not in self._thoughts:
            self._thoughts[place] = ("", self._begin(ReasoningDelta, ""))
        self._attach(self._thoughts[place][1], bytes(raw))

    def _call(self, place: Place, item: Item, raw: msgspec.Raw) -> None:
        call = self._calls.get(place) or self._start(place, item)
        if call is None:
            raise protocol_error(self._provider, "a tool call without a name")
        if call.ended:
            return
        if not call.has_arguments:
            given = item.arguments if item.type == "function_call" else item.input
            self._extend(call, msgspec.json.encode(given).decode() if isinstance(given, dict) else text_of(given))
        self._end(call)
        self._attach(call.part, rest_of(raw))

    def _start(self, place: Place, item: Item) -> _Call | None:
        name = text_of(item.name)
        if not name or place in self._calls:
            return self._calls.get(place)
        part = self._parts.begin(_Call)
        self.called = True
        call_id = text_of(item.call_id) or text_of(item.id) or made_call_id(self._seed, part)
        self._parts.events.append(ToolCallStarted(part, call_id, name))
        call = self._calls[place] = _Call(part)
        return call

    def _extend(self, call: _Call, text: str) -> None:
        if text:
            call.has_arguments = True
            self._parts.events.append(ToolCallArgumentsDelta(call.part, text))

    def _end(self, call: _Call) -> None:
        if not call.ended:
            call.ended = True
            if not call.has_arguments:
                self._parts.events.append(ToolCallArgumentsDelta(call.part, "{}"))
            self._parts.events.append(ToolCallEnded(call.part))

    def _think(self, place: Place, words: str, index: int, text: str) -> None:
        shown = self._thoughts.get(place)
        if not text or (shown is not None and shown[0] != words):
            return
        part = self._texts.get((place, ReasoningDelta, index))
        if part is None:
            part = self._open(place, ReasoningDelta, index, text)
            self._thoughts[place] = (words, part)
        else:
            self._parts.events.append(ReasoningDelta(part, text))

    def _open(self, place: Place, kind: Words, index: int, text: str) -> int:
        part = self._texts[place, kind, index] = self._begin(kind, text)
        if kind is RefusalDelta:
            self.refused = True
        return part

    def _begin(self, kind: Words, text: str) -> int:
        part = self._parts.begin(kind)
        self._parts.events.append(kind(part, text))
        return part

    def _weigh(self, part: int, logprobs: Any) -> None:
        if tokens := read_tokens(logprobs):
            self._parts.events.append(LogprobsDelta(part, tokens))

    def _cite(self, part: int, citation: Citation) -> None:
        self._cited[part] = self._cited.get(part, 0) + 1
        self._parts.events.append(CitationAdded(part, citation))

    def _attach(self, part: int, state: bytes | None) -> None:
        if state is not None:
            self._parts.events.append(ProviderStateAttached(part, ProviderState(self._tag, state)))

    def _decoded(self, data: object) -> bytes:
        try:
            return base64.b64decode(text_of(data), validate=True)
        except ValueError:  # binascii.Error is one
            raise protocol_error(self._provider, "an image that is not base64") from None


def _key(item: Item) -> _Key:
    return text_of(item.type), text_of(item.id) or text_of(item.call_id)


def _is_own(item: Item) -> bool:
    """Whether it is a call of a custom tool that is the provider's own, and that it has run."""
    own = text_of(item.name) in _OWN_TOOLS and text_of(item.call_id).startswith("xs_")
    return own and item.type == "custom_tool_call"


def _asks_the_caller(kind: str, item: Item) -> bool:
    if kind == "shell_call":
        return not (isinstance(item.environment, dict) and item.environment.get("type") == "container_reference")
    return kind in _FOR_THE_CALLER or (kind == "tool_search_call" and item.execution == "client")


def _image_type(output_format: object) -> str:
    form = output_format if output_format in ("png", "webp", "jpeg", "gif") else "png"
    return "image/svg+xml" if output_format == "svg" else f"image/{form}"


def _citation(annotation: Any) -> Citation | None:
    """A source; None for what names none. A file's citation stands at a point, a page's spans a text."""
    if not isinstance(annotation, dict):
        return None
    at = annotation.get("index")
    citation = Citation(
        url=text_of(annotation.get("url")),
        title=text_of(annotation.get("title")) or text_of(annotation.get("filename")),
        start_index=_index(annotation.get("start_index", at)),
        end_index=_index(annotation.get("end_index", at)),
        source_id=text_of(annotation.get("file_id")),
    )
    return citation if citation.url or citation.title or citation.source_id else None


def _index(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_INDEX else None

"""A streamed answer of the Responses API: https://platform.openai.com/docs/api-reference/responses-streaming.

An item is open until the next one begins, a call until it has ended. It keeps the id that it began with: that of its
provider comes only in the end, and is told beside it.
"""

from functools import partial
from typing import Any

import msgspec

from hedgerow_server.core import event as core
from hedgerow_server.core.call import Call
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import Part, ToolCall
from hedgerow_server.wire.openai.responses_answer import closed, incomplete, opened
from hedgerow_server.wire.openai.responses_items import (
    CALL,
    MESSAGE,
    OTHER,
    PREFIXES,
    REASONING,
    Item,
    annotation,
    call_item,
    item_of,
    logprobs,
    message_item,
    refusal_piece,
    summary_text,
    text_piece,
)
from hedgerow_server.wire.openai.responses_lines import (
    ARGUMENTS,
    INPUT,
    NO_LINE,
    REFUSAL,
    SUMMARY,
    SUMMARY_PART,
    TEXT,
    Line,
    Open,
    begun_line,
)
from hedgerow_server.wire.openai.responses_request import Asked
from hedgerow_server.wire.openai.responses_tokens import own_id

_ENCODE = msgspec.json.Encoder().encode
_DELTAS = frozenset({core.TextDelta, core.RefusalDelta, core.ReasoningDelta, core.ToolCallArgumentsDelta})
_BEYOND = 1 << 20
"""Above the indices of all parts."""


class ResponsesEncoder:
    """The server-sent events of a streamed answer."""

    __slots__ = (
        "_aliases",
        "_asked",
        "_call",
        "_closed",
        "_count",
        "_fold",
        "_lines",
        "_of",
        "_open",
        "_output",
        "_refused",
        "_response",
        "_sequence",
        "_verdicts",
    )

    def __init__(self, call: Call) -> None:
        asked = call.form
        assert isinstance(asked, Asked)
        self._call, self._asked = call, asked
        self._fold = Fold()
        self._sequence = 0
        self._count = 0  # the items that have been told
        self._open: list[Open] = []
        self._of: dict[int, Open] = {}  # the open item of each part
        self._lines: dict[int, Line] = {}
        self._closed: set[int] = set()
        self._aliases: dict[int, int] = {}  # the parts of the words that came after their item was closed
        self._output: dict[int, Item] = {}
        self._response: dict[str, Any] = {}
        self._refused = False
        self._verdicts: list[core.GuardVerdict] = []

    def encode(self, event: core.Event) -> list[bytes]:
        """The messages of one event."""
        kind = type(event)
        if kind in _DELTAS:
            delta: Any = event
            line = self._lines.get(delta.part_index)
            if line is not None:
                number = self._sequence
                self._sequence = number + 1
                words = delta.arguments if kind is core.ToolCallArgumentsDelta else delta.text
                line.said.append(words)
                return [b"%b%d%b%b%b" % (line.head, number, line.place, _ENCODE(words), line.end)]
        return self._rare(event)

    def _event(self, kind: str, **members: Any) -> bytes:
        number = self._sequence
        self._sequence = number + 1
        body = _ENCODE({"type": kind, "sequence_number": number, **members})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)

    def _rare(self, event: Any) -> list[bytes]:
        match event:
            case core.Started():
                self._response = opened(self._call, self._asked, event)
                states = ("created", "in_progress")
                return [self._event(f"response.{state}", response=self._response) for state in states]
            case core.GuardVerdict():
                self._verdicts.append(event)
                return []
            case core.Completed():
                return self._complete(event)
        if event.part_index in self._closed:
            # Fragments of several items that alternate: the rest becomes an item of its own, for none opens again.
            alias = self._aliases.setdefault(event.part_index, _BEYOND + event.part_index)
            return self.encode(msgspec.structs.replace(event, part_index=alias))
        return self._of_part(event)

    def _of_part(self, event: Any) -> list[bytes]:
        match event:
            case core.TextDelta() | core.RefusalDelta() | core.ReasoningDelta():
                return self._say(event)
            case core.ToolCallStarted():
                return self._call_started(event)
            case core.ToolCallEnded(part) if part in self._of:
                return [self._arguments_done(self._of[part])]
            case core.MediaDelta(part) | core.ProviderItemAdded(part) if part not in self._of:
                told = self._settle()
                self._join(part, self._begin(OTHER, ""))
                self._fold.add(event)
                return told
        self._fold.add(event)
        item = self._of.get(event.part_index)
        return self._beside(event, item) if item is not None else []

    def _beside(self, event: Any, item: Open) -> list[bytes]:
        """What is said of a part beside its words."""
        part = event.part_index
        match event:
            case core.ProviderStateAttached():
                item.sealed = True
                return self._close(item, "completed") if item.ended else []
            case core.CitationAdded(citation=citation) if item.kind == MESSAGE:
                number = len(self._fold.part(part).citations) - 1
                place = {**item.place, "content_index": item.parts.index(part), "annotation_index": number}
                return [self._event(f"{TEXT}.annotation.added", **place, annotation=annotation(citation))]
            case core.LogprobsDelta(tokens=tokens) if self._is_text(part, item):
                place = {**item.place, "content_index": item.parts.index(part)}
                return [self._event(f"{TEXT}.delta", **place, delta="", logprobs=logprobs(tokens))]
        return []

    def _is_text(self, part: int, item: Open) -> bool:
        return item.kind == MESSAGE and self._lines[part].kind is core.TextDelta

    def _say(self, event: core.TextDelta | core.RefusalDelta | core.ReasoningDelta) -> list[bytes]:
        """The first words of a part, which may begin an item."""
        part, told = event.part_index, list[bytes]()
        kind = REASONING if isinstance(event, core.ReasoningDelta) else MESSAGE
        item = self._of.get(part)
        if item is None:
            item = self._open[-1] if self._open else None
            if item is None or item.kind != kind or item.sealed:
                told = self._settle()
                item = self._begin(kind, "rs" if kind == REASONING else "msg")
                told.append(self._added(item, self._empty(kind, item)))
            self._join(part, item)
        if kind == REASONING and not event.text:
            self._fold.add(event)
            return told
        # The fold knows the part; its words follow once it is done.
        self._fold.add(msgspec.structs.replace(event, text=""))
        told.append(self._piece_added(event, item))
        return told + self.encode(event) if event.text else told

    def _empty(self, kind: str, item: Open) -> Item:
        if kind == REASONING:
            return {"id": item.item_id, "type": "reasoning", "summary": []}
        return message_item([], "in_progress") | {"id": item.item_id}

    def _piece_added(self, event: core.TextDelta | core.RefusalDelta | core.ReasoningDelta, item: Open) -> bytes:
        """A piece of an item begins; from now on its words are written by hand."""
        index = item.pieces
        item.pieces += 1
        if isinstance(event, core.ReasoningDelta):
            self._lines[event.part_index] = begun_line(SUMMARY, {**item.place, "summary_index": index})
            return self._event(f"{SUMMARY_PART}.added", **item.place, summary_index=index, part=summary_text(""))
        refused = isinstance(event, core.RefusalDelta)
        self._refused = self._refused or refused
        name = REFUSAL if refused else TEXT
        self._lines[event.part_index] = begun_line(name, {**item.place, "content_index": index})
        piece = refusal_piece("") if refused else text_piece("", [], [])
        return self._event("response.content_part.added", **item.place, content_index=index, part=piece)

    def _call_started(self, event: core.ToolCallStarted) -> list[bytes]:
        told = self._settle()
        custom = event.name in self._asked.custom
        empty = call_item(ToolCall(event.id, event.name, ""), "in_progress", custom=custom)
        item = self._begin(CALL, PREFIXES[empty["type"]])
        self._join(event.part_index, item)
        self._fold.add(event)
        self._lines[event.part_index] = begun_line(INPUT if custom else ARGUMENTS, item.place)
        return [*told, self._added(item, empty | {"id": item.item_id})]

    def _arguments_done(self, item: Open) -> bytes:
        """A call has all of its arguments. Whether its provider has something to attach, the next event tells."""
        item.ended = True
        call = self._part(item.parts[0]).content
        assert isinstance(call, ToolCall)
        if call.name in self._asked.custom:
            return self._event(f"{INPUT}.done", **item.place, input=call.arguments)
        return self._event(f"{ARGUMENTS}.done", **item.place, name=call.name, arguments=call.arguments)

    def _begin(self, kind: str, prefix: str) -> Open:
        item = Open(kind, self._count, own_id(prefix, self._call.request_id, self._count))
        self._open.append(item)
        self._count += kind != OTHER  # the others are told once they are whole, if at all
        return item

    def _join(self, part: int, item: Open) -> None:
        self._of[part] = item
        item.parts.append(part)

    def _added(self, item: Open, whole: Item) -> bytes:
        return self._event("response.output_item.added", output_index=item.index, item=whole)

    def _settle(self) -> list[bytes]:
        """Closes what the next item ends: all but calls that go on."""
        done = [item for item in self._open if item.kind != CALL or item.ended]
        return [message for item in done for message in self._close(item, "completed")]

    def _close(self, item: Open, status: str) -> list[bytes]:
        self._open.remove(item)
        parts = [self._part(part) for part in item.parts]
        for part in item.parts:
            self._lines.pop(part, None)
            del self._of[part]
            self._closed.add(part)
        name = partial(own_id, request_id=self._call.request_id, index=self._count)
        begun = item.item_id if item.kind != OTHER else ""
        whole = item_of(parts, name, status=status, custom=self._asked.custom, begun=begun)
        if whole is None:
            return []
        told = self._pieces_done(item, whole)
        if item.kind == OTHER:
            item.index, self._count = self._count, self._count + 1
            told = [self._added(item, whole)]
        self._output[item.index] = whole
        return [*told, self._event("response.output_item.done", output_index=item.index, item=whole)]

    def _part(self, index: int) -> Part:
        """A part with all of its words so far."""
        line = self._lines.get(index, NO_LINE)
        if words := "".join(line.said):
            line.said.clear()
            self._fold.add(line.kind(index, words))
        return self._fold.part(index)

    def _pieces_done(self, item: Open, whole: Item) -> list[bytes]:
        told: list[bytes] = []
        if item.kind == MESSAGE:
            for index, piece in enumerate(whole["content"]):
                place = {**item.place, "content_index": index}
                if piece["type"] == "refusal":
                    told.append(self._event(f"{REFUSAL}.done", **place, refusal=piece["refusal"]))
                else:
                    told.append(self._event(f"{TEXT}.done", **place, text=piece["text"], logprobs=piece["logprobs"]))
                told.append(self._event("response.content_part.done", **place, part=piece))
        elif item.kind == REASONING:
            for index, piece in enumerate(whole["summary"]):
                place = {**item.place, "summary_index": index}
                told.append(self._event(f"{SUMMARY}.done", **place, text=piece["text"]))
                told.append(self._event(f"{SUMMARY_PART}.done", **place, part=piece))
        elif item.kind == CALL and not item.ended:
            told.append(self._arguments_done(item))
        return told

    def _complete(self, completed: core.Completed) -> list[bytes]:
        cut = bool(incomplete(completed, refused=self._refused))
        told: list[bytes] = []
        for item in list(self._open):
            last = item.kind == MESSAGE and item is self._open[-1]
            told += self._close(item, "incomplete" if cut and last else "completed")
        output = [self._output[index] for index in sorted(self._output)]
        closed(self._call, self._response, output, completed, self._verdicts)
        return [*told, self._event(f"response.{self._response['status']}", response=self._response)]

"""Content into events, part by part: what every dialect does alike, whatever its words for it are."""

import hashlib

from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState

Words = type[TextDelta] | type[ReasoningDelta] | type[RefusalDelta]


def made_call_id(seed: str, index: int) -> str:
    """An id for the tool call that is this part of the answer which `seed` names: always the same."""
    return f"call_{hashlib.blake2b(f'{seed}/{index}'.encode(errors='replace'), digest_size=12).hexdigest()}"


class Parts:
    """The parts of one answer, in order. A part is open until the next one begins; only the open one grows."""

    __slots__ = ("_has_arguments", "_kind", "called", "events", "index")

    def __init__(self) -> None:
        self.events: list[Event] = []
        """What was made since `take`."""
        self.index = -1
        """The open part, -1 before the first."""
        self.called = False
        """Whether there was a tool call."""
        self._kind: object = None
        self._has_arguments = False

    def take(self) -> list[Event]:
        """The events made since the last time."""
        events, self.events = self.events, []
        return events

    def begin(self, kind: object) -> int:
        """Opens a part of a kind and closes the one before; returns its index."""
        self.close()
        self._kind = kind
        self.index += 1
        return self.index

    def close(self) -> None:
        """Closes the open part: a tool call gets its end, and "{}" if it had no arguments."""
        if self._kind is ToolCallStarted:
            if not self._has_arguments:
                self.events.append(ToolCallArgumentsDelta(self.index, "{}"))
            self.events.append(ToolCallEnded(self.index))
        self._kind = None

    def say(self, kind: Words, text: str, *, anew: bool = False) -> None:
        """More text, reasoning or refusal. Opens a part unless one of the kind is open; `anew` opens one in any case,
        if only with an empty delta.
        """
        if anew or self._kind is not kind:
            if not text and not anew:
                return
            self.begin(kind)
        elif not text:
            return
        self.events.append(kind(self.index, text))

    def start_call(self, call_id: str, name: str, seed: str) -> None:
        """Opens a tool call. Without an id it gets one made of `seed`, which names the answer, and the part: the same
        for every way of cutting the stream.
        """
        self.begin(ToolCallStarted)
        self.called = True
        self._has_arguments = False
        call_id = call_id or made_call_id(seed, self.index)
        self.events.append(ToolCallStarted(self.index, call_id, name))

    def arguments(self, text: str) -> None:
        """More arguments of the open tool call, JSON text."""
        if text:
            self._has_arguments = True
            self.events.append(ToolCallArgumentsDelta(self.index, text))

    def attach(self, state: ProviderState) -> None:
        """State for the open or latest part, which has had a delta."""
        self.events.append(ProviderStateAttached(self.index, state))

    def cite(self, citation: Citation) -> None:
        """A source for the open text; opens an empty one where none is open."""
        if self._kind is not TextDelta:
            self.say(TextDelta, "", anew=True)
        self.events.append(CitationAdded(self.index, citation))

    def item(self, item: ProviderItem) -> None:
        """An item of the provider's own, as a whole part."""
        self.begin(ProviderItem)
        self.events.append(ProviderItemAdded(self.index, item))

    def medium(self, media_type: str, data: bytes, *, url: str = "", transcript: str = "") -> None:
        """A generated medium that came whole, as a part of its own."""
        self.begin(MediaDelta)
        self.events.append(MediaDelta(self.index, media_type, data, url, transcript))

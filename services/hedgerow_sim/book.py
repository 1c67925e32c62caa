"""The book: what every call was, what was sent for it and how it ended.

Memory is bounded: the last N calls are kept whole, the totals are exact for all of them.
"""

import collections
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec

Outcome = Literal["open", "completed", "cancelled", "cut", "error"]

# No secret is ever kept: this matches the fields by which any provider takes keys, tokens and cookies.
_SECRET: Final = re.compile(
    r"auth|api-?key|subscription-key|token|secret|password|cookie|credential|signature", re.IGNORECASE
)


class Entry(msgspec.Struct, kw_only=True):
    """One call. Times are Unix seconds by the wall clock."""

    number: int
    """Counts the calls from 1, again after the book was emptied."""
    provider: str = ""
    """NAME of `/_sim/as/NAME`; empty for paths without it."""
    path: str
    """As requested, without the query and without the `/_sim` parts before the provider's own path."""
    model: str = ""
    """As requested; empty until the body is read, or if it names none."""
    stream: bool = False
    """Whether a stream was asked for."""
    record: str | None = None
    """Id of the recording that answered."""
    status: int | None = None
    """HTTP status; None before the head is sent."""
    input_tokens: int = 0
    """Tokens of the prompt by the simulator's rule; 0 for replayed answers, which are not counted."""
    output_tokens: int = 0
    """Tokens sent so far, reasoning included; 0 for replayed answers and embeddings."""
    billed_input_tokens: int = 0
    """What a provider would bill for the prompt: nothing before the first output token."""
    billed_output_tokens: int = 0
    """What a provider would bill for the answer: the tokens generated until it was over or the client had left, all of
    them if the script ignores that; nothing for errors and for answers that are none."""
    received_bytes: int = 0
    """Bytes of the request: its line, its headers and as much of the body as came."""
    sent_chunks: int = 0
    """Events of a stream, or bodies, written so far."""
    outcome: Outcome = "open"
    """completed; cancelled: the client left; cut: the script broke the connection; error: an error was sent."""
    headers: dict[str, str]
    """Request headers, lower case, without secrets."""
    peer: str = ""
    """The client's address and port: equal for calls on one connection."""
    started_unix: float
    """The request's head had arrived."""
    first_byte_unix: float | None = None
    """The answer's head was sent."""
    closed_unix: float | None = None
    """The client's close of the connection was noticed; None if it did not close it during the call."""
    ended_unix: float | None = None
    """The answer was complete, or the client was gone."""


class Totals(msgspec.Struct):
    """Sums over all calls since the book was begun or emptied."""

    calls: int = 0
    """All of the below."""
    open: int = 0
    """Not ended yet."""
    completed: int = 0
    """Answered in full."""
    cancelled: int = 0
    """The client left first."""
    cut: int = 0
    """Broken off by a script."""
    error: int = 0
    """Answered with an error."""
    input_tokens: int = 0
    """See Entry."""
    output_tokens: int = 0
    """See Entry."""
    billed_input_tokens: int = 0
    """See Entry."""
    billed_output_tokens: int = 0
    """See Entry."""
    received_bytes: int = 0
    """See Entry."""
    sent_chunks: int = 0
    """See Entry."""
    busy_sockets: int = 0
    """Connections with a call under way: open calls whose client has not left."""
    open_sockets: int = 0
    """All connections to the process, idle ones too, without the one that asks; the same for every provider."""

    def add(self, entry: Entry) -> None:
        """Counts one call in."""
        self.calls += 1
        setattr(self, entry.outcome, getattr(self, entry.outcome) + 1)
        self.input_tokens += entry.input_tokens
        self.output_tokens += entry.output_tokens
        self.billed_input_tokens += entry.billed_input_tokens
        self.billed_output_tokens += entry.billed_output_tokens
        self.received_bytes += entry.received_bytes
        self.busy_sockets += entry.outcome == "open" and entry.closed_unix is None
        self.sent_chunks += entry.sent_chunks

    def merge(self, other: "Totals") -> None:
        """Counts the sums of others in."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Page(msgspec.Struct, frozen=True):
    """What `GET /_sim/book` answers."""

    calls: list[Entry]
    """The last calls, oldest first."""
    totals: Totals
    """Over all calls, forgotten ones included."""


class Book:
    """Keeps the last `size` calls and the totals of all."""

    def __init__(self, size: int = 10_000) -> None:
        self._calls: collections.deque[Entry] = collections.deque(maxlen=size)
        self._open: dict[int, Entry] = {}
        self._closed: dict[str, Totals] = {}
        self._outliving: set[int] = set()
        self._number = 0

    def begin(self, path: str, headers: Iterable[tuple[str, str]], peer: str, provider: str = "") -> Entry:
        """Opens an entry; pass it to `keeping` at once."""
        self._number += 1
        kept = {name.lower(): value for name, value in headers if not _SECRET.search(name)}
        entry = Entry(
            number=self._number, provider=provider, path=path, headers=kept, peer=peer, started_unix=time.time()
        )
        self._calls.append(entry)
        self._open[entry.number] = entry
        return entry

    @contextmanager
    def keeping(self, entry: Entry) -> Iterator[None]:
        """Closes the entry when the block ends.

        An outcome set inside stays; a cancellation or a broken connection means that the client left. An entry that was
        passed to `outlive` stays open.
        """
        try:
            yield
        except BaseException as exc:
            # The server cancels the handler when the connection is lost; a write may notice it first.
            gone = isinstance(exc, ConnectionError) or not isinstance(exc, Exception)
            if gone and entry.closed_unix is None:
                entry.closed_unix = time.time()
            if id(entry) not in self._outliving:
                self.close(entry, "cancelled" if gone else "error")
            raise
        if id(entry) not in self._outliving:
            self.close(entry, "completed" if (entry.status or 500) < 400 else "error")

    def outlive(self, entry: Entry) -> None:
        """Keeps a call open though its client has left; `close` ends it."""
        entry.closed_unix = time.time()
        self._outliving.add(id(entry))

    def close(self, entry: Entry, outcome: Outcome) -> None:
        """Ends a call; an outcome that it has already stays."""
        self._outliving.discard(id(entry))
        if entry.outcome == "open":
            entry.outcome = outcome
        entry.ended_unix = time.time()
        # An entry from before the book was emptied is not in it any more, and must not count.
        if self._open.get(entry.number) is entry:
            del self._open[entry.number]
            self._closed.setdefault(entry.provider, Totals()).add(entry)

    def page(self, last: int | None = None, provider: str | None = None) -> Page:
        """The last calls (all that are kept by default) and the totals as of now; of one provider, or of all."""
        calls = [one for one in self._calls if provider is None or one.provider == provider]
        totals = Totals()
        for name, closed in self._closed.items():
            if provider is None or name == provider:
                totals.merge(closed)
        for entry in self._open.values():
            if provider is None or entry.provider == provider:
                totals.add(entry)
        return Page(calls if last is None else calls[max(len(calls) - last, 0) :], totals)

    def empty(self) -> None:
        """Forgets everything; calls under way go on without a trace."""
        self._calls.clear()
        self._open.clear()
        self._closed.clear()
        self._number = 0

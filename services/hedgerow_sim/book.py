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
    path: str
    """As requested, without the query."""
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
    sent_chunks: int = 0
    """See Entry."""

    def add(self, entry: Entry) -> None:
        """Counts one call in."""
        self.calls += 1
        setattr(self, entry.outcome, getattr(self, entry.outcome) + 1)
        self.input_tokens += entry.input_tokens
        self.output_tokens += entry.output_tokens
        self.sent_chunks += entry.sent_chunks


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
        self._closed = Totals()
        self._number = 0

    def begin(self, path: str, headers: Iterable[tuple[str, str]], peer: str) -> Entry:
        """Opens an entry; pass it to `keeping` at once."""
        self._number += 1
        kept = {name.lower(): value for name, value in headers if not _SECRET.search(name)}
        entry = Entry(number=self._number, path=path, headers=kept, peer=peer, started_unix=time.time())
        self._calls.append(entry)
        self._open[entry.number] = entry
        return entry

    @contextmanager
    def keeping(self, entry: Entry) -> Iterator[None]:
        """Closes the entry when the block ends.

        An outcome set inside stays; a cancellation or a broken connection means that the client left.
        """
        try:
            yield
        except BaseException as exc:
            # The server cancels the handler when the connection is lost; a write may notice it first.
            gone = isinstance(exc, ConnectionError) or not isinstance(exc, Exception)
            self._close(entry, "cancelled" if gone else "error")
            raise
        self._close(entry, "completed" if (entry.status or 500) < 400 else "error")

    def _close(self, entry: Entry, outcome: Outcome) -> None:
        if entry.outcome == "open":
            entry.outcome = outcome
        entry.ended_unix = time.time()
        # An entry from before the book was emptied is not in it any more, and must not count.
        if self._open.get(entry.number) is entry:
            del self._open[entry.number]
            self._closed.add(entry)

    def page(self, last: int | None = None) -> Page:
        """The last calls (all that are kept by default) and the totals as of now."""
        calls = list(self._calls)
        totals = msgspec.structs.replace(self._closed)
        for entry in self._open.values():
            totals.add(entry)
        return Page(calls if last is None else calls[max(len(calls) - last, 0) :], totals)

    def empty(self) -> None:
        """Forgets everything; calls under way go on without a trace."""
        self._calls.clear()
        self._open.clear()
        self._closed = Totals()
        self._number = 0

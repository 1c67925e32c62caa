"""Server-sent events, incrementally: bytes in as they arrive, events out. Independent of how the bytes were cut.

Follows the event stream format of the WHATWG HTML standard, except that `id` and `retry` are ignored (nobody reconnects
to a completion), and that an event which the body's end left open can be asked for: some providers send no last blank
line.
"""

from collections.abc import Iterable, Iterator

from hedgerow_server.core.error import UpstreamProtocol

SseEvent = tuple[bytes, bytes]
"""(event name or empty, data). The data is valid UTF-8, the lines of one event joined by LF."""

MAX_EVENT_BYTES = 1 << 20
"""The most bytes of one event, and of one line."""

_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Reads one stream. `provider` only names it in errors."""

    __slots__ = ("_after_cr", "_clean", "_data", "_limit", "_name", "_provider", "_size", "_start", "_tail")

    def __init__(self, provider: str, limit: int = MAX_EVENT_BYTES) -> None:
        self._provider = provider
        self._limit = limit
        self._clean = True  # nothing is pending, so that a whole event can be cut out at once
        self._after_cr = False  # the last byte was CR: an LF that follows belongs to it
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a byte order mark
        self._tail = bytearray()  # the line that is not complete yet
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0  # of the pending event's complete lines

    def feed(self, data: bytes) -> Iterable[SseEvent]:
        """The events that these bytes complete. Iterate to the end before feeding again.

        The iteration raises UpstreamProtocol when an event exceeds the limit, after the events before it.
        """
        if self._clean and data[:6] == b"data: " and data[-2:] == b"\n\n" and b"\r" not in data:
            self._start = None
            if data.find(b"\n") == len(data) - 2 and len(data) <= self._limit:
                return ((b"", _utf8(data[6:-2])),)
            blocks = data[:-2].split(b"\n\n")
            if all(block[:6] == b"data: " and b"\n" not in block and len(block) <= self._limit for block in blocks):
                return [(b"", _utf8(block[6:])) for block in blocks]
        return self._read(data)

    def end(self) -> Iterable[SseEvent]:
        """The event that the end of the body left without its blank line, if any; it may be incomplete."""
        yield from self._read(b"\n\n")

    def _read(self, data: bytes) -> Iterator[SseEvent]:
        data = self._normalised(data)
        first, *rest = data.split(b"\n")
        self._tail += first
        if rest:
            lines = [bytes(self._tail), *rest]
            self._tail[:] = lines.pop()
            for line in lines:
                if line:
                    self._take(line)
                elif self._data:
                    yield self._name, _utf8(b"\n".join(self._data))
                    self._reset()
                else:
                    self._reset()
        if self._tail:
            self._check(self._tail)
        self._clean = not (self._tail or self._size or self._name or self._after_cr or self._start is not None)

    def _normalised(self, data: bytes) -> bytes:
        """The bytes without byte order mark and with LF as the only line end."""
        if self._start is not None:
            data = self._start + data
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._start = data
                return b""
            self._start = None
            data = data.removeprefix(_BOM)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _take(self, line: bytes) -> None:
        self._check(line)
        if line[:1] == b":":
            return
        self._size += len(line)
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")

    def _check(self, line: bytes | bytearray) -> None:
        # Comments do not count towards their event: keep-alives may go on for as long as the model thinks.
        size = len(line) if line[:1] == b":" else self._size + len(line)
        if size > self._limit:
            raise UpstreamProtocol(
                f"The provider {self._provider} sent an event of more than {self._limit} bytes.",
                metadata={"provider": self._provider, "detail": "event too large"},
            )

    def _reset(self) -> None:
        self._name = b""
        self._data = []
        self._size = 0


def _utf8(data: bytes) -> bytes:
    """The same bytes, with U+FFFD in the place of what is not UTF-8."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").encode()
    return data

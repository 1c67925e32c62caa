"""Server-sent events, incrementally: bytes in as they arrive, events out. Independent of how the bytes were cut.

Follows the event stream format of the WHATWG HTML standard, except that `id` and `retry` are ignored (nobody reconnects
to a completion), that an event which the body's end left open can be asked for, as some providers send no last blank
line, and that JSON which stands bare in the place of events can be, too: some send an error so.
"""

from collections.abc import Iterable, Iterator

from hedgerow_server.core.error import UpstreamProtocol

SseEvent = tuple[bytes, bytes]
"""(event name or empty, data). The data is valid UTF-8, the lines of one event joined by LF."""

MAX_EVENT_BYTES = 1 << 20
"""The most bytes of one event, and of one line."""

_BOM = b"\xef\xbb\xbf"
_CR = 13
_FIELDS = (b"data", b"event", b"error")
_OPENS = (b"{", b"[")


class SseReader:
    """Reads one stream. `provider` only names it in errors."""

    __slots__ = (
        "_after_cr",
        "_bare",
        "_clean",
        "_data",
        "_limit",
        "_name",
        "_plain",
        "_provider",
        "_size",
        "_start",
        "_tail",
    )

    def __init__(self, provider: str, limit: int = MAX_EVENT_BYTES) -> None:
        self._provider = provider
        self._limit = limit
        self._clean = True  # no line and no event is pending, so that whole events can be cut out at once
        self._bare = False  # the lines are those of bare JSON, and it has not ended
        self._after_cr = False  # the last byte was CR: an LF that follows belongs to it
        self._plain = False  # the next bytes belong to neither a byte order mark nor a CR before them
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a byte order mark
        self._tail = bytearray()  # the line that is not complete yet
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0  # of the pending event's complete lines

    def feed(self, data: bytes) -> Iterable[SseEvent]:
        """The events that these bytes complete. Iterate to the end before feeding again.

        The iteration raises UpstreamProtocol when an event exceeds the limit, after the events before it.
        """
        if not self._plain or _CR in data:
            data = self._normalised(data)
        if self._clean and len(data) <= self._limit:
            # Nearly all reads are one event or a few, whole and plain: they are cut out at once.
            event = _event(data, b"\n")
            if event is not None:
                return (event,)
            if data[-2:] == b"\n\n" and (events := _events(data[:-2])):
                return events
        return self._read(data)

    def end(self) -> Iterable[SseEvent]:
        """The event that the end of the body left without its blank line, if any, or bare JSON as the data of one; it
        may be incomplete.
        """
        yield from self._read(self._normalised(b"\n\n"))
        if self._bare:
            yield self._name, _utf8(b"\n".join(self._data))

    def _read(self, data: bytes) -> Iterator[SseEvent]:
        """Reads line by line. The bytes are normalised."""
        first, *rest = data.split(b"\n")
        self._tail += first
        if rest:
            lines = [bytes(self._tail), *rest]
            self._tail[:] = lines.pop()
            for line in lines:
                if line:
                    self._take(line)
                elif self._bare:
                    continue
                elif self._data:
                    yield self._name, _utf8(b"\n".join(self._data))
                    self._reset()
                else:
                    self._reset()
        if self._tail:
            self._check(self._tail)
        self._clean = not (self._tail or self._size or self._name)

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
        if _CR in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._plain = not self._after_cr
        return data

    def _take(self, line: bytes) -> None:
        self._check(line)
        if line[:1] == b":":
            return
        self._size += len(line)
        field, _, value = line.partition(b":")
        if field in _FIELDS and self._bare:
            self._reset()
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")
        elif field == b"error":
            # Older llama.cpp has the name of the event in the place of `data`.
            self._name = field
            self._data.append(value.removeprefix(b" "))
        elif self._bare or (line[:1] in _OPENS and not (self._data or self._name)):
            self._bare = True
            self._data.append(line)

    def _check(self, line: bytes | bytearray) -> None:
        # Comments do not count towards their event: keep-alives may go on for as long as the model thinks.
        size = len(line) if line[:1] == b":" else self._size + len(line)
        if size > self._limit:
            raise UpstreamProtocol(
                f"The provider {self._provider} sent an event of more than {self._limit} bytes.",
                metadata={"provider": self._provider, "detail": "event too large"},
            )

    def _reset(self) -> None:
        self._bare = False
        self._name = b""
        self._data = []
        self._size = 0


def _event(block: bytes, end: bytes) -> SseEvent | None:
    """The event of a block that is a line of data, maybe with one of its name before it, and then the `end`; None for
    other blocks.
    """
    name = b""
    line, _, rest = block.partition(b"\n")
    if line[:6] != b"data: ":
        if line[:7] != b"event: ":
            return None
        name = line[7:]
        line, _, rest = rest.partition(b"\n")
        if line[:6] != b"data: ":
            return None
    if rest != end:
        return None
    return name, line[6:] if line.isascii() else _utf8(line[6:])


def _events(blocks: bytes) -> list[SseEvent]:
    """The events of several blocks, the end of the last one left out; none where any is of another form."""
    pieces = blocks.split(b"\n\n")
    events = [event for piece in pieces if (event := _event(piece, b"")) is not None]
    return events if len(events) == len(pieces) else []


def _utf8(data: bytes) -> bytes:
    """The same bytes, with U+FFFD in the place of what is not UTF-8."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").encode()
    return data

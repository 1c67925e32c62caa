"""Reads newline-delimited JSON (https://github.com/ndjson/ndjson-spec): one document a line, blank lines ignored."""

from collections.abc import Iterable

from hedgerow_server.core.error import UpstreamProtocol
from hedgerow_server.providers.sse import MAX_EVENT_BYTES


class LineReader:
    """Cuts one stream into lines. `provider` only names it in errors."""

    __slots__ = ("_limit", "_provider", "_tail")

    def __init__(self, provider: str, limit: int = MAX_EVENT_BYTES) -> None:
        self._provider = provider
        self._limit = limit
        self._tail = bytearray()  # the line that is not complete yet

    def feed(self, data: bytes) -> Iterable[bytes]:
        """The lines that these bytes complete, with white space round them at most. Iterate to the end before feeding
        again.

        The iteration raises UpstreamProtocol when a line exceeds the limit, after the lines before it.
        """
        if data[:1] == b"{" and not self._tail and data.find(b"\n") == len(data) - 1 <= self._limit:
            return (data,)
        return self._read(data)

    def end(self) -> Iterable[bytes]:
        """The line that the end of the body left without its newline, if any; it may be incomplete."""
        tail = bytes(self._tail)
        return (tail,) if tail.strip() else ()

    def _read(self, data: bytes) -> Iterable[bytes]:
        first, *rest = data.split(b"\n")
        self._tail += first
        if rest:
            lines = [bytes(self._tail), *rest]
            self._tail[:] = lines.pop()
            for line in lines:
                self._check(line)
                if line.strip():
                    yield line
        self._check(self._tail)

    def _check(self, line: bytes | bytearray) -> None:
        if len(line) > self._limit:
            raise UpstreamProtocol(
                f"The provider {self._provider} sent a line of more than {self._limit} bytes.",
                metadata={"provider": self._provider, "detail": "line too large"},
            )

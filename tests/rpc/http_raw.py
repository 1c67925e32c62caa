"""A client at the HTTP door that sends any bytes at all, and says what came back."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATH = "/v1/chat/completions"
TIMEOUT_S = 10.0


@dataclass
class Answered:
    """An answer."""

    status: int
    """Its status."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""
    """Without the framing."""

    @property
    def error(self) -> dict[str, Any]:
        """The member `error` of its body."""
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


@dataclass
class Raw:
    """A connection."""

    socket: socket.socket
    """Its socket."""
    rest: bytes = field(default=b"")
    """What has come and was not looked at yet."""

    def send(self, *parts: bytes) -> None:
        """Sends bytes."""
        self.socket.sendall(b"".join(parts))

    def ask(self, body: bytes = b"", *headers: bytes, verb: bytes = b"POST", path: str = PATH) -> Answered:
        """Sends a request with these header lines, and reads its answer."""
        self.send(head(*headers, b"content-length: %d" % len(body), verb=verb, path=path), body)
        return self.answer()

    def answer(self, *, bodiless: bool = False) -> Answered:
        """Reads an answer to its end."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [line.split(": ", 1) for line in lines[1:-2]]
        found = Answered(int(status), {name.lower(): value for name, value in pairs})
        if bodiless or found.status == 100:
            return found
        if found.headers.get("transfer-encoding") == "chunked":
            found.body = self.chunks()
        elif "content-length" in found.headers:
            found.body = self.take(int(found.headers["content-length"]))
        return found

    def chunk(self) -> bytes:
        """Reads a chunk; empty: the last one."""
        size = int(self.until(b"\r\n"), 16)
        return self.take(size + 2)[:size]

    def chunks(self) -> bytes:
        """Reads all chunks that are left, the last one included."""
        found = b""
        while piece := self.chunk():
            found += piece
        return found

    def until(self, end: bytes) -> bytes:
        """Reads to the end of some bytes."""
        while end not in self.rest:
            self._more()
        found, _, self.rest = self.rest.partition(end)
        return found + end

    def take(self, size: int) -> bytes:
        """Reads so many bytes."""
        while len(self.rest) < size:
            self._more()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self.rest!r}")
        self.rest += data

    def closed(self) -> bytes:
        """Waits for the other side to close; gives what it has said until then. Fails where it does not."""
        try:
            while data := self.socket.recv(65536):
                self.rest += data
        except ConnectionResetError:
            pass
        return self.rest


@contextmanager
def raw(address: str, *, receive_bytes: int | None = None) -> Iterator[Raw]:
    """A connection; with a window for so many bytes."""
    host, _, port = address.rpartition(":")
    with socket.socket() as made:
        made.settimeout(TIMEOUT_S)
        if receive_bytes is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.connect((host, int(port)))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Raw(made)


def head(*headers: bytes, verb: bytes = b"POST", path: str = PATH) -> bytes:
    """The head of a request with these header lines, and the usual Host."""
    return b"\r\n".join([b"%b %b HTTP/1.1" % (verb, path.encode()), b"host: gateway", *headers, b"\r\n"])


def chat(model: str = "fast", *, stream: bool = False, text: str = "hi", **more: Any) -> bytes:
    """The body of a Chat Completions request."""
    told = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return json.dumps({**told, "stream": True} if stream else told).encode()

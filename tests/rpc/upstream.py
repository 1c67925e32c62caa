"""A provider that says whatever a test wants: canned bytes on a socket, chosen by the model that is asked for."""

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        model = json.loads(self.rfile.read(length))["model"]
        assert isinstance(self.server, _Server)
        self.wfile.write(self.server.answers[model])


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    answers: Mapping[str, bytes]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A router that hangs up on a bad answer is what is expected."""


@contextmanager
def canned(answers: Mapping[str, bytes]) -> Iterator[str]:
    """Serves the answers, each of them whole and then the end of the connection; gives the URL."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.answers = answers
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def answer(status: int, body: bytes | Any, *headers: bytes, content_type: bytes = b"application/json") -> bytes:
    """An HTTP answer; a body that is not bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [
        b"HTTP/1.1 %d X" % status,
        b"content-type: " + content_type,
        b"content-length: %d" % len(data),
        b"connection: close",
        *headers,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + data

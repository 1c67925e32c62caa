"""Who writes keys when a router asks for it, as docs/vault.md describes it: a server of the tests."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIGNING_KEY = "whsec_" + base64.b64encode(b"webhook-canary-0123456789abcdef").decode()
Do = Callable[[dict[str, Any]], None]


class Receiver:
    """Takes what is signed, does each id once, and answers 503 while it is `deaf`."""

    def __init__(self, do: Do) -> None:
        """`do` is told each message, in a thread."""
        self._do = do
        self._lock = threading.Lock()
        self.deaf = False
        self.told: list[dict[str, Any]] = []
        """Messages that were new, in their order."""
        self.refused = 0
        """Requests whose signature was wrong."""
        self.url = ""

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer with."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(base64.b64decode(SIGNING_KEY.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        if headers["webhook-signature"] != f"v1,{base64.b64encode(digest).decode()}":
            self.refused += 1
            return 401
        if self.deaf:
            return 503
        message = {**json.loads(body), "id": headers["webhook-id"]}
        with self._lock:
            if message["id"] not in [one["id"] for one in self.told]:
                self._do(message)
                self.told.append(message)
        return 204

    def count(self, kind: str) -> int:
        """How many messages of a type there were."""
        return sum(1 for one in self.told if one["type"] == kind)


@contextmanager
def receiver(do: Do) -> Iterator[Receiver]:
    """One that listens on loopback."""
    one = Receiver(do)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = one.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/rotate"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

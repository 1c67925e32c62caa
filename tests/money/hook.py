"""A webhook for alerts, which is dead until it is switched on."""

import base64
import hashlib
import hmac
import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_KEY = b"hook" * 8
SECRET = "whsec_" + base64.b64encode(_KEY).decode()
"""What signs for it."""


@dataclass
class Hook:
    """A webhook that is not there until it is switched on."""

    port: int
    alerts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers and body of what it has taken."""

    def marks(self, budget: str) -> list[float]:
        """The marks of a budget that were told, in percent."""
        told = [json.loads(body) for _, body in self.alerts]
        return [one["percent"] for one in told if (one["type"], one["budget"]) == ("budget.threshold", budget)]

    @staticmethod
    def signed(headers: dict[str, str], body: bytes) -> bool:
        """Whether it was signed, with the secret."""
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.digest(_KEY, text, hashlib.sha256)).decode()
        return headers["webhook-signature"] == f"v1,{digest}"

    @contextmanager
    def there(self) -> Iterator[None]:
        """Listens, refuses the first request, and takes the others."""
        told, refused = self.alerts, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200 if refused.is_set() else 503)
                self.end_headers()
                if refused.is_set():
                    told.append(({key.lower(): value for key, value in self.headers.items()}, body))
                refused.set()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def free_port() -> int:
    """A port where nobody listens, and that no connection gets by itself: it is free again after whoever takes it."""
    while True:
        with socket.socket() as found, suppress(OSError):
            # Below those that systems give to whoever asks for any.
            port = random.SystemRandom().randrange(20_000, 32_000)
            found.bind(("127.0.0.1", port))
            return port

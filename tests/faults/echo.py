"""A provider, a Vault and an issuer of tokens that all do the worst: whatever they are sent they say again, in every
place where anybody might read on.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUSES = ("400", "401", "403", "404", "429", "500", "200-html", "200-stream", "200-error")
"""The first part of a path says how it is answered."""


@dataclass
class Echo:
    """Where it is, and what it was sent."""

    url: str = ""
    """Its address."""
    heard: list[str] = field(default_factory=list)
    """Headers and bodies of all requests."""


@contextmanager
def echoing() -> Iterator[Echo]:
    """Runs one on loopback."""
    echo = Echo()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode(errors="replace")
            told = " ".join(f"{name}: {value}" for name, value in self.headers.items())
            echo.heard.append(f"{self.path} {told} {sent}")
            status, _, kind = self.path.split("/")[1].partition("-")
            content_type, body = _body(kind, self.path, f"{told} {sent}")
            self.send_response(int(status) if status.isdigit() else 400)
            shown = (self.headers.get("authorization") or self.headers.get("x-api-key") or told[:2000]).strip()
            for name in ("x-request-id", "request-id", "x-amzn-requestid", "retry-after", "www-authenticate"):
                self.send_header(name, shown)
            for name in ("x-ratelimit-remaining-requests", "set-cookie", "location", "x-amzn-errortype"):
                self.send_header(name, shown)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever has read enough hangs up
                self.wfile.write(body)

        do_GET = do_PUT = do_POST  # noqa: N815  # as the library wants them

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    echo.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield echo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _body(kind: str, path: str, told: str) -> tuple[str, bytes]:
    error: dict[str, Any] = {"message": told, "type": told, "code": told, "status": told, "param": told}
    whole = {"error": error, "type": "error", "message": told, "code": told, "__type": told, "detail": told, told: told}
    if "/v1/auth" in path or "/v1/sys" in path or "/v1/secret" in path:
        whole = {"errors": [told], "warnings": [told]}
    elif path.endswith("/token"):
        whole = {"error": told, "error_description": told}
    if kind == "html":
        return "text/html", f"<html>{told}</html>".encode()
    if kind == "stream":
        lines = [f"event: {told}", "data: {" + told, "", f"data: {json.dumps(whole)}", "", f": {told}", ""]
        return "text/event-stream", "\n".join(lines).encode()
    return "application/json", json.dumps(whole).encode()

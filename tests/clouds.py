"""The token endpoints of clouds on loopback: AWS's STS and Microsoft's Entra ID, and what was asked of them."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

CANARY = "canary-0123456789"
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Clouds:
    """Both of them, at one URL. Each answer has another token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, str]] = []
        """The form of each request, with its path as `path` and the headers of the signature in lower case."""
        self.life_s = 3600
        """How long what is given out is good."""
        self.refuses = False
        """Whether it answers with an error, whose text holds what was sent."""
        self.away = False
        """Whether it closes each connection without an answer."""

    @property
    def access_key(self) -> str:
        """The id of the keys that STS gave last."""
        return f"ASIA{len(self.asked):016d}"

    @property
    def token(self) -> str:
        """The token that Entra ID gave last."""
        return f"entra-token-{len(self.asked)}"

    def answer(self, path: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, str, str]:
        """Status, media type and body for a request."""
        shown: dict[str, str] = {
            name: value for name, value in headers.items() if name in {"authorization", "x-amz-security-token"}
        }
        self.asked.append({"path": path, **form, **shown})
        if path.endswith("/oauth2/v2.0/token"):
            return self._entra()
        return self._sts(form.get("Action", ""))

    def _entra(self) -> tuple[int, str, str]:
        if self.refuses:
            told: dict[str, Any] = {"error": "invalid_client", "error_description": CANARY, "error_codes": [700016]}
            return 401, "application/json", json.dumps(told)
        told = {"token_type": "Bearer", "expires_in": self.life_s, "access_token": self.token}
        return 200, "application/json", json.dumps(told)

    def _sts(self, action: str) -> tuple[int, str, str]:
        if self.refuses:
            error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{CANARY}</Message></Error>"
            return 403, "text/xml", f'<ErrorResponse xmlns="{_NAMESPACE}">{error}</ErrorResponse>'
        ends = datetime.fromtimestamp(time.time() + self.life_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = (
            f"<AccessKeyId>{self.access_key}</AccessKeyId><SecretAccessKey>secret-{len(self.asked)}</SecretAccessKey>"
            f"<SessionToken>session-{len(self.asked)}</SessionToken><Expiration>{ends}</Expiration>"
        )
        result = f"<{action}Result><Credentials>{keys}</Credentials></{action}Result>"
        return 200, "text/xml", f'<{action}Response xmlns="{_NAMESPACE}">{result}</{action}Response>'


@contextmanager
def clouds() -> Iterator[Clouds]:
    """Runs them."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if found.away:
                self.close_connection = True
                return
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, media, text = found.answer(self.path, form, headers)
            self.send_response(status)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Clouds(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def resolving(name: str, address: str) -> Callable[..., Any]:
    """A getaddrinfo for which a name has this address; all others are as they are."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **more: Any) -> Any:
        return real(address if host in (name, name.encode()) else host, *arguments, **more)

    return getaddrinfo

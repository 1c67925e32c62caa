"""An OpenID provider on loopback: lets everybody in, as whom the test says, and can be made to misbehave."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from rpc.issuer import Issuer

CLIENT_ID, CLIENT_SECRET = "console", "oidc-client-secret-canary-7c1f"


class Provider(Issuer):
    """Signs ID tokens for codes that it has given out."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.discovery: dict[str, Any] = {}
        """What its discovery document says otherwise."""
        self.identity: dict[str, Any] = {}
        """What its ID tokens say besides; None takes a claim out."""
        self.answer: dict[str, Any] = {}
        """What it sends back otherwise; None takes a value out."""
        self.signing: Any = None
        """The key that it signs with; None: one that it publishes."""
        self.asked: list[dict[str, str]] = []
        """The requests that browsers came with."""
        self.refused: list[str] = []
        """Why codes were not taken."""
        self._codes: dict[str, dict[str, str]] = {}

    def well_known(self) -> dict[str, Any]:
        """The discovery document."""
        found = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        return {**found, **self.discovery}

    def authorize(self, query: str) -> str:
        """Where a browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        sent = {"code": code, "state": asked["state"], **self.answer}
        return f"{asked['redirect_uri']}?{urlencode({name: one for name, one in sent.items() if one is not None})}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The tokens for a code, once."""
        asked = self._codes.pop(form.get("code", ""), None)
        problem = self._problem(form, authorization, asked)
        if problem or asked is None:
            self.refused.append(problem)
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.url, "aud": asked["client_id"], "sub": "olga", "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "tenant": "acme", "roles": ["operator"], **self.identity}
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signing if self.signing is not None else self.keys["rsa"]
        token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "rsa"})
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": token}

    def _problem(self, form: dict[str, str], authorization: str, asked: dict[str, str] | None) -> str:
        if asked is None:
            return "an unknown code"
        if form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != asked["redirect_uri"]:
            return "another redirect URI"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return "a wrong code verifier"
        scheme, _, encoded = authorization.partition(" ")
        client = [unquote_plus(one) for one in base64.b64decode(encoded).decode().split(":")]
        return "" if scheme == "Basic" and client == [CLIENT_ID, CLIENT_SECRET] else "another client"


@contextmanager
def provider() -> Iterator[Provider]:
    """Runs one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            if split.path == "/authorize":
                self.send_response(302)
                self.send_header("location", found.authorize(split.query))
                self.end_headers()
            else:
                self._tell(200, found.well_known() if "well-known" in split.path else found.document())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._tell(*found.exchange(form, self.headers.get("authorization", "")))

        def _tell(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(503 if found.down else status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

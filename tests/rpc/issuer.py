"""An identity provider on loopback: signs tokens, and publishes its keys when it is asked."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "hedgerow"


class Issuer:
    """Keys by id, and what happens when somebody asks for them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.down = False
        """Whether it answers 503."""
        self.fetches = 0
        """How often its keys were asked for."""
        self.keys: dict[str, Any] = {"rsa": rsa_key(), "ec": ec.generate_private_key(ec.SECP256R1())}
        """The private keys whose public ones it publishes."""
        self.extra: list[dict[str, Any]] = []
        """Further entries of its set."""

    def claims(self, **more: Any) -> dict[str, Any]:
        """What a good token says; None takes a claim out."""
        now = int(time.time())
        found = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": now + 600, "iat": now, "tenant": "acme"}
        return {name: value for name, value in {**found, "roles": ["app"], **more}.items() if value is not None}

    def token(
        self,
        kid: str | None = "rsa",
        *,
        key: Any = None,
        alg: str = "",
        headers: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """A token under one of its keys, or under any key at all."""
        signing = key if key is not None else self.keys[str(kid)]
        algorithm = alg or ("RS256" if isinstance(signing, rsa.RSAPrivateKey) else "ES256")
        shown = {**({"kid": kid} if kid is not None else {}), **(headers or {})}
        return jwt.encode(self.claims(**more), signing, algorithm=algorithm, headers=shown)

    def document(self) -> dict[str, Any]:
        """Its set of keys."""
        return {"keys": [*(public(kid, key) for kid, key in self.keys.items()), *self.extra]}


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public(kid: str, key: Any) -> dict[str, Any]:
    """What a set says of a key."""
    name = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    found = jwt.get_algorithm_by_name(name).to_jwk(key.public_key())
    return {**json.loads(found), "kid": kid, "alg": name, "use": "sig"}


@contextmanager
def issuer() -> Iterator[Issuer]:
    """Runs one, with a discovery document."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.fetches += self.path == "/keys"
            document = {"issuer": found.url, "jwks_uri": f"{found.url}/keys"} if "well-known" in self.path else None
            body = json.dumps(document or found.document()).encode()
            self.send_response(503 if found.down else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

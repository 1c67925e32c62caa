"""A Vault that is none: as much of its HTTP API as the router uses, with the answers that the real one gives.

What each answer looks like was taken from Vault 1.21; the tests of this folder run against both.
"""

import datetime as dt
import itertools
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is no 2xx."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors


@dataclass
class Life:
    """A token or a lease."""

    ttl_s: float
    max_s: float
    renewable: bool = True
    parent: str = ""
    born_s: float = field(default_factory=time.monotonic)
    ends_s: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.ends_s = self.born_s + self.ttl_s

    def alive(self) -> bool:
        return not self.ttl_s or time.monotonic() < self.ends_s

    def renew(self) -> None:
        now_s = time.monotonic()
        self.ends_s = min(now_s + self.ttl_s, self.born_s + self.max_s)

    def left_s(self) -> int:
        # In whole seconds, as the real one tells it.
        return round(max(0.0, self.ends_s - time.monotonic())) if self.ttl_s else 0


class FakeVault:
    """Started on a free port of loopback; thread-safe enough for tests."""

    kind = "fake"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.tokens: dict[str, Life] = {}
        self.leases: dict[str, Life] = {}
        self.versions: dict[str, list[Json | None]] = {}
        self.updated: dict[str, str] = {}
        self.created: dict[str, str] = {}
        self.role = ("role-1", "secret-1")
        self.token_life = (3600.0, 36000.0)
        self.lease_life = (3600.0, 36000.0)
        self.wrapped: dict[str, tuple[str, str]] = {}
        self.denied: set[str] = set()
        self.answers: dict[str, int] = {}
        self.health = 200
        self.granted: list[str] = []
        self._thawed = threading.Event()
        self._thawed.set()
        self._count = itertools.count(1)
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        vault = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_GET(self) -> None:
                vault.answer(self)

            def do_POST(self) -> None:
                vault.answer(self)

            def do_PUT(self) -> None:
                vault.answer(self)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._thawed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    def seal(self) -> None:
        self.health = 503

    def unseal(self) -> None:
        self.health = 200

    def put(self, path: str, **data: str) -> None:
        self.versions.setdefault(path, []).append(dict(data))
        self.updated[path] = str(next(self._count))
        # With nanoseconds, as the real one has it.
        self.created[path] = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}789Z"

    def delete(self, path: str) -> None:
        self.versions[path][-1] = None
        self.updated[path] = str(next(self._count))

    def deny(self, path: str) -> None:
        self.denied.add(path)

    def allow(self, path: str) -> None:
        self.denied.discard(path)

    def token(self, ttl_s: int = 0, max_s: int = 36000, *, renewable: bool = True) -> str:
        return self._token(float(ttl_s), float(max_s), renewable=renewable)

    def revoke_tokens(self) -> None:
        self.tokens.clear()

    def approle(self, ttl_s: int = 3600, max_s: int = 36000) -> tuple[str, str]:
        self.token_life = (float(ttl_s), float(max_s))
        return self.role

    def wrapped_secret_id(self) -> str:
        token = f"hvs.wrap-{next(self._count)}"
        self.wrapped[token] = ("auth/approle/role/hedgerow/secret-id", self.role[1])
        return token

    def wrapped_other(self) -> str:
        token = f"hvs.wrap-{next(self._count)}"
        self.wrapped[token] = ("sys/wrapping/wrap", self.role[1])
        return token

    def dynamic(self, ttl_s: int, max_s: int) -> str:
        self.lease_life = (float(ttl_s), float(max_s))
        return "rabbitmq/creds/hedgerow"

    def users(self) -> list[str]:
        return [self.leases[one].parent for one in self.leases if self.leases[one].alive()]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length") or 0)
        body = json.loads(handler.rfile.read(length) or b"{}")
        path = handler.path.removeprefix("/v1/").partition("?")[0]
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append((handler.command, path, headers))
        answer: Json | None
        self._thawed.wait(60)
        if self._server is None:  # of a connection that was kept alive
            handler.close_connection = True
            return
        try:
            if path == "sys/health":
                status = self.health
                answer = {"sealed": self.health == 503}
            else:
                status, answer = 200, self._answer(path, body, headers.get("x-vault-token", ""))
        except Refused as refused:
            status, answer = refused.status, {"errors": list(refused.errors)}
        data = json.dumps(answer).encode() if answer is not None else b""
        try:
            handler.send_response(status if answer is not None else 204)
            handler.send_header("content-type", "application/json")
            handler.send_header("content-length", str(len(data)))
            if 300 <= status < 400:
                handler.send_header("location", "http://127.0.0.1:9/v1/elsewhere")
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            handler.close_connection = True

    def _answer(self, path: str, body: Json, token: str) -> Json | None:
        if self.health == 503:
            raise Refused(503, "Vault is sealed")
        for prefix, status in self.answers.items():
            if path.startswith(prefix):
                raise Refused(status, "canary-of-an-error")
        match path.split("/"):
            case ["auth", "approle", "login"]:
                if (body["role_id"], body["secret_id"]) != self.role:
                    raise Refused(400, "invalid role or secret ID")
                return self._auth(self._token(*self.token_life))
            case ["sys", "wrapping", "lookup"]:
                return {"data": {"creation_path": self._wrapped(body["token"])[0]}}
            case ["sys", "wrapping", "unwrap"] if "token" not in body:
                _, secret_id = self._wrapped(token)
                del self.wrapped[token]
                return {"data": {"secret_id": secret_id}}
        life = self.tokens.get(token)
        if life is None or not life.alive():
            raise Refused(403, "permission denied", "invalid token")
        if any(path.startswith(one) for one in self.denied):
            raise Refused(403, "permission denied")
        return self._allowed(path, body, token, life)

    def _allowed(self, path: str, body: Json, token: str, life: Life) -> Json | None:
        match path.split("/", 2):
            case ["auth", "token", "lookup-self"]:
                return {"data": {"ttl": life.left_s(), "renewable": life.renewable}}
            case ["auth", "token", "renew-self"]:
                if not life.renewable:
                    raise Refused(400, "lease is not renewable")
                if time.monotonic() > life.born_s + life.max_s - 1:
                    raise Refused(500, "past the max TTL, cannot renew")
                life.renew()
                return self._auth(token)
            case ["auth", "token", "revoke-self"]:
                del self.tokens[token]
                self.leases = {k: v for k, v in self.leases.items() if not k.endswith(token)}
                return None
            case ["secret", "metadata", name]:
                found = self.versions.get(name)
                if found is None:
                    raise Refused(404)
                return {"data": {"current_version": len(found), "updated_time": self.updated[name]}}
            case ["secret", "data", name]:
                found = self.versions.get(name)
                if found is None or found[-1] is None:
                    raise Refused(404)
                metadata = {"version": len(found), "created_time": self.created[name]}
                return {"data": {"data": found[-1], "metadata": metadata}}
            case ["rabbitmq", "creds", _]:
                return self._grant(token)
            case ["sys", "leases", action]:
                return self._leases(action, str(body["lease_id"]))
        raise Refused(404)

    def _leases(self, action: str, lease_id: str) -> Json | None:
        lease = self.leases.get(lease_id)
        if lease is None or not lease.alive():
            raise Refused(400, "lease not found")
        if action == "revoke":
            del self.leases[lease_id]
            return None
        lease.renew()
        return {"lease_id": lease_id, "lease_duration": lease.left_s(), "renewable": True}

    def _grant(self, token: str) -> Json:
        lease_id = f"rabbitmq/creds/hedgerow/{next(self._count)}-{token}"
        lease = self.leases[lease_id] = Life(*self.lease_life, parent=f"user-{next(self._count)}")
        self.granted.append(lease.parent)
        return {
            "lease_id": lease_id,
            "lease_duration": lease.left_s(),
            "renewable": True,
            "data": {"username": lease.parent, "password": secrets.token_hex(16)},
        }

    def _token(self, ttl_s: float, max_s: float, *, renewable: bool = True) -> str:
        token = f"hvs.token-{next(self._count)}-{secrets.token_hex(8)}"
        self.tokens[token] = Life(ttl_s, max_s, renewable)
        return token

    def _auth(self, token: str) -> Json:
        life = self.tokens[token]
        return {"auth": {"client_token": token, "lease_duration": life.left_s(), "renewable": life.renewable}}

    def _wrapped(self, token: str) -> tuple[str, str]:
        if token not in self.wrapped:
            raise Refused(400, "wrapping token is not valid or does not exist")
        return self.wrapped[token]


@contextmanager
def fake_vault() -> Iterator[FakeVault]:
    """A fake that ends with the block."""
    vault = FakeVault()
    try:
        yield vault
    finally:
        vault.stop()

"""A real Vault with raft storage on loopback, and the servers that its engines and auth methods want to talk to."""

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from cached import cache

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "_vault.sh"
START_S = 30
NOT_BUILT = "a real Vault is not built"
"""How a test begins to say why it is left out; the only reason that CI accepts."""
CONFIG = """
disable_mlock = true
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{cluster}"
storage "raft" {{
  path = "{folder}/raft"
  node_id = "one"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_disable = true
}}
"""
POLICY = """
path "secret/data/*" { capabilities = ["read"] }
path "secret/metadata/*" { capabilities = ["read"] }
path "rabbitmq/creds/*" { capabilities = ["read"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"""


def program() -> Path | None:
    """The program that `scripts/setup vault` builds; None where it is not."""
    version = re.search(r"^VAULT_VERSION=(\S+)$", _SCRIPT.read_text(), re.MULTILINE)
    assert version is not None
    path = cache() / f"vault-{version[1]}" / "vault"
    return path if path.exists() else None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def served(answer: Callable[[str, str, Any], tuple[int, Any]]) -> Iterator[str]:
    """An HTTP server on loopback that answers a method, a path and a JSON body; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            text = self.rfile.read(length)
            status, body = answer(self.command, self.path, json.loads(text) if text else None)
            data = json.dumps(body).encode() if body is not None else b""
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_PUT()

        def do_DELETE(self) -> None:
            self.do_PUT()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class RealVault:
    """A Vault of one node."""

    kind = "real"

    def __init__(self, program: Path, folder: Path, rabbitmq: str) -> None:
        self._program = program
        self._folder = folder
        self._port, cluster = _free_ports(2)
        (folder / "raft").mkdir()
        (folder / "vault.hcl").write_text(CONFIG.format(port=self._port, cluster=cluster, folder=folder))
        self._rabbitmq = rabbitmq
        self.rabbitmq_users: set[str] = set()
        self._popen: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"{self.address}/v1", timeout=20, trust_env=False)
        self._made: list[str] = []
        self._denied: set[str] = set()
        self._run()
        keys = self.call("PUT", "sys/init", secret_shares=1, secret_threshold=1)
        self._key = keys["keys"][0]
        self._client.headers["x-vault-token"] = keys["root_token"]
        self.unseal()
        self._set_up()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Asks as root."""
        return self._asked(method, path, body, {})

    def _wrapped(self, path: str, **body: Any) -> str:
        answer = self._asked("POST", path, body, {"x-vault-wrap-ttl": "60"})
        return str(answer["wrap_info"]["token"])

    def _asked(self, method: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        answer = self._client.request(method, path, json=body or None, headers=headers)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json()) if answer.content else {}

    def _run(self) -> None:
        with (self._folder / "vault.log").open("ab") as log:
            self._popen = subprocess.Popen(
                [self._program, "server", f"-config={self._folder}/vault.hcl"], stdout=log, stderr=log
            )
        self._await(lambda status: status in (200, 429, 501, 503))

    def _await(self, good: Callable[[int], bool]) -> None:
        until = time.monotonic() + START_S
        while True:
            try:
                if good(self._client.get("sys/health").status_code):
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > until or (self._popen is not None and self._popen.poll() is not None):
                raise RuntimeError(f"Vault does not serve:\n{(self._folder / 'vault.log').read_text()[-2000:]}")
            time.sleep(0.02)

    def _set_up(self) -> None:
        self.call("POST", "sys/mounts/secret", type="kv", options={"version": "2"})
        self.call("POST", "sys/mounts/rabbitmq", type="rabbitmq")
        for method in ("approle", "jwt", "kubernetes"):
            self.call("POST", f"sys/auth/{method}", type=method)
        self._write_policy()
        connection = {"connection_uri": self._rabbitmq, "username": "root", "password": "root"}
        self.call("POST", "rabbitmq/config/connection", **connection, verify_connection=False)
        self.call("POST", "rabbitmq/roles/hedgerow", vhosts='{"/": {"configure": "", "write": ".*", "read": ".*"}}')
        # A mount of the KV engine upgrades itself for a moment, in which it takes nothing.
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                self.put("upgraded", key="yes")
            except RuntimeError:
                time.sleep(0.05)
            else:
                return

    def _write_policy(self) -> None:
        denied = "".join(f'path "{path}" {{ capabilities = ["deny"] }}\n' for path in sorted(self._denied))
        self.call("PUT", "sys/policies/acl/hedgerow", policy=POLICY + denied)

    def reset(self) -> None:
        """What a test may have changed is as it was."""
        self.thaw()
        if self._popen is None:
            self.start()
        self.unseal()
        self._denied.clear()
        self._write_policy()
        self.revoke_tokens()
        self.call("PUT", "sys/leases/revoke-prefix/rabbitmq/creds")
        names = self._client.request("LIST", "secret/metadata").json().get("data", {}).get("keys", [])
        for name in names:
            self.call("DELETE", f"secret/metadata/{name}")

    def start(self) -> None:
        self._run()
        self.unseal()

    def stop(self) -> None:
        popen, self._popen = self._popen, None
        if popen is not None:
            popen.send_signal(signal.SIGCONT)
            popen.terminate()
            try:
                popen.wait(10)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        self._client.close()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)

    def seal(self) -> None:
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        if self._client.get("sys/health").status_code != 200:
            self.call("PUT", "sys/unseal", key=self._key)
            self._await(lambda status: status == 200)

    def put(self, path: str, **data: str) -> None:
        self.call("POST", f"secret/data/{path}", data=data)

    def delete(self, path: str) -> None:
        self.call("DELETE", f"secret/data/{path}")

    def deny(self, path: str) -> None:
        self._denied.add(path)
        self._write_policy()

    def allow(self, path: str) -> None:
        self._denied.discard(path)
        self._write_policy()

    def token(self, ttl_s: int = 0, max_s: int = 36000, *, renewable: bool = True) -> str:
        life = {"ttl": f"{ttl_s}s", "explicit_max_ttl": f"{max_s}s"} if ttl_s else {"period": "1h"}
        answer = self.call("POST", "auth/token/create", policies=["hedgerow"], renewable=renewable, **life)
        self._made.append(str(answer["auth"]["accessor"]))
        return str(answer["auth"]["client_token"])

    def revoke_tokens(self) -> None:
        for accessor in self._made:
            self._client.post("auth/token/revoke-accessor", json={"accessor": accessor})
        self._made.clear()
        for method in ("approle", "jwt", "kubernetes"):
            self.call("PUT", f"sys/leases/revoke-prefix/auth/{method}/login")

    def approle(self, ttl_s: int = 3600, max_s: int = 36000) -> tuple[str, str]:
        life = {"token_ttl": ttl_s, "token_max_ttl": max_s}
        self.call("POST", "auth/approle/role/hedgerow", token_policies=["hedgerow"], **life)
        role_id = self.call("GET", "auth/approle/role/hedgerow/role-id")["data"]["role_id"]
        return str(role_id), str(self.call("POST", "auth/approle/role/hedgerow/secret-id")["data"]["secret_id"])

    def wrapped_secret_id(self) -> str:
        return self._wrapped("auth/approle/role/hedgerow/secret-id")

    def wrapped_other(self) -> str:
        return self._wrapped("sys/wrapping/wrap", secret_id="of-somebody-else")

    def dynamic(self, ttl_s: int, max_s: int) -> str:
        self.call("POST", "rabbitmq/config/lease", ttl=ttl_s, max_ttl=max_s)
        return "rabbitmq/creds/hedgerow"

    def users(self) -> list[str]:
        return sorted(self.rabbitmq_users)


@contextmanager
def real_vault(program: Path, folder: Path) -> Iterator[RealVault]:
    """A Vault that ends with the block, with a RabbitMQ as far as its engine for that asks it."""
    users: set[str] = set()

    def rabbitmq(method: str, path: str, body: Any) -> tuple[int, Any]:
        name = path.rpartition("/")[2]
        if path.startswith("/api/users/"):
            (users.discard if method == "DELETE" else users.add)(name)
        return 204, None

    with served(rabbitmq) as url:
        vault = RealVault(program, folder, url)
        vault.rabbitmq_users = users
        try:
            yield vault
        finally:
            vault.close()

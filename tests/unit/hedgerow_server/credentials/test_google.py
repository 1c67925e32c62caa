"""Access tokens of Google come from its token endpoint, in time, and nothing of it stands in a message."""

import base64
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pydantic
import pytest
from clouds import resolving
from hedgerow_server.credentials.google import GoogleCredential, GoogleSource
from hedgerow_server.credentials.google_http import GoogleRequest
from hedgerow_server.credentials.token import TokenLease
from hedgerow_server.providers.http.web import HttpWeb

pytest.importorskip("google.auth.transport.requests", reason="needs the extra vertex")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")

Json = dict[str, Any]

EMAIL = "robot@example-project.iam.gserviceaccount.com"
CANARY = "canary-0123456789"


class TokenEndpoint:
    """Google's token endpoint (RFC 7523) and its metadata server, and what was asked of them. Each token is good for
    `lifetime_s`.
    """

    def __init__(self) -> None:
        self.asked: list[Json] = []
        self.lifetime_s = 3600
        self.refuses = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.answer(self)

            def do_GET(self) -> None:
                endpoint.tell(self)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        body = handler.rfile.read(int(handler.headers["content-length"]))
        form = parse_qs(body.decode())
        claims = form["assertion"][0].split(".")[1] if "assertion" in form else ""
        self.asked.append(json.loads(base64.urlsafe_b64decode(claims + "==")) if claims else {"form": form})
        answer: Json = {"access_token": f"token-{len(self.asked)}", "expires_in": self.lifetime_s}
        if self.refuses:
            answer = {"error": "invalid_grant", "error_description": CANARY}
        data = json.dumps(answer).encode()
        handler.send_response(400 if self.refuses else 200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def tell(self, handler: BaseHTTPRequestHandler) -> None:
        """What the metadata server of an instance tells, to those who ask as its own do."""
        self.asked.append({"path": handler.path, "flavour": handler.headers["metadata-flavor"]})
        tokens = {"access_token": f"token-{len(self.asked)}", "expires_in": self.lifetime_s, "token_type": "Bearer"}
        account: Json = {"email": EMAIL, "scopes": ["x"], "aliases": ["default"]}
        data = json.dumps(tokens if "/token" in handler.path else account).encode()
        handler.send_response(200)
        handler.send_header("metadata-flavor", "Google")
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(name="endpoint")
def endpoint_fixture() -> Iterator[TokenEndpoint]:
    """A token endpoint on loopback."""
    endpoint = TokenEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module", name="private_key")
def private_key_fixture() -> str:
    """A key of a service account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


@pytest.fixture(name="path")
def path_fixture(tmp_path: Path, endpoint: TokenEndpoint, private_key: str) -> Path:
    """The file of a service account."""
    path = tmp_path / "account.json"
    account = {"type": "service_account", "client_email": EMAIL, "private_key": private_key, "token_uri": endpoint.url}
    path.write_text(json.dumps(account))
    return path


def section(path: Path | None, **more: object) -> GoogleCredential:
    """The configuration of a credential in this file."""
    return GoogleCredential.model_validate({"source": "google", "path": path, **more})


def lease(described: GoogleCredential, clock: Callable[[], float] = time.monotonic) -> TokenLease:
    """A lease on its token."""
    return TokenLease("google", GoogleSource(described, HttpWeb()), clock)


def test_a_service_account_becomes_a_token(path: Path, endpoint: TokenEndpoint) -> None:
    held = lease(section(path))
    assert held.refresh()
    assert held.current().reveal() == "token-1"
    assert held.problem == ""
    assert endpoint.asked[0]["iss"] == EMAIL
    assert endpoint.asked[0]["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_a_token_is_kept_while_it_is_good(path: Path, endpoint: TokenEndpoint) -> None:
    held = lease(section(path))
    assert [held.refresh(), held.refresh(), held.refresh()] == [True, False, False]
    assert len(endpoint.asked) == 1


def test_a_token_is_renewed_before_it_expires(path: Path, endpoint: TokenEndpoint) -> None:
    now = [0.0]
    held = lease(section(path), lambda: now[0])
    assert [held.refresh(), held.refresh()] == [True, False]
    now[0] = endpoint.lifetime_s * 2 / 3
    assert held.refresh()
    assert held.current().reveal() == "token-2"


def test_a_refusal_keeps_the_last_token_and_tells_its_code_only(path: Path, endpoint: TokenEndpoint) -> None:
    now = [0.0]
    held = lease(section(path), lambda: now[0])
    held.refresh()
    endpoint.refuses = True
    now[0] = endpoint.lifetime_s * 2 / 3
    assert not held.refresh()
    assert held.current().reveal() == "token-1"
    assert held.problem == "Google gave no access token (RefreshError: invalid_grant)"


async def test_a_token_that_is_refused_is_replaced_though_it_has_not_expired(
    path: Path, endpoint: TokenEndpoint
) -> None:
    held = lease(section(path))
    await held.renew()
    assert await held.refused(held.current())
    assert held.current().reveal() == "token-2"


def test_a_token_endpoint_with_a_private_address_is_not_connected_to(
    path: Path, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name, as a service account's file has one: it may not lead into one's own network, unless that is allowed."""
    monkeypatch.setattr(socket, "getaddrinfo", resolving("oauth2.example", "127.0.0.1"))
    account = {**json.loads(path.read_text()), "token_uri": endpoint.url.replace("127.0.0.1", "oauth2.example")}
    path.write_text(json.dumps(account))
    held = lease(section(path))
    assert not held.refresh()
    assert endpoint.asked == []
    assert lease(section(path, allow_private_addresses=True)).refresh()


def test_the_metadata_server_is_asked_whatever_its_address(
    endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a federation names as the source of its own token is one as well."""
    monkeypatch.setenv("GCE_METADATA_HOST", "metadata.example:1234")
    request = GoogleRequest(section(None), HttpWeb(), ["http://169.254.169.254/metadata/identity"])
    found = {}
    for url in ("http://metadata.example:1234/x", "http://169.254.169.254/y", "https://sts.googleapis.com/v1/token"):
        found[url] = request.reach(url).rule.allow
    assert list(found.values()) == [True, True, None]


def test_a_file_that_has_changed_is_read_again(path: Path, endpoint: TokenEndpoint) -> None:
    held = lease(section(path))
    held.refresh()
    other = {**json.loads(path.read_text()), "client_email": "other@example-project.iam.gserviceaccount.com"}
    path.write_text(json.dumps(other))
    assert held.refresh()
    assert endpoint.asked[1]["iss"] == other["client_email"]


def test_scopes_are_asked_for(path: Path, endpoint: TokenEndpoint) -> None:
    lease(section(path, scopes=["a", "b"])).refresh()
    assert endpoint.asked[0]["scope"] == "a b"


def test_a_federated_workload_becomes_a_token(tmp_path: Path, endpoint: TokenEndpoint) -> None:
    """RFC 8693: the workload's own token is exchanged."""
    (tmp_path / "own").write_text("workload-token")
    path = tmp_path / "federation.json"
    federation = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": endpoint.url,
        "credential_source": {"file": str(tmp_path / "own")},
    }
    path.write_text(json.dumps(federation))
    held = lease(section(path))
    assert held.refresh(), held.problem
    assert held.current().reveal() == "token-1"
    assert endpoint.asked[0]["form"]["subject_token"] == ["workload-token"]


def test_the_machines_default_is_used_without_a_file(
    path: Path, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    held = lease(section(None))
    assert held.refresh(), held.problem
    assert held.current().reveal() == "token-1"


def test_an_instances_own_account_is_asked_of_its_metadata_server(
    tmp_path: Path, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with an address of loopback: it is where the machine has its credentials, so it need not be allowed."""
    pytest.importorskip("google.auth.compute_engine", reason="needs the extra vertex")
    from google.auth.compute_engine import _metadata

    where = endpoint.url.removeprefix("http://").removesuffix("/token")
    named = where.replace("127.0.0.1", "metadata.example")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_IP", where)
    monkeypatch.setenv("GCE_METADATA_HOST", named)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", named)  # it was read when that was imported
    monkeypatch.setattr(socket, "getaddrinfo", resolving("metadata.example", "127.0.0.1"))
    held = lease(section(None))
    assert held.refresh(), held.problem
    assert held.current().reveal().startswith("token-")
    assert {one["flavour"] for one in endpoint.asked} == {"Google"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "holds no credentials of Google of a known type"),
        ("[]", "holds no credentials of Google of a known type"),
        ('{"type": "gdch"}', "holds no credentials of Google of a known type"),
        (
            f'{{"type": "service_account", "private_key": "{CANARY}"}}',
            "holds credentials of Google that are not complete",
        ),
    ],
)
def test_a_file_that_is_no_credential_is_a_problem(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    held = lease(section(path))
    assert not held.refresh()
    assert held.problem == f"the file {path} {problem}"


def test_an_endpoint_that_is_not_there_is_a_problem(path: Path, endpoint: TokenEndpoint) -> None:
    account = {**json.loads(path.read_text()), "token_uri": "http://127.0.0.1:1/token"}
    path.write_text(json.dumps(account))
    held = lease(section(path))
    assert not held.refresh()
    assert held.problem.startswith("Google gave no access token (")


def test_without_google_auth_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    held = lease(section(path))
    assert not held.refresh()
    assert held.problem == "google-auth is not installed: install hedgerow with the extra vertex"


@pytest.mark.parametrize("email", ["robot", "a b@x.test", "@x.test"])
def test_only_an_address_can_be_impersonated(email: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        section(None, impersonate=email)

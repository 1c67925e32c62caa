"""TLS at the HTTP door: one way, both ways, from files that are replaced and from a SPIFFE Workload API."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rpc.caller import eventually
from rpc.certificates import Authority
from rpc.conftest import FailedStart, StartRouter
from rpc.http_raw import Answered, Raw, chat
from rpc.test_certificates import Files, shown
from rpc.workload import agent

CALLER = "spiffe://prod.example/ns/shop/sa/checkout"
MTLS: dict[str, Any] = {
    "principals": [
        {"identity": "spiffe://prod.example/ns/*/sa/checkout", "tenant": "shop"},
        {"identity": "dns:*.shop.example", "tenant": "web"},
        {"identity": "ip:2001:db8::1", "tenant": "rack"},
    ]
}
JSON = b"content-type: application/json"


@pytest.fixture(scope="module", name="files")
def files_fixture(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The server's first certificate, and the authority of everybody."""
    made = Files(tmp_path_factory.mktemp("files"))
    made.renew()
    made.write(client_ca=made.authority.certificate)
    return made


@pytest.fixture(scope="module", name="address")
def address_fixture(start_router: StartRouter, files: Files) -> Iterator[str]:
    """The HTTP door of a router that asks callers for certificates. Of those who have none its log tells no fault."""
    with start_router(server={"http": files.section("client_ca")}, identity={"mtls": MTLS}) as running:
        yield running.addresses["http"]


@contextmanager
def trusting(
    address: str, authority: Authority, pair: tuple[bytes, bytes] | None = None, folder: Path | None = None
) -> Iterator[Raw]:
    """A connection of a caller that trusts an authority, and perhaps shows a certificate."""
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    # Those of these tests lack what the strict check of Python 3.13 wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if pair is not None:
        assert folder is not None
        path = folder / "caller.pem"
        path.write_bytes(pair[1] + pair[0])
        context.load_cert_chain(path)
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as s,
    ):
        yield Raw(s)


def ask(
    address: str, authority: Authority, pair: tuple[bytes, bytes] | None = None, folder: Path | None = None
) -> Answered:
    """The answer to a call on a new connection. Raises ssl.SSLError and ConnectionError where there is none."""
    with trusting(address, authority, pair, folder) as caller:
        return caller.ask(chat(), JSON)


def test_a_caller_that_trusts_the_authority_is_served_and_others_are_not(
    address: str, files: Files, tmp_path: Path
) -> None:
    """Nor is one that does not speak TLS."""
    pair = files.authority.issue(CALLER)
    with trusting(address, files.authority, pair, tmp_path) as caller:
        assert caller.ask(chat(), JSON).status == 200
        assert caller.ask(chat(stream=True), JSON).body.endswith(b"data: [DONE]\n\n")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(address, Authority(), pair, tmp_path)
    with socket.create_connection(tuple(address.rsplit(":", 1)), 10) as plain:  # type: ignore[arg-type]
        plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"HTTP" not in Raw(plain).closed()


def test_a_renewed_certificate_is_served_to_new_connections(address: str, files: Files, tmp_path: Path) -> None:
    """While those that are open go on."""
    pair = files.authority.issue(CALLER)
    with trusting(address, files.authority, pair, tmp_path) as old:
        renewed = files.renew()
        eventually(lambda: shown(address) == renewed, "the new one is shown")
        assert old.ask(chat(), JSON).status == 200
    assert ask(address, files.authority, pair, tmp_path).status == 200


NAMES = {
    (CALLER,): "shop",
    ("dns:a.shop.example",): "web",
    ("ip:2001:db8::1",): "rack",
    ("dns:other.example", CALLER): "shop",
}


def test_a_certificate_says_who_calls(address: str, files: Files, tmp_path: Path) -> None:
    """By any of its names, in the words of the gRPC door: each has one entry, and whoever has none is refused."""
    for names in NAMES:
        assert ask(address, files.authority, files.authority.issue(*names), tmp_path).status == 200
    answer = ask(address, files.authority, files.authority.issue("dns:other.example"), tmp_path)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def test_whoever_shows_no_certificate_of_the_authority_gets_no_answer(
    address: str, files: Files, tmp_path: Path
) -> None:
    for pair in (None, Authority().issue(CALLER)):
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            ask(address, files.authority, pair, tmp_path)


def test_another_authority_of_callers_is_taken_up(address: str, files: Files, tmp_path: Path) -> None:
    """And the one before is trusted no more."""

    def served(authority: Authority) -> bool:
        try:
            return ask(address, files.authority, authority.issue(CALLER), tmp_path).status == 200
        except (ssl.SSLError, ConnectionError, EOFError):
            return False

    other = Authority()
    assert served(files.authority)
    files.write(client_ca=other.certificate)
    eventually(lambda: served(other), "callers of the new one are served")
    assert not served(files.authority)
    files.write(client_ca=files.authority.certificate)
    eventually(lambda: served(files.authority), "callers of the first one are served again")


def test_the_identity_of_a_workload_api_is_served_and_rotated(start_router: StartRouter, tmp_path: Path) -> None:
    with agent() as found:
        found.start()
        http = {"listen": "127.0.0.1:0", "tls": {"spiffe": {"socket": found.socket}}}
        with start_router(server={"http": http}, identity={"mtls": MTLS}) as running:
            address = running.addresses["http"]
            pair = found.authority.issue(CALLER)
            with unnamed(address, pair, tmp_path) as caller:
                assert caller.ask(chat(), JSON).status == 200
            before = shown(address)
            found.rotate()
            eventually(lambda: shown(address) != before, "the new one is shown")
            with unnamed(address, pair, tmp_path) as caller:
                assert caller.ask(chat(), JSON).status == 200


@contextmanager
def unnamed(address: str, pair: tuple[bytes, bytes], folder: Path) -> Iterator[Raw]:
    """A connection to a server whose certificate has no name of a host."""
    path = folder / "caller.pem"
    path.write_bytes(pair[1] + pair[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(path)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as plain, context.wrap_socket(plain) as wrapped:
        yield Raw(wrapped)


@pytest.mark.parametrize("which", ["key", "client_ca"])
def test_a_file_that_cannot_be_used_is_one_clear_line(failed_start: FailedStart, tmp_path: Path, which: str) -> None:
    files = Files(tmp_path)
    files.renew()
    files.write(**{"client_ca": files.authority.certificate, which: b"not PEM at all"})
    line = failed_start({"http": files.section("client_ca")})
    assert "server.http.tls: " in line
    assert f"{which}.pem" in line

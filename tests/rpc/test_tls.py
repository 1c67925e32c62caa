"""TLS from files: one way, both ways, and files that cannot be used."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected
from rpc.conftest import FailedStart, StartRouter

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not here to make certificates with")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority and the folder that it keeps its files in."""

    folder: Path
    """Where the files are."""

    @property
    def certificate(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for 127.0.0.1 and its key."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        openssl("req", "-newkey", "ec:" + str(curve(self.folder)), "-nodes", "-subj", f"/CN={name}",
                "-keyout", str(key), "-out", str(request))  # fmt: skip
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey",
                str(self.folder / "ca.key"), "-CAcreateserial", "-days", "2", "-extfile", str(extensions),
                "-out", str(certificate))  # fmt: skip
        return certificate, key


def openssl(*arguments: str) -> None:
    """Runs openssl."""
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *arguments], check=True, capture_output=True, timeout=30)


def curve(folder: Path) -> Path:
    """The parameters of the keys."""
    path = folder / "curve.pem"
    if not path.exists():
        openssl("ecparam", "-name", "prime256v1", "-out", str(path))
    return path


def authority(folder: Path) -> Authority:
    """A new one."""
    made = Authority(folder)
    openssl("req", "-x509", "-newkey", "ec:" + str(curve(folder)), "-nodes", "-subj", "/CN=authority", "-days", "2",
            "-keyout", str(folder / "ca.key"), "-out", str(made.certificate))  # fmt: skip
    return made


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that both sides trust."""
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    return authority(tmp_path_factory.mktemp("theirs"))


def grpc_section(certificate: Path, key: Path, client_ca: Path | None = None) -> dict[str, Any]:
    """Section `server.grpc` with TLS."""
    tls = {"certificate": str(certificate), "key": str(key)}
    if client_ca is not None:
        tls["client_ca"] = str(client_ca)
    return {"grpc": {"listen": "127.0.0.1:0", "tls": tls}}


def trusting(root: Authority, client: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
    """What a caller needs: whom it trusts, and who it is."""
    certificate, key = (path.read_bytes() for path in client) if client else (None, None)
    return grpc.ssl_channel_credentials(root.certificate.read_bytes(), key, certificate)


def code(caller: Caller, rpc: str = COMPLETE) -> grpc.StatusCode:
    """How a simple call ends."""
    return caller.chat(rpc, "fast", timeout=3).code


def test_a_caller_that_trusts_the_authority_is_served(start_router: StartRouter, ours: Authority) -> None:
    with start_router(server=grpc_section(*ours.issue("server"))) as running:
        with connected(running.addresses["grpc"], trusting(ours)) as caller:
            assert code(caller) is grpc.StatusCode.OK
            assert code(caller, STREAM_COMPLETE) is grpc.StatusCode.OK
        with connected(running.addresses["grpc"]) as plaintext:
            assert code(plaintext) is grpc.StatusCode.UNAVAILABLE


def test_a_server_of_another_authority_is_not_trusted(
    start_router: StartRouter, ours: Authority, theirs: Authority
) -> None:
    with (
        start_router(server=grpc_section(*theirs.issue("server"))) as running,
        connected(running.addresses["grpc"], trusting(ours)) as caller,
    ):
        assert code(caller) is grpc.StatusCode.UNAVAILABLE


def test_with_a_client_ca_callers_need_a_certificate_of_it(
    start_router: StartRouter, ours: Authority, theirs: Authority
) -> None:
    """One of the authority is served; one of another authority and none at all are not."""
    clients = (
        (ours.issue("client"), grpc.StatusCode.OK),
        (theirs.issue("client"), grpc.StatusCode.UNAVAILABLE),
        (None, grpc.StatusCode.UNAVAILABLE),
    )
    with start_router(server=grpc_section(*ours.issue("server"), ours.certificate)) as running:
        for client, wanted in clients:
            with connected(running.addresses["grpc"], trusting(ours, client)) as caller:
                assert code(caller) is wanted


@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
def test_a_missing_file_is_one_clear_line(
    failed_start: FailedStart, ours: Authority, tmp_path: Path, which: str
) -> None:
    server = grpc_section(*ours.issue("server"), ours.certificate)
    missing = str(tmp_path / "missing.pem")
    server["grpc"]["tls"][which] = missing
    line = failed_start(server)
    assert f"server.grpc.tls: {missing} cannot be read: No such file or directory" in line


@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
def test_a_file_that_is_not_pem_is_one_clear_line(
    failed_start: FailedStart, ours: Authority, tmp_path: Path, which: str
) -> None:
    server = grpc_section(*ours.issue("server"), ours.certificate)
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not PEM at all\n")
    server["grpc"]["tls"][which] = str(wrong)
    line = failed_start(server)
    assert "server.grpc.tls: " in line
    assert str(wrong) in line


def test_a_key_of_another_certificate_is_one_clear_line(
    failed_start: FailedStart, ours: Authority, theirs: Authority
) -> None:
    server = grpc_section(ours.issue("server")[0], theirs.issue("server")[1])
    line = failed_start(server)
    assert "are no certificate with its key" in line

"""Calls over TLS, with certificates made on the spot."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from hedgerow_client import AsyncClient, Client, Tls, UnavailableError, chat
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner
from unit.hedgerow_client.fake_gateway import FakeGateway

NAME = "gateway.test"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for NAME that it has signed itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the TLS tests need the command openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return key, certificate


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("gateway"))


@pytest.fixture(scope="module")
def secure(pair: tuple[Path, Path]) -> Iterator[FakeGateway]:
    """A gateway that speaks TLS."""
    key, certificate = (path.read_bytes() for path in pair)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    fake = FakeGateway(credentials)
    yield fake
    fake.stop()


def test_a_trusted_gateway_answers(secure: FakeGateway, pair: tuple[Path, Path]) -> None:
    tls = Tls(root_certificates=pair[1].read_bytes(), server_name=NAME)
    with Client(secure.target, tls=tls, token="t", timeout=30) as client:
        assert client.complete(chat("fast", "hi")) == secure.answer
    assert secure.metadata["authorization"] == "Bearer t"


async def test_a_trusted_gateway_answers_asyncio_calls(secure: FakeGateway, pair: tuple[Path, Path]) -> None:
    tls = Tls(root_certificates=pair[1].read_bytes())
    async with AsyncClient(secure.target, tls=tls, timeout=30) as client:
        assert await client.complete(chat("fast", "hi")) == secure.answer


def test_a_gateway_of_another_authority_is_refused(secure: FakeGateway, tmp_path: Path) -> None:
    other = Tls(root_certificates=make_certificate(tmp_path)[1].read_bytes())
    with Client(secure.target, tls=other, timeout=30) as client, pytest.raises(UnavailableError):
        client.list_models()


def test_a_gateway_of_another_name_is_refused(secure: FakeGateway, pair: tuple[Path, Path]) -> None:
    tls = Tls(root_certificates=pair[1].read_bytes(), server_name="other.test")
    with Client(secure.target, tls=tls, timeout=30) as client, pytest.raises(UnavailableError):
        client.list_models()


def test_the_command_line_trusts_the_given_authority(secure: FakeGateway, pair: tuple[Path, Path]) -> None:
    arguments = ["chat", "-m", "fast", "hi", "--target", secure.target, "--tls-ca", str(pair[1])]
    result = CliRunner().invoke(build(), arguments)
    assert (result.exit_code, result.stdout) == (0, "Hello there\n")


def test_plaintext_with_an_authority_is_refused(secure: FakeGateway, pair: tuple[Path, Path]) -> None:
    arguments = ["models", "--target", secure.target, "--tls-ca", str(pair[1]), "--plaintext"]
    result = CliRunner().invoke(build(), arguments)
    assert result.exit_code == 1
    assert "exclude each other" in result.stderr

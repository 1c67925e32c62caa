"""What goes over the wire to Vault: namespace, TLS, proxy, no redirects, nothing of the environment."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pydantic
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.credentials.vault.section import VaultCredential, VaultSection
from hedgerow_server.settings import Settings, references
from vault.client import Client, wait_for
from vault.fake import FakeVault
from vault.real import served


def test_the_namespace_goes_with_every_request(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    fake_client.lease(fake_client.connect(namespace="teams/ai"))
    assert {headers.get("x-vault-namespace") for _, _, headers in fake.asked} == {"teams/ai"}
    assert {headers.get("x-vault-request") for _, _, headers in fake.asked} == {"true"}


def test_nothing_of_the_environment_counts(
    fake_client: Client, fake: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "VAULT_ADDR"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.of-somebody-else")
    monkeypatch.setenv("VAULT_NAMESPACE", "elsewhere")
    fake.put("openai", key="sk-1")
    assert fake_client.lease().ready
    assert not [headers for _, _, headers in fake.asked if "of-somebody-else" in str(headers)]
    assert not [headers for _, _, headers in fake.asked if "x-vault-namespace" in headers]


def test_a_redirect_is_not_followed_with_our_token(fake_client: Client, fake: FakeVault) -> None:
    asked: list[str] = []

    def elsewhere(method: str, path: str, body: object) -> tuple[int, object]:
        asked.append(path)
        return 200, {}

    with served(elsewhere):
        fake.answers = {"secret/": 307}
        held = fake_client.lease()
        assert held.problem.startswith("Vault sends us to another node")
    assert asked == []


def test_a_proxy_is_asked_when_there_is_one(fake_client: Client, fake: FakeVault) -> None:
    """It sees whole URLs (RFC 9112, section 3.2.2)."""
    seen: list[str] = []

    def proxy(method: str, path: str, body: object) -> tuple[int, object]:
        seen.append(path)
        return 503, {}

    with served(proxy) as url:
        held = fake_client.lease(fake_client.connect(proxy=url))
    assert not held.ready
    assert seen[0] == f"{fake.address}/v1/auth/approle/login"
    assert fake.asked == []


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pkcs8, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, no_password))
    return paths


def test_tls_trusts_the_given_authority_and_no_other(fake_client: Client, fake: FakeVault, tmp_path: Path) -> None:
    ours, theirs = _certificate(tmp_path, "ours"), _certificate(tmp_path, "theirs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours)
    server = fake._server
    assert server is not None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    fake.put("openai", key="sk-1")
    address = fake.address.replace("http:", "https:")
    held = fake_client.lease(fake_client.connect(address=address, ca_file=str(theirs[0])))
    assert held.problem == "Vault's certificate is not trusted"
    held = fake_client.lease(fake_client.connect(address=address, ca_file=str(ours[0])))
    assert held.current().reveal() == "sk-1"
    held = fake_client.lease(fake_client.connect(address=address, ca_file="/no/such/file"))
    assert held.problem == "the request to Vault could not be made (OSError)"


def test_a_server_that_hangs_up_is_away(fake_client: Client) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=hang_up)
    thread.start()
    held = fake_client.lease(fake_client.connect(address=f"http://127.0.0.1:{listener.getsockname()[1]}"))
    wait_for(lambda: held.problem == "Vault cannot be reached")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


LOGIN = {"method": "token", "token": {"source": "env", "variable": "VAULT_TOKEN"}}


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("http://127.0.0.1:8200", True),
        ("http://[::1]:8200", True),
        ("http://localhost:8200", True),
        ("https://vault.example.com:8200", True),
        ("http://vault:8200", False),
        ("http://127.0.0.1.example.com:8200", False),
        ("https://user:password@vault:8200", False),
        ("https://vault/v1", False),
    ],
)
def test_tokens_cross_the_network_encrypted(address: str, taken: bool) -> None:
    try:
        VaultSection.model_validate({"address": address, "login": LOGIN})
    except pydantic.ValidationError:
        assert not taken
    else:
        assert taken


def test_plaintext_must_be_asked_for() -> None:
    assert VaultSection.model_validate({"address": "http://vault:8200", "plaintext": True, "login": LOGIN})


@pytest.mark.parametrize(
    "section",
    [
        {"path": "openai"},
        {"path": "openai", "field": "a", "fields": {"b": "c"}},
        {"path": "../sys/raw", "field": "a"},
        {"path": "a/./b", "field": "a"},
        {"path": "/a", "field": "a"},
        {"path": "a?b", "field": "a"},
        {"path": "openai", "field": "a", "parameters": {"b": "c"}},
    ],
)
def test_a_credential_that_cannot_be_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        VaultCredential.model_validate({"source": "vault", **section})


def test_a_credential_in_vault_needs_a_vault(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "credentials: {key: {source: vault, path: openai, field: key}}\n"
        "providers: {openai: {dialect: openai, credential: key}}\n"
        "routes: {fast: {kind: chat, candidates: [{provider: openai, model: m}]}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, Settings, references)
    assert [(fault.path, fault.expected) for fault in caught.value.faults] == [
        ("credentials.key.source", "expected another source, or the section vault")
    ]

"""Tokens of Entra ID come from its token endpoint by a federated token or a client secret."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pydantic
import pytest
from clouds import CANARY, Clouds, clouds, resolving
from hedgerow_server.credentials import azure
from hedgerow_server.credentials.azure import AzureCredential
from hedgerow_server.credentials.token import TokenLease
from hedgerow_server.providers.http.web import HttpWeb

TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(name="entra")
def entra_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clouds]:
    """Entra ID on loopback, and an environment without a workload's variables."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)
    with clouds() as found:
        yield found


def lease(entra: Clouds, **more: object) -> TokenLease:
    """A lease on a token of an application."""
    given = {"source": "azure", "tenant": TENANT, "client_id": "app-1", "authority": entra.url, **more}
    return azure.lease("azure", AzureCredential.model_validate(given), HttpWeb())


def test_a_federated_token_becomes_an_access_token(entra: Clouds, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("workload-jwt\n")
    held = lease(entra, token_file=tmp_path / "token")
    assert held.refresh(), held.problem
    assert held.current().reveal() == entra.token
    assert entra.asked == [
        {
            "path": f"/{TENANT}/oauth2/v2.0/token",
            "grant_type": "client_credentials",
            "client_id": "app-1",
            "scope": "https://cognitiveservices.azure.com/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "workload-jwt",
        }
    ]


def test_the_variables_of_a_pod_are_enough(entra: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", "app-2")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"{entra.url}/")
    held = azure.lease("azure", AzureCredential(source="azure"), HttpWeb())
    assert held.refresh(), held.problem
    assert entra.asked[0]["client_id"] == "app-2"


async def test_the_workloads_token_is_read_again_for_each_token(entra: Clouds, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    held = lease(entra, token_file=tmp_path / "token")
    await held.renew()
    (tmp_path / "token").write_text("second")
    assert await held.refused(held.current())
    assert [one["client_assertion"] for one in entra.asked] == ["first", "second"]


def test_a_client_secret_becomes_an_access_token(entra: Clouds, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret~value")
    held = lease(entra, client_secret={"source": "file", "path": tmp_path / "secret"})
    assert held.refresh(), held.problem
    assert entra.asked[0]["client_secret"] == "s3cret~value"


def test_a_refusal_tells_its_codes_only(entra: Clouds, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    entra.refuses = True
    held = lease(entra, token_file=tmp_path / "token")
    assert not held.refresh()
    assert held.problem == "Entra ID gives no token (HTTP 401 invalid_client AADSTS700016)"
    assert CANARY not in held.problem


def test_an_endpoint_that_is_away_is_a_problem(entra: Clouds, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    entra.away = True
    held = lease(entra, token_file=tmp_path / "token")
    assert not held.refresh()
    assert held.problem.startswith("Entra ID gives no token: no answer")


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"access_token": 1, "expires_in": 1}', '{"access_token": "", "expires_in": 60}']
)
def test_what_is_no_token_is_not_taken(
    entra: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    monkeypatch.setattr(entra, "answer", lambda *_: (200, "application/json", body))
    held = lease(entra, token_file=tmp_path / "token")
    assert not held.refresh()
    assert held.problem == "Entra ID answers what is no token"


def test_a_token_that_would_break_a_header_is_not_taken(
    entra: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    body = json.dumps({"access_token": "a\r\nx: b", "expires_in": 60})
    monkeypatch.setattr(entra, "answer", lambda *_: (200, "application/json", body))
    assert not lease(entra, token_file=tmp_path / "token").refresh()


def test_without_a_proof_it_says_what_is_missing(entra: Clouds) -> None:
    held = lease(entra)
    assert not held.refresh()
    assert held.problem == (
        "there is no token_file, and the environment variable AZURE_FEDERATED_TOKEN_FILE is not set or empty"
    )


def test_an_authority_with_a_private_address_is_not_connected_to(
    entra: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("workload-jwt")
    monkeypatch.setattr(socket, "getaddrinfo", resolving("entra.example", "10.1.2.3"))
    url = entra.url.replace("http://127.0.0.1", "https://entra.example")
    held = lease(entra, token_file=tmp_path / "token", authority=url)
    assert not held.refresh()
    assert held.problem == "Entra ID gives no token: its address is private and not allowed"


@pytest.mark.parametrize(
    "more",
    [
        {"authority": "http://login.example.com"},
        {"authority": "https://user@login.example.com"},
        {"tenant": "../other"},
        {"token_file": "/a", "client_secret": {"source": "env", "variable": "X"}},
    ],
)
def test_what_could_give_a_secret_away_is_not_configured(more: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        AzureCredential.model_validate({"source": "azure", **more})

"""Keys of AWS come from its default chain, and from STS for a role, with their session token."""

import json
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pydantic
import pytest
from clouds import CANARY, Clouds, clouds, resolving
from hedgerow_server.credentials import aws
from hedgerow_server.credentials.aws import AwsCredential
from hedgerow_server.credentials.token import TokenLease
from hedgerow_server.providers.http.web import HttpWeb

pytest.importorskip("botocore", reason="needs the extra bedrock")

ROLE = "arn:aws:iam::123456789012:role/team/hedgerow"
OWN = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "own-secret"}


@pytest.fixture(name="sts")
def sts_fixture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Clouds]:
    """STS on loopback, and an environment in which nothing of AWS is found."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with clouds() as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", found.url)
        yield found


def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OWN["secret_access_key"])


def lease(**more: object) -> TokenLease:
    """A lease on keys."""
    return aws.lease("aws", AwsCredential.model_validate({"source": "aws", **more}), HttpWeb())


def keys(held: TokenLease) -> dict[str, str]:
    """The keys in use."""
    found: dict[str, str] = json.loads(held.current().reveal())
    return found


def test_the_environments_keys_are_the_secret(sts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(monkeypatch)
    held = lease()
    assert held.refresh(), held.problem
    assert keys(held) == OWN
    assert sts.asked == []


def test_a_profile_of_the_shared_files_is_read_again(sts: Clouds, tmp_path: Path) -> None:
    def write(secret: str) -> None:
        (tmp_path / "credentials").write_text(
            f"[bedrock]\naws_access_key_id = AKIA{'A' * 16}\naws_secret_access_key = {secret}\n"
        )

    write("first")
    held = lease(profile="bedrock")
    held.refresh()
    write("second")
    held.fail("so that it is due")
    assert held.refresh()
    assert keys(held)["secret_access_key"] == "second"


def test_a_role_is_assumed_with_the_keys_of_the_chain(sts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(monkeypatch)
    held = lease(role_arn=ROLE, external_id="ext-1", session_name="gateway", duration_seconds=900)
    assert held.refresh(), held.problem
    assert keys(held) == {
        "access_key_id": sts.access_key,
        "secret_access_key": "secret-1",
        "session_token": "session-1",
    }
    asked = sts.asked[0]
    assert {
        name: asked[name] for name in ("Action", "RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds")
    } == {
        "Action": "AssumeRole",
        "RoleArn": ROLE,
        "RoleSessionName": "gateway",
        "ExternalId": "ext-1",
        "DurationSeconds": "900",
    }
    assert f"Credential={OWN['access_key_id']}/" in asked["authorization"]


def test_a_web_identity_is_exchanged_by_the_chain(sts: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jwt").write_text("web-identity-jwt")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "jwt"))
    held = lease()
    assert held.refresh(), held.problem
    assert keys(held)["session_token"] == "session-1"
    assert (sts.asked[0]["Action"], sts.asked[0]["WebIdentityToken"]) == (
        "AssumeRoleWithWebIdentity",
        "web-identity-jwt",
    )


def test_a_second_role_is_assumed_with_the_keys_of_the_first(
    sts: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jwt").write_text("web-identity-jwt")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "jwt"))
    held = lease(role_arn="arn:aws:iam::210987654321:role/bedrock")
    assert held.refresh(), held.problem
    assert sts.asked[1]["x-amz-security-token"] == "session-1"
    assert keys(held)["session_token"] == "session-2"


def test_they_are_renewed_by_their_own_end(sts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(monkeypatch)
    now = [0.0]
    section = AwsCredential.model_validate({"source": "aws", "role_arn": ROLE})
    held = TokenLease("aws", aws.AwsSource(section, HttpWeb()), lambda: now[0])
    assert [held.refresh(), held.refresh()] == [True, False]
    now[0] = sts.life_s * 2 / 3
    assert held.refresh()
    sts.away, now[0] = True, now[0] + sts.life_s - 10
    assert not held.refresh()
    assert keys(held)["session_token"] == "session-2"
    now[0] += 20
    assert not held.ready


async def test_refused_keys_are_replaced_though_they_have_not_expired(
    sts: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_keys(monkeypatch)
    held = lease(role_arn=ROLE)
    await held.renew()
    assert await held.refused(held.current())
    assert keys(held)["session_token"] == "session-2"


def test_a_refusal_tells_its_code_only(
    sts: Clouds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own_keys(monkeypatch)
    sts.refuses = True
    held = lease(role_arn=ROLE)
    with caplog.at_level(logging.DEBUG):
        assert not held.refresh()
    assert held.problem == "AWS gives no keys (ClientError: AccessDenied)"
    assert CANARY not in caplog.text
    assert OWN["access_key_id"] not in caplog.text


def test_no_line_of_the_log_holds_a_web_identity(
    sts: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Botocore's own lines at the level of debug hold the body of each request."""
    (tmp_path / "jwt").write_text("web-identity-canary")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "jwt"))
    with caplog.at_level(logging.DEBUG):
        assert lease().refresh()
    assert "web-identity-canary" not in caplog.text
    assert "session-1" not in caplog.text


def test_without_keys_it_says_so(sts: Clouds) -> None:
    held = lease()
    assert not held.refresh()
    assert held.problem == "AWS gives no keys: none stand where its tools look for them"


def test_an_sts_with_a_private_address_is_not_connected_to(sts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(monkeypatch)
    monkeypatch.setattr(socket, "getaddrinfo", resolving("sts.example", "127.0.0.1"))
    url = sts.url.replace("127.0.0.1", "sts.example")
    held = lease(role_arn=ROLE, sts_url=url)
    assert not held.refresh()
    assert held.problem == "STS gives no keys: its address is private and not allowed"
    assert sts.asked == []
    assert lease(role_arn=ROLE, sts_url=url, allow_private_addresses=True).refresh()


def test_without_botocore_it_says_what_to_install(sts: Clouds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.credentials", None)
    held = lease()
    assert not held.refresh()
    assert held.problem == "botocore is not installed: install hedgerow with the extra bedrock"


@pytest.mark.parametrize(
    "more", [{"role_arn": "role/x"}, {"external_id": "ext"}, {"role_arn": ROLE, "duration_seconds": 60}]
)
def test_what_sts_would_refuse_is_not_configured(more: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        AwsCredential.model_validate({"source": "aws", **more})

"""No secret of Vault, and none with which the router logs in, stands in any log, message or text of an object."""

import logging
import traceback

import pytest
from vault.client import Client, wait_for
from vault.fake import FakeVault

CANARY = "canary-of-a-login"


def test_nothing_secret_is_logged_at_the_debug_level(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Through all: login, renewal, rotation, leases, denial, outage, revocation; with the libraries' own logs."""
    caplog.set_level(logging.DEBUG)
    vault = client.vault
    vault.put("openai", key="canary-key-1")
    canaries = {"canary-key-1", "canary-key-2"}
    wrapping = vault.wrapped_secret_id()
    login = client.approle_login(ttl_s=2, max_s=6)
    login |= {"secret_id": client.file("secret", wrapping), "wrapped": True}
    canaries |= {wrapping, (client.folder / "role").read_text()}
    one = client.connect(login)
    held, dynamic = client.lease(one), client.dynamic(one, 3, 6)
    canaries.add(dynamic.current().reveal())
    vault.put("openai", key="canary-key-2")
    wait_for(lambda: held.version == 2)
    vault.deny("secret/data/openai")
    vault.put("openai", key="canary-key-3")
    wait_for(lambda: held.problem)
    vault.revoke_tokens()
    vault.seal()
    wait_for(lambda: held.problem == "Vault is sealed")
    problems = [held.problem, dynamic.problem]
    vault.unseal()
    wrong = client.lease(client.connect({"method": "token", "token": client.file("wrong", "canary-wrong-token")}))
    one.close()
    text = "\n".join([*(record.getMessage() for record in caplog.records), *problems, wrong.problem, caplog.text])
    assert "v1/auth/approle/login" in text, "the libraries do log"
    for canary in (*canaries, "canary-key-3", "canary-wrong-token", "hvs."):
        assert canary not in text


def test_what_vault_says_of_an_error_is_not_passed_on(
    fake_client: Client, fake: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.put("openai", key="sk-1")
    held = fake_client.lease(fake_client.connect(poll_seconds=0.1))
    for status in (400, 403, 404, 405, 412, 429, 500):
        fake.answers = {"secret/": status}
        wait_for(lambda: held.problem)
        assert "canary-of-an-error" not in held.problem
        fake.answers = {}
        wait_for(lambda: not held.problem)
    assert "canary-of-an-error" not in caplog.text


def test_a_fault_of_our_own_shows_no_secret(
    fake_client: Client, fake: FakeVault, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread goes on, and tells the place but not the text."""
    from hedgerow_server.credentials.vault import watch

    fake.put("openai", key="canary-key")
    real = watch._secret

    def fails(*args: object) -> object:
        raise KeyError(f"cannot use {args}")

    monkeypatch.setattr(watch, "_secret", fails)
    one = fake_client.connect()
    held = fake_client.lease(one)
    assert "a fault of the gateway with Vault: KeyError in " in caplog.text
    assert "canary-key" not in caplog.text + held.problem
    monkeypatch.setattr(watch, "_secret", real)
    wait_for(lambda: held.ready)


def test_a_failed_login_keeps_no_cause(fake_client: Client, fake: FakeVault) -> None:
    """Hvac's own errors hold URLs and answers."""
    from hedgerow_server.core.secret import Secret
    from hedgerow_server.credentials.vault.api import Api
    from hedgerow_server.credentials.vault.fault import VaultFault
    from hedgerow_server.credentials.vault.section import VaultSection

    section = VaultSection.model_validate({"address": fake.address, "login": fake_client.token_login()})
    role_id, secret_id = Secret(CANARY), Secret(CANARY)
    fake.stop()
    with pytest.raises(VaultFault) as caught:
        Api(section).login_approle("approle", role_id, secret_id)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY not in shown
    assert caught.value.__cause__ is None

"""A Vault that is away costs nothing as long as secrets are good, and is found again soon after its return."""

import asyncio
import logging
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from vault.client import AnyVault, Client, wait_for
from vault.fake import FakeVault

OUTAGES: dict[str, tuple[Callable[[AnyVault], None], Callable[[AnyVault], None], str]] = {
    "sealed": (lambda vault: vault.seal(), lambda vault: vault.unseal(), "Vault is sealed"),
    "stopped": (lambda vault: vault.stop(), lambda vault: vault.start(), "Vault cannot be reached"),
    "frozen": (lambda vault: vault.freeze(), lambda vault: vault.thaw(), "Vault has not answered within 2 s"),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_secrets_are_used_on_and_a_rotation_is_taken_up_within_two_seconds_of_its_return(
    client: Client, outage: str
) -> None:
    begin, end, problem = OUTAGES[outage]
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    begin(client.vault)
    wait_for(lambda: held.problem == problem)
    time.sleep(1)
    assert held.current().reveal() == "sk-1"
    end(client.vault)
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2
    assert held.problem == ""


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_start_without_vault_is_not_ready_until_two_seconds_after_its_return(client: Client, outage: str) -> None:
    begin, end, problem = OUTAGES[outage]
    client.vault.put("openai", key="sk-1")
    login = client.approle_login()
    begin(client.vault)
    held = client.lease(client.connect(login))
    assert not held.ready
    wait_for(lambda: held.problem == problem)
    time.sleep(2)
    end(client.vault)
    assert wait_for(lambda: held.ready) < 2


def test_a_restart_of_vault_needs_no_restart_of_ours(client: Client) -> None:
    """Tokens and leases survive in the storage, or are obtained anew."""
    client.vault.put("openai", key="sk-1")
    one = client.connect()
    held, dynamic = client.lease(one), client.dynamic(one, 4, 3600)
    client.vault.restart()
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2
    time.sleep(4)  # a life of the lease
    assert (held.problem, dynamic.problem) == ("", "")
    assert len(client.vault.users()) == 1


def test_a_lease_that_ended_during_an_outage_is_replaced(client: Client) -> None:
    held = client.dynamic(client.connect(), 2, 3600)
    first = held.current()
    client.vault.stop()
    time.sleep(3)  # longer than it lives
    assert held.current() == first
    client.vault.start()
    wait_for(lambda: held.current() != first)


def test_the_end_does_not_wait_for_a_vault_that_is_away(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    one = client.connect()
    held = client.lease(one)
    client.vault.freeze()
    wait_for(lambda: held.problem)
    since_s = time.monotonic()
    one.close()
    assert time.monotonic() - since_s < 5.5


def test_an_outage_is_told_once(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.vault.put("openai", key="sk-1")
    one = client.connect()
    held = [client.lease(one) for _ in range(3)]
    caplog.clear()
    with caplog.at_level(logging.INFO, "hedgerow_server"):
        client.vault.seal()
        wait_for(lambda: all(lease.problem for lease in held))
        time.sleep(2)
        client.vault.unseal()
        wait_for(lambda: not any(lease.problem for lease in held))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "Vault is sealed; the last good secrets stay in use"
    assert lines[1].startswith("Vault serves us again, after ")
    assert len(lines) == 2


async def test_a_refused_secret_waits_no_longer_than_two_seconds_for_a_frozen_vault(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = await asyncio.to_thread(client.lease, client.connect(poll_seconds=60, timeout_seconds=20))
    client.vault.freeze()
    since_s = time.monotonic()
    assert not await held.refused(held.current())
    assert time.monotonic() - since_s < 3
    client.vault.thaw()


@pytest.mark.parametrize(
    ("status", "health", "problem"),
    [
        (429, 429, "Vault is a standby that does not serve"),
        (429, 200, "Vault limits how often we may ask (rate limit quota), with reading the metadata of secret/openai"),
        (472, 472, "Vault is a secondary for disaster recovery, which serves nobody"),
        (473, 473, "Vault is a performance standby that does not serve this"),
        (474, 474, "Vault is a standby that has lost its active node"),
        (500, 501, "Vault is not initialised"),
        (500, 530, "Vault was removed from its cluster"),
        (502, 200, "Vault has failed with reading the metadata of secret/openai (status 502)"),
        (
            307,
            429,
            "Vault sends us to another node, which is not followed: name the active node or turn on forwarding",
        ),
    ],
)
def test_every_way_to_be_away_is_told_apart_and_costs_nothing(
    fake_client: Client, fake: FakeVault, status: int, health: int, problem: str
) -> None:
    fake.put("openai", key="sk-1")
    held = fake_client.lease(fake_client.connect(poll_seconds=0.1))
    fake.health, fake.answers = health, {"secret/": status}
    wait_for(lambda: held.problem)
    assert held.problem == problem
    assert held.current().reveal() == "sk-1"
    fake.health, fake.answers = 200, {}
    fake.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2


def test_what_is_no_vault_says_so(fake_client: Client, fake: FakeVault) -> None:
    """Such as the login page of a proxy."""
    fake.answer = _page  # type: ignore[method-assign]
    held = fake_client.lease()
    assert held.problem == "what stands at Vault's address does not answer as Vault does"


def _page(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(int(handler.headers["content-length"]))
    handler.send_response(200)
    handler.send_header("content-length", "6")
    handler.end_headers()
    handler.wfile.write(b"<html>")

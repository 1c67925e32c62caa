"""Dynamic secrets: their leases are renewed, replaced before they end, and revoked."""

import asyncio
import time

from vault.client import Client, wait_for
from vault.fake import FakeVault


def test_a_lease_gives_a_secret(client: Client) -> None:
    held = client.dynamic(client.connect(), 3600, 7200)
    assert held.problem == ""
    assert held.current().reveal()
    assert len(client.vault.users()) == 1


def test_a_lease_is_renewed_for_longer_than_its_life(client: Client) -> None:
    held = client.dynamic(client.connect(), 2, 3600)
    first, users = held.current(), client.vault.users()
    time.sleep(3.5)  # longer than it lives without
    assert held.current() == first
    assert client.vault.users() == users


def test_a_lease_that_nears_its_longest_life_is_replaced_while_it_is_good(client: Client) -> None:
    held = client.dynamic(client.connect(), 3, 6)
    first, users = held.current(), client.vault.users()
    wait_for(lambda: held.current() != first)
    assert set(users) < set(client.vault.users()), "the old one ends later: calls under way use it"
    wait_for(lambda: not set(users) & set(client.vault.users()))
    assert held.problem == ""


def test_the_end_revokes_every_lease(client: Client) -> None:
    one = client.connect()
    client.dynamic(one, 3600, 7200)
    client.dynamic(one, 3600, 7200)
    assert len(client.vault.users()) == 2
    one.close()
    wait_for(lambda: not client.vault.users())


def test_the_end_revokes_leases_of_a_token_that_stays(client: Client) -> None:
    one = client.connect(client.token_login())
    client.dynamic(one, 3600, 7200)
    one.close()
    wait_for(lambda: not client.vault.users())


def test_a_credential_that_is_not_needed_any_more_is_revoked(client: Client) -> None:
    one = client.connect()
    kept, gone = client.dynamic(one, 3600, 7200), client.dynamic(one, 3600, 7200)
    gone.close()
    wait_for(lambda: len(client.vault.users()) == 1)
    assert kept.ready


def test_leases_that_died_with_their_token_are_replaced(client: Client) -> None:
    held = client.dynamic(client.connect(), 3, 3600)
    first = held.current()
    client.vault.revoke_tokens()
    wait_for(lambda: held.current() != first)
    assert held.problem == ""


async def test_a_refused_secret_is_replaced_by_a_new_lease(fake_client: Client, fake: FakeVault) -> None:
    held = await asyncio.to_thread(fake_client.dynamic, fake_client.connect(), 3600, 7200)
    old = held.current()
    assert await held.refused(old)
    assert held.current() != old
    assert len(fake.granted) == 2


def test_what_gives_no_lease_says_so(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease(engine="dynamic", path="data/openai")
    assert held.problem == "secret/data/openai gives no lease: is it a dynamic engine?"

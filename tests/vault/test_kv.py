"""KV secrets are read, watched, and used for as long as the policy says."""

import asyncio
import json

import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.credentials.lease import FedLease
from vault.client import Client, wait_for
from vault.fake import FakeVault


def test_a_secret_is_read(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    assert (held.ready, held.problem, held.version) == (True, "", 1)
    assert held.current().reveal() == "sk-1"


def test_several_fields_become_one_secret(client: Client) -> None:
    client.vault.put("bedrock", access_key="AKIA1", secret_key="s3cret")
    held = client.lease(
        path="bedrock", field=None, fields={"access_key_id": "access_key", "secret_access_key": "secret_key"}
    )
    assert json.loads(held.current().reveal()) == {"access_key_id": "AKIA1", "secret_access_key": "s3cret"}


def test_a_rotation_is_taken_up_by_itself_within_two_seconds(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    old = held.current()
    for number in range(2, 6):
        client.vault.put("openai", key=f"sk-{number}")
        assert wait_for(lambda number=number: held.current().reveal() == f"sk-{number}") < 2  # type: ignore[misc]
    assert old.reveal() == "sk-1", "calls under way keep what they began with"
    assert held.version == 5


def test_who_listens_is_told_of_a_rotation(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    told: list[str] = []
    held.on_change = told.append
    client.vault.put("openai", key="sk-2")
    wait_for(lambda: told)
    assert told == ["main"]
    assert [held.refresh(), held.refresh()] == [True, False]


def test_a_secret_is_read_again_only_when_its_version_has_changed(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    fake_client.lease(fake_client.connect(poll_seconds=0.1))
    wait_for(lambda: sum(path == "secret/metadata/openai" for _, path, _ in fake.asked) >= 6)
    # The first read sees no version, so the first look reads once more.
    assert sum(path == "secret/data/openai" for _, path, _ in fake.asked) == 2


def test_a_secret_that_was_deleted_and_made_again_is_another(fake_client: Client, fake: FakeVault) -> None:
    """Its versions count from 1 again."""
    fake.put("openai", key="sk-1")
    held = fake_client.lease()
    wait_for(lambda: sum(path == "secret/data/openai" for _, path, _ in fake.asked) == 2)
    del fake.versions["openai"]
    fake.put("openai", key="sk-other")
    wait_for(lambda: held.current().reveal() == "sk-other")


def test_a_policy_without_the_metadata_is_enough(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    client.vault.deny("secret/metadata/openai")
    held = client.lease()
    client.vault.put("openai", key="sk-2")
    assert wait_for(lambda: held.current().reveal() == "sk-2") < 2


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nothing", "Vault has nothing for reading secret/nothing"),
        ("numbers", "secret/numbers has no text in the field key"),
        ("lines", "secret/lines holds characters that no HTTP header takes"),
    ],
)
def test_what_is_no_secret_is_a_problem(client: Client, path: str, problem: str) -> None:
    client.vault.put("numbers", other="sk-1")
    client.vault.put("lines", key="sk-1\nx-injected: 1")
    held = client.lease(path=path)
    assert (held.ready, held.problem) == (False, problem)


def test_a_secret_that_comes_later_is_taken_without_a_restart(client: Client) -> None:
    held = client.lease()
    assert not held.ready
    client.vault.put("openai", key="sk-1")
    assert wait_for(lambda: held.ready) < 2
    assert held.problem == ""


def test_a_deleted_secret_stays_in_use_and_is_a_problem(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    client.vault.delete("openai")
    wait_for(lambda: held.problem)
    assert held.current().reveal() == "sk-1"
    assert held.problem in ("Vault has nothing for reading secret/openai", "the present version was deleted")


def test_a_denied_secret_stays_in_use_until_it_is_allowed_again(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease()
    for path in ("secret/metadata/openai", "secret/data/openai"):
        client.vault.deny(path)
    wait_for(lambda: held.problem)
    assert held.problem == "Vault denies reading secret/openai"
    assert held.current().reveal() == "sk-1"
    client.vault.put("openai", key="sk-2")
    for path in ("secret/metadata/openai", "secret/data/openai"):
        client.vault.allow(path)
    wait_for(lambda: held.current().reveal() == "sk-2")


async def test_a_refused_secret_is_fetched_again_at_once_and_once_for_all(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    held = await asyncio.to_thread(fake_client.lease, fake_client.connect(poll_seconds=60))
    old = held.current()
    fake.put("openai", key="sk-2")
    fake.asked.clear()
    assert all(await asyncio.gather(*(held.refused(old) for _ in range(100))))
    assert held.current().reveal() == "sk-2"
    assert [path for _, path, _ in fake.asked] == ["secret/data/openai"]
    assert held.refusals == 100


async def test_a_secret_refused_after_another_came_asks_nobody(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    held = await asyncio.to_thread(fake_client.lease)
    old = held.current()
    fake.put("openai", key="sk-2")
    assert await held.refused(old)
    fake.asked.clear()
    assert await held.refused(old)
    assert "secret/data/openai" not in [path for _, path, _ in fake.asked]


async def test_a_refused_secret_that_has_not_changed_is_fetched_at_most_four_times_a_second(
    fake_client: Client, fake: FakeVault
) -> None:
    fake.put("openai", key="sk-1")
    held = await asyncio.to_thread(fake_client.lease, fake_client.connect(poll_seconds=60))
    fake.asked.clear()
    loop = asyncio.get_running_loop()
    since_s = loop.time()
    for _ in range(5):
        assert not await held.refused(held.current())
    assert loop.time() - since_s > 0.9
    assert len(fake.asked) == 5


def test_a_stale_secret_is_not_used_any_more(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease(client.connect(stale_seconds=1.5))
    client.vault.stop()
    wait_for(lambda: held.problem)
    assert held.ready
    wait_for(lambda: not held.ready)
    with pytest.raises(CredentialUnavailable):
        held.current()
    client.vault.start()
    wait_for(lambda: held.ready)


def test_a_secret_that_vault_confirms_does_not_become_stale(client: Client) -> None:
    client.vault.put("openai", key="sk-1")
    held = client.lease(client.connect(poll_seconds=0.2, stale_seconds=30), stale_seconds=1)
    first = held._good_until_s
    assert first is not None
    wait_for(lambda: (held._good_until_s or 0) > first + 1)
    assert held.ready


async def test_who_waits_for_a_fetch_and_leaves_does_no_harm(fake_client: Client, fake: FakeVault) -> None:
    fake.put("openai", key="sk-1")
    held = await asyncio.to_thread(fake_client.lease, fake_client.connect(poll_seconds=60))
    assert isinstance(held, FedLease)
    old = held.current()
    fake.freeze()
    waiting = asyncio.create_task(held._fetch_now())
    await asyncio.sleep(0.2)
    waiting.cancel()
    fake.put("openai", key="sk-2")
    fake.thaw()
    assert await held.refused(old)

"""What is kept can neither be made, changed, moved nor read by another version without being found out."""

import logging

import pytest
from cache.world import World, now
from hedgerow_server.caching.kept import Kept, Poisoned, opened, sealed
from hedgerow_server.caching.section import CacheSection
from hedgerow_server.caching.shelf import Caches
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from virtual import timed

SECRET, SCOPE, SLOT = b"k" * 32, b"acme", b"s" * 32
KEPT = Kept(made_unix_s=1.0, until_unix_s=2.0, provider="a", model="m", cost_picos=5, events=b"events", pauses_ms=(1,))
VALUE = sealed(KEPT, SECRET, SCOPE, SLOT)


def reason(value: bytes, secret: bytes = SECRET, scope: bytes = SCOPE, slot: bytes = SLOT) -> str:
    """What gives a value away; empty: it is as it was kept."""
    try:
        assert opened(value, secret, scope, slot) == KEPT
    except Poisoned as error:
        return error.reason
    return ""


def test_what_was_kept_is_read_as_it_was() -> None:
    assert reason(VALUE) == ""


def test_every_changed_bit_is_found_out() -> None:
    for place in range(len(VALUE)):
        for bit in (1, 128):
            changed = bytearray(VALUE)
            changed[place] ^= bit
            assert reason(bytes(changed)) == ("format" if place < 5 else "mac")


def test_every_cut_and_every_addition_is_found_out() -> None:
    for length in range(len(VALUE)):
        assert reason(VALUE[:length])
    assert reason(VALUE + b"\0") == "mac"


def test_a_value_of_another_tenant_slot_or_key_is_found_out() -> None:
    assert reason(VALUE, scope=b"other") == "mac"
    assert reason(VALUE, scope=b"acm", slot=b"e" + SLOT) == "mac"
    assert reason(VALUE, slot=b"t" * 32) == "mac"
    assert reason(VALUE, secret=b"l" * 32) == "mac"


def test_a_value_of_another_version_is_found_out() -> None:
    assert reason(b"hgc" + (2).to_bytes(2, "big") + VALUE[5:]) == "format"
    assert reason(b"{}") == "format"


@timed
async def test_a_value_that_is_not_as_it_was_kept_is_a_miss_and_an_alarm_and_is_let_go(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    await world.ask("secret question")
    (slot,) = world.slots
    await world.replace(slot, (await world.value(slot))[:-1] + b"x")
    with caplog.at_level(logging.ERROR):
        told = await world.ask("secret question")
    assert (told.origin, told.call.cache, told.text) == (None, "miss", "hello")
    assert world.caches.counts.alarms == {"format": 0, "mac": 1, "content": 0}
    assert [one.levelname for one in caplog.records] == ["ERROR"]
    assert "question" not in caplog.text
    assert "hello" not in caplog.text
    # The new answer stands in its place.
    assert (await world.ask("secret question")).origin is not None


@timed
async def test_a_value_copied_to_another_tenants_slot_is_not_given() -> None:
    world = World()
    await world.ask("mine")
    await world.ask("yours")
    mine, yours = world.slots
    await world.replace(yours, await world.value(mine))
    told = await world.ask("yours")
    assert told.origin is None
    assert world.caches.counts.alarms["mac"] == 1


@pytest.mark.parametrize("secret", [None, "too short"])
@timed
async def test_without_a_secret_that_is_one_calls_go_on_and_nothing_is_kept(secret: str | None) -> None:
    def reveal(_: str) -> Secret:
        if secret is None:
            raise CredentialUnavailable("The credential is not there.")
        return Secret(secret)

    world = World(section=CacheSection(mac_key="key"), caches=Caches(reveal, now))
    for _ in range(2):
        told = await world.ask()
        assert (told.reason, told.origin, told.call.cache) == ("OK", None, "")
    assert world.slots == []


@timed
async def test_another_key_finds_nothing_and_alarms_nobody() -> None:
    keys = ["a key of sixteen characters"]
    world = World(section=CacheSection(mac_key="key"), caches=Caches(lambda _: Secret(keys[-1]), now))
    await world.ask()
    assert (await world.ask()).origin is not None
    keys.append("another key of sixteen characters")
    assert (await world.ask()).origin is None
    assert sum(world.caches.counts.alarms.values()) == 0

"""A router tells the store that it lives while calls of it have keys, however many they are."""

import asyncio
import logging

import pytest
from hedgerow_server.interceptors.keeper import Keeper
from hedgerow_server.store.kept import Claim
from unit.hedgerow_server.interceptors.keyed import SlowStore
from virtual import timed


def claim(number: int, lease_s: float = 9.0) -> Claim:
    """A call's wish."""
    return Claim(
        slot=f"slot-{number}".encode(),
        fingerprint=b"asked",
        token=f"{number}".encode(),
        tenant="acme",
        user="ann",
        request_id=f"req-{number}",
        until_unix_s=1e9,
        lease_s=lease_s,
    )


@timed
async def test_one_renewal_is_for_all_keys_three_times_a_lease() -> None:
    store = SlowStore()
    keeper = Keeper(store)
    began_s = asyncio.get_running_loop().time()
    for number in range(100):
        await keeper.claim(claim(number))
    await asyncio.sleep(10)
    assert [(at_s - began_s, lease_s) for at_s, lease_s in store.renewed] == [(3, 9), (6, 9), (9, 9)]
    await keeper.close()


@timed
async def test_nothing_is_renewed_once_no_call_has_a_key() -> None:
    """Kept, given back, or never its own."""
    store = SlowStore()
    keeper = Keeper(store)
    await keeper.claim(claim(1))
    await keeper.claim(claim(2))
    assert await Keeper(store).claim(claim(1)) is not None
    await keeper.keep(claim(1), b"answer", 1e9)
    keeper.free_soon(claim(2))
    await asyncio.sleep(100)
    assert store.renewed == []
    await keeper.claim(claim(3))
    await asyncio.sleep(3.5)
    assert len(store.renewed) == 1
    await keeper.close()


@timed
async def test_a_shorter_lease_is_renewed_in_its_own_time() -> None:
    store = SlowStore()
    keeper = Keeper(store)
    began_s = asyncio.get_running_loop().time()
    await keeper.claim(claim(1, 300))
    await keeper.claim(claim(2, 3))
    await asyncio.sleep(2.5)
    assert [(at_s - began_s, lease_s) for at_s, lease_s in store.renewed] == [(1, 3), (2, 3)]
    await keeper.close()


@timed
async def test_renewals_go_on_while_the_store_is_away_and_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    store = SlowStore()
    store.away = {"renew"}
    keeper = Keeper(store)
    await keeper.claim(claim(1))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(7)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    store.away = set()
    await asyncio.sleep(3)
    assert len(store.renewed) == 1
    await keeper.close()

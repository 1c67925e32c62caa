"""A key is with a call while the call's router tells that it lives; who has lost one keeps nothing under it."""

import asyncio
import time

import pytest
from hedgerow_server.store.answers import StoredAnswers
from hedgerow_server.store.kept import Claim, Kept
from unit.hedgerow_server.store.conftest import Ground

LAPSED_S, LONG_S = -1.0, 60.0


@pytest.fixture
def routers(ground: Ground) -> tuple[StoredAnswers, StoredAnswers]:
    """Two on one database."""
    return StoredAnswers(ground.open()), StoredAnswers(ground.open())


def claim(token: str = "1", lease_s: float = LONG_S, slot: str = "a") -> Claim:
    """A call's wish."""
    return Claim(
        slot=slot.encode(),
        fingerprint=b"asked",
        token=token.encode().rjust(16),
        tenant="acme",
        user="ann",
        request_id=f"req-{token}",
        until_unix_s=time.time() + 600,
        lease_s=lease_s,
    )


async def test_a_key_is_free_once_the_lease_has_lapsed_of_a_router_that_says_nothing(
    routers: tuple[StoredAnswers, StoredAnswers],
) -> None:
    """Of all who ask then, at whichever router, one has it."""
    one, other = routers
    assert await one.claim(claim("1", LAPSED_S)) is None
    assert await one.taken([b"a"]) == set()
    asking = [(one, other)[number % 2].claim(claim(f"later-{number}")) for number in range(8)]
    found = await asyncio.gather(*asking)
    assert found.count(None) == 1
    assert {told.request_id for told in found if told} == {f"req-later-{found.index(None)}"}


async def test_a_router_that_tells_that_it_lives_has_all_its_keys(
    routers: tuple[StoredAnswers, StoredAnswers],
) -> None:
    one, other = routers
    slots = [f"slot-{number}" for number in range(300)]
    for slot in slots[:3]:
        await one.claim(claim("1", LAPSED_S, slot))
    await one.renew(LONG_S)
    assert await other.taken([slot.encode() for slot in slots]) == {slot.encode() for slot in slots[:3]}
    assert await other.claim(claim("2", slot=slots[0])) == Kept(b"asked", "req-1", None)
    await one.renew(LAPSED_S)
    assert await other.taken([slots[0].encode()]) == set()
    assert await other.claim(claim("3", slot=slots[0])) is None


async def test_a_router_that_lives_on_has_lost_what_another_has_taken_over(
    routers: tuple[StoredAnswers, StoredAnswers],
) -> None:
    """Frozen for longer than its lease: its answer does not come in the place of the other's, before or after."""
    one, other = routers
    await one.claim(claim("1", LAPSED_S))
    await other.claim(claim("2"))
    await one.renew(LONG_S)
    assert not await one.keep(claim("1"), b"late", time.time() + 600)
    await one.free(claim("1"))
    assert await one.claim(claim("3")) == Kept(b"asked", "req-2", None)
    assert await other.keep(claim("2"), b"answer", time.time() + 600)
    assert not await one.keep(claim("1"), b"later", time.time() + 600)
    assert await one.claim(claim("4")) == Kept(b"asked", "req-2", b"answer")


async def test_an_answer_is_kept_under_a_lapsed_lease_where_nobody_has_taken_the_key_over(
    routers: tuple[StoredAnswers, StoredAnswers],
) -> None:
    one, other = routers
    await one.claim(claim("1", LAPSED_S))
    await other.sweep()
    assert await one.keep(claim("1"), b"answer", time.time() + 600)
    assert await other.claim(claim("2")) == Kept(b"asked", "req-1", b"answer")


async def test_what_a_router_without_leases_has_claimed_is_its_own_until_the_call_is_over(ground: Ground) -> None:
    """The release before, during an upgrade. It may have claimed a key again that was a router's with a lease."""
    one = StoredAnswers(ground.open())
    await one.claim(claim("1", LAPSED_S))
    token = "00" * 16
    value = f"x'{token}'" if ground.file else f"'\\x{token}'::bytea"
    await ground.execute(f"UPDATE kept_answer SET token = {value}")
    assert await one.claim(claim("2")) == Kept(b"asked", "req-1", None)
    assert await one.taken([b"a"]) == {b"a"}
    await ground.execute("UPDATE kept_answer SET until_unix_s = 0")
    assert await one.claim(claim("3")) is None


async def test_lines_of_routers_that_are_gone_are_swept_out(ground: Ground) -> None:
    one, other = StoredAnswers(ground.open()), StoredAnswers(ground.open())
    await one.renew(LAPSED_S)
    await other.renew(LONG_S)
    await one.sweep()
    assert await ground.execute("SELECT count(*) FROM claim_lease") == [("1",)]

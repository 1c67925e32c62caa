"""API keys: their form, and how they are checked while the store comes and goes."""

import asyncio
import re

import pytest
from hedgerow_server.core.access import Access
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import (
    CredentialUnavailable,
    Forbidden,
    HedgerowError,
    IdentityUnavailable,
    KeyEnded,
    RequestInvalid,
    Unauthenticated,
)
from hedgerow_server.core.keys import CreateKeyRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.identity.book import KeyBook
from hedgerow_server.identity.key import new_key, pepper
from hedgerow_server.identity.keys import KeyCallers, Peppers
from hedgerow_server.identity.registry import Deed, KeyRegistry
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.section import RoleSection
from unit.hedgerow_server.identity.stores import MemoryStore

OPERATOR = Deed(Principal("", user="operator"), "r-1")
ROLES = {"app": RoleSection(models=("fast",)), "boss": RoleSection(admin=("*",))}


class Desk:
    """Keys with all that is needed to check and to make them."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.secrets = [Secret("first pepper, long enough")]
        self.book = KeyBook(self.store)
        roles = Roles(ROLES)
        self.peppers = Peppers([lambda: self.secrets[0]])
        self.callers = KeyCallers(self.book, self.peppers, roles)
        self.registry = KeyRegistry(self.store, self.book, self.peppers, roles)

    async def new(self, **wish: object) -> str:
        """A new key."""
        request = CreateKeyRequest(**{"tenant": "acme", "roles": ("app",), **wish})  # type: ignore[arg-type]
        return (await self.registry.create(request, OPERATOR))[0].text

    async def failure(self, text: str) -> type[HedgerowError]:
        """Why a key is refused."""
        with pytest.raises(HedgerowError) as caught:
            await self.callers.principal(text)
        return type(caught.value)


def test_a_key_is_256_random_bits_behind_a_visible_id() -> None:
    made = [new_key() for _ in range(200)]
    assert len({one.text for one in made}) == len({one.key_id for one in made}) == 200
    assert all(re.fullmatch(r"hk_[a-z2-7]{16}_[a-z2-7]{52}", one.text) for one in made)
    assert {one.text[19:] for one in made}.isdisjoint(repr(one) for one in made)


async def test_what_is_kept_is_no_key() -> None:
    desk = Desk()
    text = await desk.new()
    assert text.rpartition("_")[2] not in repr((desk.store.records, desk.store.entries))


async def test_a_caller_is_who_the_key_says() -> None:
    desk = Desk()
    found = await desk.callers.principal(await desk.new(team="search", user="ann", service="web", regions=("eu",)))
    assert (found.tenant, found.team, found.user, found.service) == ("acme", "search", "ann", "web")
    assert (found.roles, found.regions, found.method) == (("app",), frozenset({"eu"}), "api_key")


async def test_callers_with_the_same_roles_share_what_they_may_do() -> None:
    """Or 100,000 keys would take 100,000 times the memory."""
    desk = Desk()
    one, other = [await desk.callers.principal(await desk.new()) for _ in range(2)]
    assert isinstance(one.access, Access)
    assert one.access is other.access


async def test_a_known_key_is_good_while_the_store_is_away_and_an_unknown_one_is_not_refused_as_bad() -> None:
    desk = Desk()
    text, elsewhere = await desk.new(), new_key().text
    desk.store.away = True
    await desk.book.refresh()
    assert (await desk.callers.principal(text)).tenant == "acme"
    assert await desk.failure(elsewhere) is IdentityUnavailable
    assert await desk.failure(text[:20] + "a" * 52) is Unauthenticated
    desk.store.away = False
    await desk.book.refresh()
    assert await desk.failure(elsewhere) is Unauthenticated


async def test_a_key_that_another_router_has_just_made_is_found() -> None:
    desk = Desk()
    other = Desk(desk.store)
    await desk.book.refresh()
    assert (await desk.callers.principal(await other.new())).tenant == "acme"


async def test_unknown_keys_have_the_store_asked_a_few_times_a_second_whatever_comes() -> None:
    desk = Desk()
    await desk.book.refresh()
    before = desk.store.asked
    async with asyncio.timeout(30):
        failures = await asyncio.gather(*(desk.failure(new_key().text) for _ in range(500)))
    assert set(failures) == {Unauthenticated}
    assert desk.store.asked - before <= 3


async def test_nothing_that_lacks_the_form_of_a_key_has_the_store_asked() -> None:
    desk = Desk()
    await desk.book.refresh()
    before = desk.store.asked
    for text in ("hk_", "hk_' OR 1=1 --", "hk_" + "a" * 16, "hk_" + "é" * 69, "hk_" + "A" * 16 + "_" + "a" * 52):
        assert await desk.failure(text) is Unauthenticated
    assert desk.store.asked == before


async def test_a_key_ends_when_its_time_is_up() -> None:
    desk = Desk()
    text = await desk.new(lifetime_s=1e-6)
    assert await desk.failure(text) is Unauthenticated


async def test_a_key_of_an_old_pepper_stays_good_while_the_old_one_is_named_and_is_never_called_bad() -> None:
    desk = Desk()
    text, old = await desk.new(), desk.secrets[0]
    both = KeyCallers(desk.book, Peppers([lambda: Secret("second pepper, as long"), lambda: old]), Roles(ROLES))
    assert (await both.principal(text)).tenant == "acme"
    fresh = KeyCallers(desk.book, Peppers([lambda: Secret("second pepper, as long")]), Roles(ROLES))
    with pytest.raises(IdentityUnavailable):
        await fresh.principal(text)


async def test_without_its_pepper_no_key_is_called_bad_and_none_is_made() -> None:
    def away() -> Secret:
        raise CredentialUnavailable("away")

    desk = Desk()
    text = await desk.new()
    for reveal in (away, lambda: Secret("short")):
        peppers = Peppers([reveal])
        with pytest.raises(IdentityUnavailable):
            await KeyCallers(desk.book, peppers, Roles(ROLES)).principal(text)
        with pytest.raises(IdentityUnavailable):
            peppers.first()


def test_a_short_pepper_is_none() -> None:
    assert pepper(b"x" * 15) is None
    assert pepper(b"x" * 16) is not None


async def test_a_role_that_the_configuration_has_lost_widens_nothing() -> None:
    desk = Desk()
    text = await desk.new()
    without = KeyCallers(desk.book, desk.peppers, Roles({}))
    access = (await without.principal(text)).access
    assert access is not None
    assert not access.allows("hedgerow.chat.v1.ChatService/Complete", "fast")


async def test_an_end_that_comes_later_than_the_overlap_is_brought_forward_and_an_earlier_one_stays() -> None:
    desk = Desk()
    for lifetime_s, overlap_s, expected in ((None, 60, 60), (1000, 60, 60), (30, 60, 30)):
        text = await desk.new(lifetime_s=lifetime_s)
        _, fresh, old = await desk.registry.rotate(text[3:19], overlap_s, OPERATOR)
        assert old.expires_unix_s is not None
        assert old.expires_unix_s - fresh.created_unix_s == pytest.approx(expected, abs=1)
        assert fresh.lifetime_s == lifetime_s


async def test_a_key_that_was_revoked_is_refused_at_once_stays_so_and_is_not_rotated() -> None:
    desk = Desk()
    text = await desk.new()
    first = await desk.registry.revoke(text[3:19], "leaked", OPERATOR)
    assert await desk.failure(text) is Unauthenticated
    assert (await desk.registry.revoke(text[3:19], "again", OPERATOR)).revoked_unix_s == first.revoked_unix_s
    with pytest.raises(KeyEnded):
        await desk.registry.rotate(text[3:19], 0, OPERATOR)


async def test_roles_of_the_admin_door_are_given_by_whoever_has_them_or_is_bound_by_none() -> None:
    desk = Desk()
    text = await desk.new(roles=("boss",))
    clerk = Deed(Principal("acme", user="clerk", access=Access(()), roles=("app",)), "r-2")
    boss = Deed(Principal("acme", user="boss", access=Access(()), roles=("boss",)), "r-3")
    wish = CreateKeyRequest(tenant="acme", roles=("boss",))
    with pytest.raises(Forbidden):
        await desk.registry.create(wish, clerk)
    with pytest.raises(Forbidden):
        await desk.registry.rotate(text[3:19], 60, clerk)
    assert (await desk.registry.create(wish, boss))[1].roles == ("boss",)


async def test_a_role_that_there_is_none_of_is_told() -> None:
    with pytest.raises(RequestInvalid) as caught:
        await Desk().new(roles=("root",))
    assert [one.field for one in caught.value.violations] == ["roles"]

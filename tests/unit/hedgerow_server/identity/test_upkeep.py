"""When keys were last used, and how those that ended long ago are forgotten."""

import msgspec
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import KeyNotFound, Unauthenticated
from hedgerow_server.core.keys import CreateKeyRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.identity.book import KeyBook
from hedgerow_server.identity.key import ID
from hedgerow_server.identity.keys import KeyCallers, Peppers
from hedgerow_server.identity.registry import Deed, KeyRegistry
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.upkeep import KeyUpkeep
from unit.hedgerow_server.identity.stores import MemoryStore

OPERATOR = Deed(Principal("", user="operator"), "r-1")
DAY_S = 86_400.0


class Router:
    """What one router has of keys, and a clock that stands."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.now_unix_s = 1_000_000_000.0
        self.book = KeyBook(self.store)
        roles, peppers = Roles({}), Peppers([lambda: Secret("first pepper, long enough")])
        self.callers = KeyCallers(self.book, peppers, roles)
        self.upkeep = KeyUpkeep(self.store, self.book, lambda: self.now_unix_s)
        self.registry = KeyRegistry(
            self.store, self.book, peppers, roles, upkeep=self.upkeep, clock=lambda: self.now_unix_s
        )

    async def new(self, **wish: object) -> str:
        """A new key."""
        request = CreateKeyRequest(**{"tenant": "acme", **wish})  # type: ignore[arg-type]
        return (await self.registry.create(request, OPERATOR))[0].text

    async def refused(self, text: str) -> bool:
        """Whether a key opens nothing."""
        try:
            await self.callers.principal(text)
        except Unauthenticated:
            return True
        return False


async def test_however_often_a_key_is_used_its_use_is_written_once_a_time() -> None:
    router = Router()
    one, other = await router.new(), await router.new()
    for _ in range(100):
        await router.callers.principal(one)
    assert router.store.noted == []
    await router.upkeep.note()
    await router.upkeep.note()
    await router.callers.principal(one)
    await router.upkeep.note()
    assert [list(uses) for uses in router.store.noted] == [[one[ID]], [one[ID]]]
    assert (await router.registry.get(other[ID])).last_used_unix_s is None


async def test_a_refused_key_was_not_used() -> None:
    router = Router()
    text = await router.new()
    assert await router.refused(text[:-8] + "aaaaaaaa")
    await router.registry.revoke(text[ID], "", OPERATOR)
    router.store.keep(msgspec.structs.replace(router.store.records[text[ID]], revoked_unix_s=5.0))
    await router.book.refresh()
    assert await router.refused(text)
    assert router.book.uses == {}


async def test_a_use_is_told_before_it_is_written() -> None:
    router = Router()
    text = await router.new()
    await router.callers.principal(text)
    used_unix_s = router.book.uses[text[ID]]
    assert (await router.registry.get(text[ID])).last_used_unix_s == used_unix_s
    assert [one.last_used_unix_s for one in await router.registry.list("", "", 10)] == [used_unix_s]


async def test_uses_that_a_store_did_not_take_are_written_when_it_is_back() -> None:
    router = Router()
    text = await router.new()
    await router.callers.principal(text)
    router.store.away = True
    await router.upkeep.note()
    assert (router.store.noted, router.upkeep.last_used(text[ID], None) is not None) == ([], True)
    router.store.away = False
    await router.upkeep.note()
    assert list(router.store.uses) == [text[ID]]


async def test_keys_are_forgotten_once_they_have_been_over_for_long_enough() -> None:
    router = Router()
    router.upkeep.keep_ended_s = 90 * DAY_S
    brief, long = await router.new(lifetime_s=DAY_S), await router.new()
    router.now_unix_s += 91 * DAY_S - 1
    assert await router.upkeep.purge() == 0
    router.now_unix_s += 2
    assert await router.upkeep.purge() == 1
    assert [one.key_id for one in await router.registry.list("", "", 10)] == [long[ID]]
    assert (router.book.get(brief[ID]), await router.refused(brief)) == (None, True)
    row = router.store.entries[-1]
    assert (row.action, row.who, msgspec.json.decode(row.detail)["keys"]) == ("PurgeKeys", "retention", [brief[ID]])


async def test_a_router_forgets_what_another_one_has_taken_out_of_the_store() -> None:
    router = Router()
    other = Router(router.store)
    brief = await router.new(lifetime_s=DAY_S)
    await other.book.refresh()
    for one in (router, other):
        one.upkeep.keep_ended_s = DAY_S
        one.now_unix_s += 3 * DAY_S
    assert (await router.upkeep.purge(), await other.upkeep.purge()) == (1, 0)
    assert (len(other.book), len(router.store.entries)) == (0, 2)
    try:
        await other.registry.get(brief[ID])
    except KeyNotFound:
        return
    raise AssertionError("the key is still there")


async def test_nothing_is_forgotten_while_the_store_is_away() -> None:
    router = Router()
    router.upkeep.keep_ended_s = DAY_S
    brief = await router.new(lifetime_s=DAY_S)
    router.now_unix_s += 3 * DAY_S
    router.store.away = True
    assert await router.upkeep.purge() == 0
    router.store.away = False
    assert brief[ID] in router.store.records
    assert await router.upkeep.purge() == 1

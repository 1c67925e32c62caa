"""Idempotency keys: who has one, for how long, and what becomes of it when calls, callers or the store fail."""

import asyncio

import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.erasure import person_of
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.slices import at_once
from hedgerow_server.interceptors.keeper import Keepers
from hedgerow_server.interceptors.section import IdempotencySection
from unit.hedgerow_server.interceptors.keyed import Router, SlowStore, Told
from virtual import timed

LEFT_AFTER_S = [0.0, 0.05, 0.15, 0.25, 0.7, 1.25]
"""On the way to the store, at it, on the way back, before and after the provider's first piece, while it is kept."""


async def left(asking: asyncio.Task[Told], after_s: float) -> None:
    """The caller leaves after a while."""
    await asyncio.sleep(after_s)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


@timed
async def test_a_kept_answer_is_given_at_once_event_by_event_and_without_the_provider() -> None:
    router = Router(SlowStore())
    first, again = await router.ask("k"), await router.ask("k")
    assert again.events == first.events
    assert len(again.events) == 3
    assert again.call.replay_of == first.call.request_id
    assert router.asked == [("k", "hi")]


@timed
async def test_a_call_without_a_key_never_sees_the_store() -> None:
    store = SlowStore()
    store.away = {"claim", "keep", "free"}
    router = Router(store)
    assert [(await router.ask("")).reason for _ in range(2)] == ["OK", "OK"]
    assert len(router.asked) == 2


@timed
async def test_of_two_calls_at_once_the_second_waits_for_the_answer_of_the_first() -> None:
    """At whichever router; for another request under the same key there is nothing to wait for."""
    store = SlowStore(0.01, 0.01)
    one, other = Router(store), Router(store)
    first, second, third = await asyncio.gather(one.ask("k"), other.ask("k"), other.ask("k", "another"))
    assert (first.reason, second.reason, third.reason) == ("OK", "OK", "IDEMPOTENCY_KEY_REUSED")
    assert (second.call.replay_of, second.events) == (first.call.request_id, first.events)
    assert 0.9 < second.call.queue_s < 1.5
    assert other.asked == []


@timed
async def test_a_call_whose_deadline_is_too_near_to_wait_is_told_to_come_again() -> None:
    router = Router(SlowStore())
    first, second = await asyncio.gather(router.ask("k"), router.ask("k", timeout_s=0.5))
    assert (first.reason, second.reason) == ("OK", "IDEMPOTENCY_IN_FLIGHT")
    assert second.error is not None
    assert second.error.retry_delay_s == 1.0
    assert len(router.asked) == 1


@timed
async def test_of_many_that_wait_one_has_the_key_when_its_call_fails_and_the_others_get_its_answer() -> None:
    store = SlowStore()
    routers = [Router(store), Router(store)]
    failing = asyncio.create_task(routers[0].ask("k", fails=True))
    await asyncio.sleep(0.1)
    told = await asyncio.gather(*(routers[number % 2].ask("k") for number in range(10)))
    assert (await failing).reason == "STREAM_CUT"
    assert {one.reason for one in told} == {"OK"}
    assert sum(not one.call.replay_of for one in told) == 1
    assert sum(len(router.asked) for router in routers) == 2


@timed
async def test_the_store_is_asked_once_for_all_that_wait() -> None:
    store = SlowStore()
    one, other = Router(store), Router(store)
    first = [asyncio.create_task(one.ask(f"k-{number}")) for number in range(20)]
    await asyncio.sleep(0.1)
    await asyncio.gather(*(other.ask(f"k-{number}") for number in range(20)), *first)
    assert 1 <= len(store.looks) <= 6
    assert set(store.looks) == {20}


@timed
async def test_whoever_waits_while_the_store_goes_away_is_told_so() -> None:
    store = SlowStore()
    one, other = Router(store), Router(store)
    first = asyncio.create_task(one.ask("k"))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(other.ask("k"))
    await asyncio.sleep(0.1)
    store.away = {"claim", "taken"}
    assert ((await second).reason, other.asked) == ("IDEMPOTENCY_UNAVAILABLE", [])
    await first


@timed
async def test_a_kept_answer_has_its_time_and_no_more() -> None:
    router = Router(SlowStore(), IdempotencySection(keep_seconds=100))
    await router.ask("k")
    await asyncio.sleep(99)
    assert (await router.ask("k")).call.replay_of
    await asyncio.sleep(2)
    assert not (await router.ask("k")).call.replay_of


@pytest.mark.parametrize("after_s", LEFT_AFTER_S[:-1])
@timed
async def test_a_caller_that_leaves_leaves_its_key_free(after_s: float) -> None:
    router = Router(SlowStore(0.1, 0.1))
    await left(asyncio.create_task(router.ask("k")), after_s)
    assert (await router.ask("k")).reason == "OK"
    assert (await router.ask("k")).call.replay_of
    await router.keeper.close()


@timed
async def test_an_answer_that_was_whole_is_kept_also_where_its_caller_has_left_meanwhile() -> None:
    """The last event may have been lost on its way: whoever asks again must not pay again."""
    router = Router(SlowStore(0.1, 0.1))
    await left(asyncio.create_task(router.ask("k")), LEFT_AFTER_S[-1])
    await router.keeper.close()
    again = await router.ask("k")
    assert (again.reason, len(again.events), len(router.asked)) == ("OK", 3, 1)


@timed
async def test_whoever_was_told_of_a_failure_finds_the_key_free_at_once() -> None:
    router = Router(SlowStore(0.1, 0.1))
    assert (await router.ask("k", fails=True)).reason == "STREAM_CUT"
    assert (await router.ask("k")).reason == "OK"


@timed
async def test_without_the_store_a_call_with_a_key_is_refused_before_the_provider_is_asked() -> None:
    store = SlowStore()
    store.away = {"claim"}
    router = Router(store)
    told = await router.ask("k")
    assert told.reason == "IDEMPOTENCY_UNAVAILABLE"
    assert told.error is not None
    assert told.error.retry_delay_s
    assert router.asked == []


@timed
async def test_an_answer_that_cannot_be_kept_goes_out_and_its_key_stays_taken() -> None:
    store = SlowStore()
    store.away = {"keep"}
    router = Router(store)
    told = await router.ask("k")
    assert (told.reason, [one.code for one in told.call.warnings]) == ("OK", [WarningCode.ANSWER_NOT_KEPT])
    assert (await router.ask("k", timeout_s=5)).reason == "IDEMPOTENCY_IN_FLIGHT"


@timed
async def test_a_key_that_cannot_be_given_back_holds_nobody_up() -> None:
    store = SlowStore()
    store.away = {"free"}
    router = Router(store)
    assert (await router.ask("k", fails=True)).reason == "STREAM_CUT"
    await router.keeper.close()
    assert (await router.ask("k", timeout_s=5)).reason == "IDEMPOTENCY_IN_FLIGHT"


@timed
async def test_an_answer_above_the_limit_goes_out_and_frees_its_key() -> None:
    router = Router(SlowStore(), IdempotencySection(max_answer_bytes=1024))
    told = await router.ask("k", "x" * 2000)
    assert (told.reason, [one.field for one in told.call.warnings]) == ("OK", ["idempotency_key"])
    assert not (await router.ask("k", "x" * 2000)).call.replay_of


@timed
async def test_what_cannot_be_read_is_not_run_again() -> None:
    """A newer router may have kept it."""
    store = SlowStore()
    router = Router(store)
    slots = []

    async def keep(claim: object, answer: bytes, until_unix_s: float) -> bool:
        slots.append(claim)
        return await type(store).keep(store, claim, b"\x91\xc0", until_unix_s)  # type: ignore[arg-type]

    store.keep = keep  # type: ignore[method-assign]
    await router.ask("k")
    assert (await router.ask("k")).reason == "IDEMPOTENCY_UNAVAILABLE"
    assert len(router.asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        Principal("globex", user="ann"),
        Principal("acme", user="bob"),
        Principal("acme", team="b", user="ann"),
        Principal("acme", service="ann"),
        Principal("acme", key_id="ann"),
        Principal("acme", key_id="other"),
        Principal("acme"),
    ],
)
@timed
async def test_a_key_belongs_to_its_tenant_and_caller(other: Principal) -> None:
    router = Router(SlowStore())
    mine, theirs = await asyncio.gather(router.ask("k"), router.ask("k", "another", other))
    assert (mine.reason, theirs.reason) == ("OK", "OK")
    assert (await router.ask("k", "another", other)).call.replay_of == theirs.call.request_id


@timed
async def test_a_user_is_the_same_with_every_api_key() -> None:
    router = Router(SlowStore())
    await router.ask("k", who=Principal("acme", user="ann", key_id="old"))
    assert (await router.ask("k", who=Principal("acme", user="ann", key_id="new", method="jwt"))).call.replay_of


@timed
async def test_what_has_had_its_time_is_swept_out_now_and_then() -> None:
    store = SlowStore()
    router = Router(store)
    for _ in range(3):
        await router.ask("k")
    assert store.swept == 0
    await asyncio.sleep(60)
    await router.ask("k")
    store.away = {"sweep"}
    await asyncio.sleep(60)
    assert (await router.ask("k")).reason == "OK"
    assert store.swept == 1


@pytest.mark.parametrize(
    ("section", "with_store", "place"),
    [
        ({}, True, "store"),
        ({}, False, "memory"),
        ({"kept_in": "memory"}, True, "memory"),
        ({"kept_in": "store"}, True, "store"),
        ({"kept_in": "store"}, False, None),
        ({"enabled": False}, True, None),
    ],
)
async def test_answers_are_kept_where_the_configuration_says(
    section: dict[str, object], with_store: bool, place: str | None
) -> None:
    store = SlowStore()
    keepers = Keepers(store if with_store else None)
    found = keepers.of(IdempotencySection.model_validate(section))
    assert (None if found is None else "store" if found.store is store else "memory") == place


@timed
async def test_erasing_finds_a_users_answers_wherever_they_are() -> None:
    """A reload may have had answers kept elsewhere before."""
    store = SlowStore()
    keepers = Keepers(store)
    keepers.allow(IdempotencySection(kept_in="memory"))
    for place in (IdempotencySection(kept_in="memory"), IdempotencySection(kept_in="store")):
        keeper = keepers.of(place)
        assert keeper is not None
        assert not (await Router(store, keeper=keeper).ask("k")).call.replay_of
    assert await keepers.erase("acme", "bob") == 0
    assert await keepers.erase("acme", "ann") == 2


@timed
async def test_answers_in_memory_are_forgotten_with_users_whom_another_router_has_erased() -> None:
    keepers = Keepers(None)
    keepers.allow(IdempotencySection(kept_in="memory"))
    keeper = keepers.of(IdempotencySection(kept_in="memory"))
    assert keeper is not None
    await Router(SlowStore(), keeper=keeper).ask("k")
    assert at_once(keepers.forget(lambda person: person == person_of("acme", "bob"))) == 0
    assert at_once(keepers.forget(lambda person: person == person_of("acme", "ann"))) == 1
    assert not (await Router(SlowStore(), keeper=keeper).ask("k")).call.replay_of


@timed
async def test_what_a_configuration_keeps_in_the_store_is_not_left_in_memory() -> None:
    keepers = Keepers(SlowStore())
    keepers.allow(IdempotencySection(kept_in="memory"))
    keeper = keepers.of(IdempotencySection(kept_in="memory"))
    assert keeper is not None
    await Router(SlowStore(), keeper=keeper).ask("k")
    keepers.allow(IdempotencySection())
    assert await keepers.erase("acme", "ann") == 0

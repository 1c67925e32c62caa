"""Questions that several routers share in a real Redis: each follows the others, and believes none without the key."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from cache.ngrams import embedded
from hedgerow_server.caching.differences import facts
from hedgerow_server.caching.following import Record, SharedQuestions, opened, sealed
from hedgerow_server.caching.link import RedisLink
from hedgerow_server.caching.port import CacheAway
from hedgerow_server.caching.questions import Question, Questions
from hedgerow_server.config.redis import RedisAddress
from redis.asyncio import Redis
from redis_server import RedisServer

SECRET, PLACE, OWNER = b"s" * 32, b"p" * 32, b"o" * 32
TEXT = "How do I sort a list in Python?"
STREAM = "{q}:questions"


def question(slot: bytes = b"1" * 32, place: bytes = PLACE, until_unix_s: float = 4e9) -> Question:
    return Question(place, slot, until_unix_s, facts(TEXT), OWNER)


class Replica:
    """One router's part."""

    def __init__(
        self, server: RedisServer, secret: Callable[[], bytes | None] = lambda: SECRET, most: int = 1_000
    ) -> None:
        self.questions = Questions(1_000, 1_000)
        link = RedisLink(RedisAddress(url=server.url), 1.0, "questions")
        self.shared = SharedQuestions(link, "q", self.questions, secret, most)
        self.shared.start()

    def keep(self, one: Question) -> None:
        self.questions.add(one, embedded(TEXT))
        self.shared.tell(one, embedded(TEXT))


async def reached(condition: Callable[[], bool]) -> None:
    """Waits for it, at most 10 s."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (another thread, or Redis, makes it true)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def replicas(server: RedisServer, count: int = 2, **more: int) -> AsyncIterator[list[Replica]]:
    server.flush()
    made = [Replica(server, **more) for _ in range(count)]  # type: ignore[arg-type]
    try:
        yield made
    finally:
        for one in made:
            await one.shared.close()


async def test_what_one_router_keeps_the_others_find(redis: RedisServer) -> None:
    async with replicas(redis) as (one, other):
        one.keep(question())
        await reached(lambda: len(other.questions) == 1)
        (found,) = other.questions.near(PLACE, embedded(TEXT), 8, 0.99)
        assert found.question.facts == facts(TEXT)
        assert found.question.slot == b"1" * 32
        assert len(one.questions) == 1


async def test_a_new_router_reads_what_there_is(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (one,):
        for number in range(300):
            one.keep(question(number.to_bytes(32, "big")))
        late = Replica(redis)
        await reached(lambda: len(late.questions) == 300)
        await late.shared.close()


async def test_what_is_forged_or_moved_is_left_out_and_alarms(redis: RedisServer) -> None:
    async with replicas(redis) as (one, other):
        client = Redis.from_url(redis.url)
        true = Record(PLACE, b"2" * 32, 4e9, OWNER, embedded(TEXT).astype("<f2").tobytes(), facts(TEXT))
        moved = sealed(true, SECRET).replace(PLACE, b"x" * 32)
        for data in (sealed(true, b"another" * 5), moved, sealed(true, SECRET)[:-1], b"", b"hgq"):
            await client.xadd(STREAM, {"q": data})
        await reached(lambda: one.shared.alarms == other.shared.alarms == 5)
        one.keep(question())
        await reached(lambda: len(other.questions) == 1)
        await client.aclose()


async def test_an_erased_user_is_out_of_the_stream_and_of_every_router(redis: RedisServer) -> None:
    async with replicas(redis) as (one, other):
        for number in range(200):
            one.keep(question(number.to_bytes(32, "big")))
        await reached(lambda: len(other.questions) == 200)
        assert await one.shared.erase(OWNER) == 200
        await reached(lambda: len(one.questions) == len(other.questions) == 0)


async def test_a_question_that_comes_after_its_user_was_erased_is_learned_by_nobody_and_does_not_stay(
    redis: RedisServer,
) -> None:
    """Of a call that was under way; by somebody else one is."""
    async with replicas(redis) as (one, other):
        await one.shared.erase(OWNER)
        other.keep(question(b"7" * 32))
        other.keep(msgspec.structs.replace(question(b"8" * 32), owner=b"another"))
        client = Redis.from_url(redis.url)
        await reached(lambda: len(one.questions) == len(other.questions) == 1)
        # What tells of the erasure, and the other's.
        async with asyncio.timeout(10):
            while await client.xlen(STREAM) != 2:  # noqa: ASYNC110  (as above)
                await asyncio.sleep(0.02)
        await client.aclose()


async def test_an_hour_after_he_was_erased_questions_of_a_user_are_learned_again(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (one,):
        client = Redis.from_url(redis.url)
        packed = embedded(TEXT).astype("<f2").tobytes()
        for at_s, record in ((0, Record(owner=OWNER)), (3_601, Record(PLACE, b"9" * 32, 4e9, OWNER, packed))):
            await client.xadd(STREAM, {"q": sealed(record, SECRET)}, id=f"{round((time.time() + at_s) * 1000)}-0")
        await reached(lambda: len(one.questions) == 1)
        await client.aclose()


async def test_an_erasure_of_which_others_cannot_be_told_has_failed(private_redis: RedisServer) -> None:
    async with replicas(private_redis, 1) as (one,):
        private_redis.kill()
        with pytest.raises(CacheAway):
            await one.shared.erase(OWNER)


async def test_a_router_that_comes_back_too_late_to_read_who_was_erased_forgets_what_it_knew(
    redis: RedisServer,
) -> None:
    async with replicas(redis, 1) as (one,):
        one.keep(question())
        await reached(lambda: one.shared._read != b"0")
        assert one.shared._following is not None
        one.shared._following.cancel()
        client = Redis.from_url(redis.url)
        packed = embedded(TEXT).astype("<f2").tobytes()
        others = [Record(PLACE, number.to_bytes(32, "big"), 4e9, b"another", packed) for number in range(30)]
        for record in (Record(owner=OWNER), *others):
            await client.xadd(STREAM, {"q": sealed(record, SECRET)})
        await client.xtrim(STREAM, maxlen=20, approximate=False)
        one.shared.start()
        await reached(lambda: len(one.questions) == 20)
        assert not one.questions.number(question())
        await client.aclose()


async def test_what_has_had_its_time_is_neither_learned_nor_left_there(redis: RedisServer) -> None:
    async with replicas(redis) as (one, other):
        client = Redis.from_url(redis.url)
        one.shared.tell(question(until_unix_s=time.time() - 1), embedded(TEXT))
        one.keep(question(b"3" * 32))
        await reached(lambda: len(other.questions) == 1)
        async with asyncio.timeout(10):
            while await client.xlen(STREAM) != 1:  # noqa: ASYNC110  (as above)
                await asyncio.sleep(0.02)
        await client.aclose()


async def test_a_server_that_was_away_is_followed_again(private_redis: RedisServer) -> None:
    async with replicas(private_redis) as (one, other):
        one.keep(question())
        await reached(lambda: len(other.questions) == 1)
        private_redis.kill()
        one.keep(question(b"4" * 32))
        private_redis.start()
        await reached(lambda: one.shared._link.away is None and other.shared._link.away is None)
        one.keep(question(b"5" * 32))
        await reached(lambda: other.questions.number(question(b"5" * 32)))


async def test_what_came_before_the_key_is_learned_once_it_is_there(redis: RedisServer) -> None:
    """A router follows before it has its secrets: nothing is told or believed until then, and nothing left out."""
    async with replicas(redis, 1) as (one,):
        secret: list[bytes | None] = [None]
        late = Replica(redis, lambda: secret[0])
        late.keep(question(b"6" * 32))
        one.keep(question())
        await reached(lambda: one.shared._read != b"0")
        assert (len(late.questions), one.shared.alarms) == (1, 0)
        secret[0] = SECRET
        await reached(lambda: len(late.questions) == 2)
        assert (len(one.questions), late.shared.alarms) == (1, 0)
        await late.shared.close()


def test_a_record_that_is_changed_anywhere_is_none() -> None:
    data = sealed(Record(PLACE, b"2" * 32, 4e9, OWNER, b"v", facts(TEXT)), SECRET)
    assert opened(data, SECRET) is not None
    for place in range(len(data)):
        assert opened(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :], SECRET) is None

"""Erasures that routers tell each other of through the store, in SQLite and in PostgreSQL alike."""

import asyncio

from hedgerow_server.core.erasure import Heard, Mark, mark_of, person_of
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.port import Database
from unit.hedgerow_server.store.conftest import Ground

ANN, BEN = person_of("acme", "ann"), person_of("acme", "ben")
AGE_ALL = "UPDATE erasure SET at_unix_s = at_unix_s - 4000"


async def at_the_end(erasures: StoredErasures) -> int:
    """The number to look from."""
    return (await erasures.since(None)).number


async def test_what_was_told_is_heard_once(database: Database) -> None:
    erasures = StoredErasures(database)
    start = await at_the_end(erasures)
    await erasures.tell(ANN)
    await erasures.tell(BEN)
    heard = await erasures.since(start)
    assert [one.digest for one in heard.marks] == [mark_of(one, heard.marks[0].salt).digest for one in (ANN, BEN)]
    assert not heard.missed
    assert await erasures.since(heard.number) == Heard(heard.number)


async def test_marks_that_are_there_together_have_one_salt_and_later_ones_another(
    ground: Ground, database: Database
) -> None:
    erasures = StoredErasures(database)
    await erasures.tell(ANN)
    await erasures.tell(BEN)
    first = await erasures.since(0)
    assert len({one.salt for one in first.marks}) == 1
    await ground.execute(AGE_ALL)
    await erasures.sweep()
    await erasures.tell(ANN)
    assert (await erasures.since(first.number)).marks[0].salt != first.marks[0].salt


async def test_of_many_that_tell_at_once_none_goes_unheard(ground: Ground) -> None:
    people = [person_of("acme", f"user-{number}") for number in range(20)]
    tellers = [StoredErasures(ground.open()) for _ in range(4)]
    listener = StoredErasures(ground.open())
    number, heard = await at_the_end(listener), list[Mark]()

    async def tell(place: int) -> None:
        for one in people[place::4]:
            await tellers[place].tell(one)

    telling = asyncio.gather(*map(tell, range(4)))
    over = False
    while not over:
        over = telling.done()
        news = await listener.since(number)
        number = news.number
        heard += news.marks
    await telling
    assert sorted(one.digest for one in heard) == sorted(mark_of(one, heard[0].salt).digest for one in people)


async def test_whoever_looks_for_the_first_time_has_missed_what_was_before_and_hears_what_is_left(
    database: Database,
) -> None:
    erasures = StoredErasures(database)
    await erasures.tell(ANN)
    heard = await erasures.since(None)
    assert (heard.missed, len(heard.marks)) == (True, 1)


async def test_a_mark_goes_after_its_time_and_whoever_has_not_heard_of_it_is_told_that_he_missed_it(
    ground: Ground, database: Database
) -> None:
    erasures = StoredErasures(database)
    start = await at_the_end(erasures)
    await erasures.tell(ANN)
    before = (await erasures.since(start)).number
    await ground.execute(AGE_ALL)
    await erasures.tell(BEN)
    await erasures.sweep()
    late, prompt = await erasures.since(start), await erasures.since(before)
    assert (late.missed, len(late.marks)) == (True, 1)
    assert (prompt.missed, len(prompt.marks)) == (False, 1)
    assert late.number == prompt.number


async def test_a_mark_whose_time_is_not_over_stays(database: Database) -> None:
    erasures = StoredErasures(database)
    start = await at_the_end(erasures)
    await erasures.tell(ANN)
    await erasures.sweep()
    assert len((await erasures.since(start)).marks) == 1


async def test_an_old_copy_of_the_store_counts_as_missed(database: Database) -> None:
    erasures = StoredErasures(database)
    await erasures.tell(ANN)
    heard = await erasures.since(1_000)
    assert (heard.missed, heard.number) == (True, 1)


async def test_the_store_names_nobody(ground: Ground, database: Database) -> None:
    await StoredErasures(database).tell(person_of("acme", "anneliese"))
    (row,) = await ground.execute("SELECT salt, mark FROM erasure")
    assert "anneliese" not in str(row)
    assert b"anneliese".hex() not in str(row)

import random
import struct

import msgspec
import numpy as np
import pytest
from hedgerow_server.caching.differences import facts
from hedgerow_server.caching.questions import Question, Questions
from hedgerow_server.caching.vectors import Vector, Vectors, unit
from hedgerow_server.core.slices import at_once

PLACE = b"p" * 32


def vectors(count: int, dimensions: int = 16, seed: int = 1) -> Vector:
    """Of length 1, by the dice."""
    found = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / lengths, np.float32)


def question(number: int, place: bytes = PLACE, until_s: float = 1e12, owner: bytes = b"") -> Question:
    return Question(place, number.to_bytes(32, "big"), until_s, facts("hi"), owner, f"{number}-0")


@pytest.mark.parametrize("count", [7, 512, 700])
def test_the_nearest_are_those_that_all_products_say(count: int) -> None:
    """Below and above the number from which there is an index; one after the other goes, from the middle as well."""
    held, given = Vectors(16), vectors(count)
    for key in range(count):
        held.add(key, given[key])
    gone = random.Random(2).sample(range(count), count // 3)
    for key in gone:
        held.remove(key)
    left = [key for key in range(count) if key not in set(gone)]
    assert len(held) == len(left)
    for wanted in vectors(20, seed=3):
        exact = sorted(left, key=lambda key: -float(given[key] @ wanted))[:3]
        found = held.nearest(wanted, 3)
        assert found[0][0] == exact[0]
        assert found[0][1] == pytest.approx(float(given[exact[0]] @ wanted), abs=2e-3)
        assert not {key for key, _ in found} & set(gone)


@pytest.mark.parametrize("numbers", [(0.0, 0.0), (float("nan"), 1.0), (float("inf"), 1.0), ()])
def test_what_is_no_direction_is_no_vector(numbers: tuple[float, ...]) -> None:
    assert unit(struct.pack(f"<{len(numbers)}f", *numbers)) is None


def test_the_oldest_go_first_where_there_is_no_room() -> None:
    held, given = Questions(3, 10), vectors(5)
    for number in range(5):
        held.add(question(number), given[number])
    assert [bool(list(held.near(PLACE, one, 1, 0.999))) for one in given] == [False, False, True, True, True]


def test_one_partition_leaves_room_for_others() -> None:
    held, given = Questions(100, 3), vectors(5)
    held.add(question(0, b"q" * 32), given[0])
    for number in range(5):
        held.add(question(number), given[number])
    assert (len(held), held.partitions) == (4, 2)


def test_a_question_that_is_kept_again_is_there_once() -> None:
    held, given = Questions(100, 100), vectors(2)
    held.add(question(1), given[0])
    held.add(question(1), given[1])
    assert len(held) == 1
    assert not list(held.near(PLACE, given[0], 8, 0.999))


def test_what_has_had_its_time_is_not_found_and_goes() -> None:
    now_s, over = [100.0], list[str]()
    held, given = Questions(100, 100, now=lambda: now_s[0], expired=over.append), vectors(4)
    held.add(question(1, until_s=110.0), given[1])
    assert list(held.near(PLACE, given[1], 8, 0.999))
    now_s[0] = 110.0
    assert not list(held.near(PLACE, given[1], 8, 0.999))
    held.add(question(2), given[2])
    assert (len(held), over) == (1, ["1-0"])


def test_all_of_one_owner_are_forgotten() -> None:
    held, given = Questions(100, 100), vectors(6)
    for number in range(6):
        held.add(question(number, owner=b"ann" if number % 2 else b"ben"), given[number])
    assert held.erase(b"ann") == 3
    assert held.erase(b"") == 0
    assert len(held) == 3


def test_of_users_who_are_gone_what_this_router_has_kept_is_forgotten() -> None:
    """Of others' questions it knows a tag alone: those tell it themselves."""
    held, given = Questions(100, 100), vectors(30)
    for number in range(30):
        person = (b"ann", b"ben", b"")[number % 3]
        held.add(msgspec.structs.replace(question(number, owner=b"tag"), person=person), given[number])
    assert at_once(held.forget(lambda person: person == b"ann")) == 10
    assert not held.number(question(0))
    assert at_once(held.forget(lambda _: True)) == 10
    assert len(held) == 10


def test_a_question_that_comes_back_with_its_number_is_still_its_users() -> None:
    held, given = Questions(100, 100), vectors(1)
    held.add(msgspec.structs.replace(question(0), person=b"ann", number=""), given[0])
    assert held.number(question(0))
    assert at_once(held.forget(lambda person: person == b"ann")) == 1


def test_nothing_is_left_of_what_was_cleared_and_there_is_room_for_more() -> None:
    held, given = Questions(100, 100), vectors(2)
    held.add(question(0), given[0])
    held.clear()
    assert (len(held), held.partitions, list(held.near(PLACE, given[0], 8, 0.0))) == (0, 0, [])
    held.add(question(1), given[1])
    assert len(held) == 1


def test_less_room_lets_the_oldest_go_at_once() -> None:
    held, given = Questions(100, 100), vectors(6)
    for number in range(6):
        held.add(question(number), given[number])
    held.allow(2, 100)
    assert len(held) == 2
    held.allow(0, 0)
    held.add(question(9), given[0])
    assert (len(held), held.partitions) == (0, 0)

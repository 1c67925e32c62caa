"""Sessions end when they should, and nothing in memory gives one away."""

import pytest
from hedgerow_server.console.session import Sessions
from hedgerow_server.identity.logins import KeyStanding

WHO = KeyStanding("key")


class Clock:
    """A clock that is set."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(name="clock")
def clock_fixture() -> Clock:
    """At 1,000 s."""
    return Clock()


def sessions(clock: Clock, most: int = 10) -> Sessions:
    """Sessions of 60 s without use, of 100 s in all."""
    return Sessions(idle_s=60, lifetime_s=100, most=most, clock=clock)


def test_a_session_ends_when_it_is_not_used(clock: Clock) -> None:
    held = sessions(clock)
    session_id, _ = held.open(WHO)
    clock.now_s += 59.9
    assert held.find(session_id) is not None
    clock.now_s += 60
    assert held.find(session_id) is None
    assert len(held) == 0


def test_a_session_ends_after_its_lifetime_however_it_is_used(clock: Clock) -> None:
    held = sessions(clock)
    session_id, _ = held.open(WHO)
    for _ in range(2):
        clock.now_s += 49.9
        assert held.find(session_id) is not None
    clock.now_s += 0.2
    assert held.find(session_id) is None


def test_a_look_that_is_no_use_prolongs_nothing(clock: Clock) -> None:
    held = sessions(clock)
    session_id, _ = held.open(WHO)
    clock.now_s += 50
    assert held.find(session_id, used=False) is not None
    clock.now_s += 10
    assert held.find(session_id, used=False) is None


def test_a_session_is_told_when_it_ends(clock: Clock) -> None:
    held = sessions(clock)
    session_id, session = held.open(WHO)
    assert held.ends_unix_s(session) == 1_060
    clock.now_s += 59
    held.find(session_id)
    assert held.ends_unix_s(session) == 1_100


def test_one_more_ends_the_one_that_was_not_used_for_the_longest_time(clock: Clock) -> None:
    held = sessions(clock, most=2)
    (first, _), (second, _) = held.open(WHO), held.open(WHO)
    held.find(first)
    third, _ = held.open(WHO)
    assert [held.find(one) is not None for one in (first, second, third)] == [True, False, True]


def test_those_that_have_ended_make_room_first(clock: Clock) -> None:
    held = sessions(clock, most=2)
    held.open(WHO)
    clock.now_s += 50
    living, _ = held.open(WHO)
    clock.now_s += 50
    held.open(WHO)
    assert held.find(living) is not None


def test_an_ended_session_is_gone(clock: Clock) -> None:
    held = sessions(clock)
    session_id, session = held.open(WHO)
    assert held.end(session_id) is session
    assert held.find(session_id) is None
    assert held.end(session_id) is None


def test_ids_and_tokens_are_long_and_never_the_same(clock: Clock) -> None:
    """At least 128 bits each, and the token of the forms is not the id."""
    held = sessions(clock, most=100)
    opened = [held.open(WHO) for _ in range(50)]
    texts = {session_id for session_id, _ in opened} | {session.csrf for _, session in opened}
    assert len(texts) == 100
    assert min(map(len, texts)) >= 43


def test_memory_holds_no_id(clock: Clock) -> None:
    held = sessions(clock)
    session_id, session = held.open(WHO)
    assert session_id not in repr(vars(held))
    assert session.csrf not in repr(session)

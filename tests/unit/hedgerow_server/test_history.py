"""Which configurations there is a way back to."""

import pytest
from hedgerow_server.core.error import ConfigNotKept
from hedgerow_server.history import EARLIER, History, Kept


def entry(number: int, size: int = 1) -> Kept:
    """A configuration whose hash begins with its number."""
    return Kept(f"{number:08x}{'0' * 56}", ((b"p", b"x" * size),), float(number))


def history(*found: Kept) -> History:
    """All of them in the order in which they came."""
    made = History(found[0])
    for number, one in enumerate(found[1:], 1):
        made.enter(one, 1, float(number))
    return made


def numbers(of: History) -> list[int]:
    """Which are kept."""
    return [int(one.hash[:8], 16) for one in of.listed()]


def test_the_last_ones_are_kept() -> None:
    assert numbers(history(*map(entry, range(20)))) == list(range(20 - EARLIER - 1, 20))


def test_large_ones_are_fewer_but_there_is_always_a_way_back() -> None:
    assert numbers(history(*(entry(number, 30 << 20) for number in range(6)))) == [4, 5]
    assert numbers(history(*(entry(number, 70 << 20) for number in range(3)))) == [1, 2]


def test_the_latest_of_equal_beginnings_is_meant() -> None:
    """A configuration may have come twice."""
    old, middle, new = entry(1), entry(2), entry(1)
    assert history(old, middle, new).find("000000").loaded_unix_s == 2.0
    assert history(old, middle, new).find(new.hash).loaded_unix_s == 2.0


@pytest.mark.parametrize("beginning", ["", "ffffff"])
def test_what_is_not_kept_is_said(beginning: str) -> None:
    with pytest.raises(ConfigNotKept) as caught:
        history(entry(1)).find(beginning)
    assert caught.value.metadata == {"hash": beginning, "kept": "1"}

"""Dynamic thresholds: who gets what of something that is nearly all taken."""

import pytest
from hedgerow_server.doors.shares import Shares, whole


def fill(shares: Shares, *groups: str) -> None:
    """Takes for each group in turn until none of them gets more."""
    while open_to := [group for group in groups if not shares.has_its_share(group)]:
        for group in open_to:
            if not shares.has_its_share(group):
                shares.take(group)


def test_where_there_is_plenty_nobody_has_a_share() -> None:
    shares = Shares(100)
    for _ in range(80):
        assert not shares.has_its_share("hog")
        shares.take("hog")


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_those_that_want_all_get_as_much_each(groups: int) -> None:
    shares = Shares(500)
    names = [f"g{index}" for index in range(groups)]
    fill(shares, *names)
    expected = 500 * 4 / (1 + 4 * groups)
    for name in names:
        taken = shares._each[name]
        assert expected - 1 <= taken <= expected + 2


def test_whoever_asks_for_little_finds_the_rest() -> None:
    shares = Shares(90)
    fill(shares, "hog")
    for number in range(5):
        assert not shares.has_its_share(f"quiet {number}")
        shares.take(f"quiet {number}")
    assert shares.has_its_share("hog")


def test_a_hog_gives_way_to_those_who_come_later() -> None:
    """With each place that it gives back it gets less of what is left."""
    shares = Shares(90)
    fill(shares, "hog")
    for _ in range(80):
        shares.give_back("hog")
        while not shares.has_its_share("late"):
            shares.take("late")
        while not shares.has_its_share("hog"):
            shares.take("hog")
    assert abs(shares._each["hog"] - shares._each["late"]) <= 4


def test_when_it_becomes_smaller_only_those_with_more_than_an_equal_part_get_no_more() -> None:
    shares = Shares(90)
    fill(shares, "hog")
    shares.size = 40
    assert shares.has_its_share("hog")
    assert not shares.has_its_share("quiet")


def test_some_may_have_more_parts_than_others() -> None:
    shares = Shares(90)
    fill(shares, "hog")
    assert shares.has_its_share("hog")
    assert not shares.has_its_share("hog", 2)


def test_what_is_given_back_is_no_longer_counted() -> None:
    shares = Shares(10)
    shares.take("one")
    shares.give_back("one")
    assert (shares.taken, len(shares)) == (0, 0)


def test_what_was_taken_fades_to_nothing() -> None:
    shares = Shares(10)
    for _ in range(4):
        shares.take("one")
    shares.fade(0.5, 0.5)
    assert shares.taken == pytest.approx(2)
    for _ in range(3):
        shares.fade(0.5, 0.5)
    assert (shares.taken, len(shares)) == (0, 0)


def test_a_hog_has_more_than_all_others_together() -> None:
    shares = Shares(100)
    shares.take("one")
    assert not shares.has_a_hog(), "one that is alone"
    shares.take("two")
    assert not shares.has_a_hog()
    shares.take("one")
    assert shares.has_a_hog()


def test_one_that_is_alone_gets_what_it_was_made_for() -> None:
    shares = Shares(whole(80))
    fill(shares, "only")
    assert shares.taken == pytest.approx(80, abs=1)

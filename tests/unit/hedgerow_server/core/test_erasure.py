"""Users who were erased: told apart without being named, and for a while."""

import pytest
from hedgerow_server.core.erasure import Barred, mark_of, new_salt, person_of

ANN, BEN = person_of("acme", "ann"), person_of("acme", "ben")


class Clock:
    """Says what it is told to."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_whoever_is_barred_is_so_for_the_time_and_no_longer() -> None:
    clock = Clock()
    barred = Barred(for_s=10.0, now=clock)
    barred.bar(ANN)
    clock.now_s = 109.9
    assert (barred.has(ANN), barred.has(BEN)) == (True, False)
    clock.now_s = 110.0
    assert not barred.has(ANN)


def test_marks_of_others_bar_whom_they_mean_whatever_their_salts() -> None:
    barred = Barred()
    barred.add([mark_of(ANN, new_salt()), mark_of(BEN, new_salt())])
    assert (barred.has(ANN), barred.has(BEN), barred.has(person_of("acme", "cho"))) == (True, True, False)


def test_what_has_had_its_time_takes_no_room() -> None:
    clock = Clock()
    barred = Barred(for_s=10.0, now=clock)
    barred.bar(ANN)
    clock.now_s = 110.0
    barred.sweep()
    assert not barred._until


def test_nobody_is_never_barred() -> None:
    barred = Barred()
    barred.bar(person_of("acme", ""))
    assert not barred.has(person_of("globex", ""))


@pytest.mark.parametrize(
    "other", [("ac", "meann"), ("acme", "Ann"), ("acmea", "nn"), ("acme", "ann\0"), ("ann", "acme")]
)
def test_two_users_have_two_marks(other: tuple[str, str]) -> None:
    salt = new_salt()
    assert mark_of(person_of(*other), salt) != mark_of(ANN, salt)


def test_a_mark_with_another_salt_is_another_one() -> None:
    assert mark_of(ANN, new_salt()).digest != mark_of(ANN, new_salt()).digest

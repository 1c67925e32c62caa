"""Secrets that wait to be put in force, and those that are retired."""

import os
from pathlib import Path

from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials import static
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.credentials.static import KeyFile

OLD, NEW, NEWER = Secret("sk-old"), Secret("sk-new"), Secret("sk-newer")


class Fixed:
    """A source that has what a test says."""

    secret = OLD

    def fetch(self) -> Secret:
        return self.secret


class Kept(HeldLease):
    """Notes what happens to it. Another secret waits."""

    def __init__(self, source: Fixed | None = None) -> None:
        super().__init__("main", source)
        self.told = 0
        self.replaced: list[Secret] = []
        self.retired: list[Secret] = []
        self.on_waiting = self._tell_waiting
        self.on_replaced = lambda old, _: self.replaced.append(old)
        self.take(OLD)

    def _tell_waiting(self) -> None:
        self.told += 1

    def retire(self, secret: Secret) -> None:
        self.retired.append(secret)


def test_another_secret_waits_until_it_is_promoted() -> None:
    held = Kept()
    assert not held.take(NEW)
    assert (held.current(), held.waiting, held.version, held.told) == (OLD, NEW, 1, 1)
    assert held.promote(NEW)
    assert (held.current(), held.waiting, held.version, held.replaced) == (NEW, None, 2, [OLD])


def test_without_a_policy_another_secret_is_in_force_at_once() -> None:
    held = HeldLease("main", None)
    held.take(OLD)
    assert held.take(NEW)
    assert held.current() == NEW


def test_a_secret_that_waits_is_told_once_however_often_the_source_is_read() -> None:
    held = Kept()
    for _ in range(3):
        held.take(NEW)
    assert held.told == 1


def test_a_rejected_secret_does_not_come_again_by_itself() -> None:
    held = Kept()
    held.take(NEW)
    held.reject(NEW)
    held.take(NEW)
    assert (held.current(), held.waiting, held.retired) == (OLD, None, [NEW])
    held.take(NEWER)
    assert held.waiting == NEWER


async def test_a_rejected_secret_comes_again_where_it_is_asked_for() -> None:
    source = Fixed()
    held = Kept(source)
    source.secret = NEW
    held.take(NEW)
    held.reject(NEW)
    assert not await held.fetch_again()
    assert held.waiting == NEW


def test_a_newer_secret_takes_the_place_of_the_one_that_waits_which_is_retired() -> None:
    held = Kept()
    held.take(NEW)
    held.take(NEWER)
    assert (held.waiting, held.retired) == (NEWER, [NEW])
    assert not held.promote(NEW)
    assert held.current() == OLD


def test_a_source_that_goes_back_takes_the_waiting_one_along() -> None:
    held = Kept()
    held.take(NEW)
    held.take(OLD)
    assert (held.waiting, held.version) == (None, 1)


def test_one_for_a_secret_that_is_dead_need_not_wait() -> None:
    held = Kept()
    assert held.take(NEW, at_once=True)
    assert held.current() == NEW


async def test_a_refused_secret_gives_way_to_the_one_that_waits_without_a_fetch() -> None:
    held = Kept()
    held.take(NEW)
    assert await held.refused(OLD)
    assert (held.current(), held.replaced) == (NEW, [OLD])


async def test_a_refused_secret_gives_way_to_one_that_comes_by_the_fetch() -> None:
    source = Fixed()
    held = Kept(source)
    source.secret = NEW
    assert await held.refused(OLD)
    assert held.current() == NEW


async def test_a_refused_secret_gives_way_to_one_that_was_rejected_before() -> None:
    """It may be good by now; the one in force is not."""
    source = Fixed()
    held = Kept(source)
    source.secret = NEW
    held.take(NEW)
    held.reject(NEW)
    assert await held.refused(OLD)
    assert held.current() == NEW


def test_a_secret_is_in_use_until_the_last_call_lets_it_go() -> None:
    held = Kept()
    held.hold(OLD)
    held.hold(OLD)
    held.let_go(OLD)
    assert held.in_use(OLD)
    held.let_go(OLD)
    assert not held.in_use(OLD)


def test_a_file_is_as_old_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-1")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    held = static.lease("main", KeyFile(source="file", path=path))
    held.refresh()
    assert held.made_unix_s == 1_700_000_000
    assert held.age_s > 86_400
    assert held.taken_unix_s > held.made_unix_s


def test_a_secret_from_the_future_has_no_age_below_zero() -> None:
    held = HeldLease("main", None)
    held.take(OLD, 4_000_000_000)
    assert 0 <= held.age_s < 60

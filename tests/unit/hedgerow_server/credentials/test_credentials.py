"""Secrets come from the environment and from files, can be rotated, and stand in no message."""

import asyncio
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pydantic
import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.lease import FedLease, HeldLease
from hedgerow_server.credentials.sources import CredentialSection, lease
from hedgerow_server.providers.http.web import HttpWeb

VARIABLE = "HEDGEROW_UNIT_TEST_KEY"
CANARY = "sk-canary-0123456789"


def of(**section: str) -> HeldLease:
    """A lease named "main" on a configured secret."""
    parsed = pydantic.TypeAdapter(CredentialSection).validate_python(section)
    return lease("main", parsed, HttpWeb())


@pytest.fixture(name="path")
def path_fixture(tmp_path: Path) -> Path:
    """Where the secret's file is."""
    return tmp_path / "key"


@pytest.fixture(name="held")
def held_fixture(path: Path) -> HeldLease:
    """A lease on the secret in the file."""
    return of(source="file", path=str(path))


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f" {CANARY}\n")
    held = of(source="env", variable=VARIABLE)
    assert held.refresh()
    assert (held.name, held.ready, held.problem) == ("main", True, "")
    assert held.current().reveal() == CANARY


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_a_variable_that_is_missing_or_empty_is_a_problem(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)
    held = of(source="env", variable=VARIABLE)
    assert not held.refresh()
    assert held.problem == f"the environment variable {VARIABLE} is not set or empty"
    assert not held.ready


def test_white_space_around_the_secret_of_a_file_is_no_part_of_it(path: Path, held: HeldLease) -> None:
    path.write_text(f"\n  {CANARY}\r\n")
    assert held.refresh()
    assert held.current().reveal() == CANARY


def test_before_it_was_fetched_there_is_none(path: Path, held: HeldLease) -> None:
    path.write_text(CANARY)
    assert not held.ready
    assert held.problem == "it was not fetched yet"
    with pytest.raises(CredentialUnavailable) as caught:
        held.current()
    assert caught.value.metadata == {"credential": "main"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe" + CANARY.encode(), "cannot be read: not UTF-8 text"),
        (CANARY.encode() + "é".encode(), "holds characters that no HTTP header takes"),
        ("\ufeff".encode() + CANARY.encode(), "holds characters that no HTTP header takes"),
        (CANARY.encode() + b"\r\nx-injected: 1", "holds characters that no HTTP header takes"),
        (CANARY.encode() + b"\0", "holds characters that no HTTP header takes"),
        (CANARY.encode() + b"\x7f", "holds characters that no HTTP header takes"),
    ],
)
def test_a_file_without_a_usable_secret_is_a_problem(
    path: Path, held: HeldLease, content: bytes | None, problem: str
) -> None:
    if content is not None:
        path.write_bytes(content)
    assert not held.refresh()
    assert held.problem == f"the file {path} {problem}"
    assert CANARY not in held.problem
    assert not held.ready


def test_unusable_characters_of_a_variable_are_refused_without_showing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{CANARY}\nx-injected: 1")
    held = of(source="env", variable=VARIABLE)
    assert not held.refresh()
    assert held.problem == f"the environment variable {VARIABLE} holds characters that no HTTP header takes"


def test_a_rotated_file_gives_the_new_secret(path: Path, held: HeldLease) -> None:
    path.write_text("old")
    held.refresh()
    fresh = path.with_name("fresh")
    fresh.write_text("new")
    fresh.replace(path)
    assert held.refresh()
    assert held.current().reveal() == "new"


def test_a_refresh_tells_whether_the_secret_changed(path: Path, held: HeldLease) -> None:
    path.write_text("same")
    assert held.refresh()
    path.write_text(" same\n")
    assert not held.refresh()


def test_a_failed_refresh_keeps_the_last_good_secret_and_says_why(path: Path, held: HeldLease) -> None:
    path.write_text(CANARY)
    held.refresh()
    path.unlink()
    assert not held.refresh()
    assert held.ready
    assert held.current().reveal() == CANARY
    assert "No such file" in held.problem


def test_a_secret_that_comes_back_clears_the_problem(path: Path, held: HeldLease) -> None:
    held.refresh()
    path.write_text(CANARY)
    assert held.refresh()
    assert (held.ready, held.problem) == (True, "")


def test_a_folder_in_the_place_of_a_file_is_a_problem(path: Path, held: HeldLease) -> None:
    path.mkdir()
    assert not held.refresh()
    assert held.problem.endswith("cannot be read: Is a directory")


class Slow:
    """A source that takes a moment and has these secrets, one after the other."""

    def __init__(self, *values: str) -> None:
        self._values = list(values)

    def fetch(self) -> Secret:
        """The next one."""
        time.sleep(0.1)
        return Secret(self._values.pop(0))


async def test_a_refused_secret_is_fetched_anew_at_once_and_once_for_all() -> None:
    held = HeldLease("main", Slow("old", "new"))
    await held.renew()
    old = held.current()
    assert await asyncio.gather(*(held.refused(old) for _ in range(10))) == [True] * 10
    assert held.current().reveal() == "new"
    assert (held.version, held.refusals) == (2, 10)


async def test_a_refused_secret_that_is_still_there_is_told_so() -> None:
    held = HeldLease("main", Slow("same", "same"))
    await held.renew()
    assert not await held.refused(held.current())


async def test_a_refusal_during_a_fetch_has_a_fetch_of_its_own() -> None:
    """What is under way may have read what was there before the refusal."""
    held = HeldLease("main", Slow("first", "first", "second"))
    await held.renew()
    old = held.current()
    early = asyncio.create_task(held.refused(old))
    await asyncio.sleep(0.05)
    assert await held.refused(old)
    await early
    assert held.current().reveal() == "second"


async def test_refusals_that_join_fetches_which_bring_nothing_new_all_end_and_let_others_run() -> None:
    held = HeldLease("main", Slow(*("same" for _ in range(30))))
    await held.renew()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    other = asyncio.create_task(others())
    asking = []
    for _ in range(12):
        asking.append(asyncio.create_task(held.refused(held.current())))
        await asyncio.sleep(0.03)
    assert await asyncio.gather(*asking) == [False] * 12
    other.cancel()
    assert turns > 10


async def test_a_refusal_waits_two_seconds_for_a_slow_source_and_no_longer() -> None:
    release = threading.Event()

    class Stuck:
        def fetch(self) -> Secret:
            release.wait(20)
            return Secret("late")

    held = HeldLease("main", Stuck())
    held.take(Secret("old"))
    since_s = time.monotonic()
    assert not await held.refused(held.current())
    assert 1.5 < time.monotonic() - since_s < 4
    release.set()


async def test_asking_again_during_a_fetch_has_a_fetch_of_its_own() -> None:
    held = HeldLease("main", Slow("first", "first", "second"))
    await held.renew()
    early = asyncio.create_task(held.refused(held.current()))
    await asyncio.sleep(0.05)
    assert await held.fetch_again()
    assert held.current().reveal() == "second"
    await early


async def test_asking_again_reaches_a_source_that_watches_by_itself() -> None:
    class Watching:
        def __init__(self) -> None:
            self.values = ["first", "second", "second"]

        def again(self) -> "Future[None]":
            done: Future[None] = Future()
            held.take(Secret(self.values.pop(0)))
            done.set_result(None)
            return done

        def release(self, secret: Secret) -> None:
            """Nobody retires any here."""

        def close(self) -> None:
            """Nothing to close."""

    held = FedLease("main")
    held.feed_from(Watching())
    assert await held.fetch_again()
    assert held.current().reveal() == "second"
    assert not await held.fetch_again()


def test_uses_and_refusals_are_known_by_their_times(path: Path, held: HeldLease) -> None:
    path.write_text(CANARY)
    held.refresh()
    assert held.taken_unix_s > 0
    assert (held.used_unix_s, held.refused_unix_s, held.refusals) == (0, 0, 0)
    held.current()
    assert held.used_unix_s >= held.taken_unix_s

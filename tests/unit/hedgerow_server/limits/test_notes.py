"""What a router notes of its use outlives it, and is found once."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hedgerow_server.limits.notes import Left, Notes, Used, left, noted_in


def used(key: str = "k", slot: int = 7, amount: int = 3) -> Used:
    """A count of requests in a month."""
    return Used(key=key, slot=slot, amount=amount, scale=1, length_us=0, keep_ms=1000)


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    """Those of a router."""
    made = Notes(tmp_path, "me")
    made.tend()
    yield made
    made.close(keep=False)


@contextmanager
def found(folder: Path) -> Iterator[list[Left]]:
    """What routers that are gone have left."""
    taken = [one for path in noted_in(folder) if (one := left(path)) is not None]
    yield taken
    for one in taken:
        one.close(told=False)


def counts(folder: Path) -> list[Used]:
    """All of it."""
    with found(folder) as taken:
        return [count for one in taken for count in one.counts()]


_DIES = """
import sys
from pathlib import Path
from hedgerow_server.limits.notes import Notes, Used
notes = Notes(Path(sys.argv[1]), "dead")
notes.tend()
note = notes.take(Used(key="k", slot=7, amount=0, scale=1, length_us=0, keep_ms=1000))
note.used(41)
note.used(42)
print("noted", flush=True)
sys.stdin.read()
"""


def test_what_was_noted_last_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _DIES, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"noted\n"
        assert counts(tmp_path) == [], "it lives"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with found(tmp_path) as taken:
        assert [(one.router, one.counts()) for one in taken] == [("dead", [used(amount=42)])]


def test_those_of_a_router_that_lives_are_left_alone(notes: Notes, tmp_path: Path) -> None:
    assert notes.take(used()) is not None
    assert counts(tmp_path) == []


def test_what_was_told_leaves_nothing(notes: Notes, tmp_path: Path) -> None:
    notes.take(used())
    notes.close(keep=True)
    one = left(tmp_path / "me.used")
    assert one is not None
    one.close(told=True)
    assert list(tmp_path.iterdir()) == []


def test_a_router_that_has_told_all_leaves_nothing(notes: Notes, tmp_path: Path) -> None:
    notes.take(used())
    notes.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_is_about_to_tell_nobody_else_takes(notes: Notes, tmp_path: Path) -> None:
    notes.take(used())
    notes.close(keep=True)
    with found(tmp_path) as first, found(tmp_path) as second:
        assert (len(first), len(second)) == (1, 0)


def test_a_new_slot_begins_with_nothing(notes: Notes, tmp_path: Path) -> None:
    note = notes.take(used())
    assert note is not None
    note.turn(8)
    notes.close(keep=True)
    assert counts(tmp_path) == [used(slot=8, amount=0)]


def test_room_that_was_released_is_taken_again(notes: Notes, tmp_path: Path) -> None:
    first = notes.take(used("first"))
    assert first is not None
    notes.release(first)
    second = notes.take(used("other"))
    assert second is not None
    assert second.at == first.at
    notes.close(keep=True)
    assert counts(tmp_path) == [used("other")]


def test_of_a_count_that_stands_there_twice_the_later_slot_counts_and_the_most_in_it(
    notes: Notes, tmp_path: Path
) -> None:
    for slot, amount in ((7, 9), (8, 2), (8, 5), (8, 0)):
        assert notes.take(used(slot=slot, amount=amount)) is not None
    notes.close(keep=True)
    assert counts(tmp_path) == [used(slot=8, amount=5)]


def test_there_is_room_for_any_number_of_counts(notes: Notes, tmp_path: Path) -> None:
    many = [used(f'["limit|REQUESTS|month||tenant","{"t" * (number % 97)}{number}"]') for number in range(20_000)]
    for one in many:
        if notes.lacks_room:
            notes.tend()
        assert notes.take(one) is not None
    notes.close(keep=True)
    assert sorted(one.key for one in counts(tmp_path)) == sorted(one.key for one in many)


def test_a_key_may_have_any_letters(notes: Notes, tmp_path: Path) -> None:
    keys = ["ä", "日本", "\N{GRINNING FACE}" * 3, "a\0b"]
    assert all(notes.take(used(key)) is not None for key in keys)
    notes.close(keep=True)
    assert sorted(one.key for one in counts(tmp_path)) == sorted(keys)


def test_a_key_without_end_is_not_noted(notes: Notes) -> None:
    assert notes.take(used("k" * 20_000)) is None


def test_where_nothing_can_be_written_counts_stay_without_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "file"
    folder.touch()
    notes = Notes(folder, "me")
    for _ in range(2):
        notes.tend()
    assert notes.take(used()) is None
    assert ["cannot be noted in" in one.message for one in caplog.records] == [True], "it is said once"


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 999, b"\x09" + b"\0" * 7 + b"\x01" * 900])
def test_a_file_that_was_damaged_is_read_without_harm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dead.used").write_bytes(content)
    assert counts(tmp_path) == []

"""Lines to files and pipes that do not take them, and the program's own log."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from hedgerow_server.telemetry.logs import JsonLines, ProgramLog
from hedgerow_server.telemetry.writer import LineWriter, StreamTarget, TornError


class Disk:
    """One that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.written = b""
        self.takes = True

    def ready(self, size: int) -> bool:
        """Unless it is said to be slow."""
        return self.takes

    def write(self, data: bytes) -> None:
        """Takes what fits."""
        fits = data[: self.room]
        self.written += fits
        self.room -= len(fits)
        if len(fits) < len(data):
            raise TornError("full") if fits else OSError("full")


def test_a_line_of_which_only_a_part_was_written_does_not_swallow_the_next_one() -> None:
    disk = Disk(8)
    writer = LineWriter(disk, "test")
    writer._write([b"first\n", b"second\n"])
    assert writer.dropped == 2
    disk.room = 100
    writer._write([b"third\n"])
    writer.close()
    assert disk.written.decode().splitlines() == ["first", "se", "third"]


def test_a_full_disk_leaves_no_empty_lines() -> None:
    disk = Disk(0)
    writer = LineWriter(disk, "test")
    writer._write([b"first\n"])
    disk.room = 100
    writer._write([b"second\n"])
    writer.close()
    assert disk.written == b"second\n"


def test_a_line_is_there_at_once_where_nobody_has_to_be_waited_for() -> None:
    disk = Disk(100)
    writer = LineWriter(disk, "test")
    writer.put_at_once("first")
    assert disk.written == b"first\n"
    writer.close()


def test_a_line_waits_in_the_thread_where_the_reader_is_slow() -> None:
    disk = Disk(100)
    disk.takes = False
    writer = LineWriter(disk, "test")
    writer.put_at_once("first")
    writer.close()
    assert disk.written == b"first\n"


def test_a_frozen_pipe_holds_up_nobody_who_writes_at_once() -> None:
    reader, end = os.pipe()
    with os.fdopen(end, "w") as stream:
        writer = LineWriter(StreamTarget(stream), "test")
        for number in range(3000):
            writer.put_at_once(f"{number} " + "x" * 100)
        assert len(os.read(reader, 1 << 20)) > 0
        while writer._lines:
            os.read(reader, 1 << 16)
        writer.close()
    os.close(reader)


@contextmanager
def logger(out: StringIO, form: logging.Formatter) -> Iterator[logging.Logger]:
    """A logger that writes there; all of it is written once the block ends."""
    handler = ProgramLog(out)
    handler.setFormatter(form)
    found = logging.getLogger("hedgerow_server.test")
    found.addHandler(handler)
    found.setLevel(logging.INFO)
    found.propagate = False
    try:
        yield found
    finally:
        found.removeHandler(handler)
        found.propagate = True
        handler.close()


def test_a_record_is_one_json_line_with_the_id_of_its_call() -> None:
    out = StringIO()
    with logger(out, JsonLines()) as log:
        log.warning("two\nlines of %s", "it", extra={"request_id": "r-1"})
    (text,) = out.getvalue().splitlines()
    told = json.loads(text)
    assert told.pop("time_unix_s") > 1e9
    assert told == {
        "level": "warning",
        "logger": "hedgerow_server.test",
        "message": "two\nlines of it",
        "request_id": "r-1",
    }


def test_an_exception_is_told_with_its_traceback() -> None:
    out = StringIO()
    with logger(out, JsonLines()) as log:
        try:
            raise ValueError("why")
        except ValueError:
            log.exception("failed")
    told = json.loads(out.getvalue())
    assert "test_an_exception_is_told" in told["exception"]
    assert told["exception"].endswith("ValueError: why")


def test_a_record_is_told_as_it_was_when_it_came() -> None:
    out, seen = StringIO(), ["then"]
    with logger(out, logging.Formatter("%(message)s")) as log:
        log.info("%s", seen)
        seen[0] = "later"
    assert out.getvalue() == "['then']\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such device")
def test_a_pipe_that_nobody_reads_costs_lines_and_no_time() -> None:
    """The thread is stuck in it, and the queue is bounded."""
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    handler = ProgramLog(stream)
    try:
        for _ in range(30_000):
            handler.emit(logging.LogRecord("a", logging.INFO, "", 0, "x" * 100, None, None))
        assert handler.writer.dropped > 0
    finally:
        os.close(reading)
        handler.close()
        stream.close()

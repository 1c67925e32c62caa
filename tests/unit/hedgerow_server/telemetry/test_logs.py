"""One JSON line a call, written aside."""

import io
import json
import threading

from hedgerow_server.telemetry import writer
from hedgerow_server.telemetry.logs import CallLine, CallLog


def line(number: int = 1) -> CallLine:
    """A line."""
    return CallLine(request_id=str(number), method="a.B/C", code="OK")


def test_every_line_is_written_in_order() -> None:
    out = io.StringIO()
    log = CallLog(out)
    for number in range(1000):
        log.write(line(number))
    log.close()
    written = [json.loads(text) for text in out.getvalue().splitlines()]
    assert [one["request_id"] for one in written] == [str(number) for number in range(1000)]
    assert log.dropped == 0


def test_a_line_break_in_a_value_does_not_break_the_line() -> None:
    out = io.StringIO()
    log = CallLog(out)
    log.write(CallLine(request_id="1", method="a.B/C", code="INTERNAL", message='a\n{"request_id": "forged"}'))
    log.close()
    (text,) = out.getvalue().splitlines()
    assert json.loads(text)["request_id"] == "1"


def test_what_is_not_known_is_left_out() -> None:
    out = io.StringIO()
    log = CallLog(out)
    log.write(line())
    log.close()
    assert set(json.loads(out.getvalue())) == {"request_id", "method", "code", "time_unix_s"}


class _Stuck(io.StringIO):
    """A stream that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.free.wait(10)
        return super().write(text)


def test_a_stuck_stream_drops_and_counts_lines_and_blocks_nobody() -> None:
    out = _Stuck()
    log = CallLog(out)
    try:
        log.write(line())
        assert out.entered.wait(10)
        for number in range(writer._QUEUE_LINES + 5):
            log.write(line(number))
        assert log.dropped == 5
    finally:
        out.free.set()
        log.close()


def test_a_closed_stream_is_counted_and_ends_nothing() -> None:
    out = io.StringIO()
    out.close()
    log = CallLog(out)
    log.write(line())
    log.close()
    assert log.dropped == 1

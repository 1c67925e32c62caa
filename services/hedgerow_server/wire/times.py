"""Times and durations between seconds and protobuf, exact to the microsecond."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_MICROS = 1_000_000


def seconds(duration: Duration) -> float:
    """A duration as seconds."""
    return duration.seconds + duration.nanos / 1e9


def set_duration(target: Duration | Timestamp, seconds: float) -> None:
    """Fills an empty duration."""
    micros = round(seconds * _MICROS)
    if not 0 <= micros < _MICROS:
        target.seconds = micros // _MICROS
        micros %= _MICROS
    target.nanos = micros * 1000


def set_timestamp(target: Timestamp, unix_s: float) -> None:
    """Fills an empty time."""
    set_duration(target, unix_s)


def duration(seconds: float) -> Duration:
    """Seconds as a duration."""
    made = Duration()
    set_duration(made, seconds)
    return made


def timestamp(unix_s: float | None) -> Timestamp | None:
    """A time, None where there is none."""
    if unix_s is None:
        return None
    made = Timestamp()
    set_timestamp(made, unix_s)
    return made

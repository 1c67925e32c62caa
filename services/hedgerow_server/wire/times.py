"""Times and durations between seconds and protobuf, exact to the microsecond."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_MICROS = 1_000_000


def seconds(duration: Duration) -> float:
    """A duration as seconds."""
    return duration.seconds + duration.nanos / 1e9


def set_duration(target: Duration, seconds: float) -> None:
    """Fills a duration."""
    _set(target, seconds)


def duration(seconds: float) -> Duration:
    """Seconds as a duration."""
    made = Duration()
    _set(made, seconds)
    return made


def set_timestamp(target: Timestamp, unix_s: float) -> None:
    """Fills a time."""
    _set(target, unix_s)


def timestamp(unix_s: float | None) -> Timestamp | None:
    """A time, None where there is none."""
    if unix_s is None:
        return None
    made = Timestamp()
    _set(made, unix_s)
    return made


def _set(target: Duration | Timestamp, seconds: float) -> None:
    micros = round(seconds * _MICROS)
    target.seconds = micros // _MICROS
    target.nanos = micros % _MICROS * 1000

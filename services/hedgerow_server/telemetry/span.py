"""A span that is over, free of any library."""

import enum
from collections.abc import Mapping, Sequence

import msgspec

Value = str | bool | int | float | Sequence[str]
Attributes = dict[str, Value]


class SpanKind(enum.Enum):
    """What a span stands for."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class SpanEvent(msgspec.Struct, frozen=True):
    """Something that happened within."""

    name: str
    time_unix_s: float
    attributes: Mapping[str, Value] = {}


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Ids are lower-case hex, times Unix seconds."""

    name: str
    kind: SpanKind
    trace_id: str
    span_id: str
    parent_id: str = ""
    """Empty: the first one of its trace."""
    parent_is_remote: bool = False
    state: str = ""
    """`tracestate`."""
    start_unix_s: float
    end_unix_s: float
    attributes: Mapping[str, Value]
    events: Sequence[SpanEvent] = ()
    failed: bool = False
    """Whether its status is ERROR; else it is not set, as conventions ask of instrumentation."""

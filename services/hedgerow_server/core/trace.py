"""A call's place in a trace that is recorded, by its ids (W3C Trace Context)."""

import os

import msgspec

Headers = tuple[tuple[str, str], ...]
"""Names, in lower case, and values."""
TRACEPARENT = "traceparent"
_NO_SPAN = "0" * 16
_RECORDED = 1


def new_trace_id() -> str:
    """16 random bytes in hex; never all of them zero."""
    return os.urandom(16).hex()


def new_span_id() -> str:
    """Eight random bytes in hex, not all of them zero: that is no id."""
    while (found := os.urandom(8).hex()) == _NO_SPAN:
        pass
    return found


class Traced(msgspec.Struct, frozen=True):
    """The span of a call. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    """The call's own."""
    parent_id: str = ""
    """The span that it is a child of; empty for the first one of a trace."""
    state: str = ""
    """`tracestate` as the caller sent it."""
    flags: int = _RECORDED
    """The caller's, with the bit for "recorded" set."""

    def child(self) -> "Traced":
        """The span of a call that is made for this one."""
        return Traced(self.trace_id, new_span_id(), self.span_id, self.state, self.flags)

    def traceparent(self, span_id: str = "") -> str:
        """The header that names a span of the trace as the parent; the call's own by default."""
        return f"00-{self.trace_id}-{span_id or self.span_id}-{self.flags:02x}"

    def within(self, headers: Headers, span_id: str = "") -> Headers:
        """The same headers, with such a parent in them."""
        parent = self.traceparent(span_id)
        return tuple([(name, parent if name == TRACEPARENT else value) for name, value in headers])

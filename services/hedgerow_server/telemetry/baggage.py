"""What callers say of their calls in the header `baggage` (W3C Baggage), as far as providers may know it."""

from hedgerow_server.core.call import Call
from hedgerow_server.core.trace import Headers
from hedgerow_server.telemetry.section import TelemetrySection
from hedgerow_server.telemetry.trace import TraceHeaders

_MAX_BYTES = 8192
_MAX_MEMBERS = 64
"""The least that a party must propagate, and the most that this one does."""


def propagated(trace: TraceHeaders, section: TelemetrySection) -> TraceHeaders:
    """The headers of `trace`, and those that the configuration lets go on to providers besides."""
    keys, tell_id = frozenset(section.propagate_baggage), section.propagate_request_id
    if not keys and not tell_id:
        return trace

    def headers(call: Call) -> Headers:
        found = trace(call)
        if keys and (baggage := listed(call.metadata.get("baggage", ""), keys)):
            found += (("baggage", baggage),)
        return (*found, ("x-request-id", call.request_id)) if tell_id else found

    return headers


def listed(baggage: str, keys: frozenset[str]) -> str:
    """The members that have one of the keys, as they came, with their properties. Nothing of a header that is not of
    the form that the standard gives it, or beyond its limits.
    """
    if not baggage or len(baggage) > _MAX_BYTES or not all(" " <= char <= "~" or char == "\t" for char in baggage):
        return ""
    members = baggage.split(",")
    if len(members) > _MAX_MEMBERS:
        return ""
    return ",".join(one.strip() for one in members if "=" in one and one.partition("=")[0].strip() in keys)

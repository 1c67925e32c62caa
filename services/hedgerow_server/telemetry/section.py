"""What the configuration says of numbers, traces and lines."""

from pathlib import Path
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.telemetry.traces_section import TracesSection

BaggageKey = Annotated[str, pydantic.Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$")]
"""A key of `baggage`: a token of HTTP (RFC 9110, section 5.6.2)."""


class TelemetrySection(Section):
    """Section `telemetry`."""

    traces: TracesSection | None = None
    """Where traces of calls go. None: none are recorded, and a caller's trace goes on to the provider as it came. But
    for `sample_ratio`, `max_spans_per_second` and `content` this is read when the server starts."""
    log_format: Literal["text", "json"] = "text"
    """What the records of the program's own log look like: lines to be read, or a JSON object on each line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe records of the program's own log, on standard error."""
    call_log: bool = True
    """Whether every call gets a JSON line on standard error: no content, no credential."""
    call_log_file: Path | None = None
    """The file to which these lines are appended instead; it may be moved away at any time, and is then made anew. Read
    when the server starts."""
    log_peers: bool = False
    """Whether that line names the caller's address, behind `server.trusted_proxies` the one that they tell. Off by
    default: it is personal data in many places."""
    propagate_baggage: tuple[BaggageKey, ...] = ()
    """The keys of callers' `baggage` (W3C) that providers are told. None by default: it may say what is not for them.
    `traceparent` and `tracestate` always go on."""
    propagate_request_id: bool = False
    """Whether providers are told the id of the call, as `x-request-id`, for those that pass it on or log it."""
    max_tenants: int = pydantic.Field(default=200, ge=0, le=10_000)
    """How many tenants metrics tell apart, and five times as many teams; those that come later are told as "other"."""

    def started_as(self, started: "TelemetrySection") -> "TelemetrySection":
        """The same, with what cannot change without a restart as it was at the start."""
        old, new = started.traces, self.traces
        traces = new.started_as(old) if old is not None and new is not None else old
        names = ("call_log", "call_log_file", "log_peers")
        return self.model_copy(update={"traces": traces} | {name: getattr(started, name) for name in names})

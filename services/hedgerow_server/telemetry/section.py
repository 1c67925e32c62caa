"""What the configuration says of numbers, traces and lines."""

from typing import Literal

from hedgerow_server.config.model import Section


class TelemetrySection(Section):
    """Section `telemetry`."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe records of the program's own log, on standard error."""
    call_log: bool = True
    """Whether every call gets a JSON line on standard error: no content, no credential."""

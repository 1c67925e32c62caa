"""One JSON line a call, and the program's own log. Writing never blocks the event loop (`writer.py`)."""

import logging
import time
from functools import partial
from pathlib import Path
from typing import TextIO

import msgspec

from hedgerow_server.core.call import Call, Outcome, Principal
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.core.trace import TRACEPARENT, Headers
from hedgerow_server.telemetry.breakdown import breakdown
from hedgerow_server.telemetry.writer import FileTarget, LineWriter, StreamTarget

_NOBODY = Principal(tenant="")
_SENT = (ChatRequest, EmbedRequest)


class CallLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the line of a call says. No content, no credential."""

    request_id: str
    method: str
    code: str
    door: str = "grpc"
    """"openai" or "anthropic" where the call came over HTTP."""
    reason: str = ""
    message: str = ""
    tenant: str = ""
    user: str = ""
    service: str = ""
    key_id: str = ""
    provider: str = ""
    model: str = ""
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    duration_ms: float = 0.0
    """All of the time; the six that follow are its parts and add up to it, see `breakdown.Breakdown`."""
    auth_ms: float = 0.0
    queue_ms: float = 0.0
    guards_ms: float = 0.0
    cache_ms: float = 0.0
    upstream_ms: float = 0.0
    overhead_ms: float = 0.0
    first_token_ms: float | None = None
    replay_of: str = ""
    """The call whose kept answer was given."""
    trace: str = ""
    """`traceparent` as it goes on to providers and guards."""
    trace_id: str = ""
    """The trace of the call, whoever records it."""
    span_id: str = ""
    """The call's own span, where the router records one."""
    peer: str = ""
    """Where the call came from, where the configuration wants that told."""
    labels: dict[str, str] = {}
    time_unix_s: float = msgspec.field(default_factory=time.time)


def line(call: Call, outcome: Outcome, duration_s: float, *, peers: bool = False) -> CallLine:
    """The line of a call that is over; `peers`: with the caller's address."""
    error, last = outcome.error, call.attempts[-1] if call.attempts else None
    usage, request, principal = call.usage, call.request, call.principal or _NOBODY
    traced, parts = call.traced, breakdown(call, duration_s)
    trace = _traceparent(call.trace) if call.trace else ""
    return CallLine(
        request_id=call.request_id,
        method=call.method.name,
        door=call.door,
        code=error.code if error else "OK",
        reason=error.reason if error else "",
        message=error.message if error else "",
        tenant=principal.tenant,
        user=principal.user,
        service=principal.service,
        key_id=principal.key_id,
        provider=last.provider if last else "",
        model=last.model if last else "",
        attempts=call.attempts_started,
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
        duration_ms=round(duration_s * 1000, 3),
        auth_ms=round(parts.auth_s * 1000, 3),
        queue_ms=round(parts.queue_s * 1000, 3) if parts.queue_s else 0.0,
        guards_ms=round(parts.guards_s * 1000, 3) if parts.guards_s else 0.0,
        cache_ms=round(parts.cache_s * 1000, 3) if parts.cache_s else 0.0,
        upstream_ms=round(parts.upstream_s * 1000, 3),
        overhead_ms=round(parts.overhead_s * 1000, 3),
        first_token_ms=round(last.first_token_s * 1000, 3) if last and last.first_token_s is not None else None,
        replay_of=call.replay_of,
        peer=call.peer if peers else "",
        labels=request.labels if isinstance(request, _SENT) else {},
        trace=trace,
        trace_id=trace[3:35],
        span_id=traced.span_id if traced is not None else "",
    )


def _traceparent(headers: Headers) -> str:
    for name, value in headers:
        if name == TRACEPARENT:
            return value
    return ""


class CallLog:
    """A watcher that writes the line of every call: encoded and written in a thread of its own."""

    def __init__(self, stream: TextIO | None = None, *, path: Path | None = None, peers: bool = False) -> None:
        """Writes to `stream`, standard error by default, or to the file at `path`; `peers`: with callers' addresses.
        Raises OSError for a file that cannot be opened.
        """
        self._peers = peers
        self._encode = msgspec.json.Encoder().encode
        self._writer = LineWriter(FileTarget(path) if path is not None else StreamTarget(stream), "call-log")

    @property
    def dropped(self) -> int:
        """Lines that were lost since they could not be written, or not fast enough."""
        return self._writer.dropped

    def began(self, call: Call) -> None:
        """Nothing: a call has its line at its end."""

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """Queues its line."""
        self.write(line(call, outcome, duration_s, peers=self._peers))

    def write(self, line: CallLine) -> None:
        """Queues the line, or drops and counts it."""
        self._writer.put(partial(self._encode, line))

    def close(self) -> None:
        """Writes what is queued, at most for two seconds."""
        self._writer.close()


class ProgramLog(logging.Handler):
    """Writes the program's own log: at once where nobody has to be waited for, otherwise in a thread of its own. Who
    logs is often the event loop, and standard error may be a pipe that nobody reads.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to `stream`, standard error by default."""
        super().__init__()
        self.writer = LineWriter(StreamTarget(stream), "program-log")

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the line of a record, or queues it."""
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        self.writer.put_at_once(text)

    def close(self) -> None:
        """Writes what is queued, at most for two seconds."""
        self.writer.close()
        super().close()


class JsonLines(logging.Formatter):
    """A record as a JSON line: `time_unix_s`, `level`, `logger`, `message`, the `request_id` of the call that it is
    about where that is known, and the `exception` with its traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        found: dict[str, object] = {
            "time_unix_s": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = getattr(record, "request_id", "")
        if request_id:
            found["request_id"] = request_id
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(found).decode()


def program_lines_dropped() -> int:
    """Lines of the program's own log that were lost."""
    return sum(one.writer.dropped for one in logging.getLogger().handlers if isinstance(one, ProgramLog))


def set_up_logging(level: str, form: str = "text") -> None:
    """Sends the program's own log to standard error, one line a record: "text" or "json". May be called again."""
    root = logging.getLogger()
    handler = next((one for one in root.handlers if isinstance(one, ProgramLog)), None)
    if handler is None:
        handler = ProgramLog()
        logging.basicConfig(handlers=[handler], force=True)
    handler.setFormatter(
        JsonLines() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    root.setLevel(level.upper())
    # The admin door's server tells of every start and stop of its own; httpx of every request with its URL, and at the
    # level of debug of its headers, as does what urllib3 sends to a collector; watchfiles of every change beside the
    # configuration.
    quiet = max(logging.WARNING, root.level)
    for name in ("uvicorn", "httpx", "httpcore", "urllib3", "watchfiles"):
        logging.getLogger(name).setLevel(quiet)

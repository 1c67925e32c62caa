"""One JSON line a call, and the program's own log. Writing never blocks the event loop: a thread does it, and when it
cannot keep up lines are dropped and counted.
"""

import collections
import logging
import sys
import threading
import time
from typing import TextIO

import msgspec

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.request import ChatRequest, EmbedRequest

_QUEUE_LINES = 10_000
_BATCH_LINES = 256
_PAUSE_S = 0.05


class CallLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    first_token_ms: float | None = None
    replay_of: str = ""
    """The call whose kept answer was given."""
    trace: str = ""
    labels: dict[str, str] = {}
    time_unix_s: float = msgspec.field(default_factory=time.time)


def line(call: Call, outcome: Outcome, duration_s: float) -> CallLine:
    """The line of a call that is over."""
    error, last = outcome.error, call.attempts[-1] if call.attempts else None
    usage, request, principal = call.usage, call.request, call.principal
    return CallLine(
        request_id=call.request_id,
        method=call.method.name,
        door=call.door,
        code=error.code if error else "OK",
        reason=error.reason if error else "",
        message=error.message if error else "",
        tenant=principal.tenant if principal else "",
        user=principal.user if principal else "",
        service=principal.service if principal else "",
        key_id=principal.key_id if principal else "",
        provider=last.provider if last else "",
        model=last.model if last else "",
        attempts=call.attempts_started,
        input_tokens=usage.input_tokens if usage else 0,
        output_tokens=usage.output_tokens if usage else 0,
        duration_ms=round(duration_s * 1000, 3),
        first_token_ms=round(last.first_token_s * 1000, 3) if last and last.first_token_s is not None else None,
        replay_of=call.replay_of,
        labels=request.labels if isinstance(request, ChatRequest | EmbedRequest) else {},
        trace=next((value for name, value in call.trace if name == "traceparent"), ""),
    )


class CallLog:
    """A watcher that writes the line of every call: encoded and written in a thread of its own.

    The thread looks for lines every 50 ms rather than being woken for each: a wake-up costs the event loop more than
    all else that the line does.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to `stream`, standard error by default."""
        self._stream = stream or sys.stderr
        self._lines: collections.deque[CallLine] = collections.deque()
        self._closing = threading.Event()
        self.dropped = 0
        """Lines that were lost because the stream was too slow."""
        self._thread = threading.Thread(target=self._write_lines, name="call-log", daemon=True)
        self._thread.start()

    def began(self, call: Call) -> None:
        """Nothing: a call has its line at its end."""

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """Queues its line."""
        self.write(line(call, outcome, duration_s))

    def write(self, line: CallLine) -> None:
        """Queues the line, or drops and counts it."""
        if len(self._lines) < _QUEUE_LINES:
            self._lines.append(line)
        else:
            self.dropped += 1

    def close(self) -> None:
        """Writes what is queued, at most for two seconds."""
        self._closing.set()
        self._thread.join(timeout=2)

    def _write_lines(self) -> None:
        encoder = msgspec.json.Encoder()
        last = False
        while not last:
            last = self._closing.wait(_PAUSE_S)
            while self._lines:
                batch = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH_LINES))]
                try:
                    self._stream.write("".join(f"{encoder.encode(line).decode()}\n" for line in batch))
                    self._stream.flush()
                except (OSError, ValueError):
                    self.dropped += len(batch)


def set_up_logging(level: str) -> None:
    """Sends the program's own log to standard error, one line a record."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # The admin door's server tells of every start and stop of its own; httpx of every request with its URL, and at the
    # level of debug of its headers; watchfiles of every change beside the configuration.
    quiet = max(logging.WARNING, logging.getLogger().level)
    for name in ("uvicorn", "httpx", "httpcore", "watchfiles"):
        logging.getLogger(name).setLevel(quiet)

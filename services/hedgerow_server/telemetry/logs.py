"""One JSON line a call, and the program's own log. Writing never blocks the event loop: a thread does it, and when it
cannot keep up lines are dropped and counted.
"""

import logging
import queue
import sys
import threading
import time
from typing import TextIO

import msgspec

_QUEUE_LINES = 10_000


class CallLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the line of a call says. No content, no credential."""

    request_id: str
    method: str
    code: str
    reason: str = ""
    message: str = ""
    tenant: str = ""
    provider: str = ""
    model: str = ""
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    duration_ms: float = 0.0
    first_token_ms: float | None = None
    trace: str = ""
    time_unix_s: float = msgspec.field(default_factory=time.time)


class CallLog:
    """Encodes and writes lines in a thread of its own."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Writes to `stream`, standard error by default."""
        self._stream = stream or sys.stderr
        self._lines: queue.Queue[CallLine | None] = queue.Queue(_QUEUE_LINES)
        self.dropped = 0
        """Lines that were lost because the stream was too slow."""
        self._thread = threading.Thread(target=self._write_lines, name="call-log", daemon=True)
        self._thread.start()

    def write(self, line: CallLine) -> None:
        """Queues the line, or drops and counts it."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Writes what is queued, at most for two seconds."""
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=1)

    def _write_lines(self) -> None:
        encoder = msgspec.json.Encoder()
        while (line := self._lines.get()) is not None:
            text = encoder.encode(line).decode()
            # Whatever else is waiting goes out with it, in one write.
            batch = [text]
            last = False
            while not self._lines.empty() and len(batch) < 256:
                more = self._lines.get()
                if more is None:
                    last = True
                    break
                batch.append(encoder.encode(more).decode())
            try:
                self._stream.write("\n".join(batch) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                self.dropped += len(batch)
            if last:
                return


def set_up_logging(level: str) -> None:
    """Sends the program's own log to standard error, one line a record."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # The admin door's server tells of every start and stop of its own; httpx of every request with its URL, and at the
    # level of debug of its headers.
    quiet = max(logging.WARNING, logging.getLogger().level)
    for name in ("uvicorn", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(quiet)

"""Spans on their way to a collector: OTLP over HTTP, in a thread of its own. Nobody waits for it.

What the collector does not take in time is dropped and counted, as is what comes while the queue is full. Needs the
extra `otel`.
"""

import collections
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import RevealNamed
from hedgerow_server.telemetry.span import Span
from hedgerow_server.telemetry.span import SpanKind as Kind
from hedgerow_server.telemetry.traces_section import TracesSection

_log = logging.getLogger(__name__)
_LAST_S = 2.0
"""How long the end of the router waits for what is left."""
_KINDS = {Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT, Kind.INTERNAL: SpanKind.INTERNAL}
_SCHEMA = "https://opentelemetry.io/schemas/1.45.0"


class SpanExporter:
    """A `spans.Sink`."""

    def __init__(self, section: TracesSection, reveal: RevealNamed, version: str) -> None:
        """`reveal` gives secrets of `credentials`; `version` is the router's."""
        self.exported = 0
        self.dropped: Mapping[str, int] = {}
        self._counts: dict[str, int] = dict.fromkeys(("queue_full", "not_delivered", "shutdown"), 0)
        self.dropped = self._counts
        self._section = section
        self._resource = Resource({"service.name": "hedgerow", "service.version": version, **section.resource})
        self._scope = InstrumentationScope("hedgerow", version, _SCHEMA)
        self._queue: collections.deque[Span] = collections.deque()
        self._closing, self._full = threading.Event(), threading.Event()
        self._failing = False
        self._exporter = OTLPSpanExporter(
            section.endpoint,
            certificate_file=str(section.ca_file) if section.ca_file is not None else None,
            timeout=section.timeout_seconds,
            compression=Compression.Gzip,
            session=_session(section, reveal),
        )
        # It tells of each failure in a line of its own; ours are told once, until it works again.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._thread = threading.Thread(target=self._send_all, name="spans", daemon=True)
        self._thread.start()

    def put(self, spans: list[Span]) -> None:
        """Queues all of them, or drops and counts all of them: half a call tells less than none."""
        if self._closing.is_set():
            self._counts["shutdown"] += len(spans)
        elif len(self._queue) + len(spans) > self._section.queue_spans:
            self._counts["queue_full"] += len(spans)
        else:
            self._queue.extend(spans)
            if len(self._queue) >= self._section.batch_spans:
                self._full.set()

    def close(self) -> None:
        """Sends what is queued, at most for two seconds; what is left then is dropped."""
        self._closing.set()
        self._full.set()
        self._thread.join(timeout=_LAST_S)
        if self._thread.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]
        while self._queue:
            self._queue.popleft()
            self._counts["shutdown"] += 1

    def _send_all(self) -> None:
        last = False
        while not last:
            self._full.wait(self._section.delay_seconds)
            self._full.clear()
            last = self._closing.is_set()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._section.batch_spans))]
                self._send(batch)

    def _send(self, batch: Sequence[Span]) -> None:
        try:
            taken = self._exporter.export([self._readable(one) for one in batch]) is SpanExportResult.SUCCESS
        except Exception as error:
            # Whatever it is, the thread goes on: it is the only one.
            _log.debug("spans could not be sent: %s", type(error).__name__)
            taken = False
        if taken:
            self.exported += len(batch)
        else:
            self._counts["not_delivered"] += len(batch)
        if taken is self._failing:
            self._failing = not taken
            say, how = (_log.info, "takes spans again") if taken else (_log.warning, "takes no spans; they are dropped")
            say("the collector at %s %s", self._section.endpoint.partition("?")[0], how)

    def _readable(self, span: Span) -> ReadableSpan:
        state = TraceState.from_header([span.state]) if span.state else None
        context = _context(span.trace_id, span.span_id, state, remote=False)
        parent = (
            _context(span.trace_id, span.parent_id, state, remote=span.parent_is_remote) if span.parent_id else None
        )
        return ReadableSpan(
            span.name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=dict(span.attributes),
            events=[Event(one.name, dict(one.attributes), _nanos(one.time_unix_s)) for one in span.events],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=_nanos(span.start_unix_s),
            end_time=_nanos(span.end_unix_s),
            instrumentation_scope=self._scope,
        )


def _context(trace_id: str, span_id: str, state: TraceState | None, *, remote: bool) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED), state)


def _nanos(unix_s: float) -> int:
    return int(unix_s * 1_000_000_000)


def _session(section: TracesSection, reveal: RevealNamed) -> requests.Session:
    """What sends the requests: with the secrets as they are then, and to nowhere else."""
    session = requests.Session()
    # Neither proxies nor .netrc of the environment: the configuration alone says where spans go.
    session.trust_env = False
    session.max_redirects = 0
    session.auth = _headers(section.headers, reveal)
    return session


def _headers(
    headers: Mapping[str, str], reveal: RevealNamed
) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def add(request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name, credential in headers.items():
            try:
                request.headers[name] = reveal(credential).reveal()
            except CredentialUnavailable:
                raise requests.exceptions.InvalidHeader(f"no secret for {name}") from None
        return request

    return add

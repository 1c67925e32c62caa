"""The spans of calls that are recorded, made once a call is over: what happened is in its record anyway."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, Metric

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import AttemptOutcome, AttemptRecord, Events
from hedgerow_server.core.trace import Headers, Traced, new_span_id
from hedgerow_server.telemetry import conventions
from hedgerow_server.telemetry.content import Contents
from hedgerow_server.telemetry.conventions import Providers
from hedgerow_server.telemetry.span import Span, SpanEvent, SpanKind
from hedgerow_server.telemetry.trace import Allowance, Sampler
from hedgerow_server.telemetry.traces_section import TracesSection

FIRST_TOKEN = "hedgerow.first_token"  # noqa: S105
"""The event of an attempt whose answer began."""


class Sink(Protocol):
    """Takes spans to where they are kept. `exporter.SpanExporter` is one."""

    dropped: Mapping[str, int]
    """Spans that were lost, by why."""
    exported: int
    """Spans that have arrived."""

    def put(self, spans: list[Span]) -> None:
        """Takes them, or drops and counts them; never blocks."""

    def close(self) -> None:
        """Sends what there is, within a bound."""


class Spans:
    """A watcher that makes the spans of calls: one of the call, one of each attempt, one of each wait that is known."""

    def __init__(self, section: TracesSection, sink: Sink, clock: Callable[[], float] = time.time) -> None:
        self.sink = sink
        self.providers: Providers = {}
        """What is known of the providers of the configuration in force."""
        self._clock = clock
        self._allowance = Allowance(section.max_spans_per_second)
        self._contents = Contents()
        self.serve(section)

    def serve(self, section: TracesSection) -> None:
        """Takes over what may change while the router runs."""
        self.sampler = Sampler(section.sample_ratio, self._allowance)
        self._allowance.per_second = section.max_spans_per_second
        self._contents.serve(section.content)

    def headers(self, call: Call) -> Headers:
        """What goes on to the provider. Decides whether the call is recorded."""
        return self.sampler(call)

    @property
    def refused(self) -> int:
        """Calls that were not recorded since there were too many."""
        return self._allowance.refused

    def began(self, call: Call) -> None:
        """Nothing: whether it is recorded is decided with its headers."""

    def shown(self, call: Call, events: Events) -> Events:
        """The same events; what a caller is shown is kept for the span where the configuration wants that."""
        return events if call.traced is None else self._contents.shown(call, events)

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        """Makes its spans and hands them on."""
        traced = call.traced
        if traced is not None:
            spans = list(self._of(call, traced, outcome, duration_s))
            self._allowance.take(len(spans))
            self.sink.put(spans)

    def _of(self, call: Call, traced: Traced, outcome: Outcome, duration_s: float) -> Iterator[Span]:
        ended_s, operation = self._clock(), conventions.operation(call)
        attributes = conventions.of_call(call, outcome, duration_s)
        attributes.update(self._contents.taken(call, outcome, ended_s))
        name = call.method.name.lstrip("/") if call.cause is None else call.cause.purpose
        yield Span(
            name=name,
            kind=SpanKind.SERVER if call.cause is None else SpanKind.INTERNAL,
            trace_id=traced.trace_id,
            span_id=traced.span_id,
            parent_id=traced.parent_id,
            parent_is_remote=call.cause is None,
            state=traced.state,
            start_unix_s=ended_s - duration_s,
            end_unix_s=ended_s,
            attributes=attributes,
            failed="error.type" in attributes,
        )
        for record in call.attempts:
            if record.span_id:
                yield self._attempt(record, traced, operation)
        unix_s = ended_s - time.monotonic()
        for kind, whose, since_s, until_s in call.waits:
            yield Span(
                name=f"{kind} {whose}" if whose else kind,
                kind=SpanKind.INTERNAL,
                trace_id=traced.trace_id,
                span_id=new_span_id(),
                parent_id=traced.span_id,
                state=traced.state,
                start_unix_s=since_s + unix_s,
                end_unix_s=until_s + unix_s,
                attributes={"hedgerow.guardrail": whose} if whose else {},
            )

    def _attempt(self, record: AttemptRecord, traced: Traced, operation: str) -> Span:
        start_s, first_s = record.start_unix_s, record.first_token_s
        return Span(
            name=f"{operation} {record.model}".strip(),
            kind=SpanKind.CLIENT,
            trace_id=traced.trace_id,
            span_id=record.span_id,
            parent_id=traced.span_id,
            state=traced.state,
            start_unix_s=start_s,
            end_unix_s=start_s + record.total_s,
            attributes=conventions.of_attempt(record, operation, self.providers.get(record.provider)),
            events=() if first_s is None else (SpanEvent(FIRST_TOKEN, start_s + first_s),),
            failed=record.outcome is AttemptOutcome.FAILED,
        )


class SpanNumbers:
    """Spans in numbers."""

    WHYS = ("queue_full", "not_delivered", "rate", "shutdown")

    def __init__(self, spans: Spans | None) -> None:
        """None: nothing is recorded."""
        self._spans = spans

    def __call__(self) -> Iterator[Metric]:
        spans = self._spans
        text = "Spans that the collector has taken."
        yield CounterMetricFamily("hedgerow_spans_exported", text, spans.sink.exported if spans is not None else 0)
        text = "Spans that were lost, by why; those of `rate` are calls that were not recorded at all."
        dropped = CounterMetricFamily("hedgerow_spans_dropped", text, labels=("why",))
        for why in self.WHYS:
            count = 0
            if spans is not None:
                count = spans.refused if why == "rate" else spans.sink.dropped.get(why, 0)
            dropped.add_metric((why,), count)
        yield dropped

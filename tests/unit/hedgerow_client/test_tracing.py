"""Spans and trace context of traced clients."""

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hedgerow_client import AsyncClient, Client, chat, item
from hedgerow_client.errors import CallCancelledError
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from unit.hedgerow_client.fake_gateway import REQUEST_ID, FakeGateway


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What the instrumentation of one test exports."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


def only(spans: InMemorySpanExporter) -> ReadableSpan:
    (span,) = spans.get_finished_spans()
    return span


def assert_parent_of(span: ReadableSpan, gateway: FakeGateway) -> None:
    context = span.context
    assert context is not None
    parent = str(gateway.metadata["traceparent"]).rsplit("-", 1)[0]
    assert parent == f"00-{context.trace_id:032x}-{context.span_id:016x}"


def test_a_unary_call_is_a_span_that_the_gateway_sees(gateway: FakeGateway, spans: InMemorySpanExporter) -> None:
    with Client(gateway.target, tracing=True) as client:
        client.complete(chat("fast", "hi"))
    assert only(spans).name == "/hedgerow.chat.v1.ChatService/Complete"
    assert_parent_of(only(spans), gateway)


def test_a_stream_is_a_span_that_the_gateway_sees(gateway: FakeGateway, spans: InMemorySpanExporter) -> None:
    with Client(gateway.target, tracing=True) as client:
        stream = client.stream(chat("fast", "hi"))
        stream.collect()
    assert_parent_of(only(spans), gateway)
    assert stream.request_id == REQUEST_ID


def test_a_bidirectional_stream_is_a_span_that_the_gateway_sees(
    gateway: FakeGateway, spans: InMemorySpanExporter
) -> None:
    with Client(gateway.target, tracing=True) as client:
        client.stream_embed("embed-small", [item("1", "a")]).collect()
    assert_parent_of(only(spans), gateway)


def test_a_traced_stream_leaves_the_callers_span_alone(gateway: FakeGateway, spans: InMemorySpanExporter) -> None:
    with Client(gateway.target, tracing=True) as client, client.stream(chat("endless", "hi")) as stream:
        next(stream)
        assert trace.get_current_span() is trace.INVALID_SPAN


def test_closing_a_traced_stream_cancels_the_call_and_ends_its_span(
    gateway: FakeGateway, spans: InMemorySpanExporter
) -> None:
    with Client(gateway.target, tracing=True) as client:
        with client.stream(chat("endless", "hi")) as stream:
            next(stream)
        assert gateway.cancelled.wait(5)
    assert only(spans).end_time is not None


def test_closing_a_traced_stream_from_another_thread_ends_the_reader(
    gateway: FakeGateway, spans: InMemorySpanExporter
) -> None:
    with Client(gateway.target, tracing=True) as client, ThreadPoolExecutor(1) as pool:
        stream = client.stream(chat("endless", "hi"))
        next(stream)
        reader = pool.submit(stream.collect)
        stream.close()
        with pytest.raises(CallCancelledError):
            reader.result(5)
    assert gateway.cancelled.wait(5)


async def test_asyncio_calls_are_spans_that_the_gateway_sees(gateway: FakeGateway, spans: InMemorySpanExporter) -> None:
    async with AsyncClient(gateway.target, tracing=True) as client:
        stream = client.stream(chat("fast", "hi"))
        await stream.collect()
    assert_parent_of(only(spans), gateway)
    assert stream.request_id == REQUEST_ID


async def test_leaving_a_traced_asyncio_stream_cancels_the_call(
    gateway: FakeGateway, spans: InMemorySpanExporter
) -> None:
    async with AsyncClient(gateway.target, tracing=True) as client:
        async with client.stream(chat("endless", "hi")) as stream:
            await anext(stream)
        assert await asyncio.to_thread(gateway.cancelled.wait, 5)


async def test_cancelling_the_task_of_a_traced_unary_call_raises_and_cancels(
    gateway: FakeGateway, spans: InMemorySpanExporter
) -> None:
    async with AsyncClient(gateway.target, tracing=True) as client:
        task = asyncio.create_task(client.complete(chat("silent", "hi")))
        assert await asyncio.to_thread(gateway.arrived.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gateway.cancelled.wait, 5)
    assert only(spans).status.status_code is trace.StatusCode.ERROR


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hedgerow_client.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.grpc", None)
    with pytest.raises(ImportError, match=r"pip install 'hedgerow-client\[otel\]'"):
        Client("127.0.0.1:1", tracing=True)

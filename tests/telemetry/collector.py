"""An OpenTelemetry collector, as far as traces go: OTLP over HTTP with protobuf, on loopback."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from rpc.caller import eventually

KINDS = {1: "internal", 2: "server", 3: "client"}


@dataclass(frozen=True)
class Seen:
    """A span as it came. Ids are hex, times Unix seconds."""

    message: SpanMessage
    resource: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return self.message.name

    @property
    def kind(self) -> str:
        """What it stands for."""
        return KINDS[self.message.kind]

    @property
    def trace_id(self) -> str:
        """The trace."""
        return self.message.trace_id.hex()

    @property
    def span_id(self) -> str:
        """The span."""
        return self.message.span_id.hex()

    @property
    def parent_id(self) -> str:
        """Its parent; empty without one."""
        return self.message.parent_span_id.hex()

    @property
    def start_s(self) -> float:
        """When it began."""
        return self.message.start_time_unix_nano / 1e9

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.message.end_time_unix_nano / 1e9

    @property
    def failed(self) -> bool:
        """Whether its status is ERROR."""
        return self.message.status.code == 2

    @property
    def attributes(self) -> dict[str, Any]:
        """What it says."""
        return values(self.message.attributes)

    @property
    def events(self) -> list[str]:
        """The names of what happened within."""
        return [one.name for one in self.message.events]


def values(attributes: Any) -> dict[str, Any]:
    """Attributes as Python has them."""
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind)


@dataclass
class Collector:
    """One that listens. `behave` may be changed: what it answers, or how long it says nothing."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request."""
    behave: Callable[[], int] = lambda: 200
    """Gives the status of the answer."""

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        """A request has come."""
        request = ExportTraceServiceRequest.FromString(body)
        self.headers.append(headers)
        for group in request.resource_spans:
            resource = values(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [Seen(one, resource) for one in scope.spans]

    def of(self, trace_id: str) -> list[Seen]:
        """What has come of a trace, in the order of time."""
        return sorted((one for one in list(self.spans) if one.trace_id == trace_id), key=lambda one: one.start_s)

    def call(self, trace_id: str) -> list[Seen]:
        """The spans of a trace of one call: they come together, once the call is over."""
        return eventually(lambda: self.of(trace_id), f"the spans of {trace_id}")


@contextmanager
def collector() -> Iterator[Collector]:
    """Starts one."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = found.behave()
            if status == 200:
                raw = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
                found.take(raw, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def frozen() -> Iterator[str]:
    """The URL of one that lets connections in and never says a word: its backlog takes them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1/traces"


def dead() -> str:
    """The URL of one that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1/traces"

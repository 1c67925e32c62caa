"""grpc.testing.TestService behind the gateway's own door and chain, with the options of the callers' door."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import HedgerowError, RequestInvalid
from hedgerow_server.core.event import Events
from hedgerow_server.core.terminal import Terminal
from hedgerow_server.doors.certificates import Certificates
from hedgerow_server.doors.engine import callers_server
from hedgerow_server.doors.grpcio import GrpcDoor
from hedgerow_server.doors.section import GrpcSection, ServerSection
from hedgerow_server.doors.serving import Endpoint, Serving
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.wire.report import report
from interop import messages
from interop.echo import Echo
from rpc.certificates import Authority

SERVER_ID = "the-only-one"
ENGINES = ("grpcio", "asyncio")
"""What the callers' door may be on."""
_WHERE = "server.grpc.tls"
Rpc = Callable[[Call], AsyncGenerator[Any, None]]


class Part(Terminal, frozen=True):
    """The only message of a unary answer, or, as the last event of a stream, nothing."""

    body: bytes | None = None


class Piece:
    """A message of a stream."""

    def __init__(self, message: Any) -> None:
        self.body: bytes = message.SerializeToString()


class Whole:
    """Makes the response of a unary call."""

    def __init__(self) -> None:
        self._body = b""

    def add(self, event: Any) -> None:
        self._body = event.body

    def encode(self) -> bytes:
        return self._body


class Pieces:
    """Makes the messages of a stream."""

    def encode(self, event: Any) -> list[bytes]:
        return [] if event.body is None else [event.body]


class Anyone:
    """Lets every caller in."""

    async def authenticate(self, call: Call) -> Principal:
        return Principal("interop")


@dataclass
class Open:
    """Counts the calls that come, and those that are open at the same time."""

    come: int = 0
    now: int = 0
    peak: int = 0
    of_one: int = 0
    """The most of one connection."""
    _of: Counter[str] = field(default_factory=Counter)

    def began(self, call: Call) -> None:
        self.come += 1
        self.now += 1
        self.peak = max(self.peak, self.now)
        self._of[call.peer] += 1
        self.of_one = max(self.of_one, self._of[call.peer])

    def settled(self, call: Call, outcome: Outcome, duration_s: float) -> None:
        self.now -= 1
        self._of[call.peer] -= 1


@dataclass
class Running:
    """A server that answers."""

    target: str
    open: Open = field(default_factory=Open)
    authority: bytes | None = None
    """Whose certificate it shows, as PEM. None: it speaks plaintext."""

    @property
    def port(self) -> str:
        return self.target.rpartition(":")[2]


async def empty_call(call: Call) -> AsyncGenerator[Any, None]:
    yield Part(messages.of("Empty")().SerializeToString())


async def unary_call(call: Call) -> AsyncGenerator[Any, None]:
    request: Any = call.request
    _end_as_asked(request)
    answer = messages.of("SimpleResponse")(payload=_payload(request, request.response_size))
    if request.fill_server_id:
        answer.server_id = SERVER_ID
    yield Part(answer.SerializeToString())


async def streaming_output_call(call: Call) -> AsyncGenerator[Any, None]:
    async for piece in _asked_for(call.request):
        yield piece
    yield Part()


async def streaming_input_call(call: Call) -> AsyncGenerator[Any, None]:
    size = 0
    async for request in _requests(call, "StreamingInputCallRequest"):
        size += len(request.payload.body)
    yield Piece(messages.of("StreamingInputCallResponse")(aggregated_payload_size=size))
    yield Part()


async def full_duplex_call(call: Call) -> AsyncGenerator[Any, None]:
    async for request in _requests(call, "StreamingOutputCallRequest"):
        _end_as_asked(request)
        async for piece in _asked_for(request):
            yield piece
    yield Part()


async def _requests(call: Call, name: str) -> AsyncIterator[Any]:
    """All of them. The chain has read the first one; of a stream without any it made an empty message."""
    assert call.bodies is not None
    yield call.request
    async for body in call.bodies:
        yield messages.parse(name)(body)


async def _asked_for(request: Any) -> AsyncIterator[Piece]:
    for one in request.response_parameters:
        if one.interval_us:
            await asyncio.sleep(one.interval_us / 1e6)
        yield Piece(messages.of("StreamingOutputCallResponse")(payload=_payload(request, one.size)))


def _payload(request: Any, size: int) -> Any:
    if request.response_type:
        raise RequestInvalid(f"There are no payloads of type {request.response_type}.")
    return messages.zeros(size)


def _end_as_asked(request: Any) -> None:
    asked = request.response_status
    if asked.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == asked.code)
        kind = type("Asked", (HedgerowError,), {"code": code.name, "reason": "REQUEST_INVALID"})
        raise kind(asked.message)


def _endpoint(name: str, kind: Kind, request: str, rpc: Rpc) -> Endpoint:
    def decode(call: Call) -> object:
        return messages.parse(request)(call.body)

    def events(call: Call) -> Events:
        return rpc(call)

    method = Method(f"{messages.SERVICE}/{name}", kind, decode, events)
    if kind is Kind.UNARY:
        return Endpoint(method, answer=Whole)
    return Endpoint(method, encoder=Pieces)


def endpoints() -> list[Endpoint]:
    """The methods. The door has no shape for a stream of requests with one answer: on the wire it is the one for
    streams both ways, with one message in the answer.
    """
    return [
        _endpoint("EmptyCall", Kind.UNARY, "Empty", empty_call),
        _endpoint("UnaryCall", Kind.UNARY, "SimpleRequest", unary_call),
        _endpoint("StreamingOutputCall", Kind.SERVER_STREAM, "StreamingOutputCallRequest", streaming_output_call),
        _endpoint("StreamingInputCall", Kind.BIDI_STREAM, "StreamingInputCallRequest", streaming_input_call),
        _endpoint("FullDuplexCall", Kind.BIDI_STREAM, "StreamingOutputCallRequest", full_duplex_call),
    ]


@asynccontextmanager
async def running(*, tls: bool = False, **section: Any) -> AsyncIterator[Running]:
    """Serves until it is left, with `tls` over TLS as the doors do; `section` is what the configuration says of the
    callers' door, with the engine that it is on.
    """
    authority = Authority() if tls else None
    with tempfile.TemporaryDirectory() as folder:
        if authority is not None:
            section["tls"] = _files(Path(folder), authority)
        configured = ServerSection(grpc=GrpcSection(listen="127.0.0.1:0", **section))
        certificates = Certificates({_WHERE: configured.grpc.tls}, lambda: None)
        found = Open()
        chain = Chain([RequestId(), Telemetry([found], lambda _: ()), Deadline(60, 600), Auth(Anyone()), Decode()])
        server = callers_server(configured, shared=False)
        handlers = GrpcDoor(Serving(chain, endpoints()), report).handlers()
        server.handlers.add_generic_rpc_handlers([Echo(one) for one in handlers])
        target = server.bind(configured.grpc.listen, certificates, _WHERE, shared=False)
        await server.start()
        try:
            yield Running(target, found, authority.certificate if authority else None)
        finally:
            await server.stop(0)
            await certificates.close()


def _files(folder: Path, authority: Authority) -> dict[str, Path]:
    """The certificate and the key of a server on 127.0.0.1."""
    found = {name: folder / f"{name}.pem" for name in ("certificate", "key")}
    for path, content in zip(found.values(), authority.issue(), strict=True):
        path.write_bytes(content)
    return found

"""The cases of gRPC's doc/interop-test-descriptions.md for a client in Python, which grpcio does not ship.

Each takes a channel and asserts what its description asks of clients.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from interop import messages
from interop.messages import PEAK, of, zeros

_ECHOED = (
    ("x-grpc-test-echo-initial", "test_initial_metadata_value"),
    ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"),
)
_ASKED = (31415, 9, 2653, 58979)
_SENT = (27182, 8, 1828, 45904)
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
AS_TOLD = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in SPECIAL)
"""What the door makes of it: printable ASCII, letter for letter."""


class Caller:
    """The methods of the service on a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.empty = self._method(channel.unary_unary, "EmptyCall", "Empty")
        self.unary = self._method(channel.unary_unary, "UnaryCall", "SimpleResponse")
        self.output = self._method(channel.unary_stream, "StreamingOutputCall", "StreamingOutputCallResponse")
        self.input = self._method(channel.stream_unary, "StreamingInputCall", "StreamingInputCallResponse")
        self.duplex = self._method(channel.stream_stream, "FullDuplexCall", "StreamingOutputCallResponse")
        self.no_method = self._method(channel.unary_unary, "UnimplementedCall", "Empty")
        self.no_service = self._method(channel.unary_unary, "UnimplementedCall", "Empty", "UnimplementedService")

    @staticmethod
    def _method(shape: Any, name: str, answer: str, service: str = "TestService") -> Any:
        return shape(
            f"/grpc.testing.{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages.parse(answer),
        )


def _large(**more: Any) -> Any:
    return of("SimpleRequest")(response_size=PEAK, payload=zeros(271828), **more)


def _output(*sizes: int, sent: int = 0, **more: Any) -> Any:
    asked = [of("ResponseParameters")(size=size) for size in sizes]
    return of("StreamingOutputCallRequest")(response_parameters=asked, payload=zeros(sent), **more)


def _inputs(*sizes: int) -> list[Any]:
    return [of("StreamingInputCallRequest")(payload=zeros(size)) for size in sizes]


async def _fails(call: Any, code: grpc.StatusCode, text: str | None = None) -> None:
    """Waits for the end of a call, which must be this one."""
    assert await call.code() is code
    if text is not None:
        assert await call.details() == text


async def empty_unary(caller: Caller) -> None:
    assert await caller.empty(of("Empty")()) == of("Empty")()


async def large_unary(caller: Caller) -> None:
    assert (await caller.unary(_large())).payload == zeros(PEAK)


async def client_compressed_unary(caller: Caller) -> None:
    """Without the probe: grpcio does not tell a server whether a message came compressed."""
    for compression in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
        assert (await caller.unary(_large(), compression=compression)).payload == zeros(PEAK)


async def server_compressed_unary(caller: Caller) -> None:
    """Whether a message came compressed grpcio does not tell a client either."""
    for value in (True, False):
        request = _large(response_compressed=of("BoolValue")(value=value))
        assert (await caller.unary(request)).payload == zeros(PEAK)


async def client_streaming(caller: Caller) -> None:
    assert (await caller.input(iter(_inputs(27182, 8, 1828, 45904)))).aggregated_payload_size == 74922


async def client_compressed_streaming(caller: Caller) -> None:
    """Without the probe, as above."""
    answer = await caller.input(iter(_inputs(27182, 45904)), compression=grpc.Compression.Gzip)
    assert answer.aggregated_payload_size == 73086


async def server_streaming(caller: Caller) -> None:
    assert [len(one.payload.body) async for one in caller.output(_output(*_ASKED))] == list(_ASKED)


async def server_compressed_streaming(caller: Caller) -> None:
    asked = [(31415, True), (92653, False)]
    parameters = [of("ResponseParameters")(size=size, compressed=of("BoolValue")(value=on)) for size, on in asked]
    call = caller.output(of("StreamingOutputCallRequest")(response_parameters=parameters))
    assert [len(one.payload.body) async for one in call] == [31415, 92653]


async def ping_pong(caller: Caller) -> None:
    call = caller.duplex()
    for asked, sent in zip(_ASKED, _SENT, strict=True):
        await call.write(_output(asked, sent=sent))
        assert len((await call.read()).payload.body) == asked
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    await _fails(call, grpc.StatusCode.OK)


async def empty_stream(caller: Caller) -> None:
    call = caller.duplex()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    await _fails(call, grpc.StatusCode.OK)


async def custom_metadata(caller: Caller) -> None:
    unary = caller.unary(_large(), metadata=_ECHOED)
    await unary
    duplex = caller.duplex(iter([_output(PEAK, sent=271828)]), metadata=_ECHOED)
    assert [len(one.payload.body) async for one in duplex] == [PEAK]
    for call in (unary, duplex):
        assert _ECHOED[0] in tuple(await call.initial_metadata())
        assert _ECHOED[1] in tuple(await call.trailing_metadata())


async def status_code_and_message(caller: Caller) -> None:
    status = of("EchoStatus")(code=2, message="test status message")
    await _fails(
        caller.unary(of("SimpleRequest")(response_status=status)), grpc.StatusCode.UNKNOWN, "test status message"
    )
    duplex = caller.duplex(iter([_output(response_status=status)]))
    await _fails(duplex, grpc.StatusCode.UNKNOWN, "test status message")


async def special_status_message(caller: Caller) -> None:
    status = of("EchoStatus")(code=2, message=SPECIAL)
    await _fails(caller.unary(of("SimpleRequest")(response_status=status)), grpc.StatusCode.UNKNOWN, AS_TOLD)


async def unimplemented_method(caller: Caller) -> None:
    await _fails(caller.no_method(of("Empty")()), grpc.StatusCode.UNIMPLEMENTED)


async def unimplemented_service(caller: Caller) -> None:
    await _fails(caller.no_service(of("Empty")()), grpc.StatusCode.UNIMPLEMENTED)


async def cancel_after_begin(caller: Caller) -> None:
    async def nothing_yet() -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield

    call = caller.input(nothing_yet())
    await asyncio.sleep(0)  # so that it begins
    call.cancel()
    await _fails(call, grpc.StatusCode.CANCELLED)


async def cancel_after_first_response(caller: Caller) -> None:
    call = caller.duplex()
    await call.write(_output(31415, sent=27182))
    assert len((await call.read()).payload.body) == 31415
    call.cancel()
    await _fails(call, grpc.StatusCode.CANCELLED)


async def timeout_on_sleeping_server(caller: Caller) -> None:
    await _fails(caller.duplex(_after(_output(sent=27182)), timeout=0.001), grpc.StatusCode.DEADLINE_EXCEEDED)


async def _after(message: Any) -> AsyncIterator[Any]:
    """A message, and no end."""
    yield message
    await asyncio.Event().wait()


CASES: dict[str, Callable[[Caller], Awaitable[None]]] = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        client_compressed_unary,
        server_compressed_unary,
        client_streaming,
        client_compressed_streaming,
        server_streaming,
        server_compressed_streaming,
        ping_pong,
        empty_stream,
        custom_metadata,
        status_code_and_message,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
    )
}

"""The door alone, in this process: faults that no chain can catch are told like any other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import grpc
import grpc.aio
import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Event, Started
from hedgerow_server.doors.grpcio import GrpcDoor
from hedgerow_server.doors.serving import Endpoint, Serving
from rpc.caller import Outcome
from stack import OWN_CONNECTIONS

SECRET = "the text of an exception"
Report = Callable[[Call], bytes]


class OneEvent:
    """A server that answers every call with one event."""

    async def serve(self, call: Call, deliver: Callable[[Event], Awaitable[None]]) -> None:
        """Gives the call an id and delivers."""
        call.request_id = "id-1"
        await deliver(Started())


class Words:
    """Encodes anything."""

    def add(self, event: Event) -> None:
        """Takes an event."""

    def encode(self, event: Event | None = None) -> Any:
        """A message of a unary call, or those of an event."""
        return b"words" if event is None else [b"words"]


class Speechless(Words):
    """Encodes nothing."""

    def encode(self, event: Event | None = None) -> NoReturn:
        """Fails."""
        raise ValueError(SECRET)


def broken(call: Call) -> NoReturn:
    """A report that fails; so would a decoder or an RPC, which are never reached."""
    raise ValueError(SECRET)


def empty(call: Call) -> bytes:
    """A report that says nothing."""
    return b""


@asynccontextmanager
async def serving(report: Report, make: type[Words]) -> AsyncIterator[grpc.aio.Channel]:
    """A door with a unary call and a stream, and a channel to it."""
    endpoints = [
        Endpoint(Method("test.v1.Test/Unary", Kind.UNARY, broken, broken), answer=make),
        Endpoint(Method("test.v1.Test/Stream", Kind.SERVER_STREAM, broken, broken), encoder=make),
    ]
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(GrpcDoor(Serving(OneEvent(), endpoints), report).handlers())
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", OWN_CONNECTIONS) as channel:
        yield channel
    await server.stop(None)


async def called(channel: grpc.aio.Channel, rpc: str) -> Outcome[bytes]:
    """How a call ends."""
    outcome: Outcome[bytes] = Outcome()
    stub: Any = channel.unary_unary if rpc == "Unary" else channel.unary_stream
    call = stub(f"/test.v1.Test/{rpc}")(b"")
    with suppress(grpc.aio.AioRpcError):
        outcome.messages += [await call] if rpc == "Unary" else [message async for message in call]
    outcome.code, outcome.text = await call.code(), await call.details() or ""
    outcome.trailers = tuple(await call.trailing_metadata() or ())
    return outcome


@pytest.mark.parametrize("rpc", ["Unary", "Stream"])
@pytest.mark.parametrize(("report", "make"), [(empty, Speechless), (broken, Words)], ids=["answer", "report"])
async def test_a_fault_at_the_door_is_internal_and_keeps_its_text(rpc: str, report: Report, make: type[Words]) -> None:
    """The caller would hear from grpcio what the exception says."""
    async with serving(report, make) as channel:
        outcome = await called(channel, rpc)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert outcome.request_id == "id-1"
    assert SECRET.encode() not in outcome.everything


@pytest.mark.parametrize("rpc", ["Unary", "Stream"])
async def test_without_a_fault_the_answer_arrives(rpc: str) -> None:
    """The yardstick of the test above."""
    async with serving(empty, Words) as channel:
        outcome = await called(channel, rpc)
    assert (outcome.code, outcome.messages) == (grpc.StatusCode.OK, [b"words"])

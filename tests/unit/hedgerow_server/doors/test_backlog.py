"""How many calls wait in C-core for Python to take them."""

from __future__ import annotations  # grpcio takes parameters in its stubs only

import asyncio
import time
from typing import Any

import grpc
import grpc.aio
from hedgerow_server.doors.backlog import Channelz, Waiting
from hedgerow_server.doors.listen import server_options
from hedgerow_server.doors.overload_section import OverloadSection
from hedgerow_server.doors.section import GrpcSection

CALLS = 60


class Queue:
    """What C-core says."""

    def __init__(self, *found: int) -> None:
        self._found = iter(found)

    def open(self) -> int:
        """The next one."""
        return next(self._found)


def test_those_that_wait_are_neither_at_the_door_nor_on_their_way_to_it() -> None:
    assert Waiting(Queue(100), 1000)(30, 5, idle=False) == (65, 5)


def test_there_are_never_more_than_may_be() -> None:
    """C-core never counts the end of those that it has cancelled for being too many."""
    waiting = Waiting(Queue(100, 5000, 4950), 1000)
    assert [waiting(0, 0, idle=False)[0] for _ in range(3)] == [100, 1000, 950]


def test_none_waits_where_none_was_taken_and_some_could_have_been() -> None:
    waiting = Waiting(Queue(500, 500, 510), 1000)
    assert waiting(0, 0, idle=False)[0] == 500
    assert waiting(0, 0, idle=True)[0] == 0
    assert waiting(0, 0, idle=False)[0] == 10


def test_a_message_that_never_came_is_forgotten_with_its_call() -> None:
    waiting = Waiting(Queue(3, 0), 1000)
    assert waiting(0, 3, idle=False) == (0, 3)
    assert waiting(0, 3, idle=False) == (0, 0)


def test_a_short_queue_that_never_moves_is_none() -> None:
    waiting = Waiting(Queue(*[40] * 101), 1000)
    assert [waiting(0, 0, idle=False)[0] for _ in range(101)][-2:] == [0, 0]


def test_a_long_one_that_never_moves_is_one() -> None:
    waiting = Waiting(Queue(*[400] * 101), 1000)
    assert {waiting(0, 0, idle=False)[0] for _ in range(101)} == {400}


async def test_of_a_real_server_it_tells_who_waits_and_holds_to_what_the_configuration_says() -> None:
    """While the loop is blocked calls wait in C-core; those that it cancels were never seen."""
    section = OverloadSection(max_waiting_calls=20)
    queue = Channelz(lambda: grpc.aio.server(options=server_options(GrpcSection(), section)))
    taken = 0

    async def handle(body: bytes, context: object) -> bytes:
        nonlocal taken
        taken += 1
        return body

    class Every(grpc.GenericRpcHandler):
        def service(self, details: object) -> grpc.RpcMethodHandler[bytes, bytes]:
            return grpc.unary_unary_rpc_method_handler(handle)

    queue.server.add_generic_rpc_handlers([Every()])
    port = queue.server.add_insecure_port("127.0.0.1:0")
    await queue.server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        one: Any = channel.unary_unary("/x.X/Y")
        await asyncio.to_thread(one.future(b"", timeout=20).result)
        calls = [one.future(b"", timeout=20) for _ in range(CALLS)]
        until_s = time.monotonic() + 10
        while queue.open() < CALLS and time.monotonic() < until_s:
            time.sleep(0.01)  # noqa: ASYNC251  (the loop is to be blocked)
        assert queue.open() >= CALLS
        await asyncio.gather(*(asyncio.to_thread(call.exception) for call in calls))
    codes = [call.code() for call in calls]
    await queue.server.stop(0)
    served, cancelled = codes.count(grpc.StatusCode.OK), codes.count(grpc.StatusCode.CANCELLED)
    assert served + cancelled == CALLS
    assert served == taken - 1
    assert 18 <= served <= 22

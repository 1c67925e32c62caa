"""What h2spec asks with requests that are no calls, and so never hears of the event loop's server: asked with calls."""

from collections.abc import Callable

import pytest
from h2.errors import ErrorCodes
from h2.events import DataReceived, ResponseReceived
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, Frame, HeadersFrame, WindowUpdateFrame
from interop.service import running
from interop.wire import Wire, headers, wire

pytestmark = pytest.mark.timeout(60)

LARGEST = 2**31 - 1


def again(client: Wire) -> list[Frame]:
    return [HeadersFrame(1, client.state.encoder.encode([("x-more", "a")]), flags=["END_HEADERS"])]


def method_in_trailers(client: Wire) -> list[Frame]:
    block = client.state.encoder.encode([(":method", "POST")])
    return [HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"])]


def more_than_announced(client: Wire) -> list[Frame]:
    return [DataFrame(1, b"five.", flags=["END_STREAM"])]


def more_in_sum_than_announced(client: Wire) -> list[Frame]:
    return [DataFrame(1, b"two"), DataFrame(1, b"two", flags=["END_STREAM"])]


def window_too_large(client: Wire) -> list[Frame]:
    return [WindowUpdateFrame(1, LARGEST), WindowUpdateFrame(1, LARGEST)]


MALFORMED = {
    "http2/8.1/1": (again, ErrorCodes.PROTOCOL_ERROR),
    "http2/8.1.2.1/3": (method_in_trailers, ErrorCodes.PROTOCOL_ERROR),
    "http2/8.1.2.6/1": (more_than_announced, ErrorCodes.PROTOCOL_ERROR),
    "http2/8.1.2.6/2": (more_in_sum_than_announced, ErrorCodes.PROTOCOL_ERROR),
    "http2/6.9.1/3": (window_too_large, ErrorCodes.FLOW_CONTROL_ERROR),
}


@pytest.mark.parametrize(("frames", "code"), MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_call_is_reset(frames: Callable[[Wire], list[Frame]], code: ErrorCodes) -> None:
    async with running(engine="asyncio") as server, wire(server.target) as client:
        client.state.send_headers(1, [*headers("FullDuplexCall"), ("content-length", "4")])
        client.writer.write(client.state.data_to_send() + b"".join(frame.serialize() for frame in frames(client)))
        while not client.resets:
            await client.exchange()
    assert client.resets == {code: 1}


async def test_a_call_that_is_half_closed_takes_priorities_and_windows() -> None:
    """`generic/2/2` and `generic/2/3`: its answer has a message, which waits for room."""
    come: list[int] = []
    async with running(engine="asyncio") as server, wire(server.target) as client:
        client.state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.state.send_headers(1, headers("EmptyCall"))
        client.state.send_data(1, bytes(5), end_stream=True)
        while not any(isinstance(event, ResponseReceived) for event in await client.exchange()):
            pass
        client.state.prioritize(1)
        client.state.increment_flow_control_window(1, 1)
        while not come:
            events = await client.exchange()
            come = [len(event.data) for event in events if isinstance(event, DataReceived)]
    assert come == [1]

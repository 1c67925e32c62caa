"""How a connection that has grown old is ended, frame by frame (RFC 9113, section 6.8), on each engine."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame
from interop.service import running
from interop.wire import Wire, headers, wire

pytestmark = pytest.mark.timeout(60)

AGE_S = 0.2
LARGEST = 2**31 - 1


async def frames(client: Wire) -> AsyncIterator[Frame]:
    """What comes, until the connection ends."""
    while True:
        try:
            head = await client.reader.readexactly(9)
        except asyncio.IncompleteReadError:
            return
        frame, length = Frame.parse_frame_header(memoryview(head))
        frame.parse_body(memoryview(await client.reader.readexactly(length)))
        yield frame


async def test_a_call_that_was_begun_before_its_client_knew_is_answered(engine: str) -> None:
    """The first GOAWAY forbids nothing yet. The second one names the last call that is answered, and comes when the
    client has answered the ping behind the first.
    """
    goaways: list[tuple[int, int]] = []
    answered = False
    async with running(engine=engine, max_connection_age_seconds=AGE_S) as server, wire(server.target) as client:
        client.state.send_headers(1, headers("EmptyCall"))
        client.state.send_data(1, bytes(5), end_stream=True)
        async for frame in frames(client):
            if isinstance(frame, GoAwayFrame):
                if not goaways:
                    client.writer.write(client.state.data_to_send())
                goaways.append((frame.last_stream_id, frame.error_code))
            elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                client.writer.write(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
            elif "END_STREAM" in frame.flags:
                answered = frame.stream_id == 1 and isinstance(frame, HeadersFrame)
    assert goaways == [(LARGEST, ErrorCodes.NO_ERROR), (1, ErrorCodes.NO_ERROR)]
    assert answered

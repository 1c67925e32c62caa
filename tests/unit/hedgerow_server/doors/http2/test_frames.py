"""Frames, and the blocks of headers within them."""

import hpack
import pytest
from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.http2.frames import ConnectionFault
from hedgerow_server.doors.http2.hpack import HpackError, check, decoder, encoder
from unit.hedgerow_server.doors.http2.peer import parsed

HEADERS = [(b":path", b"/a/b", False), (b"x-long", b"v" * 200, True), (b"x-name", b"value", False)]


def test_what_the_server_sends_is_what_others_read() -> None:
    sent = (
        frames.settings({frames.MAX_CONCURRENT_STREAMS: 7})
        + frames.window_update(0, 5)
        + frames.rst_stream(3, frames.CANCEL)
        + frames.ping(b"12345678", ack=True)
        + frames.goaway(9, frames.NO_ERROR, "why")
        + frames.SETTINGS_ACK
    )
    told, window, reset, ping, goaway, ack = parsed(sent)
    assert told.settings == {3: 7}
    assert (window.stream_id, window.window_increment) == (0, 5)
    assert (reset.stream_id, reset.error_code) == (3, 8)
    assert (ping.opaque_data, "ACK" in ping.flags) == (b"12345678", True)
    assert (goaway.last_stream_id, goaway.error_code, goaway.additional_data) == (9, 0, b"why")
    assert "ACK" in ack.flags


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 32_768, 40_000])
def test_a_block_of_any_size_goes_out_in_frames_of_the_size_that_all_take(size: int) -> None:
    block = bytes(number % 256 for number in range(size))
    found = parsed(frames.header_block(block, 5, last=True))
    assert b"".join(one.data for one in found) == block
    assert ["END_HEADERS" in one.flags for one in found] == [False] * (len(found) - 1) + [True]
    assert [one.stream_id for one in found] == [5] * len(found)
    assert "END_STREAM" in found[0].flags
    assert max(len(one.data) for one in found) <= 16_384


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (frames.ENABLE_PUSH, 2, frames.PROTOCOL_ERROR),
        (frames.INITIAL_WINDOW_SIZE, 2**31, frames.FLOW_CONTROL_ERROR),
        (frames.MAX_FRAME_SIZE, 16_383, frames.PROTOCOL_ERROR),
        (frames.MAX_FRAME_SIZE, 2**24, frames.PROTOCOL_ERROR),
    ],
)
def test_a_setting_that_there_is_not_is_a_fault(name: int, value: int, code: int) -> None:
    with pytest.raises(ConnectionFault) as caught:
        frames.told_settings(frames.settings({name: value})[frames.HEAD_BYTES :])
    assert caught.value.code == code


def test_padding_is_taken_away_and_there_is_never_more_of_it_than_frame() -> None:
    assert frames.unpadded(frames.PADDED, b"\x02abcd") == b"ab"
    assert frames.unpadded(frames.PADDED, b"\x00") == b""
    assert frames.unpadded(0, b"\x02abcd") == b"\x02abcd"
    for body in (b"", b"\x01", b"\x05abcd"):
        with pytest.raises(ConnectionFault):
            frames.unpadded(frames.PADDED, body)


def test_a_block_of_others_is_whole_and_cut_anywhere_within_a_header_it_is_not() -> None:
    """The compiled decoder panics on such a block, which nobody could catch as a failure."""
    headers = [(name, value) for name, value, _ in HEADERS]
    edges = {0}
    writer, block = hpack.Encoder(), b""
    for one in headers:
        block += writer.encode([one])
        edges.add(len(block))
    for end in range(len(block) + 1):
        if end in edges:
            check(block[:end])
        else:
            with pytest.raises(HpackError):
                check(block[:end])
    assert [(name, value) for name, value, _ in decoder(10_000).decode(block, True)] == headers


@pytest.mark.parametrize(
    "block",
    [
        b"\x82\x20",
        b"\xff" * 30_000 + b"\x01",
        b"\x3f" + b"\xff" * 30_000 + b"\x01",
        b"\x00\x7f" + b"\xff" * 12 + b"\x01",
        b"\x40",
        b"\x00\x05a",
    ],
    ids=["a late change of the table", "an endless index", "an endless size", "an endless length", "no name", "cut"],
)
def test_a_block_that_nobody_can_read_is_refused_before_it_is_read(block: bytes) -> None:
    with pytest.raises(HpackError):
        check(block)


def test_what_is_encoded_is_read_by_others_whatever_they_say_of_their_table() -> None:
    writer, reader = encoder(), hpack.Decoder()
    for size in (4096, 0, 100, 4096):
        writer.header_table_size = size
        reader.max_allowed_table_size = size
        for _ in range(2):
            block = writer.encode(HEADERS, False)
            assert [tuple(one) for one in reader.decode(block, raw=True)] == [one[:2] for one in HEADERS]

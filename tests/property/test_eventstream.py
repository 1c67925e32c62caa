"""The reader of Amazon's event streams, for any frames, any way of cutting them, and any damage."""

import itertools
import struct
from zlib import crc32

import pytest
from hedgerow_server.core.error import UpstreamProtocol
from hedgerow_server.providers.eventstream import EventStreamReader, Frame
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
PAYLOADS = st.binary(max_size=40)
KINDS = st.sampled_from(["event", "exception", "error"])
FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
OTHER_HEADERS = st.lists(
    st.one_of(
        st.sampled_from(sorted(FIXED)).map(lambda kind: (kind, b"\xaa" * FIXED[kind])),
        st.binary(max_size=8).map(lambda value: (6, struct.pack(">H", len(value)) + value)),
    ),
    max_size=3,
)
NAME_HEADER = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}


def header(name: str, kind: int, value: bytes) -> bytes:
    """One header."""
    return bytes([len(name.encode())]) + name.encode() + bytes([kind]) + value


def string(name: str, value: str) -> bytes:
    """A header that is a string."""
    return header(name, 7, struct.pack(">H", len(value.encode())) + value.encode())


def frame(headers: bytes, payload: bytes) -> bytes:
    """A frame with right lengths and checksums."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    data = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return data + struct.pack(">I", crc32(data))


@st.composite
def frames(draw: st.DrawFn) -> tuple[bytes, Frame]:
    """A frame and what it says."""
    kind, name, payload = draw(KINDS), draw(NAMES), draw(PAYLOADS)
    others = [header(f"x{n}", code, value) for n, (code, value) in enumerate(draw(OTHER_HEADERS))]
    headers = [string(":message-type", kind), string(NAME_HEADER[kind], name), *others]
    return frame(b"".join(draw(st.permutations(headers))), payload), (kind, name, payload)


def read(pieces: list[bytes], limit: int = 1 << 20) -> list[Frame]:
    """All frames of a stream in pieces."""
    reader = EventStreamReader("vendor", limit)
    return [one for piece in pieces for one in reader.feed(piece)]


def split(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces; a place counts modulo the length."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(frames(), max_size=5), st.lists(st.integers(min_value=0), max_size=8))
def test_every_stream_is_read_however_it_is_cut(stream: list[tuple[bytes, Frame]], places: list[int]) -> None:
    data = b"".join(one for one, _ in stream)
    assert read(split(data, places)) == [said for _, said in stream]


@given(st.lists(frames(), max_size=3))
def test_byte_by_byte_gives_the_same_frames(stream: list[tuple[bytes, Frame]]) -> None:
    data = b"".join(one for one, _ in stream)
    assert read([data[at : at + 1] for at in range(len(data))]) == [said for _, said in stream]


@given(frames(), frames(), st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_byte_is_always_noticed(
    first: tuple[bytes, Frame], second: tuple[bytes, Frame], place: int, change: int
) -> None:
    """The frames before it are read; the changed one never is."""
    data = bytearray(second[0])
    data[place % len(data)] ^= change
    reader = EventStreamReader("vendor")
    found: list[Frame] = []
    with pytest.raises(UpstreamProtocol):
        found.extend(reader.feed(first[0] + bytes(data)))
    assert not found or found == [first[1]]
    assert list(EventStreamReader("vendor").feed(first[0])) == [first[1]]


@given(frames(), st.integers(min_value=0))
def test_a_frame_that_is_not_complete_is_not_read(one: tuple[bytes, Frame], end: int) -> None:
    assert read([one[0][: end % len(one[0])]]) == []


@given(st.binary(max_size=200), st.lists(st.integers(min_value=0), max_size=4))
def test_any_bytes_are_read_or_refused(data: bytes, places: list[int]) -> None:
    """Nothing but UpstreamProtocol is ever raised, and the same however the bytes are cut."""
    outcomes = []
    for pieces in ([data], split(data, places)):
        try:
            outcomes.append(read(pieces))
        except UpstreamProtocol as error:
            outcomes.append([("refused", error.message, b"")])
    assert outcomes[0] == outcomes[1]


@given(st.binary(max_size=60))
def test_any_headers_are_read_or_refused(headers: bytes) -> None:
    """With right checksums round them, so that the headers themselves are looked at."""
    try:
        found = read([frame(headers, b"{}")])
    except UpstreamProtocol:
        return
    assert [payload for _, _, payload in found] == [b"{}"]


def test_a_frame_above_the_limit_is_refused_before_it_has_arrived() -> None:
    data = frame(string(":event-type", "x"), b"y" * 200)
    with pytest.raises(UpstreamProtocol):
        read([data[:12]], limit=100)
    assert read([data], limit=len(data)) == [("event", "x", b"y" * 200)]


def test_lengths_that_contradict_each_other_are_refused() -> None:
    prelude = struct.pack(">II", 20, 10)
    with pytest.raises(UpstreamProtocol):
        read([prelude + struct.pack(">I", crc32(prelude)) + b"\x00" * 8])

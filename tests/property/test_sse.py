"""The SSE reader, for any stream and any way of cutting it."""

import codecs
import itertools
import json

import pytest
from hedgerow_server.core.error import UpstreamProtocol
from hedgerow_server.providers.sse import SseEvent, SseReader
from hypothesis import given
from hypothesis import strategies as st

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
# Bytes that mean something to a parser come often, so that few examples suffice.
TEXT = st.text(
    st.sampled_from("ab :\ufeffé漢😀{}") | st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12
)
NAMES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=6)
EVENTS = st.lists(st.tuples(NAMES, st.lists(TEXT, min_size=1, max_size=3)), max_size=6)
NOISE = st.sampled_from([b"", b": keep-alive", b":", b"id: 7", b"retry: 10", b"unknown: x", b"nocolon"])
ANY_BYTES = st.lists(
    st.sampled_from(
        [
            b"data: ",
            b"data:",
            b"event:",
            b": c",
            b"\n",
            b"\r",
            b"\n\n",
            b"x",
            b"\xff",
            b"\xe6\xbc\xa2",
            b"\xe6",
            b"\xef\xbb\xbf",
        ]
    )
).map(b"".join)


def read(pieces: list[bytes], limit: int = 1 << 20) -> list[SseEvent]:
    """All events of a stream in pieces."""
    reader = SseReader("vendor", limit)
    return [event for piece in pieces for event in reader.feed(piece)]


def split(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces; a place counts modulo the length."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


PLACES = st.lists(st.integers(0, 10_000), max_size=8)


@given(ANY_BYTES, PLACES)
def test_any_cut_of_any_bytes_gives_the_same_events(data: bytes, places: list[int]) -> None:
    assert read(split(data, places)) == read([data])


@given(ANY_BYTES)
def test_one_byte_at_a_time_gives_the_same_events(data: bytes) -> None:
    assert read([data[at : at + 1] for at in range(len(data))]) == read([data])


@given(EVENTS, st.data(), st.booleans(), PLACES)
def test_what_was_written_is_read(
    events: list[tuple[str, list[str]]], data: st.DataObject, mark: bool, places: list[int]
) -> None:
    """Names and lines of data come back, whatever the line ends, comments and other fields between them."""
    lines: list[bytes] = []
    for name, texts in events:
        lines += [data.draw(NOISE.filter(bool)), b"event: " + name.encode()]
        lines += [b"data: " + text.encode() for text in texts]
        lines.append(b"")
    end = data.draw(LINE_ENDS)
    body = codecs.BOM_UTF8 * mark + b"".join(line + end for line in lines)
    wanted = [(name.encode(), "\n".join(texts).encode()) for name, texts in events]
    assert read(split(body, places)) == wanted


@given(st.lists(LINE_ENDS, min_size=2, max_size=8), PLACES)
def test_line_ends_may_be_mixed(ends: list[bytes], places: list[int]) -> None:
    """Each line of data is a line, however it ends; CRLF is one end, not two."""
    # LF after a line that ended in CR would make it a CRLF: a line between them keeps them apart.
    body = b"".join(b"data: %d" % number + end for number, end in enumerate(ends)) + b": c\n\n"
    assert read(split(body, places)) == [(b"", b"\n".join(b"%d" % number for number in range(len(ends))))]


@given(st.binary(max_size=24).filter(lambda data: b"\n" not in data and b"\r" not in data), PLACES)
def test_invalid_utf8_becomes_replacement_characters(data: bytes, places: list[int]) -> None:
    body = b"data: " + data + b"\n\n"
    wanted = data.decode(errors="replace").encode()
    assert read(split(body, places)) == [(b"", wanted)]


@given(st.integers(8, 40), st.integers(-3, 3), PLACES)
def test_an_event_of_the_limit_passes_and_one_byte_more_fails(limit: int, over: int, places: list[int]) -> None:
    line = b"data:" + b"x" * (limit - 5 + over)
    pieces = split(line + b"\n\n", places)
    if over <= 0:
        assert read(pieces, limit) == [(b"", line[5:])]
    else:
        with pytest.raises(UpstreamProtocol) as caught:
            read(pieces, limit)
        assert caught.value.metadata == {"provider": "vendor", "detail": "event too large"}


@given(st.integers(1, 40), PLACES)
def test_all_lines_of_an_event_count_together(count: int, places: list[int]) -> None:
    """Many short lines do not get round the limit."""
    pieces = split(b"data:x\n" * count + b"\n", places)
    if count * 6 <= 100:
        assert len(read(pieces, limit=100)) == 1
    else:
        with pytest.raises(UpstreamProtocol):
            read(pieces, limit=100)


@given(st.integers(1, 5), PLACES)
def test_events_before_one_that_is_too_large_are_given(count: int, places: list[int]) -> None:
    reader = SseReader("vendor", 64)
    pieces = split(b"data: ok\n\n" * count + b"data: " + b"x" * 100, places)
    events = (event for piece in pieces for event in reader.feed(piece))
    assert list(itertools.islice(events, count)) == [(b"", b"ok")] * count
    with pytest.raises(UpstreamProtocol):
        next(events)


@given(st.integers(1, 200))
def test_keep_alive_comments_add_up_to_nothing(count: int) -> None:
    """However long a model thinks, comments between the lines of an event do not use up its limit."""
    assert read([b"event: x\n" + b": still here\n" * count + b"data: y\n\n"], limit=32) == [(b"x", b"y")]


def test_a_large_event_in_small_pieces_takes_linear_time() -> None:
    """A megabyte, sixteen bytes at a time: quadratic copying would take minutes and meet the time limit."""
    reader = SseReader("vendor", 1 << 21)
    body = b"data: " + b"x" * (1 << 20) + b"\n\n"
    got = [event for at in range(0, len(body), 16) for event in reader.feed(body[at : at + 16])]
    assert [len(data) for _, data in got] == [1 << 20]


def test_an_event_without_its_blank_line_is_given_at_the_end_only_on_demand() -> None:
    reader = SseReader("vendor")
    assert list(reader.feed(b"data: [DONE]\n")) == []
    assert list(reader.end()) == [(b"", b"[DONE]")]


BARE = b'{\n  "data": 1,\n\n  "error": {"code": 429}\n}\n'


@given(PLACES, LINE_ENDS, st.booleans())
def test_bare_json_is_given_at_the_end_as_the_data_of_an_event(places: list[int], end: bytes, after: bool) -> None:
    """In the place of all events, or behind them."""
    reader = SseReader("vendor")
    body = b"data: x\n\n" * after + BARE
    events = [event for piece in split(body.replace(b"\n", end), places) for event in reader.feed(piece)]
    assert events == [(b"", b"x")] * after
    assert [(name, json.loads(data)) for name, data in reader.end()] == [(b"", json.loads(BARE))]


@given(PLACES)
def test_an_event_behind_bare_json_is_one_and_the_json_is_forgotten(places: list[int]) -> None:
    reader = SseReader("vendor")
    body = b"[note]\n\nevent: e\ndata: x\n\n{}\ndata: y\n\n"
    assert [event for piece in split(body, places) for event in reader.feed(piece)] == [(b"e", b"x"), (b"", b"y")]
    assert list(reader.end()) == []

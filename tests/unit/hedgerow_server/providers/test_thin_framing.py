"""What the thin transport takes for an answer, however it is cut, and what it refuses (RFC 9112)."""

import asyncio
import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.hedgerow_server.providers.thin_wire import Outcome, Wire, heard

TEXT = b'{"choices": [{"message": {"content": "a hedge of hawthorn"}}]}'
PACKED = gzip.compress(TEXT)
NONSENSE = "the answer is not what HTTP/1.1 allows"
CUT = "the answer broke off"
NOTHING = "the connection closed before an answer"
OK = b"HTTP/1.1 200 OK\r\n"


def chunked(*chunks: bytes, trailers: bytes = b"", extension: bytes = b"") -> bytes:
    """A body in chunks."""
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(one), extension, one) for one in chunks)
    return body + b"0" + extension + b"\r\n" + trailers + b"\r\n"


SIZED = b"content-length: %d\r\n" % len(TEXT)
CODED = b"Transfer-Encoding: Chunked\r\n"
WHOLE: dict[str, tuple[bytes, bytes, bool]] = {
    "length": (OK + SIZED + b"\r\n" + TEXT, TEXT, True),
    "empty": (OK + b"content-length: 0\r\n\r\n", b"", True),
    "chunks": (OK + CODED + b"\r\n" + chunked(TEXT[:7], TEXT[7:]), TEXT, True),
    "no-chunk": (OK + CODED + b"\r\n" + chunked(), b"", True),
    "extensions": (
        OK + CODED + b"\r\n" + chunked(TEXT, extension=b";a=b;c", trailers=b"x-trailer: 1\r\n\x58-Other: 2\r\n"),
        TEXT,
        True,
    ),
    "gzip": (
        OK + CODED + b"content-encoding: gzip\r\n\r\n" + chunked(PACKED[:9], PACKED[9:]),
        TEXT,
        True,
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK + SIZED + b"\r\n" + TEXT,
        TEXT,
        True,
    ),
    "close": (OK + SIZED + b"Connection: close\r\n\r\n" + TEXT, TEXT, False),
    "http10": (b"HTTP/1.0 200 OK\r\n" + SIZED + b"\r\n" + TEXT, TEXT, False),
    "http10-kept": (b"HTTP/1.0 200 OK\r\n" + SIZED + b"Connection: keep-alive\r\n\r\n" + TEXT, TEXT, True),
    "upgrade-offered": (OK + SIZED + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + TEXT, TEXT, True),
    "no-content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "no-reason": (b"HTTP/1.1 200\r\n" + SIZED + b"\r\n" + TEXT, TEXT, True),
}
UNTIL_CLOSED = (OK + b"content-type: text/plain\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")


def outcome(pieces: list[bytes]) -> Outcome:
    """What becomes of an answer in these pieces."""
    return asyncio.run(heard(pieces))


@given(name=st.sampled_from(sorted(WHOLE)), data=st.data())
def test_an_answer_is_the_same_however_it_is_cut(name: str, data: st.DataObject) -> None:
    answer, body, kept = WHOLE[name]
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=8))
    pieces = [answer[start:end] for start, end in pairwise(sorted({0, len(answer), *cuts}))]
    found = outcome(pieces)
    assert (found.body, found.failed, found.kept) == (body, "", kept)


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_is_the_same_byte_by_byte(name: str) -> None:
    answer, body, kept = WHOLE[name]
    found = outcome([answer[at : at + 1] for at in range(len(answer))])
    assert (found.body, found.failed, found.kept) == (body, "", kept)


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_that_ends_too_early_is_a_failure_wherever_it_is_cut(name: str) -> None:
    """What came of the body before is given first, and nothing that did not come."""
    answer, body, _ = WHOLE[name]
    for length in range(len(answer)):
        found = outcome([answer[:length]])
        assert found.failed == (CUT if found.status else NOTHING), length
        assert body.startswith(found.body)
        assert not found.kept


@pytest.mark.parametrize("head", UNTIL_CLOSED)
def test_a_body_without_a_length_ends_with_the_connection(head: bytes) -> None:
    found = outcome([head + TEXT[:5], TEXT[5:]])
    assert (found.status, found.body, found.failed, found.kept) == (200, TEXT, "", False)


async def test_a_body_without_a_length_is_cut_where_the_connection_breaks() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([UNTIL_CLOSED[0] + TEXT])
    wire.connection.connection_lost(ConnectionResetError())
    exchange = await asking
    assert await exchange.read() == TEXT
    with pytest.raises(Exception, match=CUT):
        await exchange.read()


AMBIGUOUS: dict[str, bytes] = {
    "length-and-chunks": OK + SIZED + CODED + b"\r\n" + chunked(TEXT),
    "chunks-and-length": OK + CODED + SIZED + b"\r\n" + chunked(TEXT),
    "two-lengths": OK + SIZED + b"content-length: 5\r\n\r\n" + TEXT,
    "the-same-length-twice": OK + SIZED + SIZED + b"\r\n" + TEXT,
    "list-of-lengths": OK + b"content-length: 62, 62\r\n\r\n" + TEXT,
    "signed-length": OK + b"content-length: +62\r\n\r\n" + TEXT,
    "negative-length": OK + b"content-length: -1\r\n\r\n" + TEXT,
    "hexadecimal-length": OK + b"content-length: 0x3e\r\n\r\n" + TEXT,
    "no-length": OK + b"content-length:\r\n\r\n" + TEXT,
    "endless-length": OK + b"content-length: 99999999999999999999\r\n\r\n" + TEXT,
    "gzip-coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n" + chunked(TEXT),
    "identity-coding": OK + b"transfer-encoding: identity\r\n\r\n" + TEXT,
    "coding-twice": OK + CODED + CODED + b"\r\n" + chunked(TEXT),
    "coding-in-http10": b"HTTP/1.0 200 OK\r\n" + CODED + b"\r\n" + chunked(TEXT),
    "coding-with-tab": OK + b"transfer-encoding: \x0bchunked\r\n\r\n" + chunked(TEXT),
    "folded-header": OK + b"x-folded: a\r\n b\r\n" + SIZED + b"\r\n" + TEXT,
    "space-before-colon": OK + b"content-length : 62\r\n\r\n" + TEXT,
    "no-colon": OK + b"content-length\r\n\r\n" + TEXT,
    "bare-line-feeds": (OK + SIZED + b"\r\n").replace(b"\r\n", b"\n") + TEXT,
    "bare-carriage-return": OK + b"x: a\rb\r\n" + SIZED + b"\r\n" + TEXT,
    "null-in-header": OK + b"x: a\0b\r\n" + SIZED + b"\r\n" + TEXT,
    "http2": b"HTTP/2.0 200 OK\r\n" + SIZED + b"\r\n" + TEXT,
    "http09": b"HTTP/0.9 200 OK\r\n" + SIZED + b"\r\n" + TEXT,
    "two-digits": b"HTTP/1.1 20 OK\r\n" + SIZED + b"\r\n" + TEXT,
    "four-digits": b"HTTP/1.1 2000 OK\r\n" + SIZED + b"\r\n" + TEXT,
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "tls-alert": b"\x15\x03\x01\x00\x02\x02\x16",
    "http2-settings": b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "huge-header": OK + b"x: " + b"a" * 70_000 + b"\r\n\r\n",
    "huge-header-without-end": OK + b"x: " + b"a" * 200_000,
    "many-headers": OK + b"".join(b"x-%d: 1\r\n" % at for at in range(300)) + b"\r\n",
    "endless-interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
}
BAD_BODIES: dict[str, bytes] = {
    "no-size": b"zz\r\n" + TEXT,
    "signed-size": b"-1\r\n" + TEXT,
    "size-with-prefix": b"0x3e\r\n" + TEXT + b"\r\n0\r\n\r\n",
    "endless-size": b"fffffffffffffffff\r\n" + TEXT,
    "longer-than-its-size": b"5\r\n" + TEXT + b"\r\n0\r\n\r\n",
    "line-feed-only": b"3e\n" + TEXT + b"\n0\n\n",
    "space-after-size": b"3e \r\n" + TEXT + b"\r\n0\r\n\r\n",
    "endless-extension": b"3e;" + b"x" * 70_000,
    "endless-trailer": b"0\r\nx: " + b"x" * 70_000,
    "many-trailers": b"0\r\n" + b"x-trailer: 1\r\n" * 8000 + b"\r\n",
}


@pytest.mark.parametrize("size", [1 << 20, 1000], ids=["whole", "cut"])
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_could_be_read_in_two_ways_is_refused(name: str, size: int) -> None:
    answer = AMBIGUOUS[name]
    found = outcome([answer[at : at + size] for at in range(0, len(answer), size)])
    assert (found.status, found.body, found.failed, found.kept) == (0, b"", NONSENSE, False)


@pytest.mark.parametrize("fields", [b"Upgrade: h2c\r\nConnection: Upgrade\r\n", b""], ids=["named", "unnamed"])
@pytest.mark.parametrize("size", [1 << 20, 1], ids=["whole", "cut"])
def test_another_protocol_is_an_answer_of_that_status_and_nothing_of_it_is_read(fields: bytes, size: int) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n" + TEXT
    found = outcome([answer[at : at + size] for at in range(0, len(answer), size)])
    assert (found.status, found.body, found.kept) == (101, b"", False)


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_not_framed_as_it_should_be_ends_as_a_failure(name: str) -> None:
    answer = OK + CODED + b"\r\n" + BAD_BODIES[name]
    found = outcome([answer[at : at + 1000] for at in range(0, len(answer), 1000)])
    assert (found.status, found.failed, found.kept) == (200, NONSENSE, False)


@pytest.mark.parametrize("rest", [b"x", b"\0", OK + SIZED + b"\r\n" + TEXT], ids=["byte", "null", "second-answer"])
@pytest.mark.parametrize("apart", [False, True])
async def test_what_nobody_asked_for_ends_the_connection_and_not_the_answer(rest: bytes, apart: bool) -> None:
    """It would be taken for the answer to the next request."""
    whole = OK + SIZED + b"\r\n" + TEXT
    wire = Wire()
    asking = await wire.ask()
    wire.feed([whole, rest] if apart else [whole + rest])
    assert wire.transport.aborted
    exchange = await asking
    assert (await exchange.read(), await exchange.read()) == (TEXT, b"")


async def test_a_provider_that_answers_before_it_has_read_the_request_is_not_asked_again_over_that_connection() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.transport.unsent = 1000
    wire.feed([b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"])
    exchange = await asking
    assert (exchange.status, await exchange.read()) == (413, b"no")
    assert (wire.parked, wire.transport.aborted) == (0, True)


def test_headers_of_one_name_are_joined_and_bytes_stay_apart() -> None:
    found = outcome([OK + b"X-A: 1\r\nx-a: \xff2\r\nSet-Cookie: a\r\n" + SIZED + b"\r\n" + TEXT])
    assert found.headers == {"x-a": "1, \xff2", "set-cookie": "a", "content-length": "62"}


def test_two_compressions_on_top_of_each_other_are_garbled() -> None:
    head = OK + b"content-encoding: gzip\r\ncontent-encoding: gzip\r\n" + CODED
    assert "not asked for" in outcome([head + b"\r\n" + chunked(gzip.compress(PACKED))]).failed

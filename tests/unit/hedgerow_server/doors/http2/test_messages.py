"""Messages out of the bytes of a stream, as they come and as they are inflated."""

import gzip
import itertools
import zlib
from collections.abc import Callable

import grpc
import pytest
from hedgerow_server.doors.http2.head import RefusedError
from hedgerow_server.doors.http2.messages import Inbox, inflated
from unit.hedgerow_server.doors.http2.peer import framed

LIMIT = 100_000
TEXT = b"Something about hedges. " * 50
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 7, 1000])
def test_messages_are_the_same_however_they_are_cut(step: int) -> None:
    sent = [b"", b"a", b"bc" * 300, b"", TEXT]
    data = b"".join(map(framed, sent))
    inbox = Inbox(LIMIT)
    found = [inbox.feed(data[at : at + step]) for at in range(0, len(data), step)]
    assert [body for _, body in itertools.chain(*found)] == sent
    assert not inbox.held


def test_a_part_of_a_message_is_told_of() -> None:
    inbox = Inbox(LIMIT)
    inbox.feed(framed(b"whole") + framed(b"cut")[:-1])
    assert inbox.held


def test_the_largest_message_is_taken_and_one_byte_more_is_refused_before_it_has_come() -> None:
    assert Inbox(LIMIT).feed(framed(b"x" * LIMIT)) == [(False, b"x" * LIMIT)]
    with pytest.raises(RefusedError) as caught:
        Inbox(LIMIT).feed(framed(b"x" * (LIMIT + 1))[:5])
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_flag_that_there_is_not_is_refused() -> None:
    with pytest.raises(RefusedError, match="flag"):
        Inbox(LIMIT).feed(b"\2\0\0\0\0")


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("size", [0, 10, 50_000, LIMIT])
async def test_what_was_compressed_is_inflated(encoding: str, size: int) -> None:
    """In a thread where it is large, and up to the limit itself."""
    text = bytes(number % 251 for number in range(size))
    assert await inflated(COMPRESSED[encoding](text), encoding, LIMIT) == text


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("size", [LIMIT + 1, 50_000_000])
async def test_a_bomb_is_refused_by_its_size(encoding: str, size: int) -> None:
    with pytest.raises(RefusedError) as caught:
        await inflated(COMPRESSED[encoding](bytes(size)), encoding, LIMIT)
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize("spoil", [lambda it: it[:-1], lambda it: it + it, lambda it: b"?" + it, lambda it: it[:0]])
async def test_what_is_not_one_whole_compressed_message_is_refused(
    encoding: str, spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(RefusedError) as caught:
        await inflated(spoil(COMPRESSED[encoding](TEXT)), encoding, LIMIT)
    assert caught.value.code is grpc.StatusCode.INTERNAL


async def test_a_compressed_message_without_an_encoding_is_refused() -> None:
    with pytest.raises(RefusedError, match="grpc-encoding"):
        await inflated(gzip.compress(TEXT), "identity", LIMIT)

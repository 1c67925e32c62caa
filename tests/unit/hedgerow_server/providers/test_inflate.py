"""Compressed answers: the same bytes however they are cut, and a bound where they are a bomb."""

import gzip
import zlib

import pytest
from hedgerow_server.providers.http.inflate import Inflate, inflate_for
from hedgerow_server.providers.http.port import GarbledError

TEXT = b'{"choices":[{"message":{"content":"a hedge of hawthorn"}}]}' * 50
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "deflate": zlib.compress(TEXT),
    "Deflate": RAW.compress(TEXT) + RAW.flush(),
}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("encoding", PACKED)
def test_what_was_packed_comes_out_however_it_is_cut(encoding: str, size: int) -> None:
    codec = inflate_for({"content-encoding": encoding})
    assert isinstance(codec, Inflate)
    packed = PACKED[encoding]
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(codec.feed(piece) for piece in pieces) == TEXT


@pytest.mark.parametrize("headers", [{}, {"content-encoding": "identity"}, {"content-encoding": " "}])
def test_what_is_not_packed_needs_nothing(headers: dict[str, str]) -> None:
    assert inflate_for(headers) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_what_was_not_asked_for_is_garbled(encoding: str) -> None:
    codec = inflate_for({"content-encoding": encoding})
    assert codec is not None
    with pytest.raises(GarbledError, match="not asked for"):
        codec.feed(b"anything")


def test_what_is_not_packed_as_it_says_is_garbled() -> None:
    with pytest.raises(GarbledError, match="not compressed as it says"):
        Inflate(gzip=True).feed(TEXT)


def test_a_bomb_is_stopped_before_it_goes_off() -> None:
    """64 MiB of nothing, of which no more than the bound is ever made."""
    packed = gzip.compress(bytes(64 * 1024 * 1024))
    codec = Inflate(gzip=True)
    made: list[int] = []
    pieces = [packed[start : start + 1024] for start in range(0, len(packed), 1024)]
    with pytest.raises(GarbledError, match="without end"):
        made.extend(len(codec.feed(piece)) for piece in pieces)
    assert sum(made) <= 8 * 1024 * 1024

"""Embeddings as packed little-endian 32-bit floats, whichever way a provider writes them."""

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Sequence

from hedgerow_server.core.event import EmbeddingsAdded, Event, Finished, FinishReason, Started, Usage
from hedgerow_server.providers.refusal import protocol_error


def batch_events(provider: str, vectors: Sequence[object], usage: Usage | None, *, model: str = "") -> list[Event]:
    """Started, the vectors in the order of their inputs, Finished. Their number is left to the caller to check. Raises
    what `checked` does.
    """
    vectors_added = EmbeddingsAdded(checked(provider, vectors))
    return [Started(model=model), vectors_added, Finished(FinishReason.STOP, "", usage)]


def checked(provider: str, vectors: Sequence[object]) -> list[bytes]:
    """The vectors of a batch, each a list of numbers or base64 of 32-bit floats. Raises UpstreamProtocol where there is
    none, where one is not of finite floats, and where their lengths differ.
    """
    packed = [_packed(provider, vector) for vector in vectors]
    if len({len(vector) for vector in packed}) != 1:
        raise protocol_error(provider, "no embeddings or embeddings of different lengths")
    return packed


def _packed(provider: str, vector: object) -> bytes:
    try:
        if isinstance(vector, str):
            packed = base64.b64decode(vector, validate=True)
        elif isinstance(vector, list):
            packed = _pack(vector)
        else:
            packed = b""
    except (binascii.Error, TypeError, ValueError, OverflowError):
        packed = b""
    if not packed or len(packed) % 4 or not _finite(packed):
        raise protocol_error(provider, "an embedding that is not of finite 32-bit floats")
    return packed


def _pack(numbers: list[float]) -> bytes:
    floats = array("f", numbers)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def _finite(packed: bytes) -> bool:
    # Only floats of 2^127 and more have a top byte of 0x7f or 0xff: looking for these two is far cheaper than looking
    # at each float.
    top = packed[3::4]
    if b"\x7f" not in top and b"\xff" not in top:
        return True
    floats = array("f", packed)
    if sys.byteorder == "big":
        floats.byteswap()
    return all(map(math.isfinite, floats))

"""Records as the payloads of frames: MessagePack arrays of maps."""

import msgspec

from hedgerow_server.ledger.record import Record

_MOST = (1 << 63) - 1
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Record]).decode


class UnreadableError(Exception):
    """The payload is none that this router knows."""


def encoded(records: list[Record]) -> bytes:
    """The payload of one frame."""
    try:
        return _encode(records)
    except (OverflowError, UnicodeEncodeError, ValueError):
        # A count that no integer of 64 bits holds, or a text that is none: a provider may send anything.
        return _encode(_mended(records))


def decoded(payload: bytes) -> list[Record]:
    """The records of a payload. Raises UnreadableError."""
    try:
        return _decode(payload)
    except msgspec.DecodeError as error:
        raise UnreadableError(str(error)) from None


def _mended(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        fields = {name: _mended(one) for name, one in msgspec.structs.asdict(value).items()}
        tag = type(value).__struct_config__.tag
        return fields if tag is None else {"type": tag, **fields}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return max(-_MOST, min(value, _MOST))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(one) for one in value]
    return value

"""Frames of HTTP/2 (RFC 9113): their names, and the bytes of those that the server sends by itself."""

from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9
FRAME_BYTES: Final = 16_384
"""The most that a frame carries in either direction; the default of the protocol, which clients keep to."""
WINDOW_BYTES: Final = 65_535
"""The windows before anybody has said otherwise."""
MAX_WINDOW: Final = 2**31 - 1

DATA: Final = 0
HEADERS: Final = 1
PRIORITY: Final = 2
RST_STREAM: Final = 3
SETTINGS: Final = 4
PUSH_PROMISE: Final = 5
PING: Final = 6
GOAWAY: Final = 7
WINDOW_UPDATE: Final = 8
CONTINUATION: Final = 9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITISED: Final = 0x20

HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6

NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
FLOW_CONTROL_ERROR: Final = 3
STREAM_CLOSED: Final = 5
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

_HEAD = Struct(">HBBBI")
_NUMBER = Struct(">I")
_SETTING = Struct(">HI")
_GOAWAY = Struct(">II")
SETTINGS_ACK: Final = _HEAD.pack(0, 0, SETTINGS, ACK, 0)


class ConnectionFault(Exception):
    """The other end has broken the protocol: the connection ends."""

    def __init__(self, code: int, text: str) -> None:
        """`code` is that of RFC 9113, section 7; `text` goes into the GOAWAY."""
        super().__init__(text)
        self.code = code


def head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """What a frame begins with."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def settings(values: dict[int, int]) -> bytes:
    """SETTINGS."""
    body = b"".join(_SETTING.pack(*one) for one in values.items())
    return head(len(body), SETTINGS, 0, 0) + body


def told_settings(body: bytes) -> list[tuple[int, int]]:
    """What SETTINGS of the other end say. Raises ConnectionFault for a body that is cut and for values that there are
    not (RFC 9113, section 6.5.2).
    """
    if len(body) % _SETTING.size:
        raise ConnectionFault(FRAME_SIZE_ERROR, "settings of a wrong size")
    found: list[tuple[int, int]] = list(_SETTING.iter_unpack(body))
    for name, value in found:
        if name == ENABLE_PUSH and value > 1:
            raise ConnectionFault(PROTOCOL_ERROR, "a wrong setting of pushes")
        if name == INITIAL_WINDOW_SIZE and value > MAX_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "a wrong setting of windows")
        if name == MAX_FRAME_SIZE and not FRAME_BYTES <= value < 2**24:
            raise ConnectionFault(PROTOCOL_ERROR, "a wrong setting of frame sizes")
    return found


def window_update(stream_id: int, more: int) -> bytes:
    """WINDOW_UPDATE."""
    return head(4, WINDOW_UPDATE, 0, stream_id) + _NUMBER.pack(more)


def rst_stream(stream_id: int, code: int) -> bytes:
    """RST_STREAM."""
    return head(4, RST_STREAM, 0, stream_id) + _NUMBER.pack(code)


def ping(body: bytes, *, ack: bool = False) -> bytes:
    """PING; `body` has eight bytes."""
    return head(8, PING, ACK if ack else 0, 0) + body


def goaway(last_id: int, code: int, text: str = "") -> bytes:
    """GOAWAY."""
    told = text.encode()
    return head(8 + len(told), GOAWAY, 0, 0) + _GOAWAY.pack(last_id, code) + told


def header_block(block: bytes, stream_id: int, *, last: bool) -> bytes:
    """HEADERS, and CONTINUATION where one frame is too small for them."""
    end = END_STREAM if last else 0
    if len(block) <= FRAME_BYTES:
        return head(len(block), HEADERS, END_HEADERS | end, stream_id) + block
    pieces = [block[at : at + FRAME_BYTES] for at in range(0, len(block), FRAME_BYTES)]
    found = [head(len(pieces[0]), HEADERS, end, stream_id), pieces[0]]
    for piece in pieces[1:]:
        found += (head(len(piece), CONTINUATION, END_HEADERS if piece is pieces[-1] else 0, stream_id), piece)
    return b"".join(found)


def number(body: bytes) -> int:
    """The 31 bits that a body of four bytes has."""
    value: int = _NUMBER.unpack(body)[0]
    return value & MAX_WINDOW


def unpadded(flags: int, body: bytes) -> bytes:
    """The body of DATA or HEADERS without its padding. Raises ConnectionFault where there is more of it than body."""
    if not flags & PADDED:
        return body
    if not body or body[0] >= len(body):
        raise ConnectionFault(PROTOCOL_ERROR, "more padding than frame")
    return body[1 : len(body) - body[0]]

"""HTTP/1.1 that breaks its own rules, written past the server: RFC 9112 says what a client must refuse."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from hedgerow_sim.dialects.port import Reply
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Close, Pause, Raw, Script
from hedgerow_sim.turn import Behaviour, Turn, answer

_SMUGGLED: Final = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"smuggled": 1}'
_HUGE_HEAD: Final = 1 << 20

Write = Callable[[Mapping[str, str], bytes], bytes]


def _body(reply: Reply) -> bytes:
    return b"".join(frame.data for frame in reply.frames)


def _head(headers: Mapping[str, str], *more: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    lines = [status, *(f"{name}: {value}" for name, value in headers.items()), *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _double_length(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, f"content-length: {len(body)}", f"content-length: {len(body) // 2}") + body


def _length_chunked(headers: Mapping[str, str], body: bytes) -> bytes:
    framing = (f"content-length: {len(body)}", "transfer-encoding: chunked")
    return _head(headers, *framing) + _chunk(body) + b"0\r\n\r\n" + _SMUGGLED


def _bad_length(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, f"content-length: +{len(body)}x") + body


def _long(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, f"content-length: {len(body)}") + body + _SMUGGLED


def _bad_chunk(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, "transfer-encoding: chunked") + b"zz\r\n" + body + b"\r\n0\r\n\r\n"


def _long_chunk(headers: Mapping[str, str], body: bytes) -> bytes:
    size = b"%x" % (len(body) + 1)
    return _head(headers, "transfer-encoding: chunked") + size + b"\r\n" + body + b"\r\n0\r\n\r\n"


def _bad_trailer(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, "transfer-encoding: chunked") + _chunk(body) + b"0\r\nno colon\x00here\r\n\r\n"


def _bad_header(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, "no colon here", f"content-length: {len(body)}") + body


def _huge_header(headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(headers, "x-long: " + "x" * _HUGE_HEAD, f"content-length: {len(body)}") + body


def _garbage(headers: Mapping[str, str], body: bytes) -> bytes:
    return b"\x16\x03\x01 this is no HTTP at all\r\n\r\n"


def _switching(headers: Mapping[str, str], body: bytes) -> bytes:
    upgrade = {"connection": "upgrade", "upgrade": "h2c"}
    return _head(upgrade, status="HTTP/1.1 101 Switching Protocols") + body


def _writing(write: Write) -> Play:
    """Writes the whole answer at once and closes."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        reply = turn.reply()
        yield Raw(write(reply.headers, _body(reply)), 200)
        # What follows a response must travel apart, or a client may never look at it.
        yield Pause(0)
        yield Close()

    return play


def _interim(line: str) -> Play:
    """An interim response first, which a client has to pass over."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        yield Raw(_head({}, status=f"HTTP/1.1 {line}"))
        yield Pause(0)
        yield from (inner or answer)(turn)

    return play


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("http-100", "100 Continue first, then the answer.", "P22", _interim("100 Continue"), wraps=True)
    yield Fault("http-103", "103 Early Hints first, then the answer.", "P22", _interim("103 Early Hints"), wraps=True)
    yield Fault("http-101", "101 Switching Protocols, which nobody asked for.", "P22", _writing(_switching))
    yield Fault("http-double-length", "Two content-lengths that differ.", "P22", _writing(_double_length))
    yield Fault(
        "http-length-chunked",
        "A content-length and chunks, and a second response behind them.",
        "P22",
        _writing(_length_chunked),
    )
    yield Fault("http-bad-length", "A content-length that is no number.", "P22", _writing(_bad_length))
    yield Fault("http-long", "More bytes than the content-length: a second response.", "P22", _writing(_long))
    yield Fault("http-bad-chunk", "A chunk whose size is no number.", "P22", _writing(_bad_chunk))
    yield Fault("http-long-chunk", "A chunk whose size is wrong by one.", "P22", _writing(_long_chunk))
    yield Fault("http-bad-trailer", "A trailer that is no header field.", "P22", _writing(_bad_trailer))
    yield Fault("http-bad-header", "A header line without a colon.", "P22", _writing(_bad_header))
    yield Fault("http-huge-header", "A header field of one mebibyte.", "P22", _writing(_huge_header))
    yield Fault("http-garbage", "Bytes that are no HTTP.", "P22", _writing(_garbage))

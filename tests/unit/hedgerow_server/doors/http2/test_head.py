"""Headers of calls and of their answers."""

import base64

import grpc
import pytest
from hedgerow_server.doors.http2.head import (
    Head,
    MalformedError,
    Names,
    NotGrpcError,
    RefusedError,
    read_head,
    status_fields,
    trailing,
)

PSEUDO = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C"), (b":authority", b"x")]
CALL = [*PSEUDO, (b"content-type", b"application/grpc"), (b"te", b"trailers")]
MOST = 1000


def head(*more: tuple[bytes, bytes], of: list[tuple[bytes, bytes]] = CALL) -> Head:
    """What headers say."""
    return read_head([(*one, False) for one in (*of, *more)], Names(), MOST)


def without(name: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a call but for one."""
    return [one for one in CALL if one[0] != name]


def test_metadata_comes_as_it_was_sent_and_what_is_the_servers_is_left_out() -> None:
    found = head((b"x-a", b"1"), (b"x-b-bin", b"AAE"), (b"x-a", b"2"), (b"user-agent", b"me"))
    assert found.path == "/a.B/C"
    assert found.metadata == [("x-a", "1"), ("x-b-bin", b"\0\1"), ("x-a", "2"), ("user-agent", "me")]


@pytest.mark.parametrize("padding", [b"", b"=="])
def test_binary_values_may_be_padded_and_several_of_them_joined(padding: bytes) -> None:
    value = base64.b64encode(b"\xff").rstrip(b"=") + padding
    assert head((b"x-bin", value + b"," + value)).metadata == [("x-bin", b"\xff"), ("x-bin", b"\xff")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(b"1H", 3600), (b"2M", 120), (b"3S", 3), (b"4m", 0.004), (b"5u", 5e-6), (b"6n", 6e-9), (b"99999999H", 3.6e11)],
)
def test_a_timeout_has_a_unit(text: bytes, seconds: float) -> None:
    assert head((b"grpc-timeout", text)).timeout_s == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"1", b"S", b"-1S", b"1.5S", b"123456789S", b"1s", "\u0661S".encode(), b"1S "])
def test_another_timeout_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        head((b"grpc-timeout", text))
    assert caught.value.code is grpc.StatusCode.INTERNAL


MALFORMED: dict[str, list[tuple[bytes, bytes]]] = {
    "no path": without(b":path"),
    "no method": without(b":method"),
    "no scheme": without(b":scheme"),
    "an empty path": [*without(b":path"), (b":path", b"")][::-1],
    "a path twice": [(b":path", b"/a"), *CALL],
    "a pseudo-header behind another": [*without(b":path"), (b":path", b"/a.B/C")],
    "an unknown pseudo-header": [(b":protocol", b"x"), *CALL],
    "a pseudo-header of answers": [(b":status", b"200"), *CALL],
    "a name in capitals": [*CALL, (b"X-A", b"1")],
    "no name": [*CALL, (b"", b"1")],
    "a name with a space": [*CALL, (b"x a", b"1")],
    "a name of other bytes": [*CALL, (b"x\xff", b"1")],
    "a header of connections": [*CALL, (b"connection", b"close")],
    "transfer-encoding": [*CALL, (b"transfer-encoding", b"chunked")],
    "another te": [*without(b"te"), (b"te", b"gzip")],
    "a line end": [*CALL, (b"x-a", b"1\r\nx-b: 2")],
    "a null": [*CALL, (b"x-a", b"\0")],
    "a length of no digits": [*CALL, (b"content-length", b"1e3")],
    "a length of other digits": [*CALL, (b"content-length", "\u0663".encode())],
    "a length of 5000 digits": [*CALL, (b"content-length", b"9" * 5000)],
    "a negative length": [*CALL, (b"content-length", b"-1")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_headers_that_no_request_may_have_are_malformed(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MalformedError):
        read_head([(*one, False) for one in fields], Names(), 10_000)


@pytest.mark.parametrize(
    "kind", [b"", b"text/html", b"application/grpcx", b"application/grpc-web", b"application/json"]
)
def test_what_is_no_call_has_a_status_of_http(kind: bytes) -> None:
    with pytest.raises(NotGrpcError) as caught:
        head((b"content-type", kind), of=without(b"content-type"))
    assert caught.value.status == 415


@pytest.mark.parametrize("kind", [b"application/grpc+proto", b"application/grpc;charset=utf-8"])
def test_a_call_may_say_what_its_messages_are(kind: bytes) -> None:
    assert head((b"content-type", kind), of=without(b"content-type")).path == "/a.B/C"


def test_another_method_of_http_is_405() -> None:
    with pytest.raises(NotGrpcError) as caught:
        head(of=[(b":method", b"GET"), *without(b":method")])
    assert caught.value.status == 405


def test_an_encoding_that_nobody_can_read_is_unimplemented() -> None:
    with pytest.raises(RefusedError) as caught:
        head((b"grpc-encoding", b"br"))
    assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED


def test_more_headers_than_there_may_be_are_refused() -> None:
    size = sum(32 + len(name) + len(value) for name, value in CALL)
    room = MOST - size - 32 - len(b"x-a")
    assert head((b"x-a", b"v" * room)).metadata == [("x-a", "v" * room)]
    with pytest.raises(RefusedError) as caught:
        head((b"x-a", b"v" * (room + 1)))
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("value", [b"A", b"AAAAA", b"\xff\xfe", "é".encode()])
def test_a_binary_value_that_is_no_base64_is_refused(value: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        head((b"x-bin", value))
    assert caught.value.code is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("field", [(b":path", b"/a"), (b"X", b"1"), (b"x", b"\n")])
def test_trailers_of_a_request_keep_to_the_rules(field: tuple[bytes, bytes]) -> None:
    trailing([(b"x", b"1", False)], Names())
    with pytest.raises(MalformedError):
        trailing([(*field, False)], Names())


@pytest.mark.parametrize(
    ("text", "sent"),
    [("fine", b"fine"), ("50%", b"50%25"), ("é\n", b"%C3%A9%0A"), ("\ud800", b"?")],
)
def test_the_text_of_a_status_is_percent_encoded(text: str, sent: bytes) -> None:
    fields = status_fields(grpc.StatusCode.NOT_FOUND, text, [("x-a-bin", b"\xff"), ("x-b", "1")])
    assert [one[:2] for one in fields] == [
        (b"grpc-status", b"5"),
        (b"grpc-message", sent),
        (b"x-a-bin", b"/w"),
        (b"x-b", b"1"),
    ]


def test_names_without_end_are_not_kept() -> None:
    names = Names()
    names(b"x" * 1000)
    for number in range(2000):
        names(b"x-%d" % number)
    assert len(names._known) <= 512
    assert max(map(len, names._known)) <= 64

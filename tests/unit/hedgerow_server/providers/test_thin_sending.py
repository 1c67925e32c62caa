"""What the thin transport sends, and when it sends it again: never where it could be served twice."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.inflate import ACCEPTED
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin import ThinTransport
from hedgerow_server.providers.http.thin.head import Target, origin_of
from hedgerow_server.providers.http.thin.pool import Origin
from unit.hedgerow_server.providers.thin_server import OK, ask, client, post, until

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
Loop = Callable[[], asyncio.AbstractEventLoop]


def written(request: HttpRequest, *extra: tuple[str, str], proxy: str = "") -> str:
    """What is sent."""
    origin = Origin(*origin_of(request.url))
    return Target(request.method, request.url, origin, proxy).message(request, extra).decode()


def test_a_request_is_written_whole() -> None:
    asked = HttpRequest(
        "POST", "https://api.example/v1/chat?api-version=1", {"content-type": "application/json"}, b"{}"
    )
    assert written(asked, ("traceparent", "00-a")) == (
        f"POST /v1/chat?api-version=1 HTTP/1.1\r\nhost: api.example\r\naccept: */*\r\naccept-encoding: {ACCEPTED}\r\n"
        "content-type: application/json\r\ntraceparent: 00-a\r\ncontent-length: 2\r\n\r\n{}"
    )


def test_what_the_dialect_says_itself_is_not_said_twice() -> None:
    headers = {"Host": "signed.example", "Accept": "text/event-stream", "Accept-Encoding": "identity"}
    text = written(HttpRequest("GET", "http://api.example", headers, b""))
    assert text == (
        "GET / HTTP/1.1\r\nHost: signed.example\r\nAccept: text/event-stream\r\nAccept-Encoding: identity\r\n\r\n"
    )


def test_a_post_without_a_body_says_so() -> None:
    assert "content-length: 0\r\n\r\n" in written(HttpRequest("POST", "http://api.example/x", {}, b""))


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("https://api.example:443/a", "/a", "api.example"),
        ("https://api.example:8443/a", "/a", "api.example:8443"),
        ("http://[2001:db8::1]/a", "/a", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080/a", "/a", "[2001:db8::1]:8080"),
        ("https://API.Example/a%2Fb:converse", "/a%2Fb:converse", "api.example"),
        ("https://bücher.example/ü b?q=ü", "/%C3%BC%20b?q=%C3%BC", "xn--bcher-kva.example"),
        ("https://api.example/a\r\nx: y", "/a", "api.example"),
    ],
)
def test_the_target_of_a_url(url: str, line: str, host: str) -> None:
    text = written(HttpRequest("GET", url, {}, b""))
    head = text.split("\r\n")
    if "\r" in url:
        assert "x: y" not in head
    else:
        assert head[0] == f"GET {line} HTTP/1.1"
    assert head[1] == f"host: {host}"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "1\r\nx-b: 2"},
        {"x-a": "1\nx-b: 2"},
        {"x-a": "1\rx-b: 2"},
        {"x-a": "a\0b"},
        {"x-a\r\nx-b": "1"},
        {"x a": "1"},
        {"": "1"},
        {"Transfer-Encoding": "chunked"},
        {"content-length": "3"},
        {"connection": "close"},
    ],
)
def test_a_header_that_would_be_something_else_is_not_sent_and_not_told(headers: dict[str, str]) -> None:
    with pytest.raises(UnreachableError) as caught:
        written(HttpRequest("POST", "http://api.example/x", headers, b"{}"))
    assert caught.value.detail == "a header of the request cannot be sent"


@pytest.mark.parametrize("url", ["ftp://api.example/", "http:///x", "nonsense", "http://api.example:99999/"])
async def test_a_url_that_is_none_cannot_be_reached(url: str) -> None:
    async with client() as one:
        with pytest.raises(UnreachableError, match="no URL of HTTP"):
            await one.send(HttpRequest("GET", url, {}, b""), ())


class Closing:
    """A provider in a thread of its own, so that it closes while the event loop of the client stands still: the close
    and the next request cross each other on the way.
    """

    def __init__(self, listener: socket.socket, *, reads: bool) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.closed = threading.Event()
        self.closing = threading.Event()
        """May close now."""
        self.requests = 0
        self.connections = 0
        self._reads = reads
        self._listener = listener

    def run(self) -> None:
        """Answers the first request. Then it closes, with `reads` once the second request is here. Later connections
        are answered.
        """
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with taken:
                self._request(taken)
                taken.sendall(OK)
                if self.connections > 1:
                    self.closed.wait(10)
                    taken.recv(1)
                    continue
                self.closing.wait(10)
                if self._reads:
                    self._request(taken)
            self.closed.set()

    def _request(self, taken: socket.socket) -> None:
        data = b""
        while not data.endswith((b"{}", b"\r\n\r\n")):
            data += taken.recv(65_536)
        self.requests += 1


@contextmanager
def closing(*, reads: bool) -> Iterator[Closing]:
    """Runs one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = Closing(listener, reads=reads)
        thread = threading.Thread(target=one.run)
        thread.start()
        yield one
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


async def twice(there: Closing, method: str) -> bytes:
    """The second of two answers; the connection of the first one is closed while the second request is on its way."""
    async with client() as one:
        asked = HttpRequest(method, f"{there.url}/v1", {}, b"{}" if method == "POST" else b"")
        assert await ask(one, asked) == b"ok"
        there.closing.set()
        if not there._reads:
            # Not awaited: the event loop must not see it.
            assert there.closed.wait(10)
        return await ask(one, asked)


@LOOPS
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_that_a_closed_connection_cannot_have_taken_is_sent_again_over_a_new_one(
    loop: Loop, method: str
) -> None:
    with closing(reads=False) as there, asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(twice(there, method)) == b"ok"
    assert (there.requests, there.connections) == (2, 2)


@LOOPS
def test_a_request_that_was_taken_is_not_sent_again(loop: Loop) -> None:
    """It may have been served, and paid for."""
    with (
        closing(reads=True) as there,
        asyncio.Runner(loop_factory=loop) as runner,
        pytest.raises(UnreachableError, match="the connection closed before an answer"),
    ):
        runner.run(twice(there, "POST"))
    assert (there.requests, there.connections) == (2, 1)


@LOOPS
def test_a_request_that_does_no_harm_twice_is_sent_again(loop: Loop) -> None:
    with closing(reads=True) as there, asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(twice(there, "GET")) == b"ok"
    assert (there.requests, there.connections) == (3, 2)


async def test_a_new_connection_that_closes_is_not_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        taken = 0

        async def accept() -> None:
            nonlocal taken
            while True:
                sock, _ = await asyncio.get_running_loop().sock_accept(listener)
                taken += 1
                sock.close()

        accepting = asyncio.create_task(accept())
        async with client() as one:
            with pytest.raises(UnreachableError):
                await one.send(post(f"http://127.0.0.1:{listener.getsockname()[1]}"), ())
        accepting.cancel()
        assert taken == 1


async def test_a_connection_that_closed_while_nobody_needed_it_is_not_used() -> None:
    """The event loop has heard of it: nothing is sent over it."""
    with closing(reads=False) as there:
        async with client() as one:
            assert await ask(one, post(there.url)) == b"ok"
            there.closing.set()
            await until(lambda: not one._pool._open)
            assert await ask(one, post(there.url)) == b"ok"
    assert (there.requests, there.connections) == (2, 2)


async def test_a_request_is_written_at_once_to_the_socket() -> None:
    sent: list[bytes] = []

    class Counting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            sent.append(data)
            self._transport.write(OK)

    server = await asyncio.get_running_loop().create_server(Counting, "127.0.0.1", 0)
    async with server, client() as one:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await ask(one, post(url, authorization="Bearer x")) == b"ok"
        server.close()
    assert len(sent) == 1


def test_it_is_made_without_an_event_loop() -> None:
    """Configurations are loaded in a thread."""
    transport = ThinTransport(Egress(AddressRule("", allow=True)), connect_timeout_s=1.0, max_connections=1)
    asyncio.run(transport.close())

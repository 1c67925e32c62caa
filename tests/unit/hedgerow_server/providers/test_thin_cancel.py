"""A call that is cancelled, whatever the thin transport is at: the provider's end of the connection sees it at once,
and the place of the connection is another's.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin import ThinTransport
from unit.hedgerow_server.providers.thin_server import (
    Line,
    Provider,
    answering,
    ask,
    asked,
    client,
    post,
    provider,
    until,
)


async def hears(line: Line) -> None:
    """Takes whatever comes and says nothing."""
    while data := await line.reader.read(65_536):
        line.provider.requests.append((line.number, data))
        await line.provider.tell()


async def half_a_head(line: Line) -> None:
    """Begins to answer."""
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\ncontent-ty")
    await line.reader.read(1)


async def half_a_body(line: Line) -> None:
    """Goes on without end, in pieces."""
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    await line.reader.read(1)


async def slow_head(line: Line) -> None:
    """One byte after the other, and never all of it."""
    await line.request()
    await line.say(b"HTTP/1.1 200 OK\r\nx: ")
    while not line.reader.at_eof():
        await line.say(b"a")
        await asyncio.sleep(0)


def secure(there: Provider) -> str:
    """Where it would be with TLS."""
    return there.url.replace("http:", "https:")


async def cancelled(one: ThinTransport, url: str, there: Provider, ready: Callable[[], bool]) -> None:
    """Cancels a call as soon as the provider has seen enough of it, and waits until it sees the end, too."""
    calling = asyncio.create_task(ask(one, post(url)))
    await there.until(ready)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not calling.done()
    calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()
    await there.until(lambda: there.open == 0)


@pytest.mark.parametrize("play", [hears, half_a_head, half_a_body, slow_head])
async def test_while_the_answer_is_waited_for_or_read(play: Callable[[Line], Awaitable[None]]) -> None:
    async with provider(play) as there, client(connections=1) as one:
        for number in (1, 2):
            await cancelled(one, there.url, there, partial(asked, there, number))


async def test_in_the_middle_of_the_handshake_of_tls() -> None:
    async with provider(hears) as there, client(connections=1) as one:
        for number in (1, 2):
            await cancelled(one, secure(there), there, partial(asked, there, number))
        assert b"sk-" not in b"".join(data for _, data in there.requests)


async def test_while_a_proxy_makes_a_tunnel() -> None:
    async with provider(hears) as there:
        egress = Egress(AddressRule("", allow=True), proxy=there.url)
        one = ThinTransport(egress, connect_timeout_s=5.0, max_connections=1)
        await cancelled(one, "https://provider.invalid", there, lambda: len(there.requests) == 1)
        assert there.requests[0][1].startswith(b"CONNECT provider.invalid:443 HTTP/1.1\r\n")
        await one.close()


async def test_while_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is closed, and the place is free."""
    loop, sockets = asyncio.get_running_loop(), list[socket.socket]()

    async def connect(sock: socket.socket, _: Any) -> None:
        sockets.append(sock)
        await asyncio.sleep(60)

    async with provider(answering) as there, client(connections=1) as one:
        with monkeypatch.context() as patch:
            patch.setattr(loop, "sock_connect", connect)
            calling = asyncio.create_task(ask(one, post(there.url)))
            await until(lambda: bool(sockets))
            calling.cancel()
            await asyncio.wait([calling])
        assert [sock.fileno() for sock in sockets] == [-1]
        assert await ask(one, post(there.url)) == b"ok"


async def test_while_a_name_is_looked_up_another_call_still_gets_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """They ask for it once, and together."""
    loop, gate, names = asyncio.get_running_loop(), asyncio.Event(), list[str]()

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        names.append(host)
        await gate.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async with provider(answering) as there, client() as one:
        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        url = there.url.replace("127.0.0.1", "provider.example")
        leaving, staying = (asyncio.create_task(ask(one, post(url))) for _ in range(2))
        await until(lambda: bool(names))
        leaving.cancel()
        await asyncio.wait([leaving])
        gate.set()
        assert await staying == b"ok"
        assert await asyncio.gather(*(ask(one, post(url)) for _ in range(3))) == [b"ok"] * 3
        assert names == ["provider.example"]


@pytest.mark.parametrize("at", ["connection", "tls", "proxy"])
async def test_what_takes_too_long_to_connect_is_given_up(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with provider(hears) as there:
        proxy = there.url if at == "proxy" else None
        egress = Egress(AddressRule("", allow=True), proxy=proxy)
        one = ThinTransport(egress, connect_timeout_s=0.05, max_connections=1)
        if at == "connection":

            async def connect(_: socket.socket, __: Any) -> None:
                await asyncio.sleep(60)

            monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
        with pytest.raises(UnreachableError, match=r"no connection within 0\.05 s"):
            await ask(one, post(there.url if at == "connection" else secure(there)))
        await there.until(lambda: there.open == 0)
        await one.close()


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"x" * 20_000, b"\r\n\r\n", b""])
async def test_a_proxy_that_says_something_else_makes_no_tunnel(said: bytes) -> None:
    """Not even where it would speak for the provider."""

    async def proxy(line: Line) -> None:
        await line.reader.readuntil(b"\r\n\r\n")
        await line.say(said)

    async with provider(proxy) as there:
        egress = Egress(AddressRule("", allow=True), proxy=there.url)
        one = ThinTransport(egress, connect_timeout_s=5.0, max_connections=1)
        with pytest.raises(UnreachableError, match="the proxy does not let us through"):
            await ask(one, post("https://provider.invalid"))
        await one.close()


async def test_a_provider_without_tls_is_asked_through_a_proxy_by_its_whole_url() -> None:
    async with provider(answering) as there:
        egress = Egress(AddressRule("", allow=True), proxy=there.url)
        one = ThinTransport(egress, connect_timeout_s=5.0, max_connections=1)
        assert await ask(one, HttpRequest("GET", "http://provider.invalid:8000/v1?a=b", {}, b"")) == b"ok"
        assert there.requests[0][1].startswith(b"GET http://provider.invalid:8000/v1?a=b HTTP/1.1\r\nhost: provider")
        await one.close()


async def test_a_server_that_offers_no_tls_fails_the_handshake() -> None:
    async def plain(line: Line) -> None:
        await line.reader.read(10)
        await line.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with provider(plain) as there, client() as one:
        with pytest.raises(UnreachableError, match="the TLS handshake failed"):
            await ask(one, post(secure(there)))


async def test_http11_is_what_tls_is_asked_for() -> None:
    """A server that could speak HTTP/2 must not begin to."""
    hello = asyncio.get_running_loop().create_future()

    async def first(line: Line) -> None:
        hello.set_result(await line.reader.read(65_536))

    async with provider(first) as there, client() as one:
        with pytest.raises(UnreachableError):
            await ask(one, post(secure(there)))
        assert ssl.HAS_ALPN
        assert b"\x08http/1.1" in await hello
        assert b"\x02h2" not in await hello

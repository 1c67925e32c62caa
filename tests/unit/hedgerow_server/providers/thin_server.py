"""A provider on a socket that does with each connection what a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.egress import Egress
from hedgerow_server.providers.http.port import Response
from hedgerow_server.providers.http.thin import ThinTransport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Provider:
    """Where it is, and what came."""

    url: str = ""
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    """The head of each request, with the number of its connection."""
    connections: int = 0
    open: int = 0
    """How many connections are open."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, what: Callable[[], bool]) -> None:
        """Returns once something is so."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(what)

    async def tell(self) -> None:
        """Something has changed."""
        async with self.changed:
            self.changed.notify_all()


@dataclass
class Line:
    """One connection, as the provider sees it."""

    provider: Provider
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """The next request. Raises IncompleteReadError when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await self.reader.readexactly(int(length or 0))
        self.provider.requests.append((self.number, head))
        await self.provider.tell()
        return head + body

    async def say(self, data: bytes) -> None:
        """Sends bytes."""
        self.writer.write(data)
        await self.writer.drain()


Play = Callable[[Line], Awaitable[None]]


def asked(there: Provider, times: int) -> bool:
    """Whether it was asked at least so often."""
    return len(there.requests) >= times


async def answering(line: Line) -> None:
    """Answers every request."""
    while True:
        await line.request()
        await line.say(OK)


async def silent(line: Line) -> None:
    """Takes requests and says nothing."""
    while True:
        await line.request()


@contextlib.asynccontextmanager
async def provider(play: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    """Runs one; a connection is closed when its play is over."""
    here = Provider()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        here.open += 1
        await here.tell()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await play(Line(here, here.connections, reader, writer))
        writer.close()
        here.open -= 1
        await here.tell()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with listening:
        here.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield here
        listening.close()


@contextlib.asynccontextmanager
async def client(connections: int = 10, timeout_s: float = 5.0) -> AsyncIterator[ThinTransport]:
    """A thin transport that may go anywhere."""
    egress = Egress(AddressRule("", allow=True))
    one = ThinTransport(egress, connect_timeout_s=timeout_s, max_connections=connections)
    try:
        yield one
    finally:
        await one.close()


def post(url: str, **headers: str) -> HttpRequest:
    """A request that is not to be sent twice."""
    return HttpRequest("POST", f"{url}/v1/chat", headers, b"{}")


async def whole(response: Response) -> bytes:
    """All of a body."""
    body = b""
    try:
        while data := await response.read():
            body += data
    finally:
        response.release()
    return body


async def ask(one: ThinTransport, request: HttpRequest) -> bytes:
    """The body of an answer, within a time."""
    async with asyncio.timeout(10):
        return await whole(await one.send(request, ()))


async def until(what: Callable[[], bool]) -> None:
    """Returns once something is so that nobody tells of."""
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)

"""A simulator in this process, and what its tests ask of it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from hedgerow_sim import laws
from hedgerow_sim.book import Book
from hedgerow_sim.dialects.registry import dialects
from hedgerow_sim.handler import Handler
from hedgerow_sim.replay import Library
from hedgerow_sim.server import listening

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
HELLO = [{"role": "user", "content": "Tell me about hedges, please"}]
KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of a stream's events; the last one, [DONE], as that string."""
        blocks = self.body.decode().split("\n\n")
        assert blocks.pop() == "", "a stream ends with a whole event"
        assert all(block.startswith("data: ") for block in blocks)
        return [data if (data := block[6:]) == "[DONE]" else json.loads(data) for block in blocks]

    def text(self, choice: int = 0) -> str:
        """The streamed text of one choice."""
        deltas = [
            one["delta"].get("content") or ""
            for event in self.events
            if event != "[DONE]"
            for one in event["choices"]
            if one["index"] == choice
        ]
        return "".join(deltas)


@dataclass(frozen=True, slots=True)
class Sim:
    """A running simulator."""

    host: str
    port: int
    http: aiohttp.ClientSession
    url: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", f"http://{self.host}:{self.port}")

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Sends JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url + path, data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def chat(self, model: str = "gpt-4o", **fields: Any) -> Answer:
        """One chat call."""
        return await self.post(CHAT, {"model": model, "messages": HELLO} | fields)

    async def embed(self, given: Any, model: str = "text-embedding-3-small", **fields: Any) -> Answer:
        """One embeddings call."""
        return await self.post(EMBEDDINGS, {"model": model, "input": given} | fields)

    async def book(self, query: str = "") -> Any:
        """The book."""
        async with self.http.get(f"{self.url}/_sim/book{query}") as answer:
            return await answer.json()

    async def last(self) -> Any:
        """The last entry of the book."""
        return (await self.book("?last=1"))["calls"][0]

    async def last_when(self, condition: Callable[[Any], bool], within: float = 5.0) -> Any:
        """The last entry, once the condition holds for it."""
        async with asyncio.timeout(within):
            # The book may be another process's: it can only be asked again.
            while not (calls := (await self.book("?last=1"))["calls"]) or not condition(calls[0]):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return calls[0]

    @contextlib.asynccontextmanager
    async def raw(
        self, path: str, body: Any, **headers: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of its own on which the request was sent."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(
                f"POST {path} HTTP/1.1\r\nhost: sim\r\ncontent-type: application/json\r\n"
                f"{more}content-length: {len(data)}\r\n\r\n".encode()
                + data
            )
            yield reader, writer
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def running(
    *,
    law: str = "instant",
    seed: int = 0,
    book_size: int = 1000,
    key: str | None = None,
    replay: Path | None = None,
    replay_only: bool = False,
) -> AsyncIterator[Sim]:
    """A simulator on a free port while the block runs."""
    library = None if replay is None else Library(replay)
    handler = Handler(
        dialects(seed),
        laws.parse(law),
        Book(book_size),
        seed=seed,
        key=key,
        library=library,
        replay_only=replay_only,
    )
    async with listening(handler, "127.0.0.1", 0) as (host, port), aiohttp.ClientSession() as http:
        yield Sim(host, port, http)

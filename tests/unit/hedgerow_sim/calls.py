"""One call each dialect's way, with whatever comes of it: status, bytes, how the connection ended, the book's note."""

import asyncio
import binascii
import itertools
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from unit.hedgerow_sim.harness import Answer, Sim
from unit.hedgerow_sim.wires import HELLO, WIRES, Wire, frames, sse

PATIENCE_S = 0.25
# How prompts are refused where it is not by status 400.
FILTERED = {"cohere": 498, "gemini": 200, "gemini-array": 200, "vertex": 200}
_numbers = itertools.count()

both = pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])


@dataclass(frozen=True)
class Got:
    """What a client saw, and what the book says."""

    wire: Wire
    stream: bool
    status: int | None
    headers: Any
    body: bytes
    end: str
    """whole, broken, or open when patience ran out."""
    entry: Any = field(repr=False)

    @property
    def answer(self) -> Answer:
        """For the readers of wires."""
        assert self.status is not None
        return Answer(self.status, self.headers, self.body)

    @property
    def payloads(self) -> list[Any]:
        """The JSON of every event, or of the document."""
        return list(payloads(self.headers, self.body)) if self.stream else [json.loads(self.body)]

    @property
    def billed(self) -> tuple[int, int]:
        """Input and output tokens."""
        return self.entry["billed_input_tokens"], self.entry["billed_output_tokens"]


def payloads(headers: Any, body: bytes) -> Iterator[Any]:
    """The JSON of every event of a stream, read without the simulator's own code."""
    kind = headers["content-type"]
    if "amazon" in kind:
        for _, data in frames(body):
            yield json.loads(binascii.a2b_base64(data["bytes"])) if "bytes" in data else data
    elif "event-stream" in kind:
        yield from sse(Answer(200, headers, body))
    elif "ndjson" in kind:
        yield from map(json.loads, filter(None, body.splitlines()))
    else:
        yield from json.loads(body)


async def call(sim: Sim, wire: Wire, model: str, *, stream: bool, name: str = "", **more: Any) -> Got:
    """One call, as a provider of its own unless `name` says whose."""
    name = name or f"p{os.getpid()}.{next(_numbers)}"
    body = wire.body(model, stream, more.pop("prompt", HELLO), None, more.pop("tools", False)) | more
    url = f"{sim.url}/_sim/as/{name}{wire.path(model, stream)}"
    status, headers, end, chunks = None, None, "whole", list[bytes]()
    try:
        async with asyncio.timeout(PATIENCE_S if _ENDLESS.match(model) else 10):
            async with sim.http.post(
                url, json=body, headers=wire.key, allow_redirects=False, auto_decompress=False
            ) as answer:
                status, headers = answer.status, answer.headers.copy()
                async for chunk in answer.content.iter_any():
                    chunks.append(chunk)
    except TimeoutError:
        end = "open"
    except aiohttp.ClientError:
        end = "broken"
    entry = await noted(sim, name)
    return Got(wire, stream, status, headers, b"".join(chunks), end, entry)


# These last longer than a test waits.
_ENDLESS = re.compile(r"sim-(?:stall(?!-2-30$)|silent-60000|loris-(?:head|body)-50)")


async def noted(sim: Sim, name: str) -> Any:
    """The book's last entry of a provider, once it is closed."""
    async with asyncio.timeout(5):
        # The book can only be asked again.
        while not (calls := (await sim.book(f"?provider={name}"))["calls"]) or calls[-1]["ended_unix"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return calls[-1]


async def everywhere(sim: Sim, model: str, *, stream: bool, **more: Any) -> AsyncIterator[Got]:
    """The call in every dialect, all at once."""
    for got in await asyncio.gather(*(call(sim, wire, model, stream=stream, **more) for wire in WIRES)):
        yield got


async def normal(sim: Sim, wire: Any, *, stream: bool) -> Got:
    """The call without a fault, with the text that all faults have."""
    return await call(sim, wire, "sim-jitter-0", stream=stream)

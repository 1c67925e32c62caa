"""HTTP that breaks its own rules, byte by byte as it comes over the socket."""

import asyncio
import re
from dataclasses import dataclass

import pytest
from unit.hedgerow_sim.calls import both
from unit.hedgerow_sim.harness import Sim
from unit.hedgerow_sim.wires import HELLO, WIRES, Wire


@dataclass(frozen=True)
class _Seen:
    """What came over one connection."""

    wire: Wire
    head: bytes
    body: bytes


async def _bytes(sim: Sim, wire: Wire, model: str, *, stream: bool) -> _Seen:
    body = wire.body(model, stream, HELLO, None, False)
    async with sim.raw(wire.path(model, stream), body, **wire.key) as (reader, _):
        # An answer that keeps the connection open ends with its last chunk, or with its announced length.
        data = b""
        async with asyncio.timeout(5):
            while piece := await _piece(reader):
                data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return _Seen(wire, head, rest)


async def _piece(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(1 << 21), 0.3)
    except TimeoutError:
        return b""


async def _everywhere(sim: Sim, model: str, *, stream: bool) -> list[_Seen]:
    return list(await asyncio.gather(*(_bytes(sim, wire, model, stream=stream) for wire in WIRES)))


@both
@pytest.mark.parametrize(
    ("name", "head", "body"),
    [
        ("double-length", rb"(?s)HTTP/1\.1 200 OK.*content-length: (\d+)\r\ncontent-length: (?!\1\b)\d+", rb"(?s).+"),
        ("length-chunked", rb"(?s).*content-length: \d+\r\ntransfer-encoding: chunked", rb"(?s).*0\r\n\r\nHTTP/1\.1 2"),
        ("bad-length", rb"(?s).*content-length: \+\d+x", rb"(?s).+"),
        ("long", rb"(?s).*content-length: \d+", rb'(?s).+HTTP/1\.1 200 OK.*\{"smuggled": 1\}\Z'),
        ("bad-chunk", rb"(?s).*transfer-encoding: chunked", rb"zz\r\n"),
        ("long-chunk", rb"(?s).*transfer-encoding: chunked", rb"(?s)[0-9a-f]+\r\n.+\r\n0\r\n\r\n\Z"),
        ("bad-trailer", rb"(?s).*transfer-encoding: chunked", rb"(?s).+\r\n0\r\nno colon\x00here\r\n\r\n\Z"),
        ("bad-header", rb"(?s).*\r\nno colon here\r\n", rb"(?s).+"),
        ("huge-header", rb"(?s).*x-long: x{1048576}", rb"(?s).+"),
        ("garbage", rb"\x16\x03\x01", rb"\Z"),
        ("101", rb"HTTP/1\.1 101 Switching Protocols", rb"(?s).+"),
    ],
)
async def test_framing_is_broken_and_costs_nothing(
    sim: Sim, name: str, head: bytes, body: bytes, *, stream: bool
) -> None:
    for seen in await _everywhere(sim, f"sim-http-{name}", stream=stream):
        assert re.match(head, seen.head), (seen.wire.name, seen.head[:300])
        assert re.match(body, seen.body), (seen.wire.name, seen.body[-300:])
    for entry in (await sim.book())["calls"]:
        assert (entry["status"], entry["outcome"]) == (200, "cut")
        assert (entry["billed_input_tokens"], entry["billed_output_tokens"]) == (0, 0)


@both
@pytest.mark.parametrize(("name", "line"), [("100", b"100 Continue"), ("103", b"103 Early Hints")])
async def test_an_interim_response_comes_first(sim: Sim, name: str, line: bytes, *, stream: bool) -> None:
    for seen in await _everywhere(sim, f"sim-http-{name}", stream=stream):
        assert seen.head == b"HTTP/1.1 " + line, seen.wire.name
        assert seen.body.startswith(b"HTTP/1.1 200 OK\r\n"), seen.wire.name
    assert {entry["outcome"] for entry in (await sim.book())["calls"]} <= {"completed", "cancelled"}


@both
async def test_an_interim_response_may_precede_an_error(sim: Sim, *, stream: bool) -> None:
    for seen in await _everywhere(sim, "sim-http-103.529", stream=stream):
        assert seen.body.startswith(b"HTTP/1.1 529 "), seen.wire.name

"""The floors under the router's figures: bare grpc.aio servers with nothing between their two ends.

A request is the name of what is wanted. `echo` is answered at once with 1 KB, without any upstream; of the rest the
upstream is asked by aiohttp with a body that is ready, and its bytes are handed on as they come. Nothing is parsed and
nothing is checked.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import grpc.aio
import uvloop

_KILOBYTE = b"Something about hedges. " * 43
_EVENT = b'data: {"choices":[{"delta":{"content":"hedges"},"finish_reason":null}]}\n\n'
_PROMPT = ("Say something about hedges. " * 37)[:1024]
_NEVER_S = 3600.0


def _bodies() -> Mapping[bytes, bytes]:
    def body(model: str, **more: object) -> bytes:
        return json.dumps({"model": model, "messages": [{"role": "user", "content": _PROMPT}], **more}).encode()

    streamed = {name.encode(): body(name, stream=True) for name in ("bench-burst", "bench-paced", "bench-hold")}
    return {b"bench-unary": body("bench-unary"), **streamed}


async def serve(url: str, ports: Path) -> None:
    """Serves until it is killed."""
    connector = aiohttp.TCPConnector(limit=2000)
    session = aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, timeout=aiohttp.ClientTimeout()
    )
    headers, bodies = {"authorization": "Bearer none", "content-type": "application/json"}, _bodies()

    async def unary(request: bytes, context: Any) -> bytes:
        if request == b"echo":
            return _KILOBYTE
        if request == b"echo-silent":
            await asyncio.sleep(_NEVER_S)
        async with session.post(url, data=bodies[request], headers=headers) as response:
            return await response.read()

    async def stream(request: bytes, context: Any) -> None:
        if request == b"echo-hold":
            await context.write(_EVENT)
            await asyncio.sleep(_NEVER_S)
        async with session.post(url, data=bodies[request], headers=headers) as response:
            while data := await response.content.readany():
                await context.write(data)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handlers: dict[str, Any] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Floor", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    fresh = ports.with_suffix(".new")
    fresh.write_text(json.dumps({"grpc": f"127.0.0.1:{port}"}))
    fresh.replace(ports)
    await server.wait_for_termination()


if __name__ == "__main__":
    # As tests/stack.py starts every server: URL --ports-file FILE.
    uvloop.run(serve(sys.argv[1], Path(sys.argv[3])))

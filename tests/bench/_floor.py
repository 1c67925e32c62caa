"""The floor under the router's figures: the same grpc.aio door and the same aiohttp client with nothing between them.

It parses nothing and checks nothing: it sends a fixed request upstream and hands on the bytes as they come.
"""

import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import grpc.aio
import uvloop


async def serve(url: str, key: str, ports: Path) -> None:
    """Serves until it is killed."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=1000), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    )
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def body(model: str, *, stream: bool) -> bytes:
        messages = [{"role": "user", "content": "Say something about hedges. " * 36}]
        return json.dumps({"model": model, "messages": messages, "stream": stream}).encode()

    bodies = {
        b"unary": body("bench-model", stream=False),
        b"burst": body("sim-tokens-64-0", stream=True),
        b"paced": body("sim-tokens-64-20", stream=True),
    }

    async def unary(request: bytes, context: object) -> bytes:
        async with session.post(url, data=bodies[request], headers=headers) as response:
            return await response.read()

    async def stream(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
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
    # As tests/stack.py starts every server: URL KEY --ports-file FILE.
    uvloop.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[4])))

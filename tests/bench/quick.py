"""CPU of the router: a unary call, a streamed chunk, and everything behind the door alone.

The router's own process is measured (user and system time of /proc), not the load generator's or the simulator's.
Figures of one run compare with each other; across machines only ratios do. Load is bounded and stays on loopback.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import grpc.aio
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._full import full
from hedgerow.chat.v1 import chat_service_pb2, chat_service_pb2_grpc, message_pb2
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Event
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.doors.serving import Endpoint
from hedgerow_server.endpoints import endpoints
from hedgerow_server.identity.static import StaticAuthenticator, StaticIdentity
from hedgerow_server.interceptors.auth import Auth
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.deadline import Deadline
from hedgerow_server.interceptors.decode import Decode
from hedgerow_server.interceptors.request_id import RequestId
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.routing.candidate import Candidate, Upstream
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.state import States
from hedgerow_server.telemetry import trace
from hedgerow_server.telemetry.logs import CallLog
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.report import report
from stack import KEY, Stack, process, stack

PROMPT = "Say something about hedges. " * 36
"""About 1 KB."""
STREAM_TOKENS = 64


def request(model: str) -> bytes:
    """A chat request of about 1 KB."""
    message = message_pb2.Message(role=message_pb2.ROLE_USER, content=[message_pb2.Part(text=PROMPT)])
    spec = message_pb2.ChatSpec(model=model, messages=[message])
    return chat_service_pb2.CompleteRequest(chat=spec).SerializeToString()


async def spread(count: int, width: int, one: Callable[[], Awaitable[None]]) -> None:
    """Runs `one` so many times, `width` at once."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(width)))


class Meter:
    """CPU that a process has used since the meter was made, in µs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before = self._used()

    def _used(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def micros(self) -> float:
        """The CPU used so far."""
        return (self._used() - self._before) * 1e6


async def floor(target: str, pid: int, rounds: int, scale: float) -> dict[str, list[float]]:
    """The same work by a bare grpc.aio server that passes bytes on, see _floor.py."""
    figures: dict[str, list[float]] = {"floor_unary": [], "floor_chunk_burst": [], "floor_chunk_paced": []}
    async with grpc.aio.insecure_channel(target) as channel:
        unary: Any = channel.unary_unary("/bench.Floor/Unary")
        stream: Any = channel.unary_stream("/bench.Floor/Stream")

        async def one_unary() -> None:
            await unary(b"unary")

        async def one_stream(kind: bytes) -> None:
            async for _ in stream(kind):
                pass

        await spread(200, 8, one_unary)
        for _ in range(rounds):
            calls, streams, paced = int(2000 * scale), int(200 * scale), int(100 * scale)
            meter = Meter(pid)
            await spread(calls, 16, one_unary)
            figures["floor_unary"].append(meter.micros() / calls)
            meter = Meter(pid)
            await spread(streams, 8, lambda: one_stream(b"burst"))
            figures["floor_chunk_burst"].append(meter.micros() / (streams * STREAM_TOKENS))
            meter = Meter(pid)
            await spread(paced, 50, lambda: one_stream(b"paced"))
            figures["floor_chunk_paced"].append(meter.micros() / (paced * STREAM_TOKENS))
    return figures


async def through_the_door(running: Stack, rounds: int, scale: float) -> dict[str, list[float]]:
    """Unary calls, bursts of chunks and paced chunks through the gRPC door."""
    figures: dict[str, list[float]] = {"unary": [], "chunk_burst": [], "chunk_paced": []}
    pid = running.router.popen.pid
    async with grpc.aio.insecure_channel(running.target) as channel:
        stub = cast("chat_service_pb2_grpc.ChatServiceAsyncStub", chat_service_pb2_grpc.ChatServiceStub(channel))

        async def unary() -> None:
            await stub.Complete(chat_service_pb2.CompleteRequest.FromString(request("bench-unary")))

        async def stream(model: str) -> None:
            text = 0
            asked = chat_service_pb2.StreamCompleteRequest.FromString(request(model))
            async for response in stub.StreamComplete(asked):
                text += len(response.text_delta.text)
            assert text

        await spread(200, 8, unary)
        for _ in range(rounds):
            calls, streams, paced = int(2000 * scale), int(200 * scale), int(100 * scale)
            meter = Meter(pid)
            await spread(calls, 16, unary)
            figures["unary"].append(meter.micros() / calls)
            meter = Meter(pid)
            await spread(streams, 8, lambda: stream("bench-burst"))
            figures["chunk_burst"].append(meter.micros() / (streams * STREAM_TOKENS))
            meter = Meter(pid)
            await spread(paced, 50, lambda: stream("bench-paced"))
            figures["chunk_paced"].append(meter.micros() / (paced * STREAM_TOKENS))
    return figures


async def guarded(target: str, pid: int, key: str, rounds: int, scale: float) -> dict[str, list[float]]:
    """Unary calls through the gRPC door of a router that has everything on, see _full.py."""
    figures: dict[str, list[float]] = {"full_unary": []}
    bearer = (("authorization", f"Bearer {key}"),)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = cast("chat_service_pb2_grpc.ChatServiceAsyncStub", chat_service_pb2_grpc.ChatServiceStub(channel))

        async def unary() -> None:
            asked = chat_service_pb2.CompleteRequest.FromString(request("bench-unary"))
            await stub.Complete(asked, metadata=bearer)

        await spread(200, 8, unary)
        for _ in range(rounds):
            calls = int(2000 * scale)
            meter = Meter(pid)
            await spread(calls, 16, unary)
            figures["full_unary"].append(meter.micros() / calls)
    return figures


class NullResponse:
    """An answer that is already here."""

    status = 200

    def __init__(self, content_type: str, pieces: list[bytes]) -> None:
        self.headers: Mapping[str, str] = {"content-type": content_type}
        self._pieces = iter(pieces)

    async def read(self) -> bytes:
        return next(self._pieces, b"")

    def release(self, *, finished: bool = False) -> None:
        pass


class NullTransport:
    """An upstream that costs nothing."""

    def __init__(self, content_type: str, pieces: list[bytes]) -> None:
        self._content_type = content_type
        self._pieces = pieces

    async def send(self, request: HttpRequest, extra_headers: tuple[tuple[str, str], ...]) -> NullResponse:
        return NullResponse(self._content_type, self._pieces)

    async def close(self) -> None:
        pass


def document() -> bytes:
    """A unary answer of about 1 KB."""
    message = {"role": "assistant", "content": PROMPT, "refusal": None}
    usage = {"prompt_tokens": 250, "completion_tokens": 250, "total_tokens": 500}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "null",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
    }
    return json.dumps(body).encode()


def chunks() -> list[bytes]:
    """A stream of 64 tokens, each in a piece of its own."""
    head = (
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"null","choices":[{"index":0,"delta":'
    )
    pieces = [f'data: {head}{{"content":" hedge"}},"finish_reason":null}}]}}\n\n' for _ in range(STREAM_TOKENS)]
    pieces.append(f'data: {head}{{}},"finish_reason":"stop"}}]}}\n\ndata: [DONE]\n\n')
    return [piece.encode() for piece in pieces]


def behind_the_door(*, telemetry: bool) -> dict[str, Callable[[], Awaitable[None]]]:
    """One unary call and one stream with a null door and a null upstream."""
    log = CallLog(Path("/dev/null").open("w")) if telemetry else None  # noqa: SIM115
    dialect = OpenAI("null", OpenAISection(dialect="openai"))

    def route(name: str, content_type: str, pieces: list[bytes]) -> tuple[str, Route]:
        upstream = Upstream("null", dialect, NullTransport(content_type, pieces), None, None, 60.0)
        return "chat", Route(name, [Candidate(upstream, "null", States().of("null", "", "null", ""))])

    routes = Routes([route("unary", "application/json", [document()]), route("stream", "text/event-stream", chunks())])
    chain = Chain(
        [
            RequestId(),
            Telemetry([log] if log else [], trace.forwarded),
            Deadline(600, 3600),
            Auth(StaticAuthenticator(StaticIdentity())),
            Decode(),
        ]
    )
    complete, stream, *_ = endpoints(routes, Checker(1 << 24))
    return {
        "unary": _null_unary(chain, complete, request("unary")),
        "stream": _null_stream(chain, stream, request("stream")),
    }


def _null_unary(chain: Chain, endpoint: Endpoint, body: bytes) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        assert endpoint.answer is not None
        call, answer = Call(endpoint.method, {}, body), endpoint.answer()

        async def deliver(event: Event) -> None:
            answer.add(event)

        await chain.serve(call, deliver)
        assert answer.encode()
        assert report(call)

    return run


def _null_stream(chain: Chain, endpoint: Endpoint, body: bytes) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        assert endpoint.encoder is not None
        call, encoder = Call(endpoint.method, {}, body), endpoint.encoder()

        async def deliver(event: Event) -> None:
            encoder.encode(event)

        await chain.serve(call, deliver)
        assert report(call)

    return run


async def null_figures(rounds: int, scale: float) -> dict[str, list[float]]:
    """CPU behind the door, in this process."""
    figures: dict[str, list[float]] = {}
    for name, telemetry in (("behind_door", False), ("behind_door_telemetry", True)):
        runs = behind_the_door(telemetry=telemetry)
        for kind, count in (("unary", int(3000 * scale)), ("stream", int(300 * scale))):
            for _ in range(20):
                await runs[kind]()
            for _ in range(rounds):
                before = time.process_time()
                for _ in range(count):
                    await runs[kind]()
                micros = (time.process_time() - before) * 1e6 / count
                if kind == "stream":
                    micros /= STREAM_TOKENS
                figures.setdefault(f"{name}_{'chunk' if kind == 'stream' else 'unary'}", []).append(micros)
    return figures


def bench_routes() -> dict[str, object]:
    """Routes with exact token counts."""

    def route(model: str) -> dict[str, object]:
        return {"kind": "chat", "candidates": [{"provider": "sim", "model": model}]}

    return {
        "bench-unary": route("bench-model"),
        "bench-burst": route(f"sim-tokens-{STREAM_TOKENS}-0"),
        "bench-paced": route(f"sim-tokens-{STREAM_TOKENS}-20"),
    }


def main() -> None:
    """Prints a table; with --json also one object for each measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench quick", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often each measure is taken (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much work a round is (default 1)")
    parser.add_argument("--transport", choices=("aiohttp", "httpx"), default="aiohttp")
    arguments = parser.parse_args()
    figures = asyncio.run(null_figures(arguments.rounds, arguments.scale))
    with (
        tempfile.TemporaryDirectory() as folder,
        stack(Path(folder), transport=arguments.transport, extra_routes=bench_routes()) as running,
    ):
        figures |= asyncio.run(through_the_door(running, arguments.rounds, arguments.scale))
        with full(Path(folder), running.sim_url, bench_routes(), arguments.transport) as (all_on, key):
            target, pid = all_on.addresses["grpc"], all_on.popen.pid
            figures |= asyncio.run(guarded(target, pid, key, arguments.rounds, arguments.scale))
        script, url = str(Path(__file__).with_name("_floor.py")), f"{running.sim_url}/v1/chat/completions"
        with process(Path(folder), "floor", [script, url, KEY], {}) as bare:
            target = bare.addresses["grpc"]
            figures |= asyncio.run(floor(target, bare.popen.pid, arguments.rounds, arguments.scale))
    result = {
        name: {"hedgerow": {"cpu_us": round(statistics.median(values), 1), "all": [round(v, 1) for v in values]}}
        for name, values in figures.items()
    }
    print(f"{'measure':<30} {'CPU-µs':>8}   min … max of {arguments.rounds}")
    for name, values in figures.items():
        print(f"{name:<30} {statistics.median(values):>8.1f}   {min(values):.1f} … {max(values):.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

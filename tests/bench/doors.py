"""CPU of the router at its HTTP doors, as ratios to the gRPC door: a unary call, a chunk of a burst and a paced one.

The same work at each door, one after the other in every round, the order turned around in every other one. The router's
own process is measured; figures of one run compare with each other only.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
from hedgerow.chat.v1 import chat_service_pb2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._calls import PROMPT, STREAM_TOKENS, Meter, bench_routes, request, spread
from stack import Stack, stack

Ask = Callable[[str, bool], Awaitable[None]]
"""Asks a model, streamed or not, and reads the whole answer."""
MEASURES = {"unary": ("bench-unary", 2000, 16), "burst": ("bench-burst", 200, 8), "paced": ("bench-paced", 100, 50)}
"""The model, how many calls a round, and how many of them at once."""


def grpc_door(channel: grpc.aio.Channel) -> Ask:
    """The gRPC door, with messages that are ready."""
    complete: Any = channel.unary_unary("/hedgerow.chat.v1.ChatService/Complete")
    stream: Any = channel.unary_stream("/hedgerow.chat.v1.ChatService/StreamComplete")
    bodies = {model: request(model) for model, _, _ in MEASURES.values()}

    async def ask(model: str, streamed: bool) -> None:
        if not streamed:
            assert chat_service_pb2.CompleteResponse.FromString(await complete(bodies[model])).message.content
            return
        size = 0
        async for message in stream(bodies[model]):
            size += len(message)
        assert size

    return ask


def http_door(session: aiohttp.ClientSession, url: str, more: dict[str, Any]) -> Ask:
    """An HTTP door, with bodies that are ready."""
    asked = {"messages": [{"role": "user", "content": PROMPT}], **more}
    bodies = {model: json.dumps({"model": model, **asked}).encode() for model, _, _ in MEASURES.values()}
    streams = {model: json.dumps({"model": model, "stream": True, **asked}).encode() for model in bodies}
    headers = {"content-type": "application/json"}

    async def ask(model: str, streamed: bool) -> None:
        body = streams[model] if streamed else bodies[model]
        async with session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert await answer.read()

    return ask


async def measured(running: Stack, rounds: int, scale: float) -> dict[str, dict[str, list[float]]]:
    """CPU-µs by measure and door."""
    figures: dict[str, dict[str, list[float]]] = {}
    pid, url = running.router.popen.pid, f"http://{running.router.addresses['http']}/v1"
    async with grpc.aio.insecure_channel(running.target) as channel, aiohttp.ClientSession() as session:
        doors = {
            "grpc": grpc_door(channel),
            "openai": http_door(session, f"{url}/chat/completions", {}),
            "anthropic": http_door(session, f"{url}/messages", {"max_tokens": 1000}),
        }
        for ask in doors.values():
            await spread(200, 8, lambda ask=ask: ask("bench-unary", False))  # type: ignore[misc]
        for turn in range(rounds):
            for door, ask in list(doors.items())[:: 1 if turn % 2 == 0 else -1]:
                for measure, (model, calls, width) in MEASURES.items():
                    count, streamed = max(1, int(calls * scale)), measure != "unary"
                    meter = Meter(pid)
                    await spread(count, width, lambda: ask(model, streamed))  # noqa: B023
                    micros = meter.micros() / count / (STREAM_TOKENS if streamed else 1)
                    figures.setdefault(measure, {}).setdefault(door, []).append(micros)
    return figures


def main() -> None:
    """Prints a table; with --json also one object for each measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench doors", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=6, help="how often each measure is taken (default 6)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much work a round is (default 1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stack(Path(folder), extra_routes=bench_routes()) as running:
        figures = asyncio.run(measured(running, arguments.rounds, arguments.scale))
    print(f"{'measure':<10} {'door':<10} {'CPU-µs':>8} {'to gRPC':>8}   min … max of {arguments.rounds}")
    for measure, doors in figures.items():
        for door, values in doors.items():
            # Of each round the ratio: what else the machine does changes from one to the next.
            ratio = statistics.median(one / floor for one, floor in zip(values, doors["grpc"], strict=True))
            span = f"{min(values):.1f} … {max(values):.1f}"
            print(f"{measure:<10} {door:<10} {statistics.median(values):>8.1f} {ratio:>8.2f}   {span}")
    if arguments.json:
        told = {
            measure: {
                door: {"cpu_us": round(statistics.median(values), 1), "all": [round(one, 1) for one in values]}
                for door, values in doors.items()
            }
            for measure, doors in figures.items()
        }
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

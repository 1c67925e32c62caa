"""What a guard elsewhere adds to the first token: the example in Python on loopback, asked by a whole router.

Calls of all routes take turns, so that what else the machine does falls on each of them alike. Every text is new to the
guard but on the route whose verdicts are kept. `python tests/bench/guardrails_remote.py`
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import grpc.aio
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import chat_service_pb2_grpc as chat_stubs
from hedgerow.chat.v1 import message_pb2 as message_pb
from rpc.guards import running, words
from stack import router, simulator

TEXT = "Say something about hedges, and about what grows in them. " * 35
"""About 2 KB."""
ROUTES = {
    "none": "no guard",
    "input": "gRPC, input, each text new to it",
    "kept": "gRPC, input, verdict kept",
    "output": "gRPC, output: up to the first sentence",
    "frozen": "gRPC, input, frozen, given up",
}
_WARM = 20


@dataclass(frozen=True, slots=True)
class FirstToken:
    """The time from the call to the first text of its answer, over all calls of a route."""

    name: str
    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    """Above the p50 without a guard."""
    added_p99_ms: float
    calls: int


def measure_remote(calls: int = 400) -> list[FirstToken]:
    """Starts what it needs on loopback and measures every route, with so many calls each."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory()))
        sim = exits.enter_context(simulator(folder)).addresses["http"]
        guard = exits.enter_context(running(words("bouvet")))
        frozen = exits.enter_context(running(words("bouvet")))
        one = exits.enter_context(router(folder, _configuration(sim, guard.target, frozen.target)))
        frozen.freeze()
        try:
            took_s = asyncio.run(_measured(one.addresses["grpc"], calls))
        finally:
            frozen.thaw()
    base = sorted(took_s["none"])
    return [_row(text, sorted(took_s[name]), base) for name, text in ROUTES.items()]


def table(rows: list[FirstToken]) -> str:
    """For people."""
    lines = [f"{'a guard elsewhere, first token':<42}{'p50':>9}{'p99':>9}{'added p50':>12}{'added p99':>12}"]
    lines += [
        f"{one.name:<42}{one.p50_ms:>6.2f} ms{one.p99_ms:>6.2f} ms"
        f"{one.added_p50_ms:>9.2f} ms{one.added_p99_ms:>9.2f} ms"
        for one in rows
    ]
    return "\n".join(lines)


def _configuration(sim: str, guard: str, frozen: str) -> dict[str, object]:
    def entry(**more: object) -> dict[str, object]:
        return {"type": "grpc", "target": guard, "timeout_seconds": 5, "verdicts": {"entries": 0}, **more}

    guards = {
        "input": entry(),
        "kept": entry(verdicts={"entries": 1000}),
        "output": entry(sides=["output"]),
        "frozen": entry(
            target=frozen,
            timeout_seconds=0.1,
            on_failure="open",
            breaker={"failures": 1, "rest_seconds": 3600, "max_rest_seconds": 3600},
        ),
    }
    routes = {
        name: {
            "kind": "chat",
            "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}],
            "guardrails": [name] if name in guards else [],
        }
        for name in ROUTES
    }
    door = {"listen": "127.0.0.1:0"}
    return {
        "server": {"grpc": door, "admin_grpc": door, "admin_http": door},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {"sim": {"dialect": "openai", "base_url": f"http://{sim}/v1", "credential": "sim"}},
        "guardrails": {"guards": guards},
        "routes": routes,
    }


async def _measured(target: str, calls: int) -> dict[str, list[float]]:
    took_s: dict[str, list[float]] = {name: [] for name in ROUTES}
    numbers = itertools.count()
    async with grpc.aio.insecure_channel(target) as channel:
        stub = cast("chat_stubs.ChatServiceAsyncStub", chat_stubs.ChatServiceStub(channel))
        for turn in range(_WARM + calls):
            for name in ROUTES:
                text = TEXT if name == "kept" else f"{TEXT}{next(numbers)}"
                one = await _first_token_s(stub, name, text)
                if turn >= _WARM:
                    took_s[name].append(one)
    return took_s


async def _first_token_s(stub: "chat_stubs.ChatServiceAsyncStub", model: str, text: str) -> float:
    message = message_pb.Message(role=message_pb.ROLE_USER, content=[message_pb.Part(text=text)])
    request = chat_pb.StreamCompleteRequest(chat=message_pb.ChatSpec(model=model, messages=[message]))
    began_s = time.perf_counter()
    first_s: float | None = None
    async for event in stub.StreamComplete(request, timeout=30):
        if first_s is None and event.text_delta.text:
            first_s = time.perf_counter() - began_s
    assert first_s is not None
    return first_s


def _row(name: str, took_s: list[float], base_s: list[float]) -> FirstToken:
    p50, p99 = _at(took_s, 0.5), _at(took_s, 0.99)
    return FirstToken(name, p50, p99, p50 - _at(base_s, 0.5), p99 - _at(base_s, 0.99), len(took_s))


def _at(took_s: list[float], share: float) -> float:
    return took_s[min(len(took_s) - 1, int(share * len(took_s)))] * 1000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400, help="so many for each route")
    parser.add_argument("--json", type=Path, help="where the figures go, too")
    given = parser.parse_args()
    rows = measure_remote(given.calls)
    print(table(rows))
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(one) for one in rows], indent=2))


if __name__ == "__main__":
    main()

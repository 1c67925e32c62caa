"""What the pipeline of guards costs a call, in process: without guards, with guards of others only, and with some.

A chain of the two guard interceptors alone, before a provider that answers at once with 64 chunks of five words. CPU of
one call with a prompt of 2 KB, of each further chunk, how many chunks are held before the first word goes out, and how
long a prompt of 1 MiB, and one of 64 KiB that is nothing but numbers, hold the event loop in one go. Figures of one run
compare with each other.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / part) for part in ("services", "tests")]

from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.event import Completed, Event, Events, FinishReason, Started, TextDelta, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec, Message, Part, Role, Text
from hedgerow_server.guardrails.numbers import GuardNumbers
from hedgerow_server.guardrails.policies import GuardSet, Policies
from hedgerow_server.guardrails.section import GuardrailsSection
from hedgerow_server.interceptors.chain import Chain
from hedgerow_server.interceptors.guardrails import Guards, InputGuards, OutputGuards
from hedgerow_server.routing.route import Route
from hedgerow_server.routing.routes import Routes
from unit.hedgerow_server.routing.scripted import ScriptedTransport, candidate

CHUNKS, CHUNK = 64, "the hedge is green and "
PROSE = "Say something about hedges, and where they stand. "
NUMBERS = " ".join(f"{pow(3, at, 10_007):04d}" for at in range(13_107))
"""64 KiB in groups of four digits, as cards have them: what takes longest to look through."""
BEFORE = ("auth", "decode", "authorise", "idempotency", "quota")
BOTH = {"sides": ["input", "output"], "action": "redact", "timeout_seconds": 60}
INJECTION = {"type": "injection", "action": "flag", "timeout_seconds": 60}
WORDS = {"type": "words", "words": ["project nightjar", "hedgerow clippings"], **BOTH}
SETS: dict[str, dict[str, Any]] = {
    "no guards": {},
    "guards of others": {"guards": {"w": WORDS}, "tenants": {"other": ["w"]}},
    "words": {"guards": {"w": WORDS}, "default": ["w"]},
    "words with evasions": {"guards": {"w": {**WORDS, "evasions": True}}, "default": ["w"]},
    "pii": {"guards": {"p": {"type": "pii", **BOTH}}, "default": ["p"]},
    "secrets": {"guards": {"s": {"type": "secrets", **BOTH}}, "default": ["s"]},
    "injection": {"guards": {"i": INJECTION}, "default": ["i"]},
    "toxicity": {"guards": {"t": {"type": "toxicity", **BOTH}}, "default": ["t"]},
    "all of these": {
        "guards": {
            "i": INJECTION,
            "w": WORDS,
            "p": {"type": "pii", **BOTH},
            "s": {"type": "secrets", **BOTH},
            "t": {"type": "toxicity", **BOTH},
        },
        "default": ["i", "w", "p", "s", "t"],
    },
}


class Bench:
    """One set of guards before a provider that answers at once."""

    def __init__(self, given: dict[str, Any]) -> None:
        section = GuardrailsSection.model_validate(given)
        route = Route("fast", [candidate(ScriptedTransport())])
        guards = Guards(Policies(section, GuardSet(section)), Routes([("chat", route)]), GuardNumbers())
        self.chain = Chain([InputGuards(guards), OutputGuards(guards)], passed=BEFORE)
        self.chunks = CHUNKS
        self.first = 0
        """The chunks that had come when the first word went out."""
        self._come = 0

    async def _answer(self, call: Call) -> Events:
        yield Started("p", "m")
        for _ in range(self.chunks):
            self._come += 1
            yield TextDelta(0, CHUNK)
        yield Completed(FinishReason.STOP, "stop", Usage(final=True))

    async def call(self, prompt: str, chunks: int = CHUNKS) -> float:
        """The seconds that one call takes."""
        self.chunks, self._come, self.first = chunks, 0, 0
        call = Call(Method("b.B/C", Kind.SERVER_STREAM, lambda _: None, self._answer), {}, b"")
        message = Message(Role.USER, (Part(Text(prompt)),))
        call.request, call.principal = ChatRequest(spec=ChatSpec(model="fast", messages=(message,))), Principal("acme")

        async def deliver(event: Event) -> None:
            if not self.first and isinstance(event, TextDelta):
                self.first = self._come

        start_s = time.perf_counter()
        await self.chain.serve(call, deliver)
        return time.perf_counter() - start_s


async def longest_hold(bench: Bench, prompt: str) -> float:
    """The most seconds of CPU time for which a call did not let another task turn."""
    longest = 0.0

    async def turning() -> None:
        nonlocal longest
        last_s = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now_s = time.thread_time()
            longest, last_s = max(longest, now_s - last_s), now_s

    neighbour = asyncio.create_task(turning())
    await asyncio.sleep(0)
    await bench.call(prompt, 1)
    neighbour.cancel()
    return longest


async def measured(given: dict[str, Any], calls: int) -> dict[str, float]:
    """The figures of one set of guards, in µs and ms."""
    bench, prompt = Bench(given), PROSE * (2048 // len(PROSE))
    for _ in range(5):
        await bench.call(prompt)
    short = sorted([await bench.call(prompt, 1) for _ in range(calls)])
    long = sorted([await bench.call(prompt) for _ in range(calls)])
    first = bench.first
    mib = PROSE * ((1 << 20) // len(PROSE))
    took_s = min([await bench.call(mib, 1) for _ in range(2)])
    hold_s = min([await longest_hold(bench, mib) for _ in range(2)])
    numbers_hold_s = min([await longest_hold(bench, NUMBERS) for _ in range(5)])
    return {
        "call_p50_us": statistics.median(short) * 1e6,
        "call_p99_us": short[int(len(short) * 0.99)] * 1e6,
        "chunk_p50_us": (statistics.median(long) - statistics.median(short)) / (CHUNKS - 1) * 1e6,
        "chunks_to_first_word": float(first),
        "mib_ms": took_s * 1e3,
        "longest_hold_ms": hold_s * 1e3,
        "longest_hold_numbers_ms": numbers_hold_s * 1e3,
    }


def main() -> None:
    """Prints a table; `--json FILE` keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calls", type=int, default=300)
    given = parser.parse_args()
    heads = ("guards", "2 KB p50 µs", "p99 µs", "chunk µs", "held chunks", "1 MiB ms", "longest hold ms", "of numbers")
    print("{:<22}{:>13}{:>10}{:>10}{:>13}{:>10}{:>17}{:>12}".format(*heads))
    figures: dict[str, dict[str, float]] = {}
    for name, section in SETS.items():
        one = figures[name] = asyncio.run(measured(section, given.calls))
        cells = "{:>13.1f}{:>10.1f}{:>10.1f}{:>13.0f}{:>10.1f}{:>17.2f}{:>12.2f}".format(*one.values())
        print(f"{name:<22}{cells}", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

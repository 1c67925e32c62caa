"""What telemetry costs a call, and what a scrape costs the calls beside it.

The first figures are CPU of the event loop's own thread for one call with one attempt: what watchers do when it begins
and when it ends, over a chain that has none. `traces` are those of one call in a hundred, sent to a collector that
takes all, and `all` is everything together. The second column adds the threads that write and send, and the collector.
The last line is a page of very many series, and the longest that the loop was held up by it.
"""

import argparse
import asyncio
import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvloop

# Instead of this folder, some of whose modules are called like others.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage
from hedgerow_server.core.request import ChatRequest, ChatSpec
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.watch import Watcher
from hedgerow_server.interceptors.telemetry import Telemetry
from hedgerow_server.telemetry import trace
from hedgerow_server.telemetry.calls import CallNumbers
from hedgerow_server.telemetry.exporter import SpanExporter
from hedgerow_server.telemetry.logs import CallLog
from hedgerow_server.telemetry.metrics import Metrics
from hedgerow_server.telemetry.spans import Spans
from hedgerow_server.telemetry.trace import TraceHeaders
from hedgerow_server.telemetry.traces_section import TracesSection
from unit.hedgerow_server.calls import no_request, nothing

GOALS_US = {"numbers": 12.0, "all": 45.0}
"""The most CPU a call, beyond a chain without watchers."""
_BURST = 500
_METHOD = Method("hedgerow.chat.v1.ChatService/Complete", Kind.UNARY, no_request, nothing)
_DONE = Outcome()


def new_call(route: str = "fast", tenant: str = "acme", model: str = "gpt-4o-mini") -> Call:
    """A call that was served by its first attempt."""
    call = Call(_METHOD, {}, b"")
    call.request_id = "0123456789abcdef0123456789abcdef"
    call.principal = Principal(tenant=tenant, team="search", user="ann", key_id="k")
    call.request = ChatRequest(spec=ChatSpec(model=route, messages=()))
    record = AttemptRecord(
        number=1,
        provider="openai",
        model=model,
        region="eu",
        kind=AttemptKind.PRIMARY,
        start_unix_s=time.time(),
        outcome=AttemptOutcome.SUCCEEDED,
        first_token_s=0.2,
        total_s=0.5,
        usage=Usage(input_uncached_tokens=812, input_cache_read_tokens=1024, output_visible_tokens=211, final=True),
        cost_picos=324_800_000,
    )
    call.attempts, call.attempts_started, call.usage = [record], 1, record.usage
    return call


def numbers(routes: int = 1, tenants: int = 200) -> CallNumbers:
    """Fresh ones, of a router with so many routes."""
    known = {"fast", *(f"route-{number}" for number in range(routes))}
    found = CallNumbers(tenants)
    found.know([_METHOD.name], lambda _, model: model if model in known else None)
    return found


async def path(watchers: Sequence[Watcher], headers: TraceHeaders, calls: int) -> tuple[float, float]:
    """Microseconds of CPU a call: in the event loop, in the least disturbed of many bursts, and in all threads."""
    telemetry, bursts, whole_s = Telemetry(watchers, headers), [], 0.0
    for _ in range(calls // _BURST):
        made = [new_call() for _ in range(_BURST)]
        began_s, since_s = time.process_time(), time.thread_time()
        for call in made:
            await telemetry.admit(call)
            telemetry.settle(call, _DONE)
        bursts.append((time.thread_time() - since_s) / _BURST)
        await asyncio.sleep(0.12)  # the line's thread looks every 50 ms
        whole_s += time.process_time() - began_s
    return min(bursts) * 1e6, whole_s / (calls // _BURST * _BURST) * 1e6


class _Collector(BaseHTTPRequestHandler):
    """Takes spans and forgets them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@contextmanager
def recorded() -> Iterator[Spans]:
    """Spans of one call in a hundred, and where they go."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    section = TracesSection(endpoint=f"http://127.0.0.1:{server.server_port}/v1/traces")
    spans = Spans(section, SpanExporter(section, _no_secret, "0"))
    try:
        yield spans
    finally:
        spans.sink.close()
        server.shutdown()
        server.server_close()


def _no_secret(credential: str) -> Secret:
    raise AssertionError(f"{credential} is not asked for")


async def costs(calls: int) -> dict[str, tuple[float, float]]:
    """Figures of each combination of watchers."""
    line = CallLog(io.StringIO())
    with recorded() as spans:
        kinds: dict[str, tuple[Callable[[], list[Watcher]], TraceHeaders]] = {
            "nothing": (list, trace.forwarded),
            "line": (lambda: [line], trace.forwarded),
            "numbers": (lambda: [numbers()], trace.forwarded),
            "traces": (lambda: [spans], spans.headers),
            "all": (lambda: [line, numbers(), spans], spans.headers),
        }
        found = {name: await path(watchers(), headers, calls) for name, (watchers, headers) in kinds.items()}
    line.close()
    return found


async def scrape(routes: int, tenants: int) -> dict[str, float]:
    """A page about so many of each: how many samples, how long it took, and the longest pause of the loop by it."""
    found, metrics, longest_s = numbers(routes, tenants), Metrics(process=True), 0.0
    metrics.add(found)
    for number in range(max(routes, tenants)):
        call = new_call(f"route-{number % routes}", f"tenant-{number % tenants}", f"model-{number % routes}")
        found.began(call)
        found.settled(call, _DONE, 0.6)

    async def turning() -> None:
        nonlocal longest_s
        while True:
            since_s = time.perf_counter()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.perf_counter() - since_s)

    beside, since_s = asyncio.create_task(turning()), time.perf_counter()
    content, _ = await metrics.page()
    took_s = time.perf_counter() - since_s
    beside.cancel()
    return {"samples": content.count(b"\n"), "seconds": took_s, "longest_ms": longest_s * 1e3}


def main() -> int:
    """Prints a table; fails where a call costs more than its share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    given = parser.parse_args()
    found = uvloop.run(costs(given.calls))
    base_us, base_whole_us = found["nothing"]
    for name, (own_us, whole_us) in found.items():
        goal = f" (goal {GOALS_US[name]:g})" if name in GOALS_US else ""
        print(
            f"{name:>8}: {own_us - base_us:5.1f} CPU-us a call in the event loop{goal}, "
            f"{whole_us - base_whole_us:.1f} with the threads"
        )
    page = uvloop.run(scrape(given.routes, given.tenants))
    print(
        f"a scrape of {page['samples']:,.0f} lines takes {page['seconds']:.2f} s; "
        f"the loop is held up for {page['longest_ms']:.1f} ms at the most"
    )
    if given.json:
        given.json.write_text(json.dumps({"us": found, "scrape": page}))
    return int(any(found[name][0] - base_us > goal for name, goal in GOALS_US.items()))


if __name__ == "__main__":
    sys.exit(main())

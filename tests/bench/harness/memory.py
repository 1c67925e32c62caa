"""What stays in memory: of an idle gateway, of open streams, and of calls that are over; those that were left apart."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.harness.blocks import Row
from bench.harness.driver import Ask, Pace
from bench.harness.intervals import slope, slope_interval
from bench.harness.machine import rss_bytes
from bench.harness.plan import Plan
from bench.harness.progress import Progress
from bench.harness.stage import Stage
from bench.harness.system import STREAM, UNARY, System

_SETTLE_S = 1.0
_HOLD = Ask(STREAM, "bench-hold")
_GROWTH_SYSTEMS = ("hedgerow", "grpcio")
_MOST_STREAMS = {"litellm": 100}
"""LiteLLM's client has 500 connections to a host, and a stream takes long to begin."""
_STREAM_SYSTEMS = ("hedgerow", "grpcio_aiohttp", "litellm", "portkey", "envoy")


@dataclass(frozen=True, slots=True)
class Kind:
    """Calls of which it is measured what they leave behind."""

    name: str
    ask: Ask
    width: int


KINDS = (
    Kind("growth_unary", Ask(UNARY, "bench-unary"), 16),
    Kind("growth_cancelled_unary", Ask(UNARY, "bench-silent", cancel_after_s=0.01), 32),
    Kind("growth_cancelled_stream", Ask(STREAM, "bench-hold", cancel_after_s=-1), 16),
)


def seconds(plan: Plan) -> float:
    """About how long all of it takes."""
    # A call takes about a millisecond, one that is left a little more.
    calls = plan.calls + plan.cancels * 2 * 1.4
    return len(_STREAM_SYSTEMS) * _streams_s(plan) + len(_GROWTH_SYSTEMS) * 0.001 * calls + 4 * plan.batches * 0.3


def _streams_s(plan: Plan) -> float:
    return 3 * _SETTLE_S + plan.streams * 0.004


def idle(stage: Stage) -> dict[str, Row]:
    """Before the first call but those that told that it is up."""
    return {
        one.name: {"rss_mib": round(rss_bytes(one.pid) / 2**20, 1)}
        for one in stage.systems.values()
        if one.pid is not None
        and one.name not in ("hedgerow_http", "hedgerow_again", "hedgerow_grpcio", "grpcio_aiohttp")
    }


def streams(stage: Stage, plan: Plan, progress: Progress) -> dict[str, Row]:
    """Streams that are open and idle after their first content: as many twice, of which the second time counts, so that
    what is kept from then on anyway is not among it.
    """
    found: dict[str, Row] = {}
    for one in stage.those(STREAM, _STREAM_SYSTEMS):
        assert one.pid is not None
        progress.step(f"{plan.streams} open streams of {one.name}", _streams_s(plan))
        count = min(plan.streams, _MOST_STREAMS.get(one.name, plan.streams))
        opened = stage.driver.hold(one.target, one.asks(_HOLD), count)
        time.sleep(_SETTLE_S)
        first = rss_bytes(one.pid)
        more = stage.driver.hold(one.target, one.asks(_HOLD), count)
        time.sleep(_SETTLE_S)
        both = rss_bytes(one.pid)
        stage.driver.release()
        time.sleep(_SETTLE_S)
        row: Row = {"kib_per_stream": round((both - first) / max(1, more) / 1024, 1), "streams": opened + more}
        row["mib_per_1000"] = round((both - first) / max(1, more) * 1000 / 2**20, 1)
        if opened + more < 2 * count:
            row["void"] = f"only {opened + more} of {2 * count} streams opened"
        found[one.name] = row
    return found


def growth(stage: Stage, plan: Plan, progress: Progress) -> dict[str, dict[str, Row]]:
    """Bytes that a call leaves behind for good: the slope of the memory over many, after others that do not count."""
    found: dict[str, dict[str, Row]] = {}
    for kind in KINDS:
        count = plan.calls if kind.name == "growth_unary" else plan.cancels
        rows: dict[str, Row] = {}
        for one in stage.systems.values():
            # The floor answers these by itself; of streams it is the same process under another name.
            if one.name not in _GROWTH_SYSTEMS:
                continue
            progress.step(f"{kind.name} of {one.name}", count * 0.0014 + 0.6 * plan.batches)
            rows[one.name] = _grown(stage, one, kind, count, plan.batches)
        found[kind.name] = rows
    return found


def _grown(stage: Stage, system: System, kind: Kind, count: int, batches: int) -> Row:
    assert system.pid is not None
    each = max(1, count // batches)
    points: list[tuple[float, float]] = []
    made = failed = 0
    for number in range(batches + batches // 2):
        reading = stage.driver.run(system.target, system.asks(kind.ask), Pace(kind.width, count=each))
        failed += reading.failed
        settled = _settled(lambda: rss_bytes(system.pid or 0))
        # The first third fills pools and caches.
        if number >= batches // 2:
            made += each
            points.append((float(made), float(settled)))
    row: Row = {
        "bytes_per_call": round(slope(points), 1),
        "interval": [round(one, 1) for one in slope_interval(points)],
        "calls": made,
        "rss_mib": [round(size / 2**20, 2) for _, size in points],
    }
    if failed:
        row["void"] = f"{failed} calls failed"
    return row


def _settled(read: Callable[[], int]) -> int:
    """The lowest of a few readings, so that what is just being let go does not count."""
    lowest = read()
    for _ in range(3):
        time.sleep(0.05)
        lowest = min(lowest, read())
    return lowest

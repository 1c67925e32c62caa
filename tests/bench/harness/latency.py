"""What calls wait for a gateway: throughput on one core and how late answers are then, and what an open loop adds."""

from bench.harness.blocks import MAX_LOAD_SHARE, Row, Slot, measured
from bench.harness.driver import Ask, Pace
from bench.harness.plan import Plan
from bench.harness.progress import Progress
from bench.harness.stage import DIRECT, Stage
from bench.harness.system import STREAM, UNARY, System

BOUNDS_MS = (1, 5, 10, 50, 100)
SHARES = (30, 60)
_CALL = Ask(UNARY, "bench-unary")
_FIRST = Ask(STREAM, "bench-paced", cancel_after_s=-1)
_LEFT_OUT = ("hedgerow_again", "hedgerow_grpcio", "grpcio")
_FIRSTS_PER_S = 100.0
"""Streams a second whose first token is timed: as many as it can would be all that the load has time for."""
_MOST_OPEN = 2000


def seconds(stage: Stage, plan: Plan) -> float:
    """About how long all of it takes."""
    count = len(_gateways(stage, UNARY))
    return count * (len(plan.widths) * 0.9 * plan.slot_s + len(SHARES) * 2 * (plan.open_s + 0.2) + 2 * plan.slot_s)


def _gateways(stage: Stage, kind: str) -> list[System]:
    return [one for one in stage.those(kind) if one.name not in (*_LEFT_OUT, DIRECT)]


def throughput(stage: Stage, plan: Plan, progress: Progress) -> dict[str, Row]:
    """Closed loops of more and more calls at once: calls a second, and the most with a p99 below each bound."""
    found: dict[str, Row] = {}
    for one in _gateways(stage, UNARY):
        progress.step(f"throughput of {one.name}", len(plan.widths) * 0.9 * plan.slot_s)
        slots = [measured(stage, one, _CALL, Pace(width, 0.8 * plan.slot_s), pieces=False) for width in plan.widths]
        found[one.name] = _frontier(plan.widths, slots)
    return found


def _frontier(widths: tuple[int, ...], slots: list[Slot]) -> Row:
    points = [
        {
            "at_once": width,
            "per_s": round(one.reading.ok / one.reading.seconds),
            "p50_ms": _ms(one.reading.latency.get("p50", 0.0)),
            "p99_ms": _ms(one.reading.latency.get("p99", 0.0)),
            "load_share": round(one.load_share, 2),
        }
        for width, one in zip(widths, slots, strict=True)
        if not one.reading.failed
    ]
    row: Row = {
        "per_s": max((int(point["per_s"]) for point in points), default=0),
        "frontier_per_s": {
            str(bound): max((int(point["per_s"]) for point in points if point["p99_ms"] <= bound), default=0)
            for bound in BOUNDS_MS
        },
        "points": points,
    }
    if any(one.load_share > MAX_LOAD_SHARE for one in slots):
        row["at_least"] = "the load generator was near its limit: it can do more than this"
    return row


def open_loop(stage: Stage, plan: Plan, progress: Progress, capacity: dict[str, Row]) -> dict[str, dict[str, Row]]:
    """Calls that come at random at a share of what the system can do itself, timed from when they should have begun."""
    found: dict[str, dict[str, Row]] = {f"open_loop_{share}": {} for share in SHARES}
    direct = stage.named(DIRECT)
    for one in _gateways(stage, UNARY):
        most = capacity[one.name]["per_s"]
        assert isinstance(most, int)
        for share in SHARES:
            rate = max(1.0, min(_MOST_OPEN, most * share / 100))
            progress.step(f"open loop of {one.name} at {share} %", 2 * (plan.open_s + 0.2))
            pace = Pace(2000, plan.open_s, open_rate_per_s=rate)
            bare = measured(stage, direct, _CALL, pace, pieces=False)
            mine = measured(stage, one, _CALL, pace, pieces=False)
            row = _added(mine, bare, "latency")
            row["rate_per_s"] = round(rate)
            found[f"open_loop_{share}"][one.name] = row
    return found


def first_token(stage: Stage, plan: Plan, progress: Progress) -> dict[str, Row]:
    """What is added to the first content of a stream, one stream at a time, whose caller leaves then."""
    found: dict[str, Row] = {}
    direct = stage.named(DIRECT)
    for one in _gateways(stage, STREAM):
        progress.step(f"first token of {one.name}", 2 * plan.slot_s)
        pace = Pace(1, 0.7 * plan.slot_s, cap_per_s=_FIRSTS_PER_S)
        mine = measured(stage, one, _FIRST, pace, pieces=False)
        bare = measured(stage, direct, _FIRST, pace, pieces=False)
        found[one.name] = _added(mine, bare, "first")
    return found


def _added(mine: Slot, bare: Slot, of: str) -> Row:
    times, base = getattr(mine.reading, of), getattr(bare.reading, of)
    row: Row = {
        f"added_{quantile}_ms": _ms(times.get(quantile, 0.0) - base.get(quantile, 0.0)) for quantile in ("p50", "p99")
    }
    row |= {"direct_p50_ms": _ms(base.get("p50", 0.0)), "gateway_share": round(mine.gateway_share, 2)}
    row["ok"] = mine.reading.ok
    if mine.reading.failed:
        row["void"] = f"{mine.reading.failed} calls failed: {next(iter(mine.reading.errors))}"
    elif max(mine.load_share, bare.load_share) > MAX_LOAD_SHARE:
        row["void"] = "the load generator was near its limit"
    return row


def _ms(seconds_: float) -> float:
    return round(seconds_ * 1000, 2)

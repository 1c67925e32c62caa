"""What work costs: CPU of a unary call, of a piece of a stream, by payload, and of embeddings."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness.blocks import Row, Slot, in_turns, measured, rows
from bench.harness.driver import Ask, Pace
from bench.harness.plan import Plan
from bench.harness.progress import Progress
from bench.harness.stage import DIRECT, Stage
from bench.harness.system import EMBED, STREAM, UNARY, System

CAP_PER_S = 2000.0
"""Calls a second that no system is asked for more than, so that fast ones do not take the load to its limit."""
_WARM_S = 1.0
_PAYLOAD_SYSTEMS = ("hedgerow", "hedgerow_http", "litellm", "portkey", "envoy")


@dataclass(frozen=True, slots=True)
class Cost:
    """One measure of cost."""

    name: str
    ask: Ask
    pace: Pace
    rounds: int
    names: Sequence[str] | None = None
    """The systems that are measured; all that serve it without."""
    direct: bool = False
    """Whether the upstream alone is measured, too, for what is added to its times."""

    @property
    def pieces(self) -> bool:
        """Whether the unit is a piece of a stream."""
        return self.ask.kind == STREAM

    def systems(self, stage: Stage) -> list[System]:
        """The systems it is taken of."""
        return [one for one in stage.those(self.ask.kind, self.names) if self.direct or one.name != DIRECT]

    def seconds(self, stage: Stage) -> float:
        """About how long it takes."""
        each: float = self.pace.seconds or 1.4 * self.pace.count / self.pace.width
        return 2 * self.rounds * len(self.systems(stage)) * (each + 0.1)


def costs(plan: Plan) -> list[Cost]:
    """All of them."""
    paced = Pace(width=16, count=16 * plan.paced_waves)
    side = 0.7 * plan.slot_s
    found = [
        Cost("unary_1kb", Ask(UNARY, "bench-unary"), Pace(16, plan.slot_s, cap_per_s=CAP_PER_S), plan.rounds),
        Cost("chunk_burst", Ask(STREAM, "bench-burst"), Pace(8, plan.slot_s, cap_per_s=300), plan.stream_rounds),
        Cost("chunk_paced", Ask(STREAM, "bench-paced"), paced, plan.stream_rounds, direct=True),
    ]
    for size in plan.payloads:
        ask, pace = Ask(UNARY, "bench-unary", prompt_bytes=size), Pace(8, side, cap_per_s=600)
        found.append(Cost(f"unary_{label(size)}", ask, pace, plan.side_rounds, _PAYLOAD_SYSTEMS))
    for form, model in (("float", "bench-embed-floats"), ("base64", "bench-embed")):
        ask = Ask(EMBED, model, prompt_bytes=64, inputs=plan.inputs, format=form)
        pace = Pace(4, side, cap_per_s=300)
        found.append(Cost(f"embed_{plan.inputs}_{form}", ask, pace, plan.side_rounds, _PAYLOAD_SYSTEMS))
    return found


def label(size: int) -> str:
    """A size as it stands in the name of a measure."""
    return f"{size / 1024:g}kb".replace(".", "_")


def warm(stage: Stage, progress: Progress) -> None:
    """Calls of each kind, so that nobody is measured while it compiles or connects."""
    for one in stage.systems.values():
        progress.step(f"warm-up of {one.name}", 2 * _WARM_S)
        for ask in (Ask(UNARY, "bench-unary"), Ask(STREAM, "bench-burst")):
            if ask.kind in one.does:
                stage.driver.run(one.target, one.asks(ask), Pace(16, _WARM_S, cap_per_s=CAP_PER_S))


def taken(stage: Stage, cost: Cost, progress: Progress) -> dict[str, Row]:
    """One measure of all systems."""
    systems = cost.systems(stage)
    share = cost.seconds(stage) / (2 * cost.rounds)

    def told(turn: int) -> None:
        progress.step(f"{cost.name}, pass {turn + 1} of {2 * cost.rounds}", share)

    def one(system: System) -> Slot:
        return measured(stage, system, cost.ask, cost.pace, pieces=cost.pieces)

    if cost.name not in ("unary_1kb", "chunk_burst"):
        for system in systems:
            stage.driver.run(system.target, system.asks(cost.ask), Pace(4, count=8))
    slots = in_turns(stage, systems, cost.rounds, one, told)
    found = rows(slots, pieces=cost.pieces)
    if DIRECT in slots:
        _added(found, slots)
        del found[DIRECT]
    return found


def _added(found: dict[str, Row], slots: dict[str, list[Slot]]) -> None:
    """What paced streams of 16 at once are late, beside the upstream alone."""

    def middle(name: str, of: str, quantile: str) -> float:
        return float(statistics.median(getattr(one.reading, of).get(quantile, 0.0) for one in slots[name]))

    for name, row in found.items():
        if name == DIRECT or "void" in row:
            continue
        row["first_added_p50_ms"] = _ms(middle(name, "first", "p50") - middle(DIRECT, "first", "p50"))
        row["gap_added_p50_ms"] = _ms(middle(name, "gap", "p50") - middle(DIRECT, "gap", "p50"))
        row["gap_added_p99_ms"] = _ms(middle(name, "gap", "p99") - middle(DIRECT, "gap", "p99"))
        row["messages_per_piece"] = round(
            sum(one.reading.messages for one in slots[name]) / max(1, sum(one.reading.pieces for one in slots[name])), 2
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)

"""Hedging in virtual time: what second attempts do to first-token times, through the router's own policy.

Every law is a distribution of first-token times (hedging_laws.json); calls arrive as a Poisson stream and overlap, and
what the policy learns reaches it when it would in a real run. Each row compares no hedging, the policy, and the best
fixed delay at the same budget, on the same draws. See docs/hedging.md.
"""

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._hedging_laws import Draws, Floats, laws
from bench._hedging_overload import Overload, overload
from bench._hedging_world import best_fixed, run
from hedgerow_server.routing.hedge import HedgePolicy, Hedging
from hedgerow_server.routing.latency import Latency

Json = dict[str, Any]

MAIN = "gpt-4o"
KINDS = ("iid", "correlated", "regimes")
POLICY = HedgePolicy()
PATIENCE_S = 30.0
"""In the full brown-out a call is good if its first token comes within so long."""
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
TAIL = [float(one) for one in np.logspace(0, -4, 161)]
OVERLOADS = 6


def _quantiles(times: Floats) -> Json:
    return dict(zip(SHARES, (float(one) for one in np.quantile(times, list(SHARES.values()))), strict=True))


def _curve(times: Floats) -> list[float]:
    """The times that the shares TAIL of calls exceed."""
    return [float(one) for one in np.quantile(times, 1 - np.array(TAIL))]


def row(task: tuple[str, str, int, int]) -> Json:
    """One law, one kind of dependence."""
    name, kind, calls, seed = task
    draws = Draws(laws()[name], kind, calls, seed)
    before = time.process_time()
    outcome = run(draws, POLICY)
    cpu_s = time.process_time() - before
    delay_s, best = best_fixed(draws, POLICY.max_extra)
    none, ours, fixed = _quantiles(draws.first), _quantiles(outcome.first_token_s), _quantiles(best)
    ordinary = int(draws.prompt_picos.sum() + draws.answer_picos.sum())
    counts = outcome.counts
    found = {
        "law": name,
        "kind": kind,
        "calls": calls,
        "seed": seed,
        "none_s": none,
        "hedged_s": ours,
        "best_fixed_s": fixed,
        "best_fixed_delay_s": delay_s,
        "extra_calls_percent": 100 * len(outcome.hedged) / calls,
        "extra_cost_percent": 100 * int(draws.prompt_picos[outcome.hedged].sum()) / ordinary,
        "best_fixed_extra_calls_percent": 100 * float(np.mean(draws.first > delay_s)),
        "won_percent": 100 * counts.won / max(counts.started, 1),
        "held": counts.held,
        "mean_planned_delay_s": counts.planned_s / max(counts.due, 1),
        "mean_real_delay_s": counts.real_s / max(counts.due, 1),
        "cpu_micros_a_call": 1e6 * cpu_s / calls,
    }
    for at in ("p99", "p99.9"):
        found[f"cut_{at}"] = none[at] / ours[at]
        found[f"best_cut_{at}"] = none[at] / fixed[at]
        gain_s = none[at] - fixed[at]
        # A fixed delay that gains less than 1 % leaves nothing to take a share of.
        found[f"share_of_best_cut_{at}"] = (none[at] - ours[at]) / gain_s if gain_s > 0.01 * none[at] else None
    if name == MAIN:
        found["curves_s"] = {
            "none": _curve(draws.first),
            "hedged": _curve(outcome.first_token_s),
            "best_fixed": _curve(best),
        }
    if draws.brown_out is not None:
        found["brown_out"] = _brown_out(draws, outcome.first_token_s, outcome.hedged_at_s)
    return found


def _brown_out(draws: Draws, times: Floats, hedged_at_s: list[float]) -> Json:
    assert draws.brown_out is not None
    start_s, end_s = draws.brown_out
    within = (draws.arrivals >= start_s) & (draws.arrivals < end_s)
    at_s = np.array(hedged_at_s)
    return {
        "calls": int(within.sum()),
        "extra_calls_percent": 100 * float(((at_s >= start_s) & (at_s < end_s)).sum() / within.sum()),
        "goodput_percent": 100 * float(np.mean(times[within] <= PATIENCE_S)),
        "goodput_without_percent": 100 * float(np.mean(draws.first[within] <= PATIENCE_S)),
    }


def overloaded(seed: int) -> Json:
    """The overloaded upstream, with and without."""
    law = laws()[MAIN]

    def told(one: Overload) -> Json:
        return {
            "goodput_percent": 100 * one.goodput,
            "brown_out_goodput_percent": 100 * one.goodput_in_brown_out,
            "brown_out_extra_calls_percent": 100 * one.extra_in_brown_out,
            "brown_out_calls": one.calls_in_brown_out,
        }

    return {"seed": seed, "none": told(overload(law, None, seed)), "hedged": told(overload(law, POLICY, seed))}


def policy_cost(calls: int = 200_000) -> float:
    """CPU-µs that the policy takes for a call that is answered in time: plan, in_time, observe, booked."""
    draws = Draws(laws()[MAIN], "iid", calls, 1)
    arrivals, first = draws.arrivals.tolist(), draws.first.tolist()
    latency, hedging = Latency(), Hedging(POLICY)
    before = time.process_time()
    for now_s, seconds in zip(arrivals, first, strict=True):
        hedging.plan(latency, now_s)
        hedging.in_time(now_s, seconds)
        latency.observe(seconds, now_s)
        hedging.booked(5_000_000_000)
    return 1e6 * (time.process_time() - before) / calls


def _cell(value: float | None) -> str:
    return "    -" if value is None else f"{100 * value:5.1f}"


def _print_rows(rows: list[Json]) -> None:
    print("First token in seconds: without → hedged (best fixed delay). Cut: without / with. Of best: share of the p99")
    print("reduction of the best fixed delay at 5 % extra calls, same draws.\n")
    head = f"{'law':22}{'kind':11}{'calls':>10}  {'p50':^13}{'p95':^13}{'p99':^21}{'p99.9':^21}"
    print(head + f"{'cut':>6}{'best':>6}{'of best %':>11}{'calls +%':>10}{'cost +%':>9}{'won %':>7}")
    for one in rows:
        a, b, c = one["none_s"], one["hedged_s"], one["best_fixed_s"]
        line = f"{one['law']:22}{one['kind']:11}{one['calls']:>10,}  "
        line += "".join(f"{a[at]:5.2f} →{b[at]:5.2f} " for at in ("p50", "p95"))
        line += "".join(f" {a[at]:5.2f} →{b[at]:5.2f} ({c[at]:5.2f}) " for at in ("p99", "p99.9"))
        line += f"{one['cut_p99']:5.2f}x{one['best_cut_p99']:5.2f}x{_cell(one['share_of_best_cut_p99']):>11}"
        print(line + f"{one['extra_calls_percent']:10.3f}{one['extra_cost_percent']:9.2f}{one['won_percent']:7.1f}")


def _print_rest(found: Json) -> None:
    for one in found["rows"]:
        if told := one.get("brown_out"):
            print(
                f"\nFull brown-out, everything 30 times slower for {told['calls']:,} calls: extra calls"
                f" {told['extra_calls_percent']:.3f} %, first token within {PATIENCE_S:g} s"
                f" {told['goodput_without_percent']:.2f} → {told['goodput_percent']:.2f} %"
            )
    told = found["overload"]
    print(
        f"Overloaded upstream, half its slots for a third of an hour ({OVERLOADS} runs): answered in time within the"
        f" brown-out {told['without_percent']:.2f} → {told['hedged_percent']:.2f} %"
        f" (difference {told['difference_percent']:+.3f} ± {told['difference_error_percent']:.3f}),"
        f" extra calls {told['extra_calls_percent']:.2f} %"
    )
    print(f"The policy takes {found['policy_micros_a_call']:.2f} CPU-µs for a call that is answered in time.")


def _summed(runs: list[Json]) -> Json:
    without = np.array([one["none"]["brown_out_goodput_percent"] for one in runs])
    hedged = np.array([one["hedged"]["brown_out_goodput_percent"] for one in runs])
    difference = hedged - without
    return {
        "runs": runs,
        "without_percent": float(without.mean()),
        "hedged_percent": float(hedged.mean()),
        "difference_percent": float(difference.mean()),
        "difference_error_percent": float(difference.std(ddof=1) / np.sqrt(len(runs))),
        "extra_calls_percent": float(np.mean([one["hedged"]["brown_out_extra_calls_percent"] for one in runs])),
    }


def missed(found: Json) -> list[str]:
    """What the run should have shown and did not."""
    said = []
    for one in found["rows"]:
        where = f"{one['law']} {one['kind']}"
        if one["extra_calls_percent"] > 100 * POLICY.max_extra:
            said.append(f"{where}: {one['extra_calls_percent']:.3f} % extra calls")
        share = one["share_of_best_cut_p99"]
        if one["law"] == MAIN and one["kind"] in KINDS and share is not None and share < 0.95:
            said.append(f"{where}: {100 * share:.1f} % of the best fixed delay's p99 cut")
        told = one.get("brown_out")
        if told and told["extra_calls_percent"] > 100 * POLICY.max_extra:
            said.append(f"{where}: {told['extra_calls_percent']:.3f} % extra calls in the brown-out")
        if told and told["goodput_percent"] < told["goodput_without_percent"]:
            said.append(f"{where}: goodput fell to {told['goodput_percent']:.2f} %")
    told = found["overload"]
    if told["difference_percent"] < -2 * told["difference_error_percent"]:
        said.append(f"overload: goodput fell by {-told['difference_percent']:.3f} %")
    if told["extra_calls_percent"] > 100 * POLICY.max_extra:
        said.append(f"overload: {told['extra_calls_percent']:.3f} % extra calls")
    return said


def main() -> int:
    """The exit status: 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="scripts/bench hedging", description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000_000, help=f"calls of each {MAIN} row; others have a quarter")
    parser.add_argument("--seed", type=int, default=1, help="of the draws")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--plot", type=Path, help="draw them into this PNG")
    parser.add_argument("--processes", type=int, default=2, help="processes that run rows")
    given = parser.parse_args()
    tasks = [(MAIN, kind, given.calls, given.seed) for kind in (*KINDS, "brown-out")]
    tasks += [(name, kind, given.calls // 4, given.seed) for name in laws() if name != MAIN for kind in KINDS]
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        rows = pool.imap(row, tasks, chunksize=1)
        overloads = pool.imap(overloaded, range(given.seed, given.seed + OVERLOADS), chunksize=1)
        found: Json = {"calls": given.calls, "seed": given.seed, "tail_shares": TAIL, "rows": list(rows)}
        found["overload"] = _summed(list(overloads))
    found["policy_micros_a_call"] = policy_cost()
    found["missed"] = missed(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        from bench._hedging_plot import draw

        draw(found, given.plot)
    _print_rows(found["rows"])
    _print_rest(found)
    for line in found["missed"]:
        print(f"MISSED  {line}")
    return 1 if found["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Streams, calls, callers that leave and upstreams that fail, mixed for a long time: what grows, and how fast.

Slopes are of the last two thirds of the time, with intervals. Beside the gateway `--peers grpcio` runs a bare gRPC
server that answers and is left at the same rates, for grpcio itself leaves something behind when a caller goes.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.harness import machine
from bench.harness.blocks import Row
from bench.harness.run import PAGE, ROOT
from bench.harness.soaking import soak
from bench.harness.stage import HEDGEROW, stage


def tell(name: str, row: Row) -> None:
    """For the terminal."""
    print(f"{name}: {row['calls']:,} calls in {row['minutes']} min")
    for key, value in row.items():
        if key.endswith("_interval") and isinstance(value, list):
            base = key.removesuffix("_interval")
            print(f"  {base:<42} {row[base]:>10,} [{value[0]:,}, {value[1]:,}]")
        elif key == "bytes_per_call" or key.endswith(("_after", "_beyond_start")):
            print(f"  {key:<42} {value:>10,}")
    if "void" in row:
        print(f"  WRONG  {row['void']}")


def main() -> int:
    """The exit status: 1 where a call failed that must not, or went well that could not."""
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--peers", default="", help="grpcio, or nothing")
    parser.add_argument("--transport", default="thin", help="Hedgerow's upstream client (default thin)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--page", action="store_true", help="keep the figures as docs/benchmarks/soak.json")
    asked = parser.parse_args()
    peers = [one for one in asked.peers.split(",") if one]
    if peers not in ([], ["grpcio"]):
        parser.error("only grpcio can be beside it")
    with stage(peers, asked.transport, twin=False) as running:
        systems = [one for one in running.systems.values() if one.name in (HEDGEROW, "grpcio")]
        print(f"{asked.minutes:g} minutes …", file=sys.stderr, flush=True)
        rows = soak(running.driver, systems, asked.minutes * 60)
    for name, row in rows.items():
        tell(name, row)
    found = {
        "_run": {"machine": machine.facts(ROOT), "arguments": {"minutes": asked.minutes, "transport": asked.transport}},
        "soak": rows,
    }
    for path in [asked.json, PAGE.with_suffix("") / "soak.json" if asked.page else None]:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any("void" in row for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

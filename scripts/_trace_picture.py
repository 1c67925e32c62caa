"""Draws docs/images/trace-hedged.svg: a hedged call that failed over, from the spans of a real router in front of the
simulator, with the metrics that it changed.

Usage: python scripts/_trace_picture.py
"""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED = (
    "hedgerow_calls_total",
    "hedgerow_attempts_total",
    "hedgerow_hedges_total",
    "hedgerow_cost_dollars_total",
)


def counted(samples: Iterable[tuple[str, dict[str, str], float]]) -> dict[str, float]:
    """The counters that a call changes."""
    return {
        f"{name}{{{', '.join(f'{key}={value}' for key, value in labels.items() if value)}}}": value
        for name, labels, value in samples
        if name in WANTED
    }


def main() -> int:
    """Draws it."""
    sys.path.insert(0, str(ROOT / "tests"))
    from telemetry.pages import families, samples
    from telemetry.picture import picture
    from telemetry.traced import traced

    with tempfile.TemporaryDirectory() as folder, traced(Path(folder), traces={"sample_ratio": 1.0}) as shop:
        shop.failed_over()
        before: dict[str, float] = {}

        def warmed() -> None:
            before.update(counted(samples(families(shop.router))))

        trace_id, _ = shop.failed_over(warmed=warmed)
        spans = shop.collector.call(trace_id)
        after = counted(samples(families(shop.router)))
    changed = {name: after[name] - before.get(name, 0.0) for name in after if after[name] != before.get(name, 0.0)}
    target = ROOT / "docs" / "images" / "trace-hedged.svg"
    target.write_text(picture(spans, changed), encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())

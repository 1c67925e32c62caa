"""How much offensive language in labelled texts the guard finds, and how often it finds some where there is none."""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.toxicity import ToxicityGuard, ToxicityGuardSection, ToxicityThresholds

TOXIC = "toxicity_rtp.jsonl"
BENIGN = ("benign_notinject.jsonl", "benign_wildguard.jsonl", "benign_xstest.jsonl", "indirect_documents.jsonl")
"""Files of which the texts with label 0 are harmless."""
CATEGORIES = tuple(ToxicityThresholds.model_fields)
LOWER = 0.5
"""A second threshold that is shown beside the usual ones: it also counts what is only spoken of."""


@dataclass(slots=True)
class Share:
    """A share of texts."""

    texts: int = 0
    """How many there are."""
    found: int = 0
    """In how many of them the guard finds something."""
    own: int = 0
    """Of these: something of the category that the text has its label for."""

    @property
    def share(self) -> float:
        """Of texts in which something is found: 0 to 1."""
        return self.found / self.texts if self.texts else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Wilson's interval of the share; with the usual z it holds the true one 19 times of 20."""
        n, p = max(self.texts, 1), self.share
        middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


@dataclass(slots=True)
class Measured:
    """What came out with some thresholds."""

    toxic: dict[str, Share] = field(default_factory=dict)
    """By the category of the label."""
    benign: dict[str, Share] = field(default_factory=dict)
    """By file; what is found there is wrong."""
    microseconds_per_kb: float = 0.0
    """Over all texts, of 1,024 characters."""

    def recall(self) -> Share:
        """All categories together."""
        rows = self.toxic.values()
        return Share(sum(row.texts for row in rows), sum(row.found for row in rows), sum(row.own for row in rows))

    def false_positives(self) -> Share:
        """All benign files together."""
        rows = self.benign.values()
        return Share(sum(row.texts for row in rows), sum(row.found for row in rows))


def measure_toxicity(folder: Path, threshold: float | None = None) -> Measured:
    """Looks through the texts of a folder; `threshold` replaces the usual ones of all categories."""
    thresholds = (
        ToxicityThresholds() if threshold is None else ToxicityThresholds(**dict.fromkeys(CATEGORIES, threshold))
    )
    guard = ToxicityGuard(ToxicityGuardSection(thresholds=thresholds))
    guard.scan("Every letter has its look-älikes ready.", Source.USER, 0, final=True)
    measured = Measured()
    size, took_s = 0, 0.0
    for name in (TOXIC, *BENIGN):
        for row in _rows(folder / name):
            text, toxic = str(row["text"]), name == TOXIC
            if not toxic and row["label"] != 0:
                continue
            began_s = time.thread_time()
            findings = guard.scan(text, Source.USER, 0, final=True).findings
            took_s += time.thread_time() - began_s
            size += len(text)
            key = str(row["category"]) if toxic else name.removesuffix(".jsonl")
            share = (measured.toxic if toxic else measured.benign).setdefault(key, Share())
            share.texts += 1
            share.found += bool(findings)
            share.own += any(one.category == f"toxicity.{key}" for one in findings)
    measured.microseconds_per_kb = took_s * 1e6 / max(size / 1024, 1)
    return measured


def report(folder: Path) -> list[str]:
    """The lines of a report."""
    lines = []
    for name, measured in (
        ("usual thresholds", measure_toxicity(folder)),
        (f"all {LOWER}", measure_toxicity(folder, LOWER)),
    ):
        lines.append(f"toxicity, {name}: {measured.microseconds_per_kb:.0f} µs/KB")
        lines += [_line(f"recall {key}", row, own=True) for key, row in sorted(measured.toxic.items())]
        lines.append(_line("recall, all", measured.recall(), own=True))
        lines += [_line(f"false positives {key}", row) for key, row in sorted(measured.benign.items())]
        lines.append(_line("false positives, all", measured.false_positives()))
    return lines


def _line(name: str, row: Share, *, own: bool = False) -> str:
    low, high = row.interval()
    tail = f", {row.own / max(row.texts, 1):.1%} by this category" if own else ""
    return f"  {name:36} {row.share:6.1%} [{low:.1%}, {high:.1%}] of {row.texts}{tail}"


def _rows(path: Path) -> Iterable[Mapping[str, object]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]))))

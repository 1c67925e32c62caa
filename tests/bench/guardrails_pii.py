"""How much of the personal data in labelled texts the guard finds, and how much of what it finds is some."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.pii import PiiGuard, PiiGuardSection

LABELS: Mapping[str, str] = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
    "STREET_ADDRESS": "address",
    "DOMAIN_NAME": "url",
    "ZIP_CODE": "postcode",
    "US_DRIVER_LICENSE": "driving_licence",
}
"""What the data set calls each category."""
STRUCTURED = ("email", "phone", "iban", "card", "us_ssn", "ip")


@dataclass(slots=True)
class Row:
    """One category, counted over all texts."""

    spans: int = 0
    """How many there are."""
    found: int = 0
    """Of these: covered to at least nine tenths by findings of that category."""
    exact: int = 0
    """Of these: found with the same first and last character."""
    findings: int = 0
    """How many the guard finds."""
    right: int = 0
    """Of these: on a span of that category."""

    @property
    def recall(self) -> float:
        """0 to 1; 1 where there are none."""
        return self.found / self.spans if self.spans else 1.0

    @property
    def precision(self) -> float:
        """0 to 1; 1 where nothing was found."""
        return self.right / self.findings if self.findings else 1.0


@dataclass(slots=True)
class Measured:
    """What came out."""

    rows: dict[str, Row] = field(default_factory=dict)
    """By category."""
    missed: list[tuple[str, str]] = field(default_factory=list)
    """Category and id of the text, of each span that was not found."""
    wrong: list[tuple[str, str]] = field(default_factory=list)
    """Category and id of the text, of each finding where there is none."""
    first_us_per_kb: float = 0.0
    """CPU time for 1,024 characters of the texts, one by one, when the guard sees them for the first time: RE2 makes
    the states of its automata as texts need them."""
    us_per_kb: float = 0.0
    """The same once it has seen them."""

    def structured(self) -> Row:
        """The categories that have check digits or a form of their own, together."""
        together = Row()
        for name in STRUCTURED:
            row = self.rows.get(name, Row())
            for part in ("spans", "found", "exact", "findings", "right"):
                setattr(together, part, getattr(together, part) + getattr(row, part))
        return together


def measure_pii(records: Iterable[Mapping[str, Any]]) -> Measured:
    """Records have `id`, `text` and `spans` of [start, end, label]."""
    guard = PiiGuard(PiiGuardSection(categories=frozenset(LABELS.values())))
    measured = Measured(rows={name: Row() for name in LABELS.values()})
    kept = list(records)
    measured.first_us_per_kb = _us_per_kb(guard, kept)
    measured.us_per_kb = min(_us_per_kb(guard, kept) for _ in range(3))
    for record in kept:
        findings = guard.scan(record["text"], Source.USER, 0, final=True).findings
        got = [(finding.start, finding.end, finding.category.partition(".")[2]) for finding in findings]
        spans = [(start, end, LABELS[label]) for start, end, label in record["spans"] if label in LABELS]
        _count(measured, str(record["id"]), spans, got)
    return measured


def _us_per_kb(guard: PiiGuard, records: Sequence[Mapping[str, Any]]) -> float:
    begun = time.thread_time()
    for record in records:
        guard.scan(record["text"], Source.USER, 0, final=True)
    return (time.thread_time() - begun) * 1024e6 / max(1, sum(len(record["text"]) for record in records))


def _count(
    measured: Measured, name: str, spans: Sequence[tuple[int, int, str]], got: Sequence[tuple[int, int, str]]
) -> None:
    for start, end, category in spans:
        row = measured.rows[category]
        row.spans += 1
        covered = sum(max(0, min(end, e) - max(start, s)) for s, e, kind in got if kind == category)
        row.exact += (start, end, category) in got
        if covered >= 0.9 * (end - start):
            row.found += 1
        else:
            measured.missed.append((category, name))
    for start, end, category in got:
        row = measured.rows[category]
        row.findings += 1
        if any(s < end and start < e and kind == category for s, e, kind in spans):
            row.right += 1
        else:
            measured.wrong.append((category, name))


def table(measured: Measured) -> str:
    """Lines for a terminal."""
    lines = [f"{'':16}{'spans':>7}{'recall':>9}{'exact':>7}{'found':>7}{'precision':>11}"]
    for name, row in [*measured.rows.items(), ("structured", measured.structured())]:
        lines.append(f"{name:16}{row.spans:>7}{row.recall:>9.1%}{row.exact:>7}{row.findings:>7}{row.precision:>11.1%}")
    lines.append(f"CPU per KB: {measured.us_per_kb:.0f} us, at first sight {measured.first_us_per_kb:.0f} us")
    return "\n".join(lines)


if __name__ == "__main__":
    result = measure_pii([json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()])
    print(table(result))
    print("missed", Counter(category for category, _ in result.missed))
    print("wrong", Counter(category for category, _ in result.wrong))

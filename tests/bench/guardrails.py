"""What the built-in guards detect, take for it wrongly, and cost in time, on a folder of development texts.

The injection models are trained anew for each fold, so that none judges a text, or a near-duplicate of one, that it
learned from. Intervals are Wilson's, 95 %. The other guards learn nothing; they are measured as they are.

The folder holds JSON Lines files (scripts/_injection_texts.py names those for training). Default: HEDGEROW_GUARD_TEXTS,
else ../shared/guardrails beside the checkout. Without it only times are measured.
"""

import argparse
import functools
import importlib
import json
import math
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / part) for part in ("services", "scripts", "tests")]

from _injection_texts import records
from bench import _injection
from hedgerow_server.core.guard import Finding, Scanner, Source

ROOT = Path(__file__).resolve().parents[2]
GUARDS = {
    "injection": ("injection", "InjectionGuard"),
    "pii": ("pii", "PiiGuard"),
    "secrets": ("secret_formats", "SecretsGuard"),
    "toxicity": ("toxicity", "ToxicityGuard"),
    "words": ("words", "WordsGuard"),
}
STRUCTURED = {
    "CREDIT_CARD": "pii.card",
    "PHONE_NUMBER": "pii.phone",
    "EMAIL_ADDRESS": "pii.email",
    "IBAN_CODE": "pii.iban",
    "US_SSN": "pii.us_ssn",
    "IP_ADDRESS": "pii.ip",
    "US_DRIVER_LICENSE": "pii.driving_licence",
    "STREET_ADDRESS": "pii.address",
    "ZIP_CODE": "pii.postcode",
    "DOMAIN_NAME": "pii.url",
}
Figures = dict[str, Any]


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle, spread = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def share(name: str, hits: int, of: int) -> Figures:
    """Prints and gives one share with its interval."""
    low, high = wilson(hits, of)
    print(f"  {name:<44} {hits:>5} of {of:<5} {100 * hits / max(1, of):6.1f} %   [{100 * low:.1f}, {100 * high:.1f}]")
    return {"hits": hits, "of": of, "low": low, "high": high}


def built() -> dict[str, Scanner]:
    """The guards that there are, each with its defaults."""
    guards: dict[str, Scanner] = {}
    for name, (module, kind) in GUARDS.items():
        try:
            room = importlib.import_module(f"hedgerow_server.guardrails.{module}")
        except ImportError as error:
            print(f"no guard {name}: {error}")
            continue
        section = getattr(room, f"{kind}Section")
        keys = {"words": ["hedgerow clippings", "project nightjar"]} if name == "words" else {}
        guards[name] = getattr(room, kind)(section.model_validate(keys))
    return guards


def in_steps(guard: Scanner, text: str, source: Source) -> list[Finding]:
    """What a guard finds in a whole text, as the pipeline goes through it: 8 KiB at a time."""
    found: list[Finding] = []
    settled = end = 0
    while True:
        end = min(len(text), end + 8192)
        from_ = max(0, settled - guard.context)
        scan = guard.scan(text[from_:end], source, settled - from_, final=end == len(text))
        found += scan.findings
        settled = from_ + scan.settled
        if end == len(text):
            return found


def injection(folder: Path, folds: int) -> Figures:
    """Direct and indirect attacks, harmless texts of each file, disguises."""
    figures: Figures = {}
    print("\nInjection, direct: attacks recognised, by file (cross-validation)")
    judged = _injection.direct(folder, folds)
    figures["direct recall"] = _by_file([one for one in judged if one.attack])
    print("Injection, direct: harmless texts taken for attacks (WildGuard is never learned from)")
    figures["direct false positives"] = _by_file([one for one in judged if not one.attack])
    print("Injection, direct: the same attacks in disguise")
    shown = [one for one in judged if one.disguised]
    figures["disguises"] = {"none": share("none", sum(one.excess >= 0 for one in shown), len(shown))}
    for way in _injection.DISGUISES:
        figures["disguises"][way] = share(way, sum(one.disguised[way] >= 0 for one in shown), len(shown))
    print("Injection, indirect: documents (techniques and source files unseen)")
    documents = _injection.indirect(folder, folds)
    planted = [one for one in documents if one.attack]
    figures["indirect recall"] = share("planted instructions", sum(one.excess >= 0 for one in planted), len(planted))
    for position in ("start", "middle", "end"):
        mine = [one for one in planted if one.record["position"] == position]
        figures[f"indirect {position}"] = share(f"  at the {position}", sum(one.excess >= 0 for one in mine), len(mine))
    clean = [one for one in documents if not one.attack]
    figures["indirect false positives"] = share("clean passages", sum(one.excess >= 0 for one in clean), len(clean))
    return figures


def _by_file(judged: Sequence[_injection.Judged]) -> Figures:
    files = sorted({one.file for one in judged})
    figures = {
        file: share(
            file, sum(one.excess >= 0 for one in judged if one.file == file), sum(one.file == file for one in judged)
        )
        for file in files
    }
    figures["all"] = share("all", sum(one.excess >= 0 for one in judged), len(judged))
    return figures


def personal_data(guard: Scanner, folder: Path) -> Figures:
    """Recall of spans by type, and how many of the findings are at a span of theirs."""
    recall: dict[str, list[bool]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    for record in records(folder, "pii_presidio"):
        found = in_steps(guard, record["text"], Source.USER)
        for start, end, kind in record["spans"]:
            if kind in STRUCTURED:
                recall[kind].append(any(one.start < end and start < one.end for one in found))
        for one in found:
            right[one.category].append(any(one.start < end and start < one.end for start, end, _ in record["spans"]))
    print("\nPersonal data: spans found, by type (a guard that is off by default for a type finds none of it)")
    figures: Figures = {"recall": {kind: share(kind, sum(hits), len(hits)) for kind, hits in sorted(recall.items())}}
    print("Personal data: findings that are a span of the file, by category")
    figures["precision"] = {kind: share(kind, sum(hits), len(hits)) for kind, hits in sorted(right.items())}
    every = [hit for hits in right.values() for hit in hits]
    figures["precision"]["all"] = share("all", sum(every), len(every))
    return figures


def alarms(name: str, guard: Scanner, folder: Path) -> Figures:
    """How many harmless texts of each file a guard finds something in."""
    figures = {}
    print(f"\n{name}: harmless texts in which something is found")
    for file in ("injection_deepset", "benign_notinject", "benign_wildguard", "benign_xstest", "indirect_documents"):
        rows = [one for one in records(folder, file) if not one["label"]]
        figures[file] = share(file, sum(bool(in_steps(guard, one["text"], Source.USER)) for one in rows), len(rows))
    return figures


def toxicity(guard: Scanner, folder: Path) -> Figures:
    """Recall by category."""
    print("\nToxicity: texts in which something is found, by category")
    hits: dict[str, list[bool]] = defaultdict(list)
    for record in records(folder, "toxicity_rtp"):
        hits[record["category"]].append(bool(in_steps(guard, record["text"], Source.USER)))
    return {name: share(name, sum(found), len(found)) for name, found in sorted(hits.items())}


def times(guards: dict[str, Scanner], rounds: int) -> Figures:
    """p50 and p99 of 2 KB, and time per KB at 8 KB, 64 KB and 1 MB; CPU time of one thread, warm."""
    pages = "\n\n".join(file.read_text("utf-8") for file in sorted((ROOT / "docs").glob("*.md")))
    pages = pages * (1 + (1 << 20) // len(pages))
    cut = [pages[at : at + 2048] for at in range(0, 2048 * 200, 2048)]
    print(f"\nTime{'':<22}2 KB p50   2 KB p99 |   per KB at 8 KB     64 KB      1 MB   (CPU-µs)")
    figures = {}
    whole: dict[str, Callable[[str], object]] = {
        name: functools.partial(in_steps, guard, source=Source.USER) for name, guard in guards.items()
    }
    whole["all of them"] = lambda text: [in_steps(guard, text, Source.USER) for guard in guards.values()]
    for name, look in whole.items():
        took = sorted(_timed(look, [cut[at % len(cut)] for at in range(rounds)]))
        per_kb = [statistics.median(_timed(look, [pages[:size]] * again)) / size * 1024 for size, again in
                  ((8192, 21), (65536, 7), (1 << 20, 1))]  # fmt: skip
        p50, p99 = statistics.median(took), took[int(0.99 * len(took))]
        print(f"  {name:<22} {p50:9.0f}  {p99:9.0f} | {per_kb[0]:15.0f} {per_kb[1]:9.0f} {per_kb[2]:9.0f}")
        figures[name] = {"p50_us": p50, "p99_us": p99, "us_per_kb": dict(zip(("8K", "64K", "1M"), per_kb, strict=True))}
    return figures


def _timed(look: Callable[[str], object], texts: Iterable[str]) -> list[float]:
    took = []
    for text in texts:
        began = time.thread_time()
        look(text)
        took.append((time.thread_time() - began) * 1e6)
    return took


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench guardrails", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures")
    default = Path(os.environ.get("HEDGEROW_GUARD_TEXTS") or ROOT.parent / "shared/guardrails")
    parser.add_argument("--texts", type=Path, default=default, metavar="FOLDER", help="the development texts")
    parser.add_argument("--folds", type=int, default=5, help="of the cross-validation")
    parser.add_argument("--rounds", type=int, default=1000, help="texts of 2 KB of which the time is taken")
    parser.add_argument("--times-only", action="store_true")
    arguments = parser.parse_args()
    guards = built()
    figures: Figures = {"times": times(guards, arguments.rounds)}
    if not arguments.texts.is_dir():
        print(f"\nNo development texts in {arguments.texts}: what is detected is not measured.")
    elif not arguments.times_only:
        figures["injection"] = injection(arguments.texts, arguments.folds)
        if "pii" in guards:
            figures["pii"] = personal_data(guards["pii"], arguments.texts)
        if "toxicity" in guards:
            figures["toxicity"] = toxicity(guards["toxicity"], arguments.texts)
        for name in ("toxicity", "secrets"):
            if name in guards:
                figures[f"{name} false positives"] = alarms(name, guards[name], arguments.texts)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

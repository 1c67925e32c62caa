"""How well the injection guard detects what it has not seen: cross-validation over the development texts."""

import base64
import codecs
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / part) for part in ("services", "scripts")]

import _injection_texts as texts
import _train_injection as training
from hedgerow_server.guardrails.injection_detector import Detector
from hedgerow_server.guardrails.injection_model import LinearModel

DIRECT = ("injection_deepset", "injection_cyberseceval", "jailbreak_inthewild")
HARMLESS = ("injection_deepset", "benign_notinject", "benign_wildguard", "benign_xstest")
NEVER_LEARNED = frozenset({"benign_wildguard"})
_SWAPS = str.maketrans(
    "aceiopsxyABEHKMOPT",
    "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443\u0410\u0412\u0415\u041d\u041a\u041c\u041e\u0420\u0422",
)
"""Latin letters, and the Cyrillic ones that look like them."""
_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def _disguises() -> dict[str, Callable[[str], str]]:
    """Ways to write a text so that a model still reads it."""
    return {
        "homoglyphs": lambda text: text.translate(_SWAPS),
        "zero width": "\u200b".join,
        "bidi override": lambda text: "\u202e" + text[::-1] + "\u202c",
        "leetspeak": lambda text: text.translate(_LEET),
        "spaced out": " ".join,
        "full width": lambda text: text.translate(_WIDE),
        "alternating case": lambda text: "".join(c.upper() if at % 2 else c.lower() for at, c in enumerate(text)),
        "Base64": lambda text: base64.b64encode(text.encode()).decode(),
        "hexadecimal": lambda text: text.encode().hex(),
        "ROT13": lambda text: codecs.encode(text, "rot13"),
        "combining marks": lambda text: "".join(c + "\u0335" if c.isalpha() else c for c in text),
        "soft hyphens": lambda text: "".join(c + "\xad" if at % 3 == 2 else c for at, c in enumerate(text)),
    }


DISGUISES = _disguises()


class Judged(NamedTuple):
    """One text that the model of its fold had not seen."""

    file: str
    attack: bool
    excess: float
    """By how much its worst passage is beyond its threshold, in log odds."""
    record: dict[str, Any]
    disguised: dict[str, float]


def direct(folder: Path, count: int, disguised: int = 60) -> list[Judged]:
    """Words of users. Of every file up to `disguised` attacks are also judged in each disguise."""
    rows = [
        (name, bool(record["label"]), record)
        for name in dict.fromkeys((*DIRECT, *HARMLESS))
        for record in texts.records(folder, name)
        if record["category"] != "indirect"
    ]
    groups = texts.families([record["text"] for _, _, record in rows])
    fold = texts.folds(groups, count, 11)
    samples = [None if name in NEVER_LEARNED else training.Sample(record["text"]) for name, _, record in rows]
    written = training.written_requests()
    chosen = _some([(name, at) for at, (name, attack, _) in enumerate(rows) if attack], disguised)
    judged = []
    for held in range(count):
        known = [(sample, rows[at][1]) for at, sample in enumerate(samples) if sample is not None and fold[at] != held]
        model = training.learn_direct(
            [sample for sample, attack in known if attack], [sample for sample, attack in known if not attack], written
        )
        judge = judge_of(model)
        for at, (name, attack, record) in enumerate(rows):
            if fold[at] == held:
                other = (
                    {way: judge(change(record["text"])) for way, change in DISGUISES.items()} if at in chosen else {}
                )
                judged.append(Judged(name, attack, judge(record["text"]), record, other))
    return judged


def indirect(folder: Path, count: int) -> list[Judged]:
    """Documents. A planted text is judged by a model that saw neither it nor any other of its technique; a clean
    passage by one that saw none of its file.
    """
    payloads, documents = texts.records(folder, "payloads_bipia"), texts.records(folder, "indirect_documents")
    technique = _by(payloads, "technique", count, 5)
    source = _by(documents, "source", count, 7)
    planted, passages = training.written_documents()
    known = [(one, training.Sample(one["text"])) for one in payloads]
    clean = [(one, training.Sample(one["text"])) for one in documents if not one["label"]]
    judged = []
    for held in range(count):
        model = training.learn_indirect(
            [*planted, *((sample, 1.5) for one, sample in known if technique[one["technique"]] != held)],
            [*passages, *((sample, 1.0) for one, sample in clean if source[one["source"]] != held)],
        )
        judge = judge_of(model)
        judged += [
            Judged("indirect_documents", bool(one["label"]), judge(one["text"]), one, {})
            for one in documents
            if (technique[one["technique"]] if one["label"] else source[one["source"]]) == held
        ]
    return judged


def _by(records: Sequence[dict[str, Any]], key: str, count: int, seed: int) -> dict[str, int]:
    """A fold for each value of a field."""
    values = [str(record[key]) for record in records]
    return dict(zip(values, texts.folds(values, count, seed), strict=True))


def judge_of(model: LinearModel) -> Callable[[str], float]:
    """What a model says of a text as the guard would, with phrases and other codings."""
    return Detector(model, 0.5, "", "").worst


def _some(places: Sequence[tuple[str, int]], most: int) -> set[int]:
    lots = random.Random(3)
    chosen: set[int] = set()
    for file in sorted({file for file, _ in places}):
        mine = [at for name, at in places if name == file]
        chosen.update(lots.sample(mine, min(most, len(mine))))
    return chosen

"""Trains the models of the injection guard and writes their weights and a file on their provenance.

Usage: python scripts/_train_injection.py FOLDER
  FOLDER  the development texts: JSON Lines files as scripts/_injection_texts.py names them

What it learns from is listed in the provenance file. The result depends on the texts, the grammars and numpy's
arithmetic only. It takes some minutes of one core.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# The rooms of the server, without an installation.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "services")]

from _injection_texts import GRAMMARS, LICENSES, ROOT, draw, grammar, own_documentation, records  # noqa: E402
from hedgerow_server.guardrails.injection_model import SIZE, LinearModel, features, passages  # noqa: E402
from hedgerow_server.guardrails.normalise import LINE, plain  # noqa: E402

DATA = ROOT / "services/hedgerow_server/guardrails/data"
THRESHOLDS = {
    "direct": (-0.2, 1.6, 0.5, 1.3, 1.6),
    "indirect": (-0.1, -0.1, -0.1, -0.1, -0.1),
}
"""Log odds from which on a passage of each kind (`Passages.kinds`) is an attack. Set by people who looked at the
figures of `scripts/bench guardrails`; nothing computes them."""

Floats = npt.NDArray[np.float32]
Bag = tuple[npt.NDArray[np.int64], Floats]
"""Features of a passage, and how often each stands in it."""


class Sample:
    """A text, its features in the order of their places, and its passages."""

    def __init__(self, text: str) -> None:
        edge = np.full(4, LINE, np.uint8)
        symbols = np.concatenate((edge[:1], plain(text).symbols, edge))
        self.seen, self.size = features(symbols), len(symbols)
        places = self.seen.places()
        order = np.argsort(places, kind="stable")
        self._places, self._indices = places[order], self.seen.indices[order].astype(np.int64)
        self.parts = passages(symbols)

    def bag(self, part: int) -> Bag:
        """The features of one passage."""
        first, last = np.searchsorted(self._places, (self.parts.starts[part], self.parts.ends[part]))
        found, counts = np.unique(self._indices[first:last], return_counts=True)
        return found, counts.astype(np.float32)

    def logits(self, model: LinearModel) -> npt.NDArray[np.float64]:
        """What a model says of each passage."""
        return model.logits(model.sums(self.seen, self.size), self.parts)


class Lesson(NamedTuple):
    """A passage to learn from."""

    bag: Bag
    attack: bool
    weight: float


class Learner(NamedTuple):
    """How the weights are found: logistic regression with an L2 penalty, by accelerated gradients."""

    penalty: float = 0.6
    steps: int = 80
    damping: float = 50.0

    def fit(self, lessons: Sequence[Lesson], thresholds: Sequence[float]) -> LinearModel:
        """A model of the lessons, quantised."""
        sizes = np.array([len(lesson.bag[0]) for lesson in lessons])
        begins = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        used, column = np.unique(np.concatenate([lesson.bag[0] for lesson in lessons]), return_inverse=True)
        counts = np.concatenate([lesson.bag[1] for lesson in lessons])
        row = np.repeat(np.arange(len(lessons)), sizes)
        often = np.bincount(column)
        rarity = np.where(often > 1, np.log((1 + len(lessons)) / (1 + often)) + 1, 0).astype(np.float32)
        norms = np.sqrt(np.add.reduceat(counts * rarity[column] ** 2, begins) + self.damping)
        values = (counts * rarity[column] / norms[row]).astype(np.float32)
        problem = _Problem(
            column.astype(np.int32),
            values,
            begins,
            row,
            np.array([lesson.attack for lesson in lessons], np.float32),
            np.array([lesson.weight for lesson in lessons], np.float32),
            len(used),
        )
        weights, bias = problem.solve(self.penalty, self.steps)
        return _quantised(used, weights * rarity, rarity**2, (bias, self.damping, *thresholds))


class _Problem(NamedTuple):
    column: npt.NDArray[np.int32]
    values: Floats
    begins: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    attack: Floats
    weight: Floats
    width: int

    def _forward(self, weights: Floats) -> Floats:
        return np.add.reduceat(weights[self.column] * self.values, self.begins)

    def _backward(self, errors: Floats) -> Floats:
        return np.bincount(self.column, self.values * errors[self.row], self.width).astype(np.float32)

    def _curvature(self) -> float:
        """An upper bound of the second derivative, by power iteration."""
        vector = np.random.default_rng(0).standard_normal(self.width).astype(np.float32)
        for _ in range(6):
            vector /= np.linalg.norm(vector)
            vector = self._backward(self._forward(vector) * self.weight)
        return 0.25 * (1.2 * float(np.linalg.norm(vector)) + 0.5 * float(self.weight.sum()))

    def solve(self, penalty: float, steps: int) -> tuple[Floats, float]:
        """Weights and bias, by Nesterov's method."""
        pace = 1 / (self._curvature() + penalty)
        weights: Floats = np.zeros(self.width, np.float32)
        ahead = weights
        bias = bias_ahead = 0.0
        inertia = 1.0
        for _ in range(steps):
            odds = self._forward(ahead) + bias_ahead
            errors = (self.weight * (1 / (1 + np.exp(-odds)) - self.attack)).astype(np.float32)
            stepped = (ahead - pace * (self._backward(errors) + penalty * ahead)).astype(np.float32)
            bias_stepped = bias_ahead - pace * float(errors.sum())
            following = (1 + (1 + 4 * inertia * inertia) ** 0.5) / 2
            push = (inertia - 1) / following
            ahead, bias_ahead = (
                (stepped + push * (stepped - weights)).astype(np.float32),
                bias_stepped + push * (bias_stepped - bias),
            )
            weights, bias, inertia = stepped, bias_stepped, following
        return weights, bias


def _quantised(used: npt.NDArray[np.int64], weights: Floats, rarity: Floats, rest: Sequence[float]) -> LinearModel:
    unit = float(np.quantile(np.abs(weights), 0.9995)) / 127
    rarity_unit = float(rarity.max()) / 255
    small = np.zeros(SIZE, np.int8)
    small[used] = np.clip(np.round(weights / unit), -127, 127)
    rare = np.zeros(SIZE, np.uint8)
    rare[used] = np.round(rarity / rarity_unit)
    return LinearModel(small, rare, np.array([unit, rarity_unit, *rest]))


def learn_direct(
    attacks: Sequence[Sample], harmless: Sequence[Sample], written: tuple[Sequence[Sample], Sequence[Sample]]
) -> LinearModel:
    """The model for the words of users; `written` are attacks and harmless texts of the grammars."""
    lessons = []
    for attack, weight, samples in (
        (True, 1.0, attacks), (False, 1.0, harmless), (True, 0.4, written[0]), (False, 0.4, written[1]),
    ):  # fmt: skip
        for sample in samples:
            lessons.append(Lesson(sample.bag(0), attack, weight))
            parts = range(1, min(4, len(sample.parts.starts)))
            if not attack:
                lessons += [Lesson(sample.bag(part), False, 0.3 * weight / len(parts)) for part in parts]
    draft = Learner().fit(lessons, THRESHOLDS["direct"])
    for attack, weight, samples in ((True, 1.0, attacks), (False, 1.0, harmless), (False, 0.4, written[1])):
        for sample in samples:
            logits = sample.logits(draft)[1:]
            if len(logits) and logits.max() > (0 if attack else -1):
                lessons.append(Lesson(sample.bag(1 + int(logits.argmax())), attack, 0.5 * weight))
    return Learner().fit(lessons, THRESHOLDS["direct"])


def learn_indirect(planted: Sequence[tuple[Sample, float]], documents: Sequence[tuple[Sample, float]]) -> LinearModel:
    """The model for documents and tool results: instructions that somebody planted, and what they stand in."""
    lessons = [Lesson(sample.bag(0), True, weight) for sample, weight in planted]
    for sample, weight in documents:
        count = len(sample.parts.starts)
        share = 2 * weight / count if count > 2 else weight
        lessons += [Lesson(sample.bag(part), False, share) for part in range(count)]
    draft = Learner(penalty=0.3).fit(lessons, THRESHOLDS["indirect"])
    for sample, weight in documents:
        logits = sample.logits(draft)
        lessons += [Lesson(sample.bag(part), False, weight) for part in np.argsort(-logits)[:2] if logits[part] > -1.5]
    return Learner(penalty=0.3).fit(lessons, THRESHOLDS["indirect"])


def samples(texts: Sequence[str]) -> list[Sample]:
    """The texts, ready to learn from."""
    return [Sample(text) for text in texts]


def written_requests() -> tuple[list[Sample], list[Sample]]:
    """Attacks and harmless requests of the grammars."""
    lists = grammar("benign", "attacks", "documents")
    harmless = [*draw(lists, "benign", 3000, 1), *draw(lists, "passage", 400, 3), *own_documentation()]
    return samples(draw(lists, "attack", 2500, 2)), samples(harmless)


def written_documents() -> tuple[list[tuple[Sample, float]], list[tuple[Sample, float]]]:
    """Planted instructions of the grammars, and passages of the grammars and of this project's documentation."""
    lists = grammar("benign", "attacks", "documents")
    planted = [(sample, 0.5) for sample in samples(draw(lists, "planted", 2200, 6))]
    passage = [(sample, 0.5) for sample in samples(draw(lists, "passage", 1500, 5))]
    return planted, [*passage, *((sample, 0.7) for sample in samples(own_documentation()))]


def _direct(folder: Path) -> LinearModel:
    texts: dict[bool, list[str]] = {True: [], False: []}
    for name in (
        "injection_deepset",
        "injection_cyberseceval",
        "jailbreak_inthewild",
        "benign_notinject",
        "benign_xstest",
    ):
        for record in records(folder, name):
            texts[bool(record["label"])].append(record["text"])
    return learn_direct(samples(texts[True]), samples(texts[False]), written_requests())


def _indirect(folder: Path) -> LinearModel:
    planted, documents = written_documents()
    planted += [(Sample(record["text"]), 1.5) for record in records(folder, "payloads_bipia")]
    clean = [record["text"] for record in records(folder, "indirect_documents") if not record["label"]]
    return learn_indirect(planted, [*documents, *((sample, 1.0) for sample in samples(clean))])


def _provenance(folder: Path) -> dict[str, Any]:
    def digest(file: Path) -> str:
        return hashlib.sha256(file.read_bytes()).hexdigest()

    return {
        "what": "8-bit weights of two linear models over hashed n-grams; they hold no text",
        "license": "Apache-2.0, as the rest of this project",
        "written by": "scripts/_train_injection.py",
        "own texts": {file.name: digest(file) for file in sorted(GRAMMARS.glob("*.txt"))}
        | {"docs/*.md, README.md": "passages of this project's documentation"},
        "texts of others": {
            name: {"license": license_, "sha256": digest(folder / f"{name}.jsonl")}
            for name, license_ in LICENSES.items()
        },
        "changes": "XSTest and all others: reduced to hashed counts of character and word n-grams",
        "not learned from": "WildGuard (ODC-BY, gated), whose false positives were counted to set thresholds",
    }


def main() -> None:
    """Trains both and writes them."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    missing = [name for name in LICENSES if not (folder / f"{name}.jsonl").exists()]
    if missing:
        raise SystemExit(f"{folder} lacks {', '.join(missing)}")
    arrays: dict[str, Any] = {}
    for name, model in (("direct", _direct(folder)), ("indirect", _indirect(folder))):
        arrays |= {f"{name}_{part}": array for part, array in model.parts().items()}
    DATA.mkdir(exist_ok=True)
    np.savez_compressed(DATA / "injection.npz", **arrays)
    (DATA / "injection.provenance.json").write_text(
        json.dumps(_provenance(folder), indent=2, ensure_ascii=False) + "\n"
    )
    print(f"{DATA / 'injection.npz'}: {(DATA / 'injection.npz').stat().st_size} bytes")


if __name__ == "__main__":
    main()

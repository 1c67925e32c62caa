"""A Dockerfile as its instructions, and the files that its builder sees."""

import fnmatch
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack import ROOT

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction."""

    stage: str
    """The name of its stage; empty before the first."""
    word: str
    """Such as RUN."""
    rest: str
    """What stands behind the word, lines that go on put together."""


def steps() -> Iterator[Step]:
    """The instructions, in their order."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stage = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            stage = rest.split()[-1] if word == "FROM" else stage
            yield Step(stage, word, " ".join(rest.split()))


def values(word: str, stage: str) -> dict[str, str]:
    """What ENV or LABEL or ARG say in a stage."""
    found: dict[str, str] = {}
    for step in steps():
        if step.word == word and step.stage == stage:
            found |= {name: value.strip('"') for name, value in re.findall(r'([\w.]+)=("[^"]*"|\S+)', step.rest)}
    return found


def seen() -> list[str]:
    """The patterns of what is sent to the builder: all that .dockerignore lets through again."""
    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines, "everything is kept back but what is named"
    return [line[1:] for line in lines if line.startswith("!")]


def copy(folder: Path, stage: str) -> None:
    """Does the COPY instructions of a stage, out of what its builder sees."""
    allowed = seen()
    for step in steps():
        if step.word != "COPY" or step.stage != stage or step.rest.startswith("--from"):
            continue
        *sources, target = step.rest.split()
        for source in sources:
            assert any(fnmatch.fnmatch(source, one) for one in allowed), f".dockerignore keeps {source} back"
            place = folder / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                place = place / Path(source).name if target.endswith("/") else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)

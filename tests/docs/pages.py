"""The pages of the documentation and the snippets in them.

What stands in a fence is run, compiled or loaded by a test of this folder. A comment on the line before a fence says
more:

- `<!-- not run: REASON -->`: it cannot be.
- `<!-- example -->`: its output tells of another gateway than that of the tests. It is run, and of its output only the
  first line is compared.
- `<!-- fails -->`: its last command ends with a status other than 0. Output that begins with "error" says so itself.
- `<!-- PATH#PART -->`: it stands in that file, from the page's folder, where a test of its own runs it.
- `<!-- file: NAME -->`: what it holds is a file that later commands of the page find under this name.
- `<!-- deployed -->`, `<!-- deployed: NAME -->`: it is for a cluster, and has a name there. tests/deploy renders and
  validates manifests and values of the chart, and runs what can be run without one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stack import ROOT

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w+-]*)[^\n`]*$")
MARK = re.compile(r"<!-- (not run|example|fails|file|deployed)(?:: (.+?))? -->")
SOURCE = re.compile(r"<!-- (\S+\.\w+)#[\w-]+ -->")
LINK = re.compile(r"\[[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*\]\(([^()\s]+)\)")


@dataclass(frozen=True, slots=True)
class Snippet:
    """What stands in one fence."""

    page: str
    """Its page, from the root of the tree."""
    line: int
    """The line of the fence."""
    language: str
    """What the fence says; empty where it says nothing."""
    text: str
    """What it holds, without the indent of the fence."""
    not_run: str = ""
    """Why it is not run."""
    example: bool = False
    """Whether its output tells of another gateway."""
    fails: bool = False
    """Whether its last command fails."""
    file: str = ""
    """The name of the file that it is."""
    source: str = ""
    """The file that it is a part of, from the root of the tree."""
    deployed: bool = False
    """Whether it is for a cluster: tests/deploy sees to it."""

    @property
    def place(self) -> str:
        """Where to look when it fails."""
        return f"{self.page}:{self.line}"


@cache
def pages() -> dict[str, str]:
    """The text of every page by its path."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("services/*/README.md")]
    found += [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("gen/*/README.md"), *ROOT.glob("gen/*/*/README.md")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(found)}


def snippets(*languages: str) -> list[Snippet]:
    """Those of all pages that are in one of the languages."""
    return [one for page, text in pages().items() for one in parsed(page, text) if one.language in languages]


def runnable(*languages: str) -> list[Snippet]:
    """Those that the tests of this folder run: not marked as not to be run, and not for a cluster."""
    return [one for one in snippets(*languages) if not (one.not_run or one.deployed)]


def parsed(page: str, text: str) -> Iterator[Snippet]:
    """The snippets of a page."""
    lines = text.split("\n")
    begin = 0
    opened: re.Match[str] | None = None
    for number, line in enumerate(lines, 1):
        if opened is None:
            opened, begin = FENCE.match(line), number
        elif line.strip() == "```":
            yield _snippet(page, lines, begin, number, opened)
            opened = None
    if opened is not None:
        raise ValueError(f"{page}:{begin}: the fence is not closed")


def _snippet(page: str, lines: list[str], begin: int, end: int, opened: re.Match[str]) -> Snippet:
    indent = len(opened["indent"])
    inside = "\n".join(line[indent:] for line in lines[begin : end - 1]) + "\n"
    before = lines[begin - 2] if begin > 1 else ""
    marks, source = dict(MARK.findall(before)), SOURCE.search(before)
    return Snippet(
        page,
        begin,
        opened["language"],
        inside,
        not_run=marks.get("not run", ""),
        example="example" in marks,
        fails="fails" in marks,
        file=marks.get("file", "") or marks.get("deployed", ""),
        source=str(Path(page).parent / source[1]) if source else "",
        deployed="deployed" in marks,
    )


def prose(text: str) -> str:
    """A page without what stands in fences and comments."""
    text = re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def uncoded(text: str) -> str:
    """Prose without its code."""
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", prose(text))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose(text), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found

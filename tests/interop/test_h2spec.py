"""h2spec against the gRPC port of a router: it misses what docs/conformance.md explains, and nothing else."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from interop import toolchain
from stack import ROOT, configuration, router

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(900)]

# Most of the time h2spec waits for two seconds for an answer that does not come.
AT_ONCE = 32
HEADINGS = {"grpcio": "On C-core", "asyncio": "On the event loop"}
"""Where the page tells of an engine."""
SUITES = {"Generic": "generic", "Hypertext": "http2", "HPACK:": "hpack"}
SECTION = re.compile(r"\s+(\d+(?:\.\d+)*)\. ")
CASE = re.compile(r"\s+(\d+): ")
ID = re.compile(r"`((?:generic|http2|hpack)/[\d.]+/\d+)`")


@dataclass(frozen=True, slots=True)
class Explained:
    """What the page says."""

    misses: frozenset[str]
    by_chance: frozenset[str]


def explained(engine: str) -> Explained:
    """The cases in the tables of the page for an engine; none may stand in two rows."""
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### {HEADINGS[engine]}\n")[2].partition("\n#")[0]
    before, _, after = section.partition("| by chance |")
    rows = "\n".join(line for line in before.splitlines() if line.startswith("| `"))
    misses, by_chance = ID.findall(rows), ID.findall(after)
    assert len(misses) == len(set(misses)) > 0
    assert not set(misses) & set(by_chance)
    return Explained(frozenset(misses), frozenset(by_chance))


async def cases(h2spec: str) -> list[str]:
    """The ids of all cases, as h2spec takes them as arguments."""
    listed = await toolchain.run(h2spec, "--dryrun", "--strict")
    found, suite, section = [], "", ""
    for line in listed.output.splitlines():
        if line.split() and line.split()[0] in SUITES and not line.startswith(" "):
            suite = SUITES[line.split()[0]]
        elif at := SECTION.match(line):
            section = at[1]
        elif at := CASE.match(line):
            found.append(f"{suite}/{section}/{at[1]}")
    return found


async def misses(h2spec: str, target: str, case: str, folder: Path) -> bool:
    """Runs one case; whether it fails."""
    report = folder / f"{case.replace('/', '-')}.xml"
    host, _, port = target.rpartition(":")
    arguments = (case, "--strict", "-h", host, "-p", port, "-P", "/hedgerow.chat.v1.ChatService/Complete")
    ended = await toolchain.run(h2spec, *arguments, "-j", str(report))
    (told,) = ET.parse(report).getroot().iter("testcase")
    failed = any(child.tag in ("failure", "error") for child in told)
    assert (ended.status != 0) == failed, ended.output
    return failed


@pytest.fixture
def target(engine: str, tmp_path: Path) -> Iterator[str]:
    """The gRPC door of a router. No call of these gets further."""
    nobody = "http://127.0.0.1:9"
    config: dict[str, Any] = configuration(nobody, nobody)
    config["server"]["grpc"]["engine"] = engine
    with router(tmp_path, config) as running:
        yield running.addresses["grpc"]
        assert "Traceback" not in running.log.read_text()


async def test_h2spec_misses_what_is_explained_and_nothing_else(engine: str, target: str, tmp_path: Path) -> None:
    h2spec = toolchain.go_tools()["h2spec"]
    known = await cases(h2spec)
    assert len(set(known)) == len(known) == 146
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(case: str) -> bool:
        async with turns:
            return await misses(h2spec, target, case, tmp_path)

    told = dict(zip(known, await asyncio.gather(*map(one, known)), strict=True))
    page = explained(engine)
    missed = {case for case, failed in told.items() if failed} - page.by_chance
    assert missed == page.misses

"""The page on the Java artefacts shows code that is compiled and run, and versions that are tested. Needs no Java."""

import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

_JAVA = Path(__file__).resolve().parents[2] / "gen/java"
_README = (_JAVA / "README.md").read_text()
_SNIPPET = re.compile(
    r"^(?:<!-- (?P<file>\S+)#(?P<region>\S+) -->\n)?```java\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_POM = {"m": "http://maven.apache.org/POM/4.0.0"}
_ROWS = {
    "protobuf-java": "protobuf.version",
    "grpc-java": "grpc.version",
    "Jackson": "jackson.version",
    "LangChain4j": "langchain4j.version",
    "Spring Boot": "spring-boot.version",
}
"""The rows of the table of versions, by the properties of the build."""


def _region(file: str, name: str) -> str:
    """What stands between the marks of a region, without its margin."""
    found = re.search(
        rf"^ *// region {re.escape(name)}\n(.*?)^ *// endregion$",
        (_JAVA / file).read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, f"{file} has no region {name}"
    return textwrap.dedent(found[1])


@pytest.mark.parametrize("snippet", list(_SNIPPET.finditer(_README)), ids=lambda found: found["region"] or "unmarked")
def test_a_snippet_is_the_region_of_the_examples_that_it_names(snippet: re.Match[str]) -> None:
    assert snippet["file"] is not None, f"no mark says where this is compiled:\n{snippet['code']}"
    assert snippet["code"] == _region(snippet["file"], snippet["region"])


def test_every_region_of_the_examples_is_shown() -> None:
    marked = {
        f"{file.relative_to(_JAVA)}#{name}"
        for file in (_JAVA / "examples/src").rglob("*.java")
        for name in re.findall(r"// region (\S+)", file.read_text())
    }
    assert marked == {f"{found['file']}#{found['region']}" for found in _SNIPPET.finditer(_README)}


def test_the_table_of_versions_is_what_the_build_tests() -> None:
    parent = ET.parse(_JAVA / "parent/pom.xml").getroot()
    told = {
        row[0]: (row[1], row[2])
        for line in _README.splitlines()
        if len(row := [cell.strip() for cell in line.strip("|").split("|")]) == 3 and row[0] in _ROWS
    }
    tested = {
        row: (
            parent.findtext(f"m:properties/m:{name}", namespaces=_POM),
            parent.findtext(f"m:profiles/m:profile[m:id='newest']/m:properties/m:{name}", namespaces=_POM),
        )
        for row, name in _ROWS.items()
    }
    assert told == tested


def test_the_bom_names_every_artefact_that_is_published() -> None:
    bom = ET.parse(_JAVA / "bom/pom.xml").getroot()
    poms = [ET.parse(file).getroot() for file in [_JAVA / "pom.xml", *_JAVA.glob("*/pom.xml")]]
    jars = {
        pom.findtext("m:artifactId", namespaces=_POM)
        for pom in poms
        if pom.findtext("m:packaging", default="jar", namespaces=_POM) == "jar"
    }
    managed = bom.findall("m:dependencyManagement/m:dependencies/m:dependency/m:artifactId", _POM)
    assert {artefact.text for artefact in managed} == jars - {"hedgerow-examples"}

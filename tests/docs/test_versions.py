"""The page of tested versions is what the tests install."""

import json
import re

import pytest
from stack import ROOT

PAGE = (ROOT / "docs" / "versions.md").read_text()


def row(name: str, language: str) -> str:
    """The version that the page has of an SDK."""
    found = re.search(rf"^\| {re.escape(name)} \| {re.escape(language)} \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert found is not None, f"no row for {name}"
    return found[1]


@pytest.mark.parametrize("name", ["openai", "anthropic", "langchain-openai", "langchain-anthropic"])
def test_python_packages_are_those_of_the_lock_file(name: str) -> None:
    pinned = re.search(rf"^{name}==(\S+)", (ROOT / "tests/sdks/requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert row(name, "Python") == pinned[1]


def test_the_package_of_node_is_that_of_the_lock_file() -> None:
    packages = json.loads((ROOT / "tests/docs/node/package-lock.json").read_text())["packages"]
    assert row("openai", "Node.js") == packages["node_modules/openai"]["version"]


def test_the_module_of_go_is_the_one_that_is_required() -> None:
    required = re.search(r"openai-go/v3 v(\S+)", (ROOT / "tests/openai/go/go.mod").read_text())
    assert required is not None
    assert row("openai-go", "Go") == required[1]


@pytest.mark.parametrize(("which", "module"), [("oldest", "gen/go"), ("newest", "tests/polyglot/go")])
def test_the_go_clients_versions_are_those_of_its_modules(which: str, module: str) -> None:
    required = (ROOT / module / "go.mod").read_text()
    versions = re.search(r"^go (\d+\.\d+)", required, re.MULTILINE), re.search(r"/grpc v(\d+\.\d+)", required)
    language, grpc = (one[1] for one in versions if one is not None)
    cells = re.search(r"^\| Go \| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert cells is not None
    assert cells[1 if which == "oldest" else 2] == f"Go {language}, grpc-go {grpc}"


def test_javas_versions_are_those_of_its_readme() -> None:
    readme = (ROOT / "gen/java/README.md").read_text()
    for name in ("protobuf-java", "grpc-java"):
        found = re.search(rf"^\| {name} \| (\S+) \| (\S+) \|", readme, re.MULTILINE)
        assert found is not None
        assert all(f"{name} {version}" in PAGE for version in found.groups())
    spring = re.search(r"^\| LangChain4j \| (\S+) \| (\S+) \|", readme, re.MULTILINE)
    assert spring is not None
    assert row("langchain4j", "Java") == ", ".join(spring.groups())

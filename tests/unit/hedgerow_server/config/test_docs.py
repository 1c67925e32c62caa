"""The reference of the configuration is what the models give."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hedgerow_server.config.load import load
from hedgerow_server.routing.conditions import FUNCTIONS, REQUEST, VARIABLES
from hedgerow_server.settings import Settings, json_schema, references

ROOT = Path(__file__).resolve().parents[4]
DOCS = ROOT / "docs"


def test_the_pages_are_up_to_date() -> None:
    """`python scripts/_config_docs.py` brings them up to date."""
    generated = runpy.run_path(str(ROOT / "scripts" / "_config_docs.py"))["generated"]()
    assert {path.name: path.read_text() for path in generated} == {path.name: text for path, text in generated.items()}


def test_the_schema_for_editors_is_what_the_router_prints() -> None:
    assert json.loads((DOCS / "config.schema.json").read_text()) == json_schema()


def test_the_reference_has_a_row_for_every_key() -> None:
    text = (DOCS / "configuration.md").read_text()
    definitions = json_schema()["$defs"]
    assert isinstance(definitions, dict)
    keys = {key for definition in definitions.values() for key in definition.get("properties", ())}
    keys |= set(Settings.model_fields)
    rows = re.findall(r"^\| `(\w+)` \| [^|]+.* \| [^|]+ \| [^|]+ \|$", text, flags=re.MULTILINE)
    assert keys == set(rows)


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_the_page_load(tmp_path: Path, number: int) -> None:
    examples: list[str] = re.findall(r"```yaml\n(.*?)```", (DOCS / "configuration.md").read_text(), re.DOTALL)
    whole, tls = (one for one in examples if not one.startswith("#"))
    path = tmp_path / "config.yaml"
    path.write_text(whole if number == 0 else whole + tls)
    assert load(path, Settings, references).routes


def examples(page: str) -> list[str]:
    """The YAML of a page."""
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


BASE, *ROUTES = examples("routing.md")


@pytest.mark.parametrize("example", [*ROUTES, *examples("hedging.md")])
def test_the_examples_of_the_pages_on_routing_load(tmp_path: Path, example: str) -> None:
    """With the providers that stand at the beginning of the page on routing."""
    whole = yaml.safe_load(BASE) | yaml.safe_load(example)
    whole["providers"]["azure"] = {"dialect": "azure_openai", "base_url": "https://x.example"}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(whole))
    assert load(path, Settings, references).routes


SHARED = ("providers", "credentials", "routes")
"""Sections to which an example adds entries."""
PAGES = ("access", "calls", "clouds", "ledger", "models", "pricing", "providers", "quotas", "reload", "spend", "vault")


def around(example: dict[str, Any]) -> dict[str, Any]:
    """A whole configuration with an example in it: what the example takes for granted stands before it."""
    whole: dict[str, Any] = yaml.safe_load(BASE) | {
        "server": {"grpc": {"tls": {"certificate": "/tls.crt", "key": "/tls.key", "client_ca": "/ca.crt"}}},
        "store": {"path": "/var/lib/hedgerow/hedgerow.db"},
        "vault": yaml.safe_load(examples("vault.md")[0])["vault"],
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}]}},
        "budgets": [{"name": "team-month", "usd": 1000, "per": "month"}],
    }
    whole["providers"]["our-azure"] = {"dialect": "azure_openai", "base_url": "https://x.example"}
    whole["credentials"] |= {name: {"source": "file", "path": f"/run/secrets/{name}"} for name in words(example)}
    for key, value in example.items():
        whole[key] = whole[key] | value if key in SHARED else value
    return whole


def words(value: object) -> Iterator[str]:
    """All that may be the name of a credential in it."""
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from words(one)


def _configurations() -> list[tuple[str, int]]:
    """All examples but files of the catalogue, which have tests of their own."""
    found = [(page, number) for page in PAGES for number in range(len(examples(f"{page}.md")))]
    return [(page, number) for page, number in found if "family" not in yaml.safe_load(examples(f"{page}.md")[number])]


@pytest.mark.parametrize(("page", "number"), _configurations())
def test_the_examples_of_the_other_pages_load(tmp_path: Path, page: str, number: int) -> None:
    example = yaml.safe_load(examples(f"{page}.md")[number])
    path = tmp_path / "config.yaml"
    # A date is text to the router.
    path.write_text(json.dumps(around(example), default=str))
    assert load(path, Settings, references).routes


def test_the_page_on_routing_names_every_variable_and_function_of_conditions() -> None:
    text = (DOCS / "routing.md").read_text()
    missing = [word for word in (*VARIABLES, *FUNCTIONS, *REQUEST) if f"`{word}`" not in text]
    assert missing == []

"""The YAML and JSON of the documentation is what the gateway takes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.pages import Snippet, pages, parsed, runnable
from google.protobuf import json_format
from hedgerow.chat.v1.message_pb2 import Message
from hedgerow_server.catalogue.page import read
from hedgerow_server.config.load import load
from hedgerow_server.settings import Settings, references
from stack import ROOT

REFERENCE = pages()["docs/configuration.md"]
EXAMPLE = ROOT / "docs" / "examples" / "configuration.yaml"
EVERYTHING: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
SHARED = ("providers", "credentials", "routes")
"""Sections to which a snippet adds entries."""


def named(snippets: list[Snippet]) -> list[Any]:
    return [pytest.param(one, id=one.place) for one in snippets]


def first_yaml(page: str) -> dict[str, Any]:
    """The first snippet of a page."""
    first = next(one for one in parsed(page, pages()[page]) if one.language == "yaml")
    return dict(yaml.safe_load(first.text))


def around(example: dict[str, Any]) -> dict[str, Any]:
    """A whole configuration with an example in it: what the example takes for granted stands before it."""
    whole: dict[str, Any] = first_yaml("docs/routing.md") | {
        "server": {"grpc": {"tls": {"certificate": "/tls.crt", "key": "/tls.key", "client_ca": "/ca.crt"}}},
        "store": {"path": "/var/lib/hedgerow/hedgerow.db"},
        "vault": first_yaml("docs/vault.md")["vault"],
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "openai", "model": "gpt-4o-mini"}]}},
        "budgets": [{"name": "team-month", "usd": 1000, "per": "month"}],
    }
    whole["providers"]["our-azure"] = {"dialect": "azure_openai", "base_url": "https://x.example"}
    whole["providers"]["azure"] = {"dialect": "azure_openai", "base_url": "https://x.example"}
    whole["credentials"] |= {name: {"source": "file", "path": f"/run/secrets/{name}"} for name in words(example)}
    for key, value in example.items():
        whole[key] = whole[key] | value if key in SHARED else value
    return whole


def merged(whole: Any, part: Any) -> Any:
    """The whole with a part of it said anew."""
    if not (isinstance(whole, dict) and isinstance(part, dict)):
        return part
    return whole | {key: merged(whole.get(key), value) for key, value in part.items()}


def words(value: object) -> Iterator[str]:
    """All that may be the name of a credential in it."""
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from words(one)


@pytest.mark.parametrize("snippet", named(runnable("yaml")))
def test_yaml_is_a_configuration_or_a_part_of_one(tmp_path: Path, snippet: Snippet) -> None:
    """The same loader that serves. A part is put where it belongs in a small configuration, one of the reference in the
    example that it is from. Files of the catalogue are read as such, and a whole file (`<!-- file: NAME -->`) as it is.
    """
    example = yaml.safe_load(snippet.text)
    path = tmp_path / "config.yaml"
    (tmp_path / "names.txt").write_text("Bouvet\n")
    if example is None:
        assert all((ROOT / name).exists() for name in re.findall(r"\$schema=(\S+)", snippet.text))
    elif snippet.page.startswith("docs/moving/") and example.keys() - Settings.model_fields.keys():
        assert "model_list" in example or "config" in example or "strategy" in example, "of which gateway is it?"
    elif "family" in example:
        path.write_text(snippet.text)
        assert read(path).models
    elif snippet.file:
        path.write_text(snippet.text)
        assert load(path, Settings, references).routes
    else:
        # A date is text to the router.
        parts = merged(EVERYTHING, example) if snippet.page == "docs/configuration.md" else around(example)
        path.write_text(json.dumps(parts, default=str))
        assert load(path, Settings, references).routes


@pytest.mark.parametrize("snippet", named(runnable("json")))
def test_json_is_json_and_a_message_is_one_of_the_contract(snippet: Snippet) -> None:
    document = json.loads(snippet.text)
    if isinstance(document, dict) and str(document.get("role", "")).startswith("ROLE_"):
        json_format.ParseDict(document, Message())


def test_the_example_of_everything_has_every_section_and_loads() -> None:
    assert EVERYTHING.keys() == set(Settings.model_fields)
    assert load(EXAMPLE, Settings, references).routes


def test_every_section_and_kind_of_the_reference_has_an_example() -> None:
    """Sections at the top of the file, and each kind of provider, credential and guard."""
    headings = re.findall(r"^## (`[\w.\[\]]+`(?: with `.*`)?)\n\n(?:[^#\n].*\n\n)?(.*)$", REFERENCE, flags=re.MULTILINE)
    wanted = r"`\w+(?:\[\])?`|`(?:providers|credentials|guardrails\.guards)\.NAME` with .*"
    without = [heading for heading, after in headings if re.fullmatch(wanted, heading) and after != "```yaml"]
    assert len(headings) > 100
    assert without == []

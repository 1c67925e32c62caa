"""The reference of the configuration is what the models give. The examples of all pages are in tests/docs."""

import json
import re
import runpy
from pathlib import Path

from hedgerow_server.routing.conditions import FUNCTIONS, REQUEST, VARIABLES
from hedgerow_server.settings import Settings, json_schema

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


def test_the_page_on_routing_names_every_variable_and_function_of_conditions() -> None:
    text = (DOCS / "routing.md").read_text()
    missing = [word for word in (*VARIABLES, *FUNCTIONS, *REQUEST) if f"`{word}`" not in text]
    assert missing == []

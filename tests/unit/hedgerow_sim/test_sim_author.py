"""The rules behind the answers: tokens and schemas."""

import random
from typing import Any

import jsonschema
import pytest
from hedgerow_sim import schema, tokens
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_the_tokens_of_a_text_joined_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(tokens.split(text))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, world!", ["Hello", ",", " world", "!"]),
        ("unbelievabilities", ["unbelievabil", "ities"]),
        (" a\n\n b ", [" a", "\n\n b", " "]),
        ("", []),
    ],
)
def test_tokens_are_words_and_marks(text: str, pieces: list[str]) -> None:
    assert tokens.split(text) == pieces


_SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"const": 4}, "b": {"type": ["null", "boolean"]}}, "required": ["a", "b"]},
    {"type": "array", "items": {"type": "integer", "multipleOf": 5, "exclusiveMinimum": 10}, "minItems": 3},
    {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.01},
    {"type": "integer", "maximum": -3},
    {"type": "string", "minLength": 30, "maxLength": 31},
    {"type": "string", "format": "date-time"},
    {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
    {"allOf": [{"$ref": "#/$defs/named"}, {"properties": {"age": {"type": "integer"}}, "required": ["age"]}],
     "$defs": {"named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}},
    {"type": "object", "properties": {"next": {"$ref": "#"}, "value": {"type": "integer"}}, "required": ["value"]},
    {"type": "object", "required": ["undeclared"]},
    {"properties": {"x": {"enum": [1, "two", None]}}, "required": ["x"]},
]  # fmt: skip


@pytest.mark.parametrize("wanted", _SCHEMAS)
@pytest.mark.parametrize("seed", range(5))
def test_an_example_is_valid_under_its_schema(wanted: dict[str, Any], seed: int) -> None:
    jsonschema.validate(schema.example(wanted, random.Random(seed)), wanted)


def test_a_schema_that_requires_itself_for_ever_ends() -> None:
    wanted = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert "next" in schema.example(wanted, random.Random(1), every=True)


def test_every_property_comes_when_asked_for() -> None:
    wanted = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert schema.example(wanted, random.Random(1)).keys() == {"a"}
    assert schema.example(wanted, random.Random(1), every=True).keys() == {"a", "b"}

"""A type's JSON Schema, made such that providers take it.

Providers want an object at the top, without a reference in its place; and for exact adherence ("strict") objects that
are closed and require all of their members. https://platform.openai.com/docs/guides/structured-outputs has the rules.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WRAPPED = "value"
_REFERENCE = "#/$defs/"
# What strict schemas may say; a schema with anything else is sent without the demand.
_STRICT = frozenset(
    {
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    }
)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model is asked for."""

    text: Mapping[str, Any]
    """The schema, an object at the top."""
    strict: bool | None
    """True where providers can follow it exactly; None: their own default."""
    wrapped: bool
    """Whether the value stands in the member `value` of that object, because it is no object itself."""

    def unwrapped(self, text: str) -> bytes:
        """The JSON of the value within the JSON of an answer. Raises ValueError where there is none."""
        if not self.wrapped:
            return text.encode()
        found = json.loads(text)
        if not isinstance(found, dict) or _WRAPPED not in found:
            raise ValueError(f"expected an object with the member {_WRAPPED!r}")
        return json.dumps(found[_WRAPPED]).encode()


def prepared(schema: Mapping[str, Any]) -> Schema:
    """What is sent for a type with this schema."""
    definitions = {name: _closed(one) for name, one in schema.get("$defs", {}).items()}
    top = _closed({key: value for key, value in schema.items() if key != "$defs"})
    reference = str(top.get("$ref", ""))
    if reference.startswith(_REFERENCE) and len(top) == 1:
        top = dict(definitions[reference.removeprefix(_REFERENCE)])
    wrapped = top.get("type") != "object" or "anyOf" in top
    if wrapped:
        top = _closed({"type": "object", "properties": {_WRAPPED: top}, "required": [_WRAPPED]})
    if kept := _referred(top, definitions):
        top["$defs"] = kept
    return Schema(top, True if _follows(top) else None, wrapped)


def _closed(schema: Any) -> dict[str, Any]:
    """The schema with objects that take no further members."""
    found: dict[str, Any] = _each(schema)
    return found


def _each(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_each(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    # The members of `properties` are names, not words of the schema.
    found = {
        key: {name: _each(one) for name, one in value.items()} if key == "properties" else _each(value)
        for key, value in schema.items()
        if key not in ("default", "enum", "const", "examples")
    }
    found |= {key: schema[key] for key in ("default", "enum", "const", "examples") if key in schema}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def _referred(top: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that the schema refers to, by itself or by another one of them."""
    found: dict[str, Any] = {}
    waiting = [top]
    while waiting:
        text = json.dumps(waiting.pop())
        for name, definition in definitions.items():
            if name not in found and json.dumps(_REFERENCE + name) in text:
                found[name] = definition
                waiting.append(definition)
    return {name: definitions[name] for name in definitions if name in found}


def _follows(schema: Any) -> bool:
    """Whether providers can be asked to follow the schema exactly."""
    if isinstance(schema, list):
        return all(map(_follows, schema))
    if not isinstance(schema, Mapping):
        return True
    if not set(schema) <= _STRICT:
        return False
    if schema.get("type") == "object":
        names = set(schema.get("properties", ()))
        if not names or schema.get("additionalProperties") is not False or set(schema.get("required", ())) != names:
            return False
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    below += [schema[key] for key in ("items", "anyOf") if key in schema]
    return all(map(_follows, below))

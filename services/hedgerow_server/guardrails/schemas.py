"""JSON Schemas that callers bring, compiled and kept.

Draft 2020-12 unless `$schema` names another one. Nothing is ever fetched: a `$ref` leads to a place of the schema
itself or makes it invalid. Patterns run in linear time, so look-around and back-references, which ECMA 262 has, make a
schema invalid, too.
"""

import functools

import jsonschema_rs
import msgspec

_KEPT = 256
"""Schemas that are kept compiled."""
_LARGEST = 256 << 10
"""Characters of a schema beyond which it is refused: it is compiled within a call."""
_LONGEST_PROBLEM = 200


class SchemaInvalid(ValueError):
    """A schema that cannot be checked against; the text says why."""


class Schemas:
    """Compiles each schema once."""

    def __init__(self) -> None:
        self._compiled = functools.lru_cache(maxsize=_KEPT)(_compiled)

    def check(self, schema: str) -> None:
        """Raises SchemaInvalid where the schema, JSON text, is none."""
        self._validator(schema)

    def problem(self, schema: str, value: object) -> str | None:
        """Where and how the value, as msgspec decodes it, does not follow the schema; None: it does. Names places and
        keywords and nothing of the value. Raises SchemaInvalid.
        """
        validator = self._validator(schema)
        if validator.is_valid(value):
            return None
        error = next(iter(validator.iter_errors(value)))
        place = "".join(f"/{part}" for part in error.instance_path)[:_LONGEST_PROBLEM]
        return f"at {place or 'its root'}: {error.message[:_LONGEST_PROBLEM]}"

    def _validator(self, schema: str) -> "jsonschema_rs.Validator":
        found = self._compiled(schema)
        if isinstance(found, str):
            raise SchemaInvalid(found)
        return found


def _compiled(schema: str) -> "jsonschema_rs.Validator | str":
    """The validator, or why there is none, which is kept, too."""
    if len(schema) > _LARGEST:
        return f"it has more than {_LARGEST} characters"
    try:
        decoded = msgspec.json.decode(schema)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return "it is no JSON"
    if not isinstance(decoded, dict | bool):
        return "it is no JSON object"
    try:
        return jsonschema_rs.validator_for(
            decoded, mask="the value", pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return str(error).partition("\n")[0][:_LONGEST_PROBLEM]

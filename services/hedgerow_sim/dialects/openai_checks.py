"""Refuses what OpenAI refuses, in its words.

The messages, params and codes follow recorded answers of the API; fields it knows and we do not read pass unchecked.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from hedgerow_sim.dialects.port import Kind, Refusal

Fields = dict[str, Any]
"""A JSON object."""


def refuse(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A 400."""
    return Refusal(Kind.BAD_REQUEST, message, param=param, code=code)


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
    return "an object"


def wrong_type(param: str, expected: str, value: object) -> Refusal:
    """A value of the wrong JSON type; `expected` with its article."""
    message = f"Invalid type for '{param}': expected {expected}, but got {_named(value)} instead."
    return refuse(message, param, "invalid_type")


def missing(param: str) -> Refusal:
    """A required field that is not there."""
    return refuse(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unsupported(param: str, value: object, supported: Sequence[str]) -> Refusal:
    """A string that is not one of those allowed."""
    words = [f"'{word}'" for word in supported]
    listed = ", ".join(words[:-1]) + (f", and {words[-1]}" if words[:-1] else words[-1])
    return refuse(f"Invalid value: '{value}'. Supported values are: {listed}.", param, "invalid_value")


def decode(body: bytes, model: str | None = None) -> Fields:
    """The JSON object of a request body, with a model in it; `model` takes its place, where it stands elsewhere."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise refuse(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        ) from None
    if isinstance(fields, dict) and model is not None:
        fields["model"] = model
    if not isinstance(fields, dict) or fields.get("model") in (None, ""):
        raise refuse("you must provide a model parameter")
    if not isinstance(fields["model"], str):
        raise wrong_type("model", "a string", fields["model"])
    return fields


def number(
    fields: Fields, param: str, low: float | None = None, high: float | None = None, *, whole: bool = False
) -> float | None:
    """An optional number within its bounds; None when absent or null."""
    value = fields.get(param)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise wrong_type(param, "an integer" if whole else "a decimal number", value)
    word = "integer" if whole else "decimal"
    if low is not None and value < low:
        raise refuse(
            f"Invalid '{param}': {word} below minimum value. Expected a value >= {low}, but got {value} instead.",
            param,
            f"{word}_below_min_value",
        )
    if high is not None and value > high:
        raise refuse(
            f"Invalid '{param}': {word} above maximum value. Expected a value <= {high}, but got {value} instead.",
            param,
            f"{word}_above_max_value",
        )
    return float(value)


def whole(fields: Fields, param: str, low: int | None = None, high: int | None = None) -> int | None:
    """An optional integer within its bounds."""
    value = number(fields, param, low, high, whole=True)
    return None if value is None else int(value)


def flag(fields: Fields, param: str) -> bool | None:
    """An optional boolean."""
    value = fields.get(param)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(param, "a boolean", value)
    return value


def bounded(param: str, items: Sequence[object], most: int) -> None:
    """Refuses an array that is empty or has more than `most` items."""
    if not items:
        raise refuse(
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param,
            "empty_array",
        )
    if len(items) > most:
        raise refuse(
            f"Invalid '{param}': array too long. Expected an array with maximum length {most}, but got an array with "
            f"length {len(items)} instead.",
            param,
            "array_above_max_length",
        )

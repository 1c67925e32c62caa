"""Conditions of Portkey's conditional routing as CEL over what Hedgerow knows of a call.

https://portkey.ai/docs/product/ai-gateway/conditional-routing has the operators.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_COMPARISONS = {"$eq": "==", "$ne": "!=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_LABEL = re.compile(r"[a-z_][a-z0-9_]*")
# Parameters of the request that Hedgerow's conditions know.
_PARAMS = {
    "params.model": "request.model",
    "params.stream": "request.stream",
    "params.max_tokens": "request.max_output_tokens",
}


class UnknownConditionError(ValueError):
    """A condition that cannot be said; the text tells what of it."""


def condition(query: Any) -> str:
    """The CEL of a query, which holds or does not for every call. Raises UnknownConditionError."""
    if not isinstance(query, Mapping) or not query:
        raise UnknownConditionError("expected an object of conditions")
    return _joined([_one(str(key), value) for key, value in query.items()], "&&")


def _one(key: str, value: Any) -> str:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise UnknownConditionError(f"{key} expects a list")
        return _joined([condition(one) for one in value], "&&" if key == "$and" else "||")
    operators = value if isinstance(value, Mapping) else {"$eq": value}
    return _joined([_compared(key, str(operator), wanted) for operator, wanted in operators.items()], "&&")


def _compared(key: str, operator: str, wanted: Any) -> str:
    if key in _PARAMS:
        return _comparison(_PARAMS[key], operator, wanted)
    place, _, name = key.partition(".")
    if place != "metadata" or not _LABEL.fullmatch(name):
        raise UnknownConditionError(
            f"{key}: conditions know metadata (as labels) and params.model, .stream, .max_tokens"
        )
    compared = _comparison(f"labels.{name}", operator, wanted if isinstance(wanted, list) else _text(wanted))
    # A call without the label: unequal to everything.
    missing = "!has" if operator in ("$ne", "$nin") else "has"
    return f"({missing}(labels.{name}) {'||' if missing == '!has' else '&&'} {compared})"


def _comparison(left: str, operator: str, wanted: Any) -> str:
    if operator in ("$in", "$nin") and isinstance(wanted, list):
        values = [_text(one) if left.startswith("labels.") else one for one in wanted]
        found = f"{left} in [{', '.join(map(_literal, values))}]"
        return f"!({found})" if operator == "$nin" else found
    if operator == "$regex" and isinstance(wanted, str):
        return f"{left}.matches({_literal(wanted)})"
    if operator not in _COMPARISONS:
        raise UnknownConditionError(f"there is no operator {operator}")
    if left.startswith("labels.") and operator not in ("$eq", "$ne"):
        raise UnknownConditionError(f"{operator}: labels are texts")
    return f"{left} {_COMPARISONS[operator]} {_literal(wanted)}"


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _literal(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        # Of JSON's escapes CEL knows all but that of a slash, which Python does not write.
        return json.dumps(value, ensure_ascii=False)
    raise UnknownConditionError("expected texts, numbers or truth values")


def _joined(pieces: list[str], operator: str) -> str:
    return pieces[0] if len(pieces) == 1 else "(" + f" {operator} ".join(pieces) + ")"

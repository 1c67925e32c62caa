"""Reads a request body as a typed structure, and says where it does not fit in terms that each dialect can word.

The structures are msgspec's with unknown fields forbidden, as most providers refuse those.
"""

import re
from typing import Final, Literal, TypeVar

import msgspec

T = TypeVar("T")

_AT: Final = re.compile(r" - at `\$(.*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"Object missing required field `(.+?)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.+?)`")
_TYPE: Final = re.compile(r"Expected `(.+?)`, got `(.+?)`")

Problem = Literal["json", "missing", "unknown", "type", "value"]


class Misfit(Exception):
    """A body that does not have its shape."""

    def __init__(self, problem: Problem, path: tuple[str | int, ...], detail: str) -> None:
        super().__init__(f"{problem} at {path}: {detail}")
        self.problem = problem
        """What is wrong: not JSON at all, a required field missing, an unknown one, a wrong type, a wrong value."""
        self.path = path
        """Names and indices down to the field at fault, a missing or unknown one included."""
        self.detail = detail
        """For "type" what was expected (str, int, float, bool, object, array), else a sentence."""


def decode(body: bytes, form: type[T]) -> T:
    """The body in its form. Raises Misfit."""
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as exc:
        raise _misfit(str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Misfit("json", (), str(exc)) from None


def convert(value: object, form: type[T], *path: str | int) -> T:
    """A part of a body that was read loosely, in its form; `path` says where it stands. Raises Misfit."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as exc:
        raise _misfit(str(exc), path) from None


def _misfit(message: str, before: tuple[str | int, ...] = ()) -> Misfit:
    path = before
    if at := _AT.search(message):
        message = message[: at.start()]
        path += tuple(name or (int(index) if index.isdigit() else index) for name, index in _STEP.findall(at[1]))
    if match := _MISSING.match(message):
        return Misfit("missing", (*path, match[1]), "Field required")
    if match := _UNKNOWN.match(message):
        return Misfit("unknown", (*path, match[1]), "Extra inputs are not permitted")
    if match := _TYPE.match(message):
        return Misfit("type", path, match[1].removesuffix(" | null"))
    return Misfit("value", path, message)

"""JSON that a model wrapped up or did not quite finish, put right where there is nothing to guess."""

import json
import re
from collections.abc import Iterator

import msgspec

_FENCED = re.compile(r"\A\s*```[A-Za-z]*[ \t]*\n(.*)\n?[ \t]*```\s*\Z", re.DOTALL)
# Linear: each alternative reads on without a second way to read the same.
_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|,(?=\s*[}\]])', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\]]', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}
_DECODER = json.JSONDecoder()
_MOST_BRACKETS = 64


class Repaired(msgspec.Struct, frozen=True):
    """What was made of a text."""

    text: str
    value: object
    """What it says, as msgspec decodes it."""
    how: str
    """What was done, for people."""


def decoded(text: str) -> object:
    """What a JSON text says. Raises ValueError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError("it is no JSON") from error


def repairs(text: str, *, close: bool) -> Iterator[Repaired]:
    """What the text may be meant to say, the smallest change first; `close`: closing brackets that are missing at the
    end may be added, which only a schema can show to have lost nothing.
    """
    inner, how = text, []
    fenced = _FENCED.match(text)
    if fenced is not None:
        inner, how = fenced[1].strip(), ["code fences were removed"]
        yield from _read(inner, how)
    alone = _alone(inner)
    if alone is not None:
        yield from _read(alone, [*how, "words around it were removed"])
    for candidate, before in _bracketed(inner, how):
        without = _PIECE.sub(lambda match: match[0] if match[0] != "," else "", candidate)
        commas = [*before, "commas before a closing bracket were removed"] if without != candidate else before
        yield from _read(without, commas)
        closed = _closed(without) if close else None
        if closed is not None:
            yield from _read(closed, [*commas, "missing closing brackets were added"])


def _read(text: str, how: list[str]) -> Iterator[Repaired]:
    try:
        value = decoded(text)
    except ValueError:
        return
    if how:
        yield Repaired(text, value, " and ".join(how))


def _start(text: str) -> int:
    """Where the first bracket is; -1: there is none."""
    return min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)


def _alone(text: str) -> str | None:
    """The one JSON object or array of a text. None: there is none, or more that might be meant."""
    start = _start(text)
    if start < 0:
        return None
    try:
        _, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return text[start:end] if _start(text[end:]) < 0 else None


def _bracketed(text: str, how: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The text from its first bracket on: to its end, and to its last closing bracket."""
    start = _start(text)
    if start < 0:
        return
    if not text[:start].strip():
        yield text[start:].strip(), how
    end = max(text.rfind("}"), text.rfind("]")) + 1
    if end > start and (text[:start].strip() or text[end:].strip()):
        yield text[start:end], [*how, "words around it were removed"]


def _closed(text: str) -> str | None:
    """The text with the brackets that it lacks at its end. None where something else is missing, too: it must end with
    a whole string or a closing bracket.
    """
    missing: list[str] = []
    for match in _STRING_OR_BRACKET.finditer(text):
        piece = match[0]
        if piece[0] == '"':
            if not match[1]:
                return None
        elif piece in _CLOSING:
            missing.append(_CLOSING[piece])
        elif not missing or missing.pop() != piece:
            return None
    if not missing or len(missing) > _MOST_BRACKETS or text[-1] not in '"}]':
        return None
    return text + "".join(reversed(missing))

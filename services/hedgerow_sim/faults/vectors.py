"""Embeddings that are too many, too few, in the wrong order, of the wrong size or no numbers."""

import binascii
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from hedgerow_sim import forms
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Script
from hedgerow_sim.turn import Behaviour, Turn, played

# Python's own parsers, and most others that are lenient, read the bare word; JSON has none for it.
_NAN: Final = b"NaN"
_PLACEHOLDER: Final = "not-a-number"
_FLOAT: Final = 4

Vector = list[Any] | str
Edit = Callable[[Vector], Vector]


def _is_vector(value: Any, name: str) -> bool:
    if isinstance(value, str):
        return name in ("embedding", "base64")
    return isinstance(value, list) and bool(value) and all(isinstance(one, int | float) for one in value)


def _rows(value: Any, name: str = "") -> Iterator[list[Any]]:
    """Every list of which each item is, or holds, one vector."""
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _rows(one, inner)
    elif isinstance(value, list) and value and not _is_vector(value, name):
        if all(_is_vector(one, name) or any(True for _ in _slots(one)) for one in value):
            yield value
        else:
            for one in value:
                yield from _rows(one, name)


def _slots(value: Any, name: str = "") -> Iterator[tuple[Any, Any]]:
    """The places of all vectors, as container and key."""
    items: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, one in items:
        within = key if isinstance(key, str) else name
        if _is_vector(one, within):
            yield value, key
        else:
            yield from _slots(one, within)


def _on_rows(edit: Callable[[list[Any]], None]) -> Play:
    """Edits the lists of rows; an answer with one vector and no list loses its vector."""

    def apply(body: Any) -> None:
        lists = list(_rows(body))
        for rows in lists:
            edit(rows)
        if not lists:
            _each(body, lambda vector: "" if isinstance(vector, str) else [], first=False)

    return _editing(apply)


def _on_vectors(edit: Edit, *, first: bool) -> Play:
    """Edits the vectors, or the first one alone."""
    return _editing(lambda body: _each(body, edit, first=first))


def _each(body: Any, edit: Edit, *, first: bool) -> None:
    for container, key in list(_slots(body)):
        container[key] = edit(container[key])
        if first:
            return


def _editing(apply: Callable[[Any], None]) -> Play:
    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        reply = turn.reply()
        if reply.streamed:
            return played(turn, reply)
        (frame,) = reply.frames
        form = forms.form(reply.headers, streamed=False)
        data = forms.edited(form, frame.data, apply).replace(b'"%b"' % _PLACEHOLDER.encode(), _NAN)
        return played(turn, reply, [msgspec.structs.replace(frame, data=data)])

    return play


def _fewer(rows: list[Any]) -> None:
    rows.pop()


def _more(rows: list[Any]) -> None:
    # With an index of its own, where rows have one, or it would only be a repeated row.
    last = msgspec.json.decode(msgspec.json.encode(rows[-1]))
    if isinstance(last, dict) and "index" in last:
        last["index"] += 1
    rows.append(last)


def _same_index(rows: list[Any]) -> None:
    for row in rows:
        if isinstance(row, dict) and "index" in row:
            row["index"] = 0


def _shorter(vector: Vector) -> Vector:
    if isinstance(vector, str):
        return _packed(binascii.a2b_base64(vector)[:-_FLOAT])
    return vector[:-1]


def _nan(vector: Vector) -> Vector:
    if isinstance(vector, str):
        return _packed(struct.pack("<f", float("nan")) + binascii.a2b_base64(vector)[_FLOAT:])
    return [_PLACEHOLDER, *vector[1:]]


def _infinite(vector: Vector) -> Vector:
    if isinstance(vector, str):
        return _packed(struct.pack("<f", float("inf")) + binascii.a2b_base64(vector)[_FLOAT:])
    # JSON has no word for it either, but a number so large that readers make infinity of it.
    return [msgspec.Raw(b"1e999"), *vector[1:]]


def _null(vector: Vector) -> Vector:
    return _packed(binascii.a2b_base64(vector)[:-1]) if isinstance(vector, str) else [None, *vector[1:]]


def _packed(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("embed-fewer", "One vector too few.", "P23", _on_rows(_fewer))
    yield Fault("embed-more", "One vector too many.", "P23", _on_rows(_more))
    yield Fault(
        "embed-order",
        "The vectors in reverse, each with its own index where there is one.",
        "P23",
        _on_rows(list.reverse),
    )
    yield Fault("embed-index", "Every vector has index 0, where there is one.", "P23", _on_rows(_same_index))
    yield Fault("embed-dimension", "The first vector is one number short.", "P23", _on_vectors(_shorter, first=True))
    yield Fault("embed-nan", "The first number is NaN.", "P23", _on_vectors(_nan, first=True))
    yield Fault("embed-infinity", "The first number is infinite.", "P23", _on_vectors(_infinite, first=True))
    yield Fault(
        "embed-null",
        "The first number is null; of base64 the last byte is missing.",
        "P23",
        _on_vectors(_null, first=True),
    )
    yield Fault(
        "embed-empty",
        "Every vector is empty.",
        "P23",
        _on_vectors(lambda vector: "" if isinstance(vector, str) else [], first=False),
    )

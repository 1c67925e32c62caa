"""A function call whose arguments come in pieces (`streamFunctionCallArguments` of Vertex AI), put together.

Each piece names its place by a JSON Path (RFC 9535) of names and indices, such as `$.trip.stops[0].city`, and brings a
value; strings may come in several pieces.
"""

import re
from typing import Any

import msgspec

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,4})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]", re.ASCII)
_MAX_STEPS = 64


class PartialCall:
    """Collects the arguments of one call. Pieces that name no place are skipped; the elements of an array come
    in order.
    """

    __slots__ = ("_root",)

    def __init__(self, given: Any = None) -> None:
        """`given` holds the arguments that came whole before the pieces, if any did."""
        self._root: dict[str, Any] = given if isinstance(given, dict) else {}

    def take(self, pieces: Any) -> None:
        """Takes the `partialArgs` of one message."""
        for piece in pieces if isinstance(pieces, list) else ():
            if not isinstance(piece, dict) or not isinstance(piece.get("jsonPath"), str):
                continue
            steps = [
                int(index) if index else name or single or double
                for name, index, single, double in _STEP.findall(piece["jsonPath"])
            ]
            if 0 < len(steps) <= _MAX_STEPS:
                _put(self._root, steps, _value(piece))

    def arguments(self) -> str:
        """All arguments, JSON text."""
        return msgspec.json.encode(self._root).decode()


def _value(piece: dict[str, Any]) -> Any:
    for member in ("stringValue", "numberValue", "boolValue"):
        if member in piece:
            return piece[member]
    return None


def _put(place: Any, steps: list[Any], value: Any) -> None:
    """Sets the value at the end of the steps; a string is added to one that is there."""
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(place, list) and isinstance(step, int) and step <= len(place):
            place.extend([None] * (step + 1 - len(place)))
            there = place[step]
        elif isinstance(place, dict) and isinstance(step, str):
            there = place.get(step)
        else:
            return
        if following is None:
            joined = there + value if isinstance(there, str) and isinstance(value, str) else value
            place[step] = joined
            return
        if not isinstance(there, dict | list):
            place[step] = there = [] if isinstance(following, int) else {}
        place = there

"""What a dialect's readers report of what they do not know, and the search of answers for members that nobody reads.

The search decodes a sampled answer a second time; for all others it costs nothing.
"""

from collections.abc import Iterator

import msgspec

from hedgerow_server.core.drift import MAX_NAME, Drift, Unknown
from hedgerow_server.providers.loose import Loose, plain

MAX_SEARCHED_BYTES = 256 << 10
"""Longer frames and documents are not searched: it is pictures or vectors that make them long."""
_MAX_FOUND = 32  # in one frame or document
_INSIDES = (list, dict)


class Known:
    """The members of a dialect's answers, wherever they stand."""

    __slots__ = ("_closed", "_names")

    def __init__(self, *read: type[Loose], beside: str, closed: str) -> None:
        """`read` are the types that answers are read into. `beside` are names of members that they leave out, `closed`
        such whose insides are not this dialect's: what the caller or the model wrote, and what is passed on as it is.
        Both are words separated by white space.
        """
        names = [field.encode_name for kind in read for field in msgspec.structs.fields(kind)]
        self._closed = frozenset(closed.split())
        self._names = self._closed.union(names, beside.split())

    def strangers(self, document: object) -> Iterator[str]:
        """The paths of the members that are not known, each once."""
        found: set[str] = set()
        left: list[tuple[object, str]] = [(document, "")]
        while left and len(found) < _MAX_FOUND:
            value, path = left.pop()
            if isinstance(value, list):
                left += [(item, path) for item in value if isinstance(item, _INSIDES)]
                continue
            for name, inner in value.items() if isinstance(value, dict) else ():
                if name not in self._names:
                    at = _at(path, name)
                    found.add(at if len(at) <= MAX_NAME else name)
                elif isinstance(inner, _INSIDES) and name not in self._closed:
                    left.append((inner, _at(path, name)))
        return iter(found)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


class Watch:
    """Where the readers of one provider report."""

    __slots__ = ("_known", "drift")

    def __init__(self, known: Known, drift: Drift) -> None:
        self._known = known
        self.drift = drift
        """What counts."""

    def note(self, kind: Unknown, name: object) -> None:
        """Counts something that is not known."""
        self.drift.note(kind, name)

    def search(self, payload: bytes) -> None:
        """Counts the members of JSON that are not known."""
        if len(payload) <= MAX_SEARCHED_BYTES:
            for path in self._known.strangers(plain(payload)):
                self.drift.note(Unknown.FIELD, path)

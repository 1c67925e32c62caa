"""The vectors of one partition, and which of them are nearest: exact while there are few, by an index when there are
many.
"""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
_FLAT = 512
"""Up to so many vectors a product with all of them is quicker than an index (25 µs for 256 of 1,536 dimensions), and
takes less memory: an empty index has 45 KiB.
"""
_CONNECTIVITY, _EXPANSION = 16, 64
"""Of the index (HNSW): links of a vector, and candidates looked at. Enough to find the nearest of 10,000 every time."""


def unit(packed: bytes) -> Vector | None:
    """A vector of packed little-endian 32-bit floats, of length 1; None for one that has none, or is no number."""
    vector = np.frombuffer(packed, "<f4").astype(np.float32)
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if np.isfinite(length) and length > 0.0 else None


class Vectors:
    """Vectors of one length by number. Similarity is the cosine."""

    __slots__ = ("_dimensions", "_index", "_keys", "_places", "_rows")

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._rows = np.empty((4, dimensions), np.float32)
        self._keys: list[int] = []
        self._places: dict[int, int] = {}
        self._index: Any = None

    def __len__(self) -> int:
        return len(self._keys) if self._index is None else len(self._index)

    def add(self, key: int, vector: Vector) -> None:
        """One more, of length 1; `key` is new."""
        if self._index is not None:
            self._index.add(key, vector, threads=1)
            return
        place = len(self._keys)
        if place == _FLAT:
            self._index = self._indexed()
            self._index.add(key, vector, threads=1)
            self._rows, self._keys, self._places = np.empty((0, 0), np.float32), [], {}
            return
        if place == len(self._rows):
            self._rows = np.resize(self._rows, (2 * place, self._dimensions))
        self._rows[place] = vector
        self._keys.append(key)
        self._places[key] = place

    def remove(self, key: int) -> None:
        """Lets go of one that is there."""
        if self._index is not None:
            self._index.remove(key)
            return
        place, last = self._places.pop(key), len(self._keys) - 1
        if place != last:
            self._rows[place] = self._rows[last]
            self._keys[place] = self._keys[last]
            self._places[self._keys[place]] = place
        self._keys.pop()

    def nearest(self, vector: Vector, most: int) -> list[tuple[int, float]]:
        """The keys of the nearest ones with their similarities, the likest first."""
        if self._index is not None:
            found = self._index.search(vector, most, threads=1)
            return [(int(key), 1.0 - float(far)) for key, far in zip(found.keys, found.distances, strict=True)]
        count = len(self._keys)
        likeness = self._rows[:count] @ vector
        best = np.argpartition(likeness, -most)[-most:] if count > most else np.arange(count)
        order = best[np.argsort(-likeness[best])]
        return [(self._keys[place], float(likeness[place])) for place in order]

    def _indexed(self) -> Any:
        index = importlib.import_module("usearch.index").Index(
            ndim=self._dimensions,
            metric="cos",
            dtype="f16",
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION,
            expansion_search=_EXPANSION,
        )
        index.add(np.array(self._keys, np.uint64), self._rows[: len(self._keys)], threads=1)
        return index

"""Embeddings: deterministic unit vectors, cheap enough for a hundred thousand inputs.

A hash of the text picks, byte by byte, groups of four components from a table of 256. All groups of a table have the
same length, so that every vector has length 1 without a square root, and float32 bytes as well as JSON numbers are
joined from parts made beforehand.
"""

import hashlib
import random
import struct
from typing import Final

_GROUP: Final = 4
_ROWS: Final = 256


class _Table:
    """The groups that vectors of one model and size are put together from."""

    __slots__ = ("binary", "groups", "rest", "text")

    def __init__(self, seed: str, dimensions: int) -> None:
        rng = random.Random(seed)
        self.groups, self.rest = divmod(dimensions, _GROUP)
        rows = [_group(rng, _GROUP, dimensions) for _ in range(_ROWS)]
        rests = [_group(rng, self.rest, dimensions) for _ in range(_ROWS)]
        self.binary = ([_packed(row) for row in rows], [_packed(row) for row in rests])
        self.text = ([_written(row) for row in rows], [_written(row) for row in rests])


def _group(rng: random.Random, size: int, dimensions: int) -> tuple[float, ...]:
    """Random components, as long together as their share of a unit vector; exact in float32."""
    raw = [rng.gauss(0, 1) for _ in range(size)]
    length = sum(value * value for value in raw) ** 0.5 or 1.0
    scale = (size / dimensions) ** 0.5 / length
    return struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(value * scale for value in raw)))


def _packed(row: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(row)}f", *row)


def _written(row: tuple[float, ...]) -> bytes:
    # Nine digits tell any two float32 apart.
    return ",".join(f"{value:.9g}" for value in row).encode()


class Vectors:
    """Vectors that depend on the seed, the model, the size and the input alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tables: dict[tuple[str, int], _Table] = {}

    def _table(self, model: str, dimensions: int) -> _Table:
        key = (model, dimensions)
        if key not in self._tables:
            if len(self._tables) >= 64:
                self._tables.clear()
            self._tables[key] = _Table(f"{self._seed}/{model}/{dimensions}", dimensions)
        return self._tables[key]

    def binary(self, model: str, dimensions: int, content: bytes) -> bytes:
        """The vector as little-endian float32."""
        table = self._table(model, dimensions)
        picks = _picks(content, table)
        rows, rests = table.binary
        return b"".join([rows[pick] for pick in picks[1:]]) + rests[picks[0]]

    def text(self, model: str, dimensions: int, content: bytes) -> bytes:
        """The same vector as a JSON array."""
        table = self._table(model, dimensions)
        picks = _picks(content, table)
        rows, rests = table.text
        parts = [rows[pick] for pick in picks[1:]]
        if table.rest:
            parts.append(rests[picks[0]])
        return b"[" + b",".join(parts) + b"]"


def _picks(content: bytes, table: _Table) -> bytes:
    return hashlib.shake_128(content).digest(table.groups + 1)

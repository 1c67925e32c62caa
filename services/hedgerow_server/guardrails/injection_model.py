"""A linear model over hashed n-grams: what `scripts/_train_injection.py` learns and the guard asks.

A text in one spelling (`normalise`) has features at its places: runs of 3 to 5 characters, words, neighbouring words,
and how sentences begin. Each has a weight, a small whole number. The weights of a passage are the difference of two
prefix sums, so any number of overlapping passages costs one pass; whole numbers make the sums exact.
"""

import functools
import io
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hedgerow_server.guardrails.normalise import BLANK, DIGIT, LETTER, LINE, STOP, Symbols

Indices = npt.NDArray[np.int64]
Values = npt.NDArray[np.uint32]

CHARACTER_BITS = 17
WORD_BITS = 16
SIZE = (1 << CHARACTER_BITS) + (1 << WORD_BITS)
"""How many weights there are: first those of runs of characters, then those of words."""
ORDERS = (3, 4, 5)

_STEP = 0x01000193  # FNV's 32-bit prime: odd, so that it has an inverse modulo 2**32
_FACTORS = np.array([pow(_STEP, at, 1 << 32) for at in range(1, ORDERS[-1])], np.uint32)
_MIX = 0x9E3779B1
_PAIR, _FIRST, _THIRD, _TRIPLE, _OPENING = np.array(
    (0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0x2545F491), np.uint32
)
_OPENS, _OPENS_PAIR = np.array((_MIX, 2 * _MIX % (1 << 32)), np.uint32)
_LONGEST = 1 << 14
"""The most symbols of a text."""
_SPANS = np.array((48, 160, 480))
"""How long passages are at least, in symbols: some sentences each."""
_SHORTEST = 40
_GRID = 128
"""Where a sentence has no end, a passage may begin about every so many symbols."""
CLASSES = 5
"""Kinds of passages, each with its own threshold: see `kinds`."""
_KIND_EDGES = np.array((110, 320))
_SHORT_TEXT = 330
_SHIFT = 16
"""Bits of a weight beside the rarity above it: those of all features of one place fit."""


class Features(NamedTuple):
    """Which weights a text calls for, and where."""

    indices: Values
    """The weights: of the run of each of ORDERS that begins at each place, as far as one fits, one order behind the
    other; then of words and of what they form with their neighbours."""
    sizes: tuple[int, ...]
    """How many runs of each order there are."""
    word_places: Indices
    """Where each word and each of what they form begins."""

    def places(self) -> Indices:
        """Where each of `indices` begins."""
        return np.concatenate([*(np.arange(size) for size in self.sizes), self.word_places])


@functools.cache
def _values() -> Values:
    """A fixed number for each symbol; l and i look alike, so they have the same. All hashes are sums of multiples of
    these, so they are mixed here once instead of each of them.
    """
    draws = np.random.Generator(np.random.PCG64(20)).integers(1, 1 << 32, 256, dtype=np.uint32)
    draws[LETTER + ord("l") - 97] = draws[LETTER + ord("i") - 97]
    return draws * np.uint32(_MIX)


@functools.cache
def _powers() -> tuple[Values, Values]:
    up, down = np.empty(_LONGEST, np.uint32), np.empty(_LONGEST, np.uint32)
    inverse = pow(_STEP, -1, 1 << 32)
    a = b = 1
    for at in range(_LONGEST):
        up[at], down[at] = a, b
        a, b = a * _STEP % (1 << 32), b * inverse % (1 << 32)
    return up, down


def _runs(values: Values) -> list[Values]:
    """A hash for the run of each of ORDERS that begins at each place."""
    rolling, runs = values, []
    for at, factor in enumerate(_FACTORS, 1):
        rolling = rolling[:-1] + values[at:] * factor
        runs.append(rolling)
    return runs[-len(ORDERS) :]


def _words(symbols: Symbols, values: Values) -> tuple[Values, Indices, Indices]:
    """A hash for each word, where it begins, and which of the words begin a sentence."""
    within = symbols >= DIGIT
    edges = (within[1:] != within[:-1]).nonzero()[0] + 1
    starts, ends = edges[::2], edges[1::2]
    up, down = _powers()
    sums = np.zeros(len(symbols) + 1, np.uint32)
    np.add.accumulate(values * up[: len(symbols)], dtype=np.uint32, out=sums[1:])
    first = _is_end(symbols[starts - 1]).nonzero()[0]
    return (sums[ends] - sums[starts]) * down[starts], starts, first


def _is_end(symbols: Symbols) -> npt.NDArray[np.bool_]:
    """Which of them end a sentence: LINE and STOP, of which only the last bit differs."""
    ended: npt.NDArray[np.bool_] = (symbols | 1) == STOP
    return ended


def features(symbols: Symbols) -> Features:
    """The features of a text, which has LINE as its first and last symbol."""
    values = _values().take(symbols)
    runs = _runs(values)
    words, starts, first = _words(symbols, values)
    pairs = words[:-1] * _PAIR + words[1:]
    wide = words[:-2] * _FIRST + words[2:] * _THIRD
    triples = pairs[:-1] * _TRIPLE + words[2:]
    paired = first[:-1] if len(first) and first[-1] == len(pairs) else first
    opening = words[first] * _OPENING + _OPENS
    opening_pairs = pairs[paired] * _OPENING + _OPENS_PAIR
    hashes = np.concatenate((*runs, words, pairs, wide, triples, opening, opening_pairs))
    sizes = tuple(map(len, runs))
    border = sum(sizes)
    indices = hashes >> np.uint32(32 - CHARACTER_BITS)
    indices[border:] >>= np.uint32(CHARACTER_BITS - WORD_BITS)
    indices[border:] += np.uint32(1 << CHARACTER_BITS)
    places = np.concatenate((starts, starts[:-1], starts[:-2], starts[:-2], starts[first], starts[paired]))
    return Features(indices, sizes, places)


class Passages(NamedTuple):
    """Overlapping parts of a text, which depend on nothing but the text."""

    starts: Indices
    ends: Indices
    """One behind the last symbol of each. The first passage is the whole text."""

    def kinds(self) -> Indices:
        """0 or 1: the whole of a short or a long text; 2, 3 and 4: a short, middling or long part of one."""
        sizes = self.ends - self.starts
        kinds = _KIND_EDGES.searchsorted(sizes, side="right") + 2
        kinds[0] = int(sizes[0] >= _SHORT_TEXT)
        return kinds


def passages(symbols: Symbols) -> Passages:
    """The whole, and from each beginning of a sentence on as many sentences as make each of some lengths."""
    size = len(symbols)
    cuts = _is_end(symbols[: size - 4]).nonzero()[0] + 1
    ends = _next(cuts, size)
    gaps = ends - cuts
    long = (gaps > _GRID + _SHORTEST).nonzero()[0]
    if len(long):
        cuts = np.concatenate((cuts, _grid(symbols, cuts[long], gaps[long])))
        cuts.sort()
        ends = _next(cuts, size)
    spans = _SPANS[: _SPANS.searchsorted(size)]
    reached = ends.take(ends.searchsorted(cuts + spans[:, None]), mode="clip")
    long_enough = (reached - cuts >= _SHORTEST).ravel().nonzero()[0]
    parts = np.empty((2, 1 + len(long_enough)), np.int64)
    parts[:, 0] = 0, size
    cuts.take(long_enough, mode="wrap", out=parts[0, 1:])
    reached.take(long_enough, mode="clip", out=parts[1, 1:])
    return Passages(parts[0], parts[1])


def _next(cuts: Indices, size: int) -> Indices:
    """Where the next one is, or the end."""
    ends = np.empty_like(cuts)
    ends[:-1] = cuts[1:]
    ends[-1] = size
    return ends


def _grid(symbols: Symbols, cuts: Indices, gaps: Indices) -> Indices:
    """Beginnings of words inside sentences that are too long."""
    counts = (gaps - _SHORTEST - 1) // _GRID
    until = counts.cumsum()
    wanted: Indices = (cuts - (until - counts) * _GRID).repeat(counts) + _GRID * np.arange(1, 1 + until[-1])
    blanks = (symbols == BLANK).nonzero()[0] + 1
    if len(blanks):
        near = blanks.take(blanks.searchsorted(wanted), mode="clip")
        wanted = np.where(np.abs(near - wanted) < _SHORTEST, near, wanted)
    return wanted


class Sums(NamedTuple):
    """Prefix sums over the places of a text."""

    packed: npt.NDArray[np.int32]
    """Of the weights, with `known` on top; modulo 2**32."""
    known: npt.NDArray[np.int32]
    """Of the squared rarity of what stands there."""


class LinearModel:
    """Weights as they are shipped, 8 bit each."""

    def __init__(
        self, weights: npt.NDArray[np.int8], rarity: npt.NDArray[np.uint8], numbers: npt.NDArray[np.float64]
    ) -> None:
        """`rarity` is the squared idf of each feature in units of `numbers[1]`, 0 for one that was never seen.
        `numbers`: the unit of a weight, that of a rarity, the bias, the damping, a threshold for each kind of passage.
        """
        self._numbers = np.asarray(numbers, np.float64)
        self._weights, self._rarity = weights, rarity
        self._packed = (rarity.astype(np.int32) << _SHIFT) + weights  # one look-up instead of two
        self._unit, self._rarity_unit, self._bias, self._damping = (float(number) for number in numbers[:4])
        self.thresholds = self._numbers[4 : 4 + CLASSES]

    def parts(self) -> dict[str, npt.NDArray[Any]]:
        """What it was made of."""
        return {"weights": self._weights, "rarity": self._rarity, "numbers": self._numbers}

    def sums(self, seen: Features, size: int) -> Sums:
        """What the features of a text of `size` symbols weigh, up to each place."""
        weights = self._packed.take(seen.indices)
        begin = sum(seen.sizes)
        packed = np.bincount(seen.word_places, weights[begin:], size).astype(np.int32)
        begin = 0
        for run in seen.sizes:
            packed[:run] += weights[begin : begin + run]
            begin += run
        sums = np.zeros((2, size + 1), np.int32)
        np.add.accumulate(packed, dtype=np.int32, out=sums[0, 1:])
        np.add.accumulate((packed + (1 << _SHIFT - 1)) >> _SHIFT, dtype=np.int32, out=sums[1, 1:])
        return Sums(sums[0], sums[1])

    def logits(self, sums: Sums, parts: Passages) -> npt.NDArray[np.float64]:
        """The log odds of each passage, before any threshold."""
        known = sums.known[parts.ends] - sums.known[parts.starts]
        evidence = (sums.packed[parts.ends] - sums.packed[parts.starts] - (known << _SHIFT)) * self._unit
        logits: npt.NDArray[np.float64] = evidence / np.sqrt(known * self._rarity_unit + self._damping) + self._bias
        return logits


@functools.cache
def shipped(name: str) -> LinearModel:
    """The model of the package for "direct" or "indirect" attacks."""
    raw = files(__package__).joinpath("data", "injection.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return LinearModel(*(arrays[f"{name}_{part}"] for part in ("weights", "rarity", "numbers")))


assert LINE | 1 == STOP

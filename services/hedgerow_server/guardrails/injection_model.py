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
_MIX = np.uint32(0x9E3779B1)
_LONGEST = 1 << 14
"""The most symbols of a text."""
_SPANS = (48, 160, 480)
"""How long passages are at least, in symbols: some sentences each."""
_SHORTEST = 40
_GRID = 128
"""Where a sentence has no end, a passage may begin about every so many symbols."""
CLASSES = 5
"""Kinds of passages, each with its own threshold: see `kinds`."""
_KIND_EDGES = (110, 320)
_SHORT_TEXT = 330


class Features(NamedTuple):
    """Which weights a text calls for, and where."""

    runs: tuple[Indices, ...]
    """For each of ORDERS: the weight of the run that begins at each place, as far as one fits."""
    words: Indices
    """The weights of words and of what they form with their neighbours."""
    word_places: Indices
    """Where each of `words` begins."""


@functools.cache
def _values() -> Values:
    """A fixed number for each symbol; l and i look alike, so they have the same."""
    draws = np.random.Generator(np.random.PCG64(20)).integers(1, 1 << 32, 256, dtype=np.uint32)
    draws[LETTER + ord("l") - 97] = draws[LETTER + ord("i") - 97]
    return draws


@functools.cache
def _powers() -> tuple[Values, Values]:
    up, down = np.empty(_LONGEST, np.uint32), np.empty(_LONGEST, np.uint32)
    inverse = pow(_STEP, -1, 1 << 32)
    a = b = 1
    for at in range(_LONGEST):
        up[at], down[at] = a, b
        a, b = a * _STEP % (1 << 32), b * inverse % (1 << 32)
    return up, down


def _index(hashes: Values, bits: int) -> Indices:
    return ((hashes * _MIX) >> np.uint32(32 - bits)).astype(np.int64)


def _words(symbols: Symbols, values: Values) -> tuple[Values, Indices, npt.NDArray[np.bool_]]:
    """A hash for each word, where it begins, and whether it begins a sentence."""
    within = symbols >= DIGIT
    edges = np.flatnonzero(within[1:] != within[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    up, down = _powers()
    sums = np.zeros(len(symbols) + 1, np.uint32)
    np.cumsum(values * up[: len(symbols)], dtype=np.uint32, out=sums[1:])
    before = symbols[starts - 1]
    return (sums[ends] - sums[starts]) * down[starts], starts, (before == STOP) | (before == LINE)


def features(symbols: Symbols) -> Features:
    """The features of a text, which has LINE as its first and last symbol."""
    values = _values()[symbols]
    runs = []
    rolling = values[:-1] + values[1:] * np.uint32(_STEP)
    power = _STEP
    for order in ORDERS:
        power = power * _STEP % (1 << 32)
        rolling = rolling[: len(rolling) - 1] + values[order - 1 :] * np.uint32(power)
        runs.append(_index(rolling, CHARACTER_BITS))
    words, starts, first = _words(symbols, values)
    pairs = words[:-1] * np.uint32(0x85EBCA6B) + words[1:]
    wide = words[:-2] * np.uint32(0xC2B2AE35) + words[2:] * np.uint32(0x27D4EB2F)
    triples = pairs[:-1] * np.uint32(0x165667B1) + words[2:]
    opening = words[first] * np.uint32(0x2545F491) + np.uint32(1)
    opening_pairs = pairs[first[:-1]] * np.uint32(0x2545F491) + np.uint32(2)
    hashes = np.concatenate((words, pairs, wide, triples, opening, opening_pairs))
    places = np.concatenate((starts, starts[:-1], starts[:-2], starts[:-2], starts[first], starts[:-1][first[:-1]]))
    return Features(tuple(runs), _index(hashes, WORD_BITS) + (1 << CHARACTER_BITS), places)


class Passages(NamedTuple):
    """Overlapping parts of a text, which depend on nothing but the text."""

    starts: Indices
    ends: Indices
    """One behind the last symbol of each. The first passage is the whole text."""

    def kinds(self) -> Indices:
        """0 or 1: the whole of a short or a long text; 2, 3 and 4: a short, middling or long part of one."""
        sizes = self.ends - self.starts
        kinds = np.searchsorted(_KIND_EDGES, sizes, side="right") + 2
        kinds[0] = int(sizes[0] >= _SHORT_TEXT)
        return kinds


def passages(symbols: Symbols) -> Passages:
    """The whole, and from each beginning of a sentence on as many sentences as make each of some lengths."""
    size = len(symbols)
    ended = (symbols == STOP) | (symbols == LINE)
    cuts = np.flatnonzero(ended[: size - 4]) + 1
    gaps = np.diff(cuts, append=size)
    long = np.flatnonzero(gaps > _GRID + _SHORTEST)
    if len(long):
        cuts = np.sort(np.concatenate((cuts, _grid(symbols, cuts[long], gaps[long]))))
    ends = np.append(cuts[1:], size)
    starts, stops = [np.zeros(1, np.int64)], [np.full(1, size)]
    for span in _SPANS:
        if size <= span:
            break
        reached = ends[np.minimum(np.searchsorted(ends, cuts + span), len(ends) - 1)]
        long_enough = reached - cuts >= _SHORTEST
        starts.append(cuts[long_enough])
        stops.append(reached[long_enough])
    return Passages(np.concatenate(starts), np.concatenate(stops))


def _grid(symbols: Symbols, cuts: Indices, gaps: Indices) -> Indices:
    """Beginnings of words inside sentences that are too long."""
    wanted = np.concatenate(
        [np.arange(cut + _GRID, cut + gap - _SHORTEST, _GRID) for cut, gap in zip(cuts, gaps, strict=True)]
    )
    blanks = np.flatnonzero(symbols == BLANK) + 1
    if not len(blanks):
        return wanted
    near = blanks[np.minimum(np.searchsorted(blanks, wanted), len(blanks) - 1)]
    return np.where(np.abs(near - wanted) < _SHORTEST, near, wanted)


class Sums(NamedTuple):
    """Prefix sums over the places of a text."""

    evidence: npt.NDArray[np.int64]
    """Of the weights."""
    known: npt.NDArray[np.int64]
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
        self._packed = (rarity.astype(np.int32) << 16) + weights  # one look-up instead of two
        self._unit, self._rarity_unit, self._bias, self._damping = (float(number) for number in numbers[:4])
        self.thresholds = self._numbers[4 : 4 + CLASSES]

    def parts(self) -> dict[str, npt.NDArray[Any]]:
        """What it was made of."""
        return {"weights": self._weights, "rarity": self._rarity, "numbers": self._numbers}

    def sums(self, seen: Features, size: int) -> Sums:
        """What the features of a text of `size` symbols weigh, up to each place."""
        packed = np.bincount(seen.word_places, self._packed.take(seen.words), size).astype(np.int64)
        for run in seen.runs:
            packed[: len(run)] += self._packed.take(run)
        known = (packed + (1 << 15)) >> 16
        sums = np.zeros((2, size + 1), np.int64)
        np.cumsum(packed - (known << 16), out=sums[0, 1:])
        np.cumsum(known, out=sums[1, 1:])
        return Sums(sums[0], sums[1])

    def logits(self, sums: Sums, parts: Passages) -> npt.NDArray[np.float64]:
        """The log odds of each passage, before any threshold."""
        evidence = (sums.evidence[parts.ends] - sums.evidence[parts.starts]) * self._unit
        known = (sums.known[parts.ends] - sums.known[parts.starts]) * self._rarity_unit
        logits: npt.NDArray[np.float64] = evidence / np.sqrt(known + self._damping) + self._bias
        return logits


@functools.cache
def shipped(name: str) -> LinearModel:
    """The model of the package for "direct" or "indirect" attacks."""
    raw = files(__package__).joinpath("data", "injection.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return LinearModel(*(arrays[f"{name}_{part}"] for part in ("weights", "rarity", "numbers")))

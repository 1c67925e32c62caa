"""What a look-up for a similar question costs, beside its vector: by how many questions the partition has.

`lookups` is the part of `scripts/bench cache`; by itself this prints the same.
"""

import sys
import time
from pathlib import Path

# Instead of this folder, whose `money` is another.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from hedgerow_server.caching.differences import difference, facts
from hedgerow_server.caching.freshness import passing
from hedgerow_server.caching.questions import Question, Questions

_SIZES = (100, 500, 2_000, 10_000)
_DIMENSIONS = (384, 1_536)
_LOOKUPS = 300
_PLACE = b"p" * 32
_QUESTION = "How do I sort a list of {} words in Python without changing the order of those that are equal?"


def lookups(sizes: tuple[int, ...] = _SIZES, count: int = _LOOKUPS) -> dict[str, tuple[float, float]]:
    """µs of one, p50 and p99, by "DIMENSIONS, QUESTIONS"; and "text": rules and comparison of a question alone."""
    found = {"text": _times(_text, count)}
    for dimensions in _DIMENSIONS:
        dice = np.random.default_rng(1)
        for size in sizes:
            given = dice.standard_normal((size, dimensions)).astype(np.float32)
            given /= np.linalg.norm(given, axis=1, keepdims=True)
            questions = Questions(size, size)
            for number in range(size):
                slot = number.to_bytes(32, "big")
                questions.add(Question(_PLACE, slot, 4e9, facts(_QUESTION.format(number))), given[number])
            near = given[: min(size, count)] + 0.01 * dice.standard_normal((min(size, count), dimensions))
            near = np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32)
            found[f"{dimensions} dimensions, {size:6,} questions"] = _times(
                lambda at, questions=questions, near=near: list(questions.near(_PLACE, near[at % len(near)], 8, 0.85)),
                count,
            )
    return found


def _text(at: int) -> None:
    one = _QUESTION.format("long")
    assert not passing(one)
    assert not difference(facts(one), facts(one))


def _times(work: object, count: int) -> tuple[float, float]:
    took: list[float] = []
    for at in range(count):
        began_ns = time.perf_counter_ns()
        work(at)  # type: ignore[operator]
        took.append((time.perf_counter_ns() - began_ns) / 1_000)
    took.sort()
    return took[count // 2], took[count * 99 // 100]


def main() -> None:
    """Prints the figures."""
    for name, (p50, p99) in lookups().items():
        print(f"{name:40} p50 {p50:8.1f} µs   p99 {p99:8.1f} µs")


if __name__ == "__main__":
    main()

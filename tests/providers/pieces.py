"""Answers in pieces and as a whole, and with what is not known yet among what is: for tests of any dialect."""

import itertools
import random
from collections.abc import Callable
from typing import Any

from hedgerow_server.core.event import Completed, Event, Finished, Usage
from hedgerow_server.core.fold import Answer, Fold

Json = dict[str, Any]

UNKNOWN_VALUES: list[Any] = [None, True, 7, 1.5, "x", [], [{"type": "text"}], {}, {"index": 3}]
_UNKNOWN_NAMES = ["zebra", "obfuscation", "safety", "audit", "aroma"]


def cut(body: bytes, *places: int) -> list[bytes]:
    """The body in pieces, cut at these places."""
    edges = [0, *places, len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def near(edges: list[int], length: int, steps: int) -> list[int]:
    """The places within so many bytes of the edges."""
    found = {edge + step for edge in edges for step in range(-steps, steps + 1)}
    return sorted(found & set(range(1, length)))


def folded(events: list[Event]) -> Answer:
    """The whole answer. Its last event must be Finished."""
    *before, last = events
    assert isinstance(last, Finished)
    fold = Fold()
    for event in before:
        assert not isinstance(event, Finished)
        fold.add(event)
    fold.add(Completed(last.reason, last.native_reason, last.usage or Usage()))
    return fold.answer()


def polluted(value: Any, luck: random.Random, opaque: Callable[[str, Any], bool]) -> Any:
    """The value with unknown members in its objects, apart from members whose content is not ours to read."""
    if isinstance(value, list):
        return [polluted(item, luck, opaque) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: item if opaque(name, item) else polluted(item, luck, opaque) for name, item in value.items()}
    if luck.random() < 0.25:
        kept.setdefault(luck.choice(_UNKNOWN_NAMES), luck.choice(UNKNOWN_VALUES))
    return kept


def unknown_members(luck: random.Random, names: list[str]) -> Json:
    """Some of these members with any values."""
    return {name: luck.choice(UNKNOWN_VALUES) for name in luck.sample(names, luck.randrange(len(names) + 1))}

"""Names of behaviours, with numbers and keys in them, and how they are put together.

A grammar is the rest of a name after `sim-`: small letters stand for themselves, `[…]` may be left out, a word in
capitals is a parameter. The same text is what `--help` and the documentation show.
"""

import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from hedgerow_sim.laws import LAWS
from hedgerow_sim.script import Script
from hedgerow_sim.turn import Behaviour, Turn

# A provider's prefix may stand before: us.anthropic.sim-cut, claude-sim-cut.
_MARK: Final = re.compile(r"(?:^|.*?[^A-Za-z0-9])sim-(.+)", re.DOTALL)
_REMEMBERED: Final = 4096
_WORD: Final = re.compile(r"[A-Z]+|\[|\]|[^A-Z\[\]]+")
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "KEY": r"[A-Za-z0-9_]{1,64}",
        "LAW": "|".join(map(re.escape, LAWS)),
        "STATUS": "429|500|502|503|504|529",
        "CODE": "301|302|303|307|308",
    }
)


class Given(msgspec.Struct, frozen=True):
    """The parameters of a name."""

    words: Mapping[str, str | None]
    """By the grammar's own words; None where one was left out."""

    def number(self, word: str, default: int = 0, most: int = 1_000_000_000) -> int:
        """A number, `default` where it was left out, never more than `most`."""
        text = self.words[word]
        return default if text is None else min(int(text), most)

    def seconds(self, word: str, default_ms: int = 0) -> float:
        """A number of milliseconds, in seconds."""
        return self.number(word, default_ms) / 1000

    def word(self, word: str, default: str = "") -> str:
        """A word, `default` where it was left out."""
        return self.words[word] or default


Play = Callable[[Turn, Given, Behaviour | None], Script]


class Fault(msgspec.Struct, frozen=True):
    """A family of names and what they do."""

    grammar: str
    """The name after `sim-`."""
    line: str
    """What it does, for `--help`."""
    rows: str
    """The rows of the fault catalogue that it plays, and the shapes of Failover Bench."""
    play: Play
    """The script of a turn; the last argument is the behaviour named after the dot, None without one."""
    wraps: bool = False
    """Whether another behaviour may follow after a dot."""


def compiled(grammar: str) -> re.Pattern[str]:
    """The pattern of a grammar."""
    parts = []
    for word in _WORD.findall(grammar):
        if word in "[]":
            parts.append("(?:" if word == "[" else ")?")
        else:
            parts.append(f"(?P<{word}>{_WORDS.get(word, '[0-9]{1,10}')})" if word.isupper() else re.escape(word))
    return re.compile("".join(parts))


class Catalogue:
    """Finds the behaviour that a model's name asks for."""

    def __init__(self, faults: tuple[Fault, ...], normal: Behaviour) -> None:
        self.faults = faults
        self._normal = normal
        self._patterns = [(compiled(fault.grammar), fault) for fault in faults]
        self.named = functools.lru_cache(_REMEMBERED)(self._named)

    def behaviour(self, model: str) -> Behaviour | None:
        """The behaviour of a model's name: the normal one where it asks for none, None where there is no such one."""
        if "sim-" not in model or (marked := _MARK.fullmatch(model)) is None:
            return self._normal
        return self.named(marked[1])

    def _named(self, name: str) -> Behaviour | None:
        """The behaviour of a name without `sim-`; several, the outermost first, are joined by dots."""
        behaviour: Behaviour | None = None
        for word in reversed(name.split(".")):
            if (found := self._find(word)) is None or (behaviour is not None and not found[0].wraps):
                return None
            behaviour = _bound(*found, behaviour)
        return behaviour

    def _find(self, word: str) -> tuple[Fault, Given] | None:
        for pattern, fault in self._patterns:
            if (match := pattern.fullmatch(word)) is not None:
                return fault, Given(match.groupdict())
        return None


def _bound(fault: Fault, given: Given, inner: Behaviour | None) -> Behaviour:
    return lambda turn: fault.play(turn, given, inner)

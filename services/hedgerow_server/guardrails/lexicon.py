"""A lexicon of offensive words: words by class, phrases with a weight, and rules about which words stand together.

One line each: `category weight: word, two words, …` counts by itself; `!class: word, …` only names words for rules; a +
behind the name also means the usual endings of each word. `rule category weight: class 3 class` holds where words of
the classes follow each other in a sentence with at most so many words between, and none of the class `not` among them
or right before.
"""

from typing import NamedTuple

_ENDINGS = ("s", "es", "ed", "d", "er", "ers", "ing", "ings", "in", "y")
DENIAL = "not"
"""The class of words that turn a rule into its opposite."""


class Rule(NamedTuple):
    """Words that mean something together. The last one is where it is found."""

    category: str
    score: float
    slots: tuple[str, ...]
    """The classes, the last one first."""
    gaps: tuple[int, ...]
    """How many words may be between each and the one behind it, in the same order."""


class Weight(NamedTuple):
    """What a word or phrase counts for by itself."""

    category: str
    score: float


class Node:
    """What may follow some words."""

    __slots__ = ("children", "weights")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.weights: list[Weight] = []
        """Of the phrase that ends here."""


class Lexicon:
    """The parsed lines."""

    def __init__(self, text: str) -> None:
        """Raises ValueError where a line cannot be read."""
        self.root = Node()
        self.classes: dict[str, set[str]] = {}
        """The classes of each word that has any."""
        self.rules: dict[str, list[Rule]] = {}
        """By the class of their last word."""
        self.vocabulary: set[str] = set()
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self._line(line)

    def _line(self, line: str) -> None:
        head, _, tail = line.partition(":")
        if head.startswith("rule "):
            _, category, score = head.split()
            self._rule(category, float(score), tail.split())
            return
        name, _, score = head.partition(" ")
        endings = name.endswith("+")
        for entry in tail.split(","):
            for form in _forms(entry.split(), endings=endings):
                self._entry(name.rstrip("+"), float(score or 0), form)

    def _entry(self, name: str, score: float, words: tuple[str, ...]) -> None:
        self.vocabulary.update(words)
        if name.startswith("!"):
            if len(words) > 1:
                raise ValueError(f"expected single words in the class {name[1:]}")
            self.classes.setdefault(words[0], set()).add(name[1:])
            return
        node = self.root
        for word in words:
            node = node.children.setdefault(word, Node())
        node.weights.append(Weight(name, score))

    def _rule(self, category: str, score: float, parts: list[str]) -> None:
        slots, gaps = tuple(reversed(parts[::2])), tuple(int(gap) for gap in reversed(parts[1::2]))
        self.rules.setdefault(slots[0], []).append(Rule(category, score, slots, gaps))


def _forms(words: list[str], *, endings: bool) -> list[tuple[str, ...]]:
    if not endings:
        return [tuple(words)]
    *before, last = words
    stem = last.removesuffix("e")
    return [(*before, last), *((*before, (stem if ending[0] in "ei" else last) + ending) for ending in _ENDINGS)]

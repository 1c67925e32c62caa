"""What tells two questions apart that a vector takes for one.

A vector says what a text is about, and little of one word in it: "flights to Rome in May" and "flights to Rome in June"
are neighbours. So before a kept answer is given, the two questions are compared word by word:

- Numbers with their order and units, quoted texts, code, negations and words that have an opposite must be the same.
- Whatever one of them writes like a name the other one must have as well.
- No two words may have changed places across a preposition or within a phrase.
- Where the questions share much of what they say, the rest must say the same too: of nearly equal texts the words
  decide. Where they share little, so that one is a rewording of the other, the vector does.

All that can be lost by this is a hit.
"""

from collections.abc import Iterator, Sequence

import msgspec

from hedgerow_server.caching import words
from hedgerow_server.caching.tokens import Token, tokens

_NEAR = 0.2
"""The share of words in common from which on the words decide."""
_LEAST_WORDS = 3
"""With fewer of them the words decide in any case."""
_QUESTION_WORDS = {"when": "when", "where": "where", "why": "why", "who": "who", "whose": "who", "wann": "when"} | {
    "wo": "where", "warum": "why", "wer": "who", "quand": "when", "où": "where", "pourquoi": "why", "cuándo": "when",
    "dónde": "where", "quién": "who", "quando": "when", "dove": "where", "perché": "why", "chi": "who",
}  # fmt: skip
_HOW = {
    "many": "many",
    "much": "much",
    "long": "long",
    "often": "often",
    "far": "far",
    "old": "old",
    "tall": "tall",
} | {"high": "tall"}
_WHICH = frozenset(("which", "what", "whom", "welchem", "welches", "quelle", "qué"))


class Facts(msgspec.Struct, frozen=True):
    """What of a question its answer depends on, letter by letter."""

    numbers: tuple[str, ...] = ()
    """In order, each with the unit that follows."""
    marks: tuple[str, ...] = ()
    """Quoted texts, code and negations, sorted: a multiset."""
    poles: frozenset[str] = frozenset()
    """Words with an opposite, and units."""
    asked: frozenset[str] = frozenset()
    """What kind of answer is wanted: "when", "where" …"""
    names: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    """What else it says, in order: stems, each by one word for all that mean the same."""
    phrases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The same by phrases, each behind its preposition."""


def facts(text: str) -> Facts:
    """Those of a question."""
    read = _Reading()
    for token in tokens(text):
        read.take(token)
    return read.facts()


class _Reading:
    """Collects facts token by token."""

    def __init__(self) -> None:
        self._numbers: list[str] = []
        self._marks: list[str] = []
        self._poles: set[str] = set()
        self._asked: set[str] = set()
        self._names: set[str] = set()
        self._words: list[str] = []
        self._phrases: list[tuple[str, list[str]]] = [("", [])]
        self._before = ""
        self._counted = False

    def take(self, token: Token) -> None:
        """The next one."""
        if token.kind == "number":
            self._numbers.append(token.text)
            self._put(token.text)
        elif token.kind in ("quote", "code"):
            self._marks.append(f"{token.kind}:{token.text}")
            self._put(token.text.casefold())
        elif token.kind == "word":
            self._word(token)
        self._counted = token.kind == "number"
        self._before = token.text

    def facts(self) -> Facts:
        """All of them."""
        return Facts(
            numbers=tuple(self._numbers),
            marks=tuple(sorted(self._marks)),
            poles=frozenset(self._poles),
            asked=frozenset(self._asked),
            names=frozenset(self._names),
            words=tuple(self._words),
            phrases=tuple((by, tuple(phrase)) for by, phrase in self._phrases if phrase),
        )

    def _word(self, token: Token) -> None:
        text = token.text
        if text == "not" or text in words.NEGATIONS:
            self._marks.append("not")
            return
        if self._before == "how" and text in _HOW:
            self._asked.add(_HOW[text])
            return
        if self._before in words.STRONG and (text in _WHICH or text in _QUESTION_WORDS):
            # "To whom" and "from whom" ask for different people.
            self._asked.add(self._before)
        if self._before in _WHICH and text in words.ASKED_FOR:
            self._asked.add(words.ASKED_FOR[text])
            return
        if text in _QUESTION_WORDS:
            self._asked.add(_QUESTION_WORDS[text])
            return
        if text in words.BREAKS:
            self._phrases.append((text if text in words.STRONG else "", []))
        unit = words.UNITS.get(text)
        if unit is not None and self._counted:
            self._numbers[-1] += f" {unit}"
        pole = words.POLES.get(text)
        if pole is not None:
            self._poles.add(pole)
        if text in words.EMPTY or text in words.STRONG:
            return
        if text in words.ASKED:
            self._asked.add(words.ASKED[text])
            return
        name = words.NAMES.get(text)
        said = name or unit or pole or words.SAME.get(text) or token.stem
        if token.big or name is not None:
            self._names.add(said)
        self._put(said)

    def _put(self, word: str) -> None:
        self._words.append(word)
        self._phrases[-1][1].append(word)


def difference(one: Facts, other: Facts) -> str:
    """Why two questions are not the same, in a word; empty where they may be: "numbers", "marks", "opposites", "kind",
    "names", "order" or "words".
    """
    if one.numbers != other.numbers:
        return "numbers"
    if one.marks != other.marks:
        return "marks"
    said, other_said = frozenset(one.words), frozenset(other.words)
    if not (one.names <= other_said and other.names <= said):
        return "names"
    if _crossed(one, other):
        return "order"
    alone, other_alone = said - other_said, other_said - said
    shared = len(said & other_said)
    near = shared >= _NEAR * (shared + len(alone) + len(other_alone))
    if near or min(len(said), len(other_said)) < _LEAST_WORDS:
        # Of nearly equal texts every word counts.
        if one.asked != other.asked:
            return "kind"
        return "words" if alone or other_alone else ""
    if one.poles != other.poles:
        return "opposites"
    return "kind" if one.asked and other.asked and one.asked != other.asked else ""


def _crossed(one: Facts, other: Facts) -> bool:
    """Whether two words have changed places: across a preposition, or within a phrase."""
    led, other_led = dict(_led(one.phrases)), dict(_led(other.phrases))
    if any(other_led.get(word, by) != by for word, by in led.items()):
        return True
    for by in set(led.values()) & set(other_led.values()):
        mine = {word for word, found in led.items() if found == by}
        theirs = {word for word, found in other_led.items() if found == by}
        if mine - theirs and theirs - mine and mine - theirs <= set(other.words) and theirs - mine <= set(one.words):
            return True
    passive, other_passive = ({word for word, by in found.items() if by == "by"} for found in (led, other_led))
    if passive ^ other_passive:
        return True
    pairs = set(_pairs(one.phrases))
    return any((second, first) in pairs for first, second in _pairs(other.phrases))


def _led(phrases: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, str]]:
    """The first word behind each strong preposition, and which one that is."""
    for by, phrase in phrases:
        if by:
            yield phrase[0], by


def _pairs(phrases: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, str]]:
    """Two words of a phrase, in order."""
    for _, phrase in phrases:
        for place, first in enumerate(phrase[:_LONGEST]):
            for second in phrase[place + 1 : _LONGEST]:
                if first != second:
                    yield first, second


_LONGEST = 24
"""Words of a phrase that are compared by pairs."""

"""Insults, attacks on groups, threats and foul language, by a lexicon and rules of our own.

The lexicon is English with some words of other languages; it is kept in ROT13, so that nobody reads it by accident
(data/toxicity.rot13; `tr A-Za-z N-ZA-Mn-za-m` reads and writes it). It knows what is said in so many words, also in the
usual disguises, and nothing of irony, allusions or dog whistles.
"""

import bisect
import codecs
import functools
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Annotated, Literal

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.guard import Finding, Scan, Source
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.lexicon import DENIAL, Lexicon, Node, Rule
from hedgerow_server.guardrails.looks import first_of
from hedgerow_server.guardrails.phrases import prepare, readings, unmask
from hedgerow_server.guardrails.spans import Spans

Threshold = Annotated[float, pydantic.Field(ge=0, le=1)] | None
_LEXICON = "toxicity.rot13"
# a-z0-9 are a part of \w that is quicker to tell.
_TOKEN = re.compile("[a-z0-9\\w\0@$!*'\u2019]+|[\\S\n]")
_IN_WORD = "_\0@$!*'\u2019"
_EDGES = "*'\"@$!_"
_SENTENCE_ENDS = frozenset(".?!;\n")
_LONGEST_WORD = 48
"""Code points of a word beyond which it is none."""
_WIDEST_GAP = 8
"""The most white space between two words of a phrase."""
_CONTEXT = 192
"""Code points before the end of a word in which rules look for others."""
_KEPT = 16_384
"""Words of which it is remembered what they are."""
_RANK = ("severe_toxicity", "identity_attack", "threat", "insult", "profanity")
"""Which category a place has that would be of several, with one score."""


class ToxicityThresholds(Section):
    """From which score on a category counts: 0 to 1, null for never."""

    identity_attack: Threshold = 0.7
    """Slurs, and groups of people called or wished something bad."""
    insult: Threshold = 0.7
    """Names for somebody."""
    profanity: Threshold = 0.7
    """Foul words, whoever is meant. Mild ones, and words for the body, score 0.6."""
    severe_toxicity: Threshold = 0.7
    """The foulest words, above all where somebody is meant, and lewd descriptions."""
    threat: Threshold = 0.7
    """Harm announced to somebody, or wished."""


class ToxicityGuardSection(GuardEntry):
    """A guard that finds offensive language."""

    type: Literal["toxicity"] = "toxicity"
    """Finds offensive language."""
    thresholds: ToxicityThresholds = ToxicityThresholds()
    replacement: Annotated[str, pydantic.Field(max_length=64)] = "[REMOVED]"
    """What stands in the place of a word or phrase with `action: redact`."""


class ToxicityGuard:
    """Scanner of one entry."""

    context = _CONTEXT

    def __init__(self, section: ToxicityGuardSection) -> None:
        self._thresholds: dict[str, float] = {
            name: value for name, value in section.thresholds.model_dump().items() if value is not None
        }
        self._replacement = section.replacement
        self._lexicon = _lexicon()
        prepare()

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """A phrase is found as a whole; of what follows from several words apart the last one is found."""
        look = _Look(self._lexicon, self._thresholds, unmask(text), begin, final=final)
        hits, settled = first_of((look,), begin, len(text), final=final)
        return Scan([self._finding(look, hit.start, hit.end) for hit in hits], settled)

    def _finding(self, look: "_Look", start: int, end: int) -> Finding:
        category, score = look.verdicts[start]
        return Finding(start, end, f"toxicity.{category}", self._replacement, score)


class _Read:
    """The lexicon, and what the words of texts stand for in it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.first = lexicon.root.children
        self.rules: dict[str, tuple[Rule, ...]] = {
            word: tuple(rule for name in sorted(classes) for rule in lexicon.rules.get(name, ()))
            for word, classes in lexicon.classes.items()
        }
        self.enders = {word for word, rules in self.rules.items() if rules}
        """Words with which a rule may end."""
        self.anchors = self.first.keys() | self.enders
        """Words that are worth a closer look."""
        self._masked: dict[int, list[str]] = {}
        # What most of them mean comes first.
        for word in sorted(lexicon.vocabulary, key=lambda word: ("slur" in lexicon.classes.get(word, ()), word)):
            if _foul(lexicon, word):
                self._masked.setdefault(len(word), []).append(word)
        self.word = functools.lru_cache(maxsize=_KEPT)(self._word)
        """The word of the lexicon that a token stands for; empty: none."""

    def _word(self, token: str) -> str:
        vocabulary = self.lexicon.vocabulary
        if token in vocabulary or token in _SENTENCE_ENDS:
            return token
        if len(token) > _LONGEST_WORD:
            return ""
        plain = token.replace("\0", "").replace("\u2019", "'")
        bare = plain.strip(_EDGES)
        for form in (plain, bare, bare.removesuffix("'s")):
            if form in vocabulary:
                return form
        starred = plain.lstrip(_EDGES)
        if "*" in starred and starred in (bare, plain):
            return self._unmasked(starred)
        return next((form for form in readings(plain) if form in vocabulary), "!" if token[-1] == "!" else "")

    def _unmasked(self, starred: str) -> str:
        """The foul word of which some letters are stars."""
        for word in self._masked.get(len(starred), ()):
            if all(mask in ("*", letter) for mask, letter in zip(starred, word, strict=True)):
                return word
        return ""


def _foul(lexicon: Lexicon, word: str) -> bool:
    node = lexicon.root.children.get(word)
    heavy = node is not None and any(weight.score >= 0.9 for weight in node.weights)
    return heavy or "slur" in lexicon.classes.get(word, ())


@functools.cache
def _lexicon() -> _Read:
    """The lexicon of this package, parsed once."""
    coded = files(__package__).joinpath("data", _LEXICON).read_text(encoding="utf-8")
    return _Read(Lexicon(codecs.decode(coded, "rot13")))


class _Look:
    """One look at one text."""

    __slots__ = (
        "_final",
        "_folded",
        "_hits",
        "_open",
        "_read",
        "_rules",
        "_size",
        "_spans",
        "_thresholds",
        "_words",
        "verdicts",
    )

    def __init__(self, read: _Read, thresholds: dict[str, float], folded: str, begin: int, *, final: bool) -> None:
        self._read = read
        self._thresholds = thresholds
        self._final = final
        self._folded = folded
        self._size = self._open = len(folded)
        self.verdicts: dict[int, tuple[str, float]] = {}
        """Category and score by where a hit begins."""
        self._hits: list[tuple[int, int]] = []
        self._spans = Spans((), folded, 0)
        self._rules: dict[str, list[Rule]] = {}
        context = max(0, begin - _CONTEXT)
        tokens = _TOKEN.findall(folded, context)
        cut = not final and bool(tokens) and _in_word(folded[-1])
        self._words = list(map(read.word, tokens))
        if not cut and read.anchors.isdisjoint(self._words):
            return
        self._rules = self._possible()
        places = self._worth()
        if places or cut:
            self._spans = Spans(tokens, folded, context)
            self._go(places, begin, cut=cut)

    def next(self, begin: int) -> tuple[int, int] | None:
        at = bisect.bisect_left(self._hits, (begin, begin))
        return self._hits[at] if at < len(self._hits) else None

    def open_from(self, begin: int) -> int:
        return max(begin, self._open)

    def _possible(self) -> dict[str, list[Rule]]:
        """The rules of which a word of every class is there, by the words that end them: in most texts few are."""
        words, read = set(self._words), self._read
        classes = set().union(*(read.lexicon.classes.get(word, ()) for word in words))
        found = {
            word: [rule for rule in read.rules[word] if classes.issuperset(rule.slots)] for word in words & read.enders
        }
        return {word: rules for word, rules in found.items() if rules}

    def _worth(self) -> list[int]:
        """The words at which a phrase may begin, or a rule end."""
        words, first = self._words, self._read.first
        present, last = set(words), set(words[-2:])
        active = {
            word
            for word in present & self._read.anchors
            if word in self._rules
            or (word in first and (first[word].weights or word in last or not present.isdisjoint(first[word].children)))
        }
        if not active:
            return []
        size = len(words) - 2
        return [
            at
            for at, word in enumerate(words)
            if word in active
            and (word in self._rules or at >= size or first[word].weights or words[at + 1] in first[word].children)
        ]

    def _go(self, places: list[int], begin: int, *, cut: bool) -> None:
        """Notes all hits, and from where on more text may change something."""
        last, after = len(self._words) - 1, -1
        for at in places:
            start = self._spans[at][0]
            if start < begin or at <= after or (cut and at == last):
                continue
            until, open_ = self._phrase(at, cut=cut)
            if open_:
                self._open = start
                return
            if until is None:
                until = self._ruled(at)
            if until is not None:
                self._hits.append((start, self._end(until)))
                after = until
        start, end = self._spans[last]
        if cut and end - start <= _LONGEST_WORD:
            self._open = start

    def _end(self, at: int) -> int:
        """Where a word ends, without exclamation marks that stand for nothing but themselves."""
        start, end = self._spans[at]
        token = self._folded[start:end]
        bare = token.rstrip("!")
        return start + len(bare) if bare != token and self._read.word(bare) == self._words[at] else end

    def _phrase(self, at: int, *, cut: bool) -> tuple[int | None, bool]:
        """The last word of the longest phrase from here that counts; and whether more text may make it longer."""
        node: Node | None = self._read.lexicon.root
        found, start, last = None, self._spans[at][0], len(self._words) - 1
        for place in range(at, last + 1):
            assert node is not None
            if place > at and self._spans[place][0] - self._spans[place - 1][1] > _WIDEST_GAP:
                return found, False
            if cut and place == last:
                return found, bool(node.children) and self._spans[place][1] - self._spans[place][0] <= _LONGEST_WORD
            node = node.children.get(self._words[place])
            if node is None:
                return found, False
            best = self._best([(weight.category, weight.score) for weight in node.weights])
            if place == at:
                best = self._best([*([best] if best else []), *self._rule_scores(at)])
            if best is not None:
                found, self.verdicts[start] = place, best
        return found, not self._final and bool(node and node.children) and self._size - self._spans[last][
            1
        ] <= _WIDEST_GAP

    def _ruled(self, at: int) -> int | None:
        best = self._best(self._rule_scores(at))
        if best is None:
            return None
        self.verdicts[self._spans[at][0]] = best
        return at

    def _rule_scores(self, at: int) -> list[tuple[str, float]]:
        rules = self._rules.get(self._words[at], ())
        return [(rule.category, rule.score) for rule in rules if self._holds(rule, at)]

    def _best(self, scores: list[tuple[str, float]]) -> tuple[str, float] | None:
        """The category that counts, of those that reach their threshold."""
        found = [one for one in scores if one[1] >= self._thresholds.get(one[0], 2.0)]
        return max(found, key=lambda one: (one[1], -_RANK.index(one[0])), default=None)

    def _holds(self, rule: Rule, at: int) -> bool:
        """Whether words of the rule's classes stand before this one."""
        if len(rule.slots) == 1:
            return True
        least = self._spans[at][1] - _CONTEXT
        first = at
        for slot, gap in zip(rule.slots[1:], rule.gaps, strict=True):
            found = next((place for place in self._back(first, gap, least) if slot in self._classes(place)), None)
            if found is None:
                return False
            first = found
        return not any(DENIAL in self._classes(place) for place in range(first, at)) and not any(
            DENIAL in self._classes(place) for place in self._back(first, 1, least)
        )

    def _back(self, at: int, gap: int, least: int) -> Iterator[int]:
        """The words before one, so many that a gap may be between, of the same sentence."""
        for place in range(at - 1, max(-1, at - gap - 2), -1):
            word = self._words[place]
            if word in _SENTENCE_ENDS or self._spans[place][0] < least:
                return
            yield place

    def _classes(self, at: int) -> "set[str] | tuple[()]":
        return self._read.lexicon.classes.get(self._words[at], ())


def _in_word(char: str) -> bool:
    return char.isalnum() or char in _IN_WORD

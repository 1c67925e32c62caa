"""Finds things of known form in a text: one RE2 set of short triggers says which forms may occur at all, then each of
those is looked for by its own pattern and checked by code.

What is found depends on places alone, so that it does not matter how a text was split: from the left on, at each place
that nothing found before covers, the first form by rank that fits there counts. A form's pattern and check see at most
`LOOK_BACK` bytes before a place and `longest` code points from it on.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import re2

from hedgerow_server.core.guard import Finding, Scan, Source
from hedgerow_server.guardrails.regexp import compiled, options

LOOK_BACK = 96
"""Bytes before a place that a check may look at, such as for a word that says what a number is."""
_TOGETHER = 7
"""Patterns that run as one automaton."""

Span = tuple[int, int]
"""Where something stands: its first byte and one behind its last."""
Check = Callable[[bytes, int, int], Span | int]
"""Given what a pattern matched: where the thing stands, or, where it is none, from which place (behind the match's
first byte) to look on. The thing may begin before the match, but never before that of an earlier match of the form."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of thing is written."""

    category: str
    """What the finding is called, such as "email"."""
    pattern: str
    """RE2. Matches from the thing's first character on; the longest match counts."""
    trigger: str
    """RE2: something short that stands in all of them, so that texts without are done with at once. Few states matter
    more than few hits: the triggers of all forms run as one automaton."""
    check: Check
    """Tells whether it is one."""
    words: str = ""
    """RE2: without one of these in the text the form is not looked for. The check sees to where they stand."""
    reach: int = 0
    """Bytes, at most `LOOK_BACK`: how far before the thing a match may begin, where the pattern takes in what announces
    it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something that was found, in bytes."""

    start: int
    end: int
    category: str


class _Set:
    """Patterns that run as one automaton, and tell which of them match at all."""

    __slots__ = ("_numbers", "_set")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._set = re2.Set.SearchSet(options())
        self._numbers: dict[int, str] = {self._set.Add(pattern): pattern for pattern in dict.fromkeys(patterns)}
        self._set.Compile()

    def present(self, data: bytes) -> frozenset[str]:
        """The patterns that match somewhere."""
        numbers = self._set.Match(data) if self._numbers else None
        return frozenset(self._numbers[number] for number in numbers) if numbers else frozenset()


class Forms:
    """Several forms, the first of the highest rank.

    Before any single pattern runs, sets are asked: that of the triggers, and where one of theirs has hit, the set in
    which the form's pattern is, with its words. Each is small, since the states of all its patterns multiply, and they
    are made while texts are looked at.
    """

    __slots__ = ("_forms", "_sets", "_triggers")

    def __init__(self, forms: Sequence[Form]) -> None:
        self._triggers = _Set(form.trigger for form in forms)
        self._sets: list[_Set] = []
        self._forms: list[tuple[Form, re2._Regexp, int]] = []
        for kind in ([form for form in forms if not form.words], [form for form in forms if form.words]):
            for first in range(0, len(kind), _TOGETHER):
                part = kind[first : first + _TOGETHER]
                self._forms += ((form, compiled(form.pattern), len(self._sets)) for form in part)
                self._sets.append(_Set(text for form in part for text in (form.pattern, form.words) if text))
        ranks = {form: rank for rank, form in enumerate(forms)}
        self._forms.sort(key=lambda known: ranks[known[0]])

    def places(self, data: bytes, begin: int) -> Iterator[Place]:
        """What stands in the text from `begin` on, in order and without overlaps."""
        hits = self._triggers.present(data)
        if not hits:
            return
        searches = list(self._searches(data, begin, hits))
        while searches := [search for search in searches if search.start >= 0]:
            first = min(searches, key=_Search.order)
            place = Place(first.start, first.end, first.form.category)
            yield place
            for search in searches:
                search.leave(place.end)

    def _searches(self, data: bytes, begin: int, hits: frozenset[str]) -> Iterator["_Search"]:
        present: dict[int, frozenset[str]] = {}
        for rank, (form, regexp, number) in enumerate(self._forms):
            if form.trigger not in hits:
                continue
            if number not in present:
                present[number] = self._sets[number].present(data)
            found = present[number]
            if form.pattern in found and (not form.words or form.words in found):
                yield _Search(form, regexp, rank, data, begin)


class _Search:
    """One form on its way through a text."""

    __slots__ = ("_data", "_regexp", "_seen", "end", "form", "rank", "start")

    def __init__(self, form: Form, regexp: "re2._Regexp", rank: int, data: bytes, begin: int) -> None:
        self.form = form
        self.rank = rank
        self._regexp = regexp
        self._data = data
        self._seen = 0
        """No match that begins before this has to be looked at again."""
        self._look(begin)

    def order(self) -> tuple[int, int]:
        """What comes first in the text, and what has the higher rank where two begin."""
        return self.start, self.rank

    def leave(self, end: int) -> None:
        """What stands before `end` has been found to be something."""
        if self.start < end:
            self._look(end)

    def _look(self, begin: int) -> None:
        """Goes to the next place from `begin` on; `start` is -1 when there is none."""
        at = max(begin - self.form.reach, self._seen)
        while (match := self._regexp.search(self._data, at)) is not None:
            start, end = match.span()
            got = self.form.check(self._data, start, end)
            self._seen = start + 1
            if isinstance(got, tuple):
                if got[0] >= begin:
                    self.start, self.end = got
                    return
                got = got[1]
            at = max(got, start + 1)
        self.start = self.end = -1


class FormScanner:
    """A scanner of forms: see core.guard.Scanner."""

    context = LOOK_BACK
    """Code points before `begin` that it looks back at."""

    def __init__(
        self, forms: Sequence[Form], replacements: dict[str, str], prefix: str, open_from: Callable[[str, int], int]
    ) -> None:
        """`open_from` is given a text and where to begin, and tells from which place on there may be something that is
        not complete yet.
        """
        self.forms = tuple(forms)
        """What it looks for, the highest rank first."""
        self._forms = Forms(forms)
        self._named = {form.category: f"{prefix}.{form.category}" for form in forms}
        self._replacements = replacements
        self._open_from = open_from

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """What stands in the text from `begin` on."""
        low = max(0, begin - LOOK_BACK)
        data = (text[low:] if low else text).encode(errors="replace")
        plain = len(data) == len(text) - low
        first = begin - low if plain else len(text[low:begin].encode(errors="replace"))
        places = list(self._forms.places(data, first))
        findings = self._findings(places, data, low, plain=plain)
        if final:
            return Scan(findings, len(text))
        settled = max(begin, self._open_from(text, begin))
        while findings and findings[-1].end > settled:
            settled = min(settled, findings.pop().start)
        return Scan(findings, settled)

    def _findings(self, places: Sequence[Place], data: bytes, low: int, *, plain: bool) -> list[Finding]:
        """The places in code points."""
        findings: list[Finding] = []
        at, chars = 0, low
        for place in places:
            start, end = place.start + low, place.end + low
            if not plain:
                start = chars + _length(data, at, place.start)
                end = start + _length(data, place.start, place.end)
                at, chars = place.end, end
            findings.append(Finding(start, end, self._named[place.category], self._replacements[place.category]))
        return findings


def _length(data: bytes, start: int, end: int) -> int:
    return len(data[start:end].decode(errors="replace"))


_WORD = re.compile("[!-~\u00aa-\u024f\u0300-\u052f\u1e00-\u1fff\u2010-\u2015]*")
"""Characters of words that may be part of something: no white space, and none of a script that is written without
spaces."""


def last_word(text: str, begin: int, longest: int) -> int:
    """Where the word begins that the text ends with, or its last `longest` code points."""
    match = _WORD.match(text[max(begin, len(text) - longest) :][::-1])
    assert match is not None
    return len(text) - match.end()

"""Answers that give away the instructions of whoever runs the application."""

import bisect
import functools
import itertools
import re
from collections.abc import Iterator
from typing import Annotated, Literal

import pydantic

from hedgerow_server.core.guard import Finding, Scan, Source
from hedgerow_server.core.request import ChatSpec, EmbedSpec, Role, Text
from hedgerow_server.guardrails import pattern
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.looks import Look, PatternsLook, first_of
from hedgerow_server.guardrails.phrases import fold

_WORD = re.compile(r"\w+")
_CHARACTERS_PER_WORD = 32
"""Code points that a word with what is before it may take where words in a row are compared."""
_LONGEST = 16_384
"""Characters of the instructions that are compared, from their beginning on: they are read within the call."""
_KEPT = 64
"""Instructions whose words are kept ready: most calls of an application begin with the same ones."""


class CanaryGuardSection(GuardEntry):
    """A guard that finds the call's own instructions in its answer."""

    type: Literal["canary"] = "canary"
    """Finds the call's own instructions in its answer."""
    sides: tuple[Literal["input", "output"], ...] = ("output",)
    """Only answers are looked at."""
    phrases: tuple[Annotated[str, pydantic.Field(min_length=4, max_length=256)], ...] = ()
    """Words that stand in system messages to be recognised, and never belong into an answer. In any case, anywhere."""
    verbatim_words: Annotated[int, pydantic.Field(ge=4, le=64)] | None = 16
    """An answer with so many words in a row as they stand in the call's system and developer messages gives these away.
    Punctuation and case do not matter. Of long messages the first 16,384 characters count. null: only `phrases`."""
    replacement: Annotated[str, pydantic.Field(max_length=64)] = "[REMOVED]"
    """What stands in its place with `action: redact`."""

    @pydantic.model_validator(mode="after")
    def _of_answers(self) -> "CanaryGuardSection":
        if self.sides != ("output",):
            raise ValueError("expected sides: [output]: only answers can give instructions away")
        if not self.phrases and self.verbatim_words is None:
            raise ValueError("expected phrases or verbatim_words")
        return self


class CanaryGuard:
    """CallScanner of one entry."""

    def __init__(self, section: CanaryGuardSection) -> None:
        self._words = section.verbatim_words
        self._replacement = section.replacement
        self._phrases = (
            pattern.Patterns([pattern.phrase(fold(one)) for one in section.phrases]) if section.phrases else None
        )
        self._instructions = functools.lru_cache(maxsize=_KEPT)(Instructions)

    def scanner(self, spec: ChatSpec | EmbedSpec) -> "CanaryScanner | None":
        """The scanner of one call; None where there is nothing that it could give away."""
        told = None
        if self._words is not None and isinstance(spec, ChatSpec):
            text = "\n".join(_system(spec))[:_LONGEST]
            told = self._instructions(text, self._words) if text else None
            if told is not None and not told.long_enough:
                told = None
        if told is None and self._phrases is None:
            return None
        return CanaryScanner(told, self._phrases, self._replacement)


def _system(spec: ChatSpec) -> Iterator[str]:
    for message in spec.messages:
        if message.role in (Role.SYSTEM, Role.DEVELOPER):
            yield from (part.content.text for part in message.content if isinstance(part.content, Text))


class Instructions:
    """The words of some instructions, and which of them follow each other."""

    __slots__ = ("_pairs", "_runs", "_sorted", "long_enough", "run")

    def __init__(self, text: str, run: int) -> None:
        """`run`: how many words in a row give them away."""
        self.run = run
        words: list[str] = _WORD.findall(fold(text))
        self.long_enough = len(words) >= run
        self._sorted = sorted(set(words))
        self._pairs = set(itertools.pairwise(words))
        self._runs = set(_runs(words, run))

    def given(self, words: list[str]) -> list[int]:
        """Where the last words stand of all runs that are also in the instructions."""
        return [at for at, one in enumerate(_runs(words, self.run), self.run - 1) if one in self._runs]

    def has(self, word: str, *, partial: bool) -> bool:
        """Whether the word is in the instructions, or one that begins so."""
        at = bisect.bisect_left(self._sorted, word)
        found = self._sorted[at] if at < len(self._sorted) else ""
        return found.startswith(word) if partial else found == word

    def open_words(self, words: list[str], *, cut: bool) -> int:
        """How many of the last words may be of a run that more text completes; `cut`: the last one may go on. Looks at
        pairs, so it may say too many.
        """
        if not words or not self.has(words[-1], partial=cut):
            return 0
        whole = words[:-1] if cut else words
        if not whole or not self.has(whole[-1], partial=False):
            return 1
        count = 1 + cut
        for pair in zip(whole[-2::-1], whole[::-1], strict=False):
            if count >= self.run or pair not in self._pairs:
                break
            count += 1
        return count


def _runs(words: list[str], run: int) -> Iterator[int]:
    """The hash of each run of so many words. Hashes of strings differ from process to process, so nobody can aim."""
    return map(hash, zip(*(words[at:] for at in range(run)), strict=False))


class CanaryScanner:
    """Scanner of one call's answer."""

    def __init__(self, told: Instructions | None, phrases: pattern.Patterns | None, replacement: str) -> None:
        self.context = told.run * _CHARACTERS_PER_WORD if told is not None else 0
        self._told = told
        self._phrases = phrases
        self._replacement = replacement

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """Each word of what is given away is a finding of its own, so that not all of it has to be held until its
        end; only the first one leaves a word in its place.
        """
        folded = fold(text)
        looks: list[Look] = []
        verbatim: _Verbatim | None = None
        if self._told is not None:
            verbatim = _Verbatim(self._told, folded, max(0, begin - self.context), final=final)
            looks.append(verbatim)
        if self._phrases is not None:
            looks.append(PatternsLook(self._phrases, folded, final=final))
        hits, settled = first_of(looks, begin, len(text), final=final)
        findings = []
        for hit in hits:
            further = verbatim is not None and hit.look == 0 and verbatim.goes_on(hit.start)
            findings.append(Finding(hit.start, hit.end, "canary", "" if further else self._replacement))
        return Scan(findings, settled)


class _Verbatim:
    """One look for words in a row as they stand in the instructions."""

    def __init__(self, told: Instructions, folded: str, context: int, *, final: bool) -> None:
        """`context`: from where on the text is looked at."""
        words = [match.span() for match in _WORD.finditer(folded, context)]
        if words and words[0][0] == context and context and _in_word(folded[context - 1]):
            del words[0]
        self._size = self._open = len(folded)
        widest = told.run * _CHARACTERS_PER_WORD
        cut = not final and bool(words) and words[-1][1] == self._size
        texts = [folded[start:end] for start, end in words]
        covered = [False] * len(words)
        for at in told.given(texts[:-1] if cut else texts):
            if words[at][1] - words[at - told.run + 1][0] <= widest:
                covered[at - told.run + 1 : at + 1] = [True] * told.run
        self._given = [word for word, given in zip(words, covered, strict=True) if given]
        self._later = {words[at][0] for at in range(1, len(words)) if covered[at] and covered[at - 1]}
        if not final:
            last = range(len(words) - told.open_words(texts, cut=cut), len(words))
            starts = (words[at][0] for at in last if not covered[at])
            self._open = next((start for start in starts if self._size - start <= widest), self._size)

    def next(self, begin: int) -> tuple[int, int] | None:
        """The next word that is given away."""
        at = bisect.bisect_left(self._given, (begin, begin))
        return self._given[at] if at < len(self._given) else None

    def open_from(self, begin: int) -> int:
        """The first word that may turn out to be given away."""
        return max(begin, self._open) if self._open < self._size else self._size

    def goes_on(self, start: int) -> bool:
        """Whether the word before the one at this place is given away, too."""
        return start in self._later


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"

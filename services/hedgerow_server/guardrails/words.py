"""Lists of words and phrases, and patterns, that must not go in or come out."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import pydantic
import re2

from hedgerow_server.core.guard import Finding, Scan, Source
from hedgerow_server.guardrails import pattern
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.looks import Look, PatternsLook, first_of
from hedgerow_server.guardrails.pattern import PatternInvalid, Patterns
from hedgerow_server.guardrails.phrases import UNSEEN, Phrases, fold, prepare, unmask

_LEET = {"a": "a4@", "b": "b8", "e": "e3", "i": "i1!", "l": "l1", "o": "o0", "s": "s5$", "t": "t7"}
_SPACERS = r"[ .*_-]"
_LEAST_SPACED = 4
"""Letters that a phrase must have to be looked for with its letters apart: shorter ones come about by chance."""


class WordsGuardSection(GuardEntry):
    """A guard that finds words, phrases and patterns. At least one must be given."""

    type: Literal["words"] = "words"
    """Finds words, phrases and patterns of a list."""
    words: tuple[Annotated[str, pydantic.Field(min_length=1, max_length=256)], ...] = ()
    """Words and phrases. Case does not matter, nor does how much white space (1 to 8) is between the words."""
    file: Path | None = None
    """A file with more of them in UTF-8, one a line; lines that are empty or begin with # are left out. Read when the
    configuration is loaded."""
    match: Literal["words", "substrings"] = "words"
    """words: a phrase is found where whole words make it; substrings: anywhere, also within a word."""
    evasions: bool = False
    """Also finds the words behind look-alikes of their letters, digits for letters, unseen characters, and, from four
    letters on, with a space, dot, dash, star or underscore between the letters; whole words also with letters that are
    stretched."""
    patterns: tuple[Annotated[str, pydantic.Field(min_length=1, max_length=1024)], ...] = ()
    r"""Patterns of RE2's syntax, such as "(?i)project\s+x[0-9]+", of which the longest match counts. They stand
    anywhere in a text: ^, $, \A and \z are refused. Case matters, and `evasions` does not hold for them."""
    longest: Annotated[int, pydantic.Field(ge=1, le=1000)] = 256
    """The most repetitions that one `*`, `+` or `{n,}` of a pattern takes: a stream has to be held for so long."""
    category: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=64)] = "words"
    """What the verdicts call it."""
    replacement: Annotated[str, pydantic.Field(max_length=64)] = "[REMOVED]"
    """What stands in its place with `action: redact`."""

    @pydantic.model_validator(mode="after")
    def _something(self) -> "WordsGuardSection":
        if not (self.words or self.file or self.patterns):
            raise ValueError("expected words, file or patterns")
        for phrase in self.words:
            if not phrase.strip():
                raise ValueError("expected words that are more than white space")
        for one in self.patterns:
            try:
                Patterns([pattern.parse(one, self.longest)])
            except PatternInvalid as error:
                raise ValueError(f"pattern {one!r}: {error}") from None
        return self


class WordsGuard:
    """Scanner of one list."""

    context = 1

    def __init__(self, section: WordsGuardSection) -> None:
        """Raises ValueError where the file cannot be read or is of no use."""
        self._category = section.category
        self._replacement = section.replacement
        phrases = [*section.words, *(_lines(section.file) if section.file is not None else ())]
        disguised = section.evasions
        self._phrases = Phrases(phrases, disguised=disguised) if phrases and section.match == "words" else None
        self._unmask = unmask if disguised else fold
        if disguised:
            prepare()
        found: list[pattern.Node] = []
        if section.match == "substrings":
            found += (
                [_disguised(phrase) for phrase in phrases]
                if disguised
                else [pattern.phrase(fold(phrase)) for phrase in phrases]
            )
        if disguised:
            found += [_spaced(phrase) for phrase in phrases if sum(map(str.isalpha, phrase)) >= _LEAST_SPACED]
        self._folded_patterns = _patterns(found)
        self._patterns = _patterns([pattern.parse(one, section.longest) for one in section.patterns])

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """Finds the first match, and goes on behind it. Where several begin at one place the longest counts."""
        looks = self._looks(text, begin, final=final)
        hits, settled = first_of(looks, begin, len(text), final=final)
        return Scan([Finding(hit.start, hit.end, self._category, self._replacement) for hit in hits], settled)

    def _looks(self, text: str, begin: int, *, final: bool) -> list[Look]:
        looks: list[Look] = []
        if self._phrases is not None or self._folded_patterns is not None:
            folded = self._unmask(text)
            if self._phrases is not None:
                looks.append(self._phrases.look(folded, begin, final=final))
            if self._folded_patterns is not None:
                looks.append(PatternsLook(self._folded_patterns, folded, final=final))
        if self._patterns is not None:
            looks.append(PatternsLook(self._patterns, text, final=final))
        return looks


def _patterns(nodes: Sequence[pattern.Node]) -> Patterns | None:
    return Patterns(nodes) if nodes else None


def _lines(path: Path) -> Iterable[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ValueError(f"{path}: no words")
    return found


def _disguised(phrase: str) -> pattern.Node:
    """The phrase with unseen characters and digits for letters."""
    words = [
        pattern.row([_letter(char) for char in word], r"\x00", 0, 4)
        for word in unmask(phrase).replace(UNSEEN, "").split()
    ]
    return pattern.sequence([part for word in words for part in (pattern.gap(), word)][1:])


def _spaced(phrase: str) -> pattern.Node:
    """The phrase with its letters apart."""
    letters = [_letter(char) for char in unmask(phrase) if char != UNSEEN and not char.isspace()]
    return pattern.row(letters, _SPACERS, 1, 3, whole=True)


def _letter(char: str) -> str:
    return f"[{re2.escape(_LEET[char])}]" if char in _LEET else re2.escape(char)

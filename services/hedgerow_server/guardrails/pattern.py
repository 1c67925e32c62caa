"""Patterns of RE2's syntax over a text that comes in pieces: where they match, and what could still become a match.

RE2 has no partial matches. So each pattern is read into a tree (it knows RE2's atoms, not what they stand for), every
`*`, `+` and `{n,}` of which gets a bound, and is written twice: once as it is, and once as all beginnings of its
matches that more text could complete. The second one, tied to the end of the text, tells how much has to be held.
Syntax: https://github.com/google/re2/wiki/Syntax
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import re2

from hedgerow_server.guardrails.regexp import compiled

_QUANTIFIER = re.compile(r"(?:[*+?]|\{([0-9]+)(?:(,)([0-9]*))?\})\??")
_ESCAPE = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2})|[0-7]{1,3}|.)", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|([is]*):))?")
_FLAGS = re.compile(r"\(\?([is]+)\)")
_EDGE = r"\b"
_DEEPEST = 400
"""Parts of a sequence, each of which nests the beginnings of what follows one deeper; RE2 takes 1,000."""


class PatternInvalid(ValueError):
    """A pattern that cannot be used; the text says why."""


class Node(NamedTuple):
    """A piece of a pattern."""

    full: str
    """What it matches, as a pattern that may stand anywhere."""
    begun: str | None
    """The beginnings of its matches that more text can complete, the empty one included. None: it takes no text."""
    longest: int
    """The most code points that it matches."""


class Patterns:
    """Several patterns as one: the leftmost match of any of them counts, and of those the longest."""

    __slots__ = ("_begun", "_full", "longest")

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Raises PatternInvalid where RE2 does not take them."""
        self.longest = max(node.longest for node in nodes)
        """The most code points of a match."""
        self._full = _compiled("|".join(node.full for node in nodes))
        self._begun = _compiled("(?:" + "|".join(node.begun or "" for node in nodes) + r")\z")
        if self._full.search("") is not None:
            raise PatternInvalid("it also matches the empty text")

    def next(self, text: str, begin: int) -> tuple[int, int] | None:
        """The first match from `begin` on."""
        match = self._full.search(text, begin)
        return None if match is None else match.span()

    def open_from(self, text: str, begin: int) -> int:
        """The first place from `begin` on from which the rest of the text is the beginning of a longer match; the end
        of the text where there is none.
        """
        match = self._begun.search(text, max(begin, len(text) - self.longest))
        assert match is not None  # the empty end always matches
        return int(match.start())


def phrase(text: str) -> Node:
    """The folded text as it is; each run of white space in it stands for one to eight of any kind."""
    parts = [gap() if part.isspace() else Node(re2.escape(part), "", 1) for part in re.findall(r"\s+|\S", text)]
    return sequence(parts)


def gap() -> Node:
    """What stands for white space between the words of a phrase."""
    return _repeated(Node(r"[\s\x00]", "", 1), 1, 8)


def row(atoms: Sequence[str], between: str, least: int, most: int, *, whole: bool = False) -> Node:
    """Atoms of one code point each, with `least` to `most` times the atom `between` from one to the next; `whole`: no
    letter or digit may be next to it.
    """
    edge = [Node(_EDGE, "", 0)] if whole else []
    spacer = _repeated(Node(between, "", 1), least, most)
    parts = [part for atom in atoms for part in (spacer, Node(atom, "", 1))][1:]
    return sequence([*edge, *parts, *edge])


def parse(pattern: str, unbounded: int) -> Node:
    """A pattern of RE2's syntax in which nothing repeats without a bound: `*`, `+` and `{n,}` take at most `unbounded`
    repetitions. Raises PatternInvalid.
    """
    _compiled(pattern)
    flags = _FLAGS.match(pattern)
    reader = _Reader(pattern, flags.end() if flags else 0, unbounded)
    node = reader.choice()
    if reader.at < len(pattern):
        raise PatternInvalid(f"expected no ) at place {reader.at}")
    return _flagged(flags[1] if flags else "", node)


def _compiled(pattern: str) -> "re2._Regexp":
    try:
        return compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        raise PatternInvalid(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def _flagged(flags: str, node: Node) -> Node:
    begun = None if node.begun is None else f"(?{flags}:{node.begun})"
    return Node(f"(?{flags}:{node.full})", begun, node.longest)


def sequence(parts: Sequence[Node]) -> Node:
    """One after the other: what has begun is a beginning of the first, or all of it and a beginning of the rest."""
    if len(parts) > _DEEPEST:
        raise PatternInvalid(f"more than {_DEEPEST} parts in one sequence")
    begun: str | None = None
    for part in reversed(parts):
        if begun is None:
            begun = part.begun
        elif part.begun is None:
            begun = part.full + begun
        else:
            begun = f"(?:{part.begun}|{part.full}{begun})"
    return Node("".join(part.full for part in parts), begun, sum(part.longest for part in parts))


def _either(parts: Sequence[Node]) -> Node:
    if len(parts) == 1:
        return parts[0]
    begun = [part.begun for part in parts if part.begun is not None]
    return Node(
        "(?:" + "|".join(part.full for part in parts) + ")",
        "(?:" + "|".join(begun) + ")" if begun else None,
        max(part.longest for part in parts),
    )


def _repeated(part: Node, least: int, most: int) -> Node:
    if part.begun is None or most == 0:
        return Node(f"(?:{part.full}){{{least},{most}}}", None, 0)
    return Node(
        f"(?:{part.full}){{{least},{most}}}", f"(?:{part.full}){{0,{most - 1}}}(?:{part.begun})", part.longest * most
    )


class _Reader:
    """Reads a pattern that RE2 has taken."""

    def __init__(self, pattern: str, at: int, unbounded: int) -> None:
        self.at = at
        self._pattern = pattern
        self._unbounded = unbounded

    def choice(self) -> Node:
        """Up to the closing bracket or the end."""
        parts = [self._row()]
        while self._peek() == "|":
            self.at += 1
            parts.append(self._row())
        return _either(parts)

    def _row(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            part = self._atom()
            while match := _QUANTIFIER.match(self._pattern, self.at):
                self.at = match.end()
                part = _repeated(part, *self._times(match))
            parts.append(part)
        return sequence(parts)

    def _times(self, match: "re.Match[str]") -> tuple[int, int]:
        if match[1] is None:
            return {"*": (0, self._unbounded), "+": (1, self._unbounded), "?": (0, 1)}[match[0][0]]
        least = int(match[1])
        if match[2] is None:
            return least, least
        return least, int(match[3]) if match[3] else max(least, self._unbounded)

    def _atom(self) -> Node:
        char = self._peek()
        if char == "(":
            return self._group()
        if char in "^$":
            raise PatternInvalid(f"{char} ties a pattern to the ends of a text, which comes in pieces")
        if char == "[":
            return self._taken(_CLASS)
        if char == "\\":
            return self._escape()
        self.at += 1
        return Node(char, "", 1)

    def _group(self) -> Node:
        match = _GROUP.match(self._pattern, self.at)
        assert match is not None
        if self._pattern.startswith("?", match.end()):
            raise PatternInvalid("flags other than (?i) and (?s) at its beginning, or (?i:…) around a part")
        self.at = match.end()
        inner = self.choice()
        self.at += 1
        return _flagged(match[1] or "", inner)

    def _escape(self) -> Node:
        kind = self._pattern[self.at + 1]
        if kind in "AzCQ":
            raise PatternInvalid(f"\\{kind} is not taken here")
        node = self._taken(_ESCAPE)
        # Whether a word ends here is seen by what follows, so one more code point is waited for.
        return Node(node.full, "", 0) if kind in "bB" else node

    def _taken(self, atom: "re.Pattern[str]") -> Node:
        match = atom.match(self._pattern, self.at)
        if match is None:
            raise PatternInvalid(f"nothing that is known at place {self.at}")
        self.at = match.end()
        return Node(match[0], "", 1)

    def _peek(self) -> str:
        return self._pattern[self.at : self.at + 1]

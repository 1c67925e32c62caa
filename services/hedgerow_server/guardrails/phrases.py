"""Words and phrases of a list, found as whole words in a text that comes in pieces."""

import bisect
import functools
import itertools
import re
import string
from collections.abc import Iterable, Mapping

import re2

UNSEEN = "\0"
"""Stands for a character that nobody sees, so that a folded text keeps its length."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DISGUISED_TOKEN = re.compile(r"[\w\0@$!]+|[^\w\s\0@$!]")
_MARKS = "@$!"
"""What stands for a letter inside of a word, and for itself beside one."""
_LEET = str.maketrans("0134578@$!", "oieastbasi")
_LEET_L = str.maketrans("0134578@$!", "oleastbasi")
_LEET_SIGN = re.compile(r"[0-9@$!\0]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_ANY_STRETCHED = re2.compile("|".join(letter * 3 for letter in string.ascii_lowercase))
_WIDEST_GAP = 8
"""The most white space between two words of a phrase."""
_LONGEST_DISGUISED = 64
"""Code points of a word beyond which nobody looks what it may be a disguise of."""


def fold(text: str) -> str:
    """The text in one case and as long as it was: what has no equally long form stays as it is."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(one if len(one := char.casefold()) == 1 else _lower(char) for char in text)


def _lower(char: str) -> str:
    lower = char.lower()
    return lower if len(lower) == 1 else char


def unmask(text: str) -> str:
    """The text in one case and without look-alikes, as long as it was; UNSEEN for what is not seen."""
    if text.isascii():
        return fold(text)
    # Only what is not ASCII: to translate a character takes a look-up, and most of most texts is ASCII.
    return _NOT_ASCII.sub(_seen, fold(text))


def _seen(match: "re.Match[str]") -> str:
    return match.group().translate(_look_alikes())


def prepare() -> None:
    """Builds what `unmask` needs of texts that are not ASCII: half a second, which no call should wait for."""
    _look_alikes()


@functools.cache
def _look_alikes() -> Mapping[int, str]:
    """Letters of other scripts, with accents, full-width and so on, and the Latin ones that they look like."""
    from hedgerow_server.guardrails import normalise

    codes = [code for code in range(0x80, 0x20000) if not 0xD800 <= code < 0xE000]
    # A line for each, so that none is read together with its neighbours.
    plain = normalise.plain("\n".join(map(chr, codes)))
    seen = {
        int(place) // 2: int(symbol)
        for symbol, place in zip(plain.symbols, plain.places, strict=True)
        if place % 2 == 0
    }
    found: dict[int, str] = {}
    for at, code in enumerate(codes):
        symbol = seen.get(at)
        if symbol is None:
            found[code] = UNSEEN
        elif normalise.LETTER <= symbol < normalise.OTHER:
            found[code] = chr(ord("a") + symbol - normalise.LETTER)
    return found


class Node:
    """What may follow some words."""

    __slots__ = ("children", "ends")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.ends = False
        """Whether a phrase is complete here."""


class Phrases:
    """Phrases as words in a row. Case does not matter, what stands between the words does, white space but for its
    width.
    """

    __slots__ = ("_root", "_starts", "_token", "disguised")

    def __init__(self, phrases: Iterable[str], *, disguised: bool = False) -> None:
        """`disguised`: also finds them behind look-alikes, digits for letters, unseen characters and stretched
        letters.
        """
        self.disguised = disguised
        self._token = _DISGUISED_TOKEN if disguised else _TOKEN
        self._root = Node()
        for phrase in phrases:
            node = self._root
            for token in _TOKEN.findall(self.folded(phrase).replace(UNSEEN, "")):
                node = node.children.setdefault(token, Node())
            node.ends = node is not self._root
        self._starts = frozenset(word[:size] for word in self._root.children for size in range(1, len(word) + 1))

    def folded(self, text: str) -> str:
        """The text as it is looked at."""
        return unmask(text) if self.disguised else fold(text)

    def look(self, folded: str, begin: int, *, final: bool) -> "PhrasesLook":
        """Looks at a folded text from `begin` on."""
        return PhrasesLook(self, _Words(folded, begin, self._token, final=final, disguised=self.disguised))

    def firsts(self, words: "_Words") -> list[int]:
        """The words with which a phrase may begin."""
        first = self._root.children
        found = (
            [] if first.keys().isdisjoint(words.texts) else [at for at, one in enumerate(words.texts) if one in first]
        )
        if self.disguised:
            stretched = _ANY_STRETCHED.search(words.folded, words.begin) is not None
            for at, one in enumerate(words.texts):
                if (stretched or not one.isalpha()) and self._following(self._root, one):
                    found.append(at)
            found = sorted(set(found))
        last = len(words.texts) - 1
        if words.cut and (not found or found[-1] < last) and self._may_follow(self._root, words.texts[last]):
            found.append(last)
        return found[1:] if found and not found[0] and words.torn else found

    def walk(self, words: "_Words", first: int) -> tuple[int | None, bool]:
        """The last word of the longest phrase that begins with the `first` one; and whether more text may change it."""
        node, end = self._root, None
        spans, last = words.spans, len(words.texts) - 1
        for at in range(first, last + 1):
            if at > first and spans[at][0] - spans[at - 1][1] > _WIDEST_GAP:
                return end, False
            if words.cut and at == last:
                return end, self._may_follow(node, words.texts[at])
            following = self._following(node, words.texts[at])
            if following is None:
                return end, False
            node = following
            end = at if node.ends else end
        undecided = not words.final and bool(node.children) and len(words.folded) - spans[last][1] <= _WIDEST_GAP
        return end, undecided

    def _following(self, node: Node, token: str) -> Node | None:
        found = node.children.get(token)
        if found is None and self.disguised:
            return next((node.children[form] for form in readings(token) if form in node.children), None)
        return found

    def _may_follow(self, node: Node, partial: str) -> bool:
        """Whether a word that begins so may go on with the phrase."""
        if self.disguised:
            return bool(node.children) and len(partial) <= _LONGEST_DISGUISED
        return (
            partial in self._starts if node is self._root else any(word.startswith(partial) for word in node.children)
        )


def _suspect(token: str) -> bool:
    """Whether a word may be a disguise of another one. Numbers and marks without a letter are what they are."""
    if token.isalpha():
        return _STRETCHED.search(token) is not None
    return len(token) > 1 and _LEET_SIGN.search(token) is not None and any(map(str.isalpha, token))


def readings(token: str) -> list[str]:
    """What an unmasked word may stand for: itself, with letters for digits and marks, and with letters that are
    stretched in their usual number. None for a word that is no disguise.
    """
    if len(token) > _LONGEST_DISGUISED or not _suspect(token):
        return []
    seen = token.replace(UNSEEN, "")
    found = []
    for form in (seen, seen.strip(_MARKS), seen.rstrip("!")):
        for read in (form, form.translate(_LEET), form.translate(_LEET_L)):
            found += [read, _STRETCHED.sub(r"\1", read), _STRETCHED.sub(r"\1\1", read)]
    return list(dict.fromkeys(found))


class _Words:
    """The words and signs of a folded text."""

    __slots__ = ("__dict__", "begin", "cut", "final", "folded", "texts", "token", "torn")

    def __init__(self, folded: str, begin: int, token: "re.Pattern[str]", *, final: bool, disguised: bool) -> None:
        self.folded = folded
        self.begin = begin
        self.final = final
        self.token = token
        self.texts: list[str] = token.findall(folded, begin)
        marks = _MARKS + UNSEEN if disguised else ""
        self.cut = not final and bool(self.texts) and _in_word(folded[-1], marks)
        """Whether the last word may go on."""
        self.torn = 0 < begin < len(folded) and _in_word(folded[begin - 1], marks) and _in_word(folded[begin], marks)
        """Whether the first one is the rest of a word that was settled as none of ours."""

    @functools.cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Where they stand."""
        return [match.span() for match in self.token.finditer(self.folded, self.begin)]


def _in_word(char: str, marks: str) -> bool:
    return char.isalnum() or char == "_" or char in marks


class PhrasesLook:
    """One look at one text."""

    __slots__ = ("_firsts", "_known", "_phrases", "_words")

    def __init__(self, phrases: Phrases, words: _Words) -> None:
        self._phrases = phrases
        self._words = words
        self._firsts = phrases.firsts(words)
        self._known: tuple[int, tuple[tuple[int, int] | None, int]] = (-1, (None, 0))

    def next(self, begin: int) -> tuple[int, int] | None:
        return self._from(begin)[0]

    def open_from(self, begin: int) -> int:
        return self._from(begin)[1]

    def _from(self, begin: int) -> tuple[tuple[int, int] | None, int]:
        if begin != self._known[0]:
            self._known = begin, self._first(begin)
        return self._known[1]

    def _first(self, begin: int) -> tuple[tuple[int, int] | None, int]:
        """The first match that nothing can change any more, and the first place of which that is not known."""
        words = self._words
        firsts = self._firsts
        at = bisect.bisect_left(firsts, begin, key=lambda first: words.spans[first][0])
        for first in itertools.islice(firsts, at, None):
            start = words.spans[first][0]
            end, undecided = self._phrases.walk(words, first)
            if undecided:
                return None, start
            if end is not None:
                return (start, words.spans[end][1]), len(words.folded)
        return None, len(words.folded)

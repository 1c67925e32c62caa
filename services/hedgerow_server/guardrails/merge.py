"""What several guards have found in one text, and the text without it."""

from collections.abc import Iterable, Sequence

import msgspec

from hedgerow_server.core.guard import Finding


class Cut(msgspec.Struct, frozen=True):
    """A place of a text that is replaced."""

    start: int
    end: int
    replacement: str


def merged(findings: Iterable[tuple[int, Finding]]) -> list[Cut]:
    """The places that are replaced, in order and apart. `findings` have the place of their guard in the list of guards:
    where they overlap all of it is replaced by the word of the guard that stands first.
    """
    cuts: list[Cut] = []
    start = end = 0
    best = (0, 0, "")
    for order, one in sorted(findings, key=lambda one: (one[1].start, one[0])):
        rank = (order, one.start, one.replacement)
        if one.start < end:
            end, best = max(end, one.end), min(best, rank)
            continue
        if end > start:
            cuts.append(Cut(start, end, best[2]))
        start, end, best = one.start, one.end, rank
    if end > start:
        cuts.append(Cut(start, end, best[2]))
    return cuts


def replaced(text: str, cuts: Sequence[Cut], begin: int = 0) -> str:
    """A text with its cuts replaced; `begin` is the place of its first code point, as the cuts count."""
    if not cuts:
        return text
    pieces: list[str] = []
    at = begin
    for cut in cuts:
        pieces += (text[at - begin : cut.start - begin], cut.replacement)
        at = cut.end
    pieces.append(text[at - begin :])
    return "".join(pieces)

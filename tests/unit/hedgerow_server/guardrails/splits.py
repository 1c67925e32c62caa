"""Drives a scanner as the window over a stream does, to show that where a text is split changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hedgerow_server.core.guard import Finding, Scanner, Source

STEP = 8192
"""Code points of a step in which the pipeline goes through a whole text."""


@dataclass(slots=True)
class Seen:
    """What became of a text that came in pieces."""

    findings: list[Finding] = field(default_factory=list)
    """All of them, their places counted from the beginning of the whole text."""
    longest_hold: int = 0
    """The most code points that were held back once a piece had been looked at."""


def in_pieces(scanner: Scanner, pieces: Sequence[str], source: Source = Source.ANSWER) -> Seen:
    """Feeds the pieces one by one, then the end. The scanner sees nothing of what is settled but its `context`, and
    whatever breaks its contract raises AssertionError.
    """
    seen = Seen()
    buffer, dropped, settled = "", 0, 0
    for piece, final in _marked(pieces):
        buffer += piece
        scan = scanner.scan(buffer, source, settled, final=final)
        _assert_sound(scan.findings, begin=settled, settled=scan.settled, length=len(buffer), final=final)
        seen.findings += (_moved(finding, dropped) for finding in scan.findings)
        if not final:
            seen.longest_hold = max(seen.longest_hold, len(buffer) - scan.settled)
        drop = max(0, scan.settled - scanner.context)
        buffer, dropped, settled = buffer[drop:], dropped + drop, scan.settled - drop
    return seen


def whole(scanner: Scanner, text: str, source: Source = Source.ANSWER) -> list[Finding]:
    """What one look at the whole text finds."""
    scan = scanner.scan(text, source, 0, final=True)
    _assert_sound(scan.findings, begin=0, settled=scan.settled, length=len(text), final=True)
    return list(scan.findings)


def in_steps(scanner: Scanner, text: str, source: Source = Source.USER, step: int = STEP) -> Seen:
    """What the pipeline finds that goes through a whole text in steps."""
    return in_pieces(scanner, [text[at : at + step] for at in range(0, len(text), step)], source)


def assert_same_in_pieces(scanner: Scanner, pieces: Sequence[str], source: Source = Source.ANSWER) -> None:
    """The pieces give what their whole gives."""
    expected, got = whole(scanner, "".join(pieces), source), in_pieces(scanner, pieces, source).findings
    assert got == expected, f"split into {list(pieces)!r}: {got} instead of {expected}"


def assert_same_at_every_split(scanner: Scanner, text: str, source: Source = Source.ANSWER) -> None:
    """Every split into two gives what the whole text gives, and so does one code point at a time."""
    assert_same_at(scanner, text, range(1, len(text)), source)


def assert_same_at(
    scanner: Scanner, text: str, places: Sequence[int], source: Source = Source.ANSWER, *, singly: bool = True
) -> None:
    """As `assert_same_at_every_split`, at some places only: for texts that are many or long. `singly`: also one code
    point at a time.
    """
    expected = whole(scanner, text, source)
    for at in places:
        got = in_pieces(scanner, (text[:at], text[at:]), source).findings
        assert got == expected, f"{text!r} split at {at}: {got} instead of {expected}"
    if not singly:
        return
    got = in_pieces(scanner, list(text), source).findings
    assert got == expected, f"{text!r} by single characters: {got} instead of {expected}"


def _marked(pieces: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The pieces, none of them known to be the last, and then the end."""
    yield from ((piece, False) for piece in pieces)
    yield "", True


def _moved(finding: Finding, by: int) -> Finding:
    return Finding(finding.start + by, finding.end + by, finding.category, finding.replacement, finding.score)


def _assert_sound(findings: Sequence[Finding], *, begin: int, settled: int, length: int, final: bool) -> None:
    assert begin <= settled <= length, f"settled {settled} is not within {begin} to {length}"
    assert not final or settled == length, f"settled {settled} of {length} at the end"
    before = begin
    for finding in findings:
        assert before <= finding.start < finding.end <= settled, f"{finding} after {before}, settled {settled}"
        before = finding.end

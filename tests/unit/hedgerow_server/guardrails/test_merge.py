"""Places that several guards want to replace."""

from hedgerow_server.core.guard import Finding
from hedgerow_server.guardrails.merge import Cut, merged, replaced


def test_findings_that_overlap_become_one_place_with_the_word_of_the_first_guard() -> None:
    """Whichever of them begins first in the text."""
    findings = [(1, Finding(0, 5, "b", "[B]")), (0, Finding(3, 8, "a", "[A]"))]
    assert merged(findings) == [Cut(0, 8, "[A]")]


def test_findings_side_by_side_stay_apart() -> None:
    assert merged([(0, Finding(0, 3, "a", "[A]")), (1, Finding(3, 5, "b", "[B]"))]) == [
        Cut(0, 3, "[A]"),
        Cut(3, 5, "[B]"),
    ]


def test_a_chain_of_overlaps_is_one_place() -> None:
    findings = [(2, Finding(0, 4, "c", "[C]")), (1, Finding(3, 7, "b", "[B]")), (2, Finding(6, 9, "c", "[C]"))]
    assert merged(findings) == [Cut(0, 9, "[B]")]


def test_a_text_is_left_as_it_is_around_its_cuts() -> None:
    text = "ab SECRET cd SECRET"
    cuts = [Cut(3, 9, "[X]"), Cut(13, 19, "")]
    assert (replaced(text, cuts), replaced(text[3:], cuts, 3)) == ("ab [X] cd ", "[X] cd ")

"""Words, phrases and patterns: what is found, and that nothing depends on how a text came."""

import random
from pathlib import Path

import pydantic
import pytest
from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.words import WordsGuard, WordsGuardSection
from unit.hedgerow_server.guardrails.splits import assert_same_at_every_split, in_pieces, whole


def guard(**keys: object) -> WordsGuard:
    return WordsGuard(WordsGuardSection.model_validate(keys))


def found(scanner: WordsGuard, text: str) -> list[str]:
    return [text[one.start : one.end] for one in whole(scanner, text)]


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        (["project x"], "The PROJECT \n  X is not project xy.", ["PROJECT \n  X"]),
        (["bad"], "badly, embadded, bad_: bad", ["bad"]),
        (["fox", "fox trot", "fox trot dance"], "fox trot dances, fox trot", ["fox trot", "fox trot"]),
        (["c++", ".net", "don't"], "c, c++, .NET and don't; don t", ["c++", ".NET", "don't"]),
        (["Straße", "ΣΊΣΥΦΟΣ"], "STRAßE σίσυφος", ["STRAßE", "σίσυφος"]),
        (["two words"], "two" + " " * 8 + "words two" + " " * 9 + "words", ["two" + " " * 8 + "words"]),
        (["a b", "b c d"], "a b c d", ["a b"]),
    ],
)
def test_whole_words_in_any_case_make_a_phrase(words: list[str], text: str, expected: list[str]) -> None:
    scanner = guard(words=words)
    assert found(scanner, text) == expected
    assert_same_at_every_split(scanner, text)


def test_substrings_are_found_within_words() -> None:
    scanner = guard(words=["bad", "two words"], match="substrings")
    text = "embadded TWO   wordsmiths"
    assert found(scanner, text) == ["bad", "TWO   words"]
    assert_same_at_every_split(scanner, text)


@pytest.mark.parametrize(
    "disguise",
    [
        "killer", "k1ller", "k!ller", "ki11er", "k\u0456ll\u0435r", "\uff2b\uff29\uff2c\uff2c\uff25\uff32",
        "ki\u200bll\u200ber", "k\u00edll\u00e9r", "ki\u0301ller", "kiiiiiller", "killerrrr", "k i l l e r",
        "k.i.l.l.e.r", "K - I - L - L - E - R", "\U0001d4c0\U0001d4be\U0001d4c1\U0001d4c1\u212f\U0001d4c7",
    ],
)  # fmt: skip
def test_evasions_are_seen_through(disguise: str) -> None:
    text = f"so a {disguise} came"
    scanner = guard(words=["killer"], evasions=True)
    assert found(scanner, text) == [disguise]
    assert_same_at_every_split(scanner, text)
    if disguise != "killer":
        assert found(guard(words=["killer"]), text) == []


def test_evasions_leave_other_words_alone() -> None:
    assert found(guard(words=["ass", "killer"], evasions=True), "455 class, a s s, skillers, 4.5.5 a miller") == []


def test_disguised_substrings_are_found_within_words() -> None:
    scanner = guard(words=["bad", "two words"], match="substrings", evasions=True)
    text = "emb4dded b\u200bads tw0 \u200b w0rds"
    assert found(scanner, text) == ["b4d", "b\u200bad", "tw0 \u200b w0rds"]
    assert_same_at_every_split(scanner, text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"(?i)project\s+x[0-9]+", "PROJECT  X12 and project x", ["PROJECT  X12"]),
        (r"\bcat\b", "cats cat concat", ["cat"]),
        (r"[A-Z]{2,3}-\d{2}|[A-Z]-\d", "AB-12 A-1 ABCD-123", ["AB-12", "A-1", "BCD-12"]),
        (r"(?:ab)+c?", "ababc abab", ["ababc", "abab"]),
        (r"[[:digit:]]+\.\pL", "12.x 13.", ["12.x"]),
        (r"a(?P<n>b|bc)d?", "abcd", ["abcd"]),
    ],
)
def test_a_pattern_matches_as_long_as_it_can(pattern: str, text: str, expected: list[str]) -> None:
    scanner = guard(patterns=[pattern], longest=9)
    assert found(scanner, text) == expected
    assert_same_at_every_split(scanner, text)


@pytest.mark.parametrize(
    "pattern", ["^a", "a$", r"a\z", r"\Aa", "a*", "(a", "(?m)a", r"\Qa\E", "(?:(?:a+b)+c)+", "a" * 500]
)
def test_patterns_of_no_use_are_refused(pattern: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        guard(patterns=[pattern])


def test_any_split_of_any_text_finds_the_same() -> None:
    drawn = random.Random(8)
    lists = (
        guard(words=["ab", "abc d", "d a", "bc"], patterns=["a+d", "c{2,}b"], longest=4),
        guard(words=["ab", "abc d", "d a", "bc", "abbc"], match="substrings", evasions=True, patterns=["a+d"]),
        guard(words=["ab", "abc d", "d a", "bc", "aacd"], evasions=True, patterns=["a+d"]),
    )
    hits = 0
    for _ in range(60):
        text = "".join(drawn.choice("aabbccdd  4\u200bA-!") for _ in range(drawn.randrange(2, 24)))
        for scanner in lists:
            assert_same_at_every_split(scanner, text)
            hits += len(whole(scanner, text))
    assert hits > 30


def test_nothing_is_held_but_what_could_still_become_a_phrase() -> None:
    scanner = guard(words=["forbidden fruit"], patterns=[r"\d{4}x"])
    assert scanner.scan("I eat fruit", Source.ANSWER, 0, final=False).settled == 11
    assert scanner.scan("I eat forb", Source.ANSWER, 0, final=False).settled == 6
    assert scanner.scan("forbidden fru", Source.ANSWER, 0, final=False).settled == 0
    assert scanner.scan("forbidden apple", Source.ANSWER, 0, final=False).settled == 15
    assert scanner.scan("in 1984", Source.ANSWER, 0, final=False).settled == 3


def test_a_word_without_an_end_is_not_held() -> None:
    for keys in ({}, {"evasions": True}):
        scanner = guard(words=["forbidden"], **keys)
        assert in_pieces(scanner, ["forbidden" * 10] * 20).longest_hold <= 180


def test_a_file_gives_more_words(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("# comment\n\nfrom file\n")
    assert found(guard(words=["listed"], file=str(tmp_path / "words.txt")), "listed, from file") == [
        "listed",
        "from file",
    ]


def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.txt"):
        guard(file=str(tmp_path / "none.txt"))


def test_a_guard_without_words_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="expected words, file or patterns"):
        guard()


def test_findings_are_named_as_configured() -> None:
    (one,) = whole(guard(words=["bad"], category="words.house", replacement="…"), "so bad")
    assert (one.category, one.replacement) == ("words.house", "…")

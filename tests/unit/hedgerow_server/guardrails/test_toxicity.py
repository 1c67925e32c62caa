"""Offensive language. The words stand in ROT13 here as well."""

import codecs
import random

import pydantic
import pytest
from hedgerow_server.core.guard import Source
from hedgerow_server.guardrails.lexicon import Lexicon
from hedgerow_server.guardrails.toxicity import ToxicityGuard, ToxicityGuardSection
from unit.hedgerow_server.guardrails.splits import assert_same_at, assert_same_at_every_split, in_pieces, whole


def plain(coded: str) -> str:
    return codecs.decode(coded, "rot13")


def guard(**thresholds: float | None) -> ToxicityGuard:
    return ToxicityGuard(ToxicityGuardSection.model_validate({"thresholds": thresholds}))


def found(coded: str, one: ToxicityGuard | None = None) -> list[tuple[str, str]]:
    text = plain(coded)
    findings = whole(one or guard(), text)
    return [(plain(text[each.start : each.end]), each.category.removeprefix("toxicity.")) for each in findings]


@pytest.mark.parametrize(
    ("coded", "expected"),
    [
        ("Lbh ner fhpu na vqvbg!", [("vqvbg", "insult")]),
        ("Gung jnf n ybnq bs ohyyfuvg.", [("ohyyfuvg", "profanity")]),
        ("Shpx lbh naq lbhe qbt", [("Shpx lbh", "severe_toxicity")]),
        ("V jvyy svaq lbh naq V jvyy xvyy lbh", [("V jvyy xvyy", "threat"), ("lbh", "threat")]),
        ("Gurl fnl gung zhfyvzf ner gubhtug gb or navznyf", []),
        ("Vzzvtenagf ner nyy enccvfgf, Vzzvtenagf ner navznyf", [("navznyf", "identity_attack")]),
        ("Jung n qvegl xvxr", [("xvxr", "identity_attack")]),
    ],
)
def test_what_is_said_is_found_with_its_category(coded: str, expected: list[tuple[str, str]]) -> None:
    assert found(coded) == expected


@pytest.mark.parametrize(
    "coded",
    [
        "Ubj qb V xvyy n Clguba cebprff?",
        "Cyrnfr furj zr ubj gb fubbg n cubgb bs ure snpr",
        "V jvyy abg xvyy uvz, fnvq gur ureb",
        "Lbh ner abg n ybfre",
        "Gur tnl naq gur wrjvfu pbzzhavgvrf zrg lrfgreqnl",
        "Fphagubecr, Phzoevn, nffrff, pynff, fuvvgnxr, pbpxngbb",
        "Gur pynvzf ner qhzo",
        "**Abgr** gung *f* vf n fgne",
    ],
)
def test_harmless_texts_are_left_alone(coded: str) -> None:
    assert found(coded) == []


@pytest.mark.parametrize(
    "coded", ["shpx", "SHPX", "s**x", "s***", "shhhhpx", "fu1g", "**fuvg**", "ohyyfu!g", "n$$ubyr"]
)
def test_disguises_are_seen_through(coded: str) -> None:
    assert [place for place, _ in found(f"jung n {coded} guvf vf")] == [coded]


def test_look_alikes_and_unseen_characters_are_seen_through() -> None:
    for disguised in (plain("shpx").replace("u", "\u057d"), "\u200b".join(plain("shpx"))):
        (one,) = whole(guard(), f"what the {disguised} is this")
        assert (one.start, one.end) == (9, 9 + len(disguised))


def test_mild_words_need_a_lower_threshold() -> None:
    assert found("qnza, gung vf penc") == []
    assert [category for _, category in found("qnza, gung vf penc", guard(profanity=0.6))] == ["profanity"] * 2


def test_a_category_without_a_threshold_is_never_found() -> None:
    coded = "Lbh ner fhpu na vqvbg!"
    assert found(coded, guard(insult=None)) == []
    assert found(coded, guard(profanity=None)) == found(coded)


def test_findings_have_the_score_of_their_rule() -> None:
    (one,) = whole(guard(), plain("Gung jnf n ybnq bs ohyyfuvg."))
    assert one.score == 0.9


def test_any_split_finds_the_same() -> None:
    drawn = random.Random(5)
    words = plain(
        "lbh shpx ner na vqvbg vqvbg! xvyy lbhefrys jvyy v abg . ! fghcvq jbzra s**x fu1g lbhe guebng cvrpr bs fuvg"
        " wrjf cvtf ** nff"
    ).split()
    hits = 0
    for _ in range(40):
        text = " ".join(drawn.choice([*words, "\n", "the"]) for _ in range(12))
        assert_same_at_every_split(guard(), text)
        hits += len(whole(guard(), text))
    assert hits > 40


def test_a_long_text_gives_the_same_in_any_pieces() -> None:
    text = plain("V jvyy svaq lbh naq gura V jvyy xvyy lbh, lbh cvrpr bs fuvg. ") * 20
    assert_same_at(guard(), text, range(1, len(text), 97))


def test_only_what_may_go_on_is_held() -> None:
    for text in ("Nothing to see here, go on, there is more to read below. " * 5, "x" * 3000):
        assert in_pieces(guard(), list(text)).longest_hold <= 48
    assert guard().scan("one word, another", Source.ANSWER, 0, final=False).settled == 10


@pytest.mark.parametrize("thresholds", [{"profanity": 1.5}, {"rudeness": 0.5}])
def test_thresholds_of_no_use_are_refused(thresholds: dict[str, float]) -> None:
    with pytest.raises(pydantic.ValidationError):
        guard(**thresholds)


def test_words_of_a_class_are_single_words() -> None:
    with pytest.raises(ValueError, match="single words in the class class"):
        Lexicon("!class: two words")

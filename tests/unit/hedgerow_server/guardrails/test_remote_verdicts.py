"""What is kept of a guard's verdicts, and for whom."""

import itertools
import random

from hedgerow_server.core.guard import Asker, Finding, Judged, Side, Source
from hedgerow_server.guardrails.remote.section import VerdictsSection
from hedgerow_server.guardrails.remote.verdicts import Verdicts

ACME = Asker("acme", "request-1", "fast")
TEXT = Judged("some text", Source.USER)
BAD = (Finding(0, 4, "pii.name", "[NAME]", 0.5),)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def kept(clock: Clock | None = None, policy: bytes = b"policy", **section: object) -> Verdicts:
    return Verdicts(VerdictsSection.model_validate(section), policy, clock or Clock())


def test_a_verdict_holds_for_the_same_text_of_another_call() -> None:
    verdicts = kept()
    verdicts.keep(TEXT, ACME, BAD)
    assert verdicts.get(TEXT, Asker("acme", "request-2", "fast")) == BAD


def test_a_verdict_holds_exactly_as_long_as_configured() -> None:
    clock = Clock()
    verdicts = kept(clock, ttl_seconds=10)
    verdicts.keep(TEXT, ACME, BAD)
    clock.now_s += 9.999
    assert verdicts.get(TEXT, ACME) == BAD
    clock.now_s = 110.0
    assert verdicts.get(TEXT, ACME) is None


def test_to_use_a_verdict_does_not_make_it_hold_longer() -> None:
    clock = Clock()
    verdicts = kept(clock, ttl_seconds=10)
    verdicts.keep(TEXT, ACME, BAD)
    clock.now_s += 9
    assert verdicts.get(TEXT, ACME) == BAD
    clock.now_s += 1
    assert verdicts.get(TEXT, ACME) is None


def test_each_thing_that_a_verdict_may_depend_on_has_its_own() -> None:
    verdicts = kept()
    verdicts.keep(TEXT, ACME, BAD)
    others = [
        (TEXT, Asker("acme2", "request-1", "fast")),
        (TEXT, Asker("acme", "request-1", "slow")),
        (TEXT, Asker("acme", "request-1", "fast", Side.OUTPUT)),
        (Judged("some text", Source.TOOL_RESULT), ACME),
        (Judged("some text.", Source.USER), ACME),
    ]
    assert [verdicts.get(piece, asker) for piece, asker in others] == [None] * len(others)


def test_other_rules_of_the_guard_or_of_the_configuration_share_nothing() -> None:
    verdicts, elsewhere = kept(), kept(policy=b"another")
    assert verdicts.key(TEXT, ACME) != elsewhere.key(TEXT, ACME)
    verdicts.keep(TEXT, ACME, BAD)
    verdicts.version = "2"
    assert verdicts.get(TEXT, ACME) is None
    verdicts.version = ""
    assert verdicts.get(TEXT, ACME) == BAD


def test_no_two_tenants_share_a_key_wherever_their_names_and_texts_are_cut() -> None:
    """Every way of spreading the same characters, separators among them, over tenant, model and text."""
    verdicts = kept()
    keys: dict[bytes, tuple[str, str, str]] = {}
    dice = random.Random(11)
    for _ in range(200):
        word = "".join(dice.choices("ab/:|\x00\n4", k=7))
        for first, second in itertools.combinations(range(len(word) + 1), 2):
            parts = word[:first], word[first:second], word[second:]
            key = verdicts.key(Judged(parts[2], Source.USER), Asker(parts[0], "", parts[1]))
            assert keys.setdefault(key, parts) == parts


def test_half_of_a_surrogate_pair_is_a_text_like_any_other() -> None:
    verdicts = kept()
    verdicts.keep(Judged("\ud800", Source.USER), ACME, BAD)
    assert verdicts.get(Judged("\ud801", Source.USER), ACME) is None
    assert verdicts.get(Judged("\ud800", Source.USER), ACME) == BAD


def test_the_least_used_verdicts_go_first() -> None:
    verdicts = kept(entries=3)
    pieces = [Judged(str(number), Source.USER) for number in range(4)]
    for piece in pieces[:3]:
        verdicts.keep(piece, ACME, ())
    assert verdicts.get(pieces[0], ACME) == ()
    verdicts.keep(pieces[3], ACME, ())
    assert [verdicts.get(piece, ACME) for piece in pieces] == [(), None, (), ()]


def test_findings_take_room_as_verdicts_do() -> None:
    """Else what is kept of a guard that finds hundreds of things in each text has no bound."""
    verdicts = kept(entries=10)
    many = tuple(Finding(place, place + 1, "x") for place in range(9))
    verdicts.keep(TEXT, ACME, ())
    verdicts.keep(Judged("many", Source.USER), ACME, many)
    assert verdicts.get(TEXT, ACME) is None
    assert verdicts.get(Judged("many", Source.USER), ACME) == many
    verdicts.keep(Judged("too many", Source.USER), ACME, (*many, *many))
    assert verdicts.get(Judged("too many", Source.USER), ACME) is None


def test_nothing_is_kept_where_nothing_is_to_be_kept() -> None:
    verdicts = kept(entries=0)
    verdicts.keep(TEXT, ACME, ())
    assert verdicts.get(TEXT, ACME) is None

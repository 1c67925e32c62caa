"""Whole texts, by the guards of this process and by those elsewhere."""

import asyncio
import logging
from collections.abc import Sequence

import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import GuardrailBlocked, GuardrailUnavailable
from hedgerow_server.core.guard import Action, Asker, Finding, Judged, Side, Source
from hedgerow_server.guardrails.asking import piece_end, pieces
from hedgerow_server.guardrails.fitted import Fitted, SidePlan
from hedgerow_server.guardrails.inspector import Inspector
from hedgerow_server.guardrails.watch import STEP, watches
from unit.hedgerow_server.guardrails.guarding import (
    SPEC,
    Crashing,
    Elsewhere,
    NeverSettling,
    Sized,
    Spots,
    Strolling,
    fitted,
    new_call,
    notes_of,
)


def user(*texts: str) -> list[Judged]:
    return [Judged(text, Source.USER) for text in texts]


def inspector(*guards: Fitted, call: Call | None = None) -> Inspector:
    plan = SidePlan.of(guards, Side.INPUT)
    assert plan is not None
    notes = notes_of(call or new_call(), Side.INPUT)
    return Inspector(watches(plan, SPEC, notes), plan.remote, notes)


def told(call: Call) -> list[tuple[str, Action, str]]:
    return [(one.guardrail, one.action, one.category) for one in call.verdicts]


async def test_what_redacting_guards_find_is_replaced_in_every_text() -> None:
    looks = inspector(fitted("a", Spots("one"), action="redact"), fitted("b", Spots("two"), action="redact"))
    assert await looks.local(user("one two", "neither", "two")) == ["[one] [two]", "neither", "[two]"]


async def test_a_guard_that_knows_how_far_it_may_go_is_shown_no_more() -> None:
    spots = Strolling("SECRET", 7)
    looks = inspector(fitted("a", spots, action="redact"))
    assert await looks.local(user("no SECRET in a SECRETSECRET")) == ["no [SECRET] in a [SECRET][SECRET]"]
    assert max(len(text) - begin for text, begin in spots.looked) < 7 + len("SECRET")


async def test_where_they_overlap_the_first_guard_of_the_list_has_the_word() -> None:
    looks = inspector(fitted("a", Spots("bcd"), action="redact"), fitted("b", Spots("abc"), action="redact"))
    assert await looks.local(user("xabcdy")) == ["x[bcd]y"]


async def test_a_guard_looks_only_at_whom_it_is_for() -> None:
    looks = inspector(fitted("a", Spots("x"), sources=[Source.DOCUMENT], action="redact"))
    assert await looks.local([Judged("x", Source.USER), Judged("x", Source.DOCUMENT)]) == ["x", "[x]"]


async def test_a_block_names_the_first_guard_of_the_list_and_is_on_record() -> None:
    call = new_call()
    looks = inspector(fitted("a", Spots("one"), action="flag"), fitted("b", Spots("two")), call=call)
    with pytest.raises(GuardrailBlocked) as caught:
        await looks.local(user("two one"))
    assert caught.value.metadata == {"guardrail": "b", "side": "input", "category": "spot"}
    assert told(call) == [("a", Action.FLAGGED, "spot"), ("b", Action.BLOCKED, "spot")]


async def test_a_guard_in_shadow_tells_what_it_would_have_done() -> None:
    call = new_call()
    looks = inspector(
        fitted("a", Spots("x"), shadow=True), fitted("b", Spots("x"), shadow=True, action="redact"), call=call
    )
    assert await looks.local(user("x")) == ["x"]
    assert told(call) == [("a", Action.BLOCKED, "spot"), ("b", Action.REDACTED, "spot")]
    assert all(one.shadow for one in call.verdicts)


async def test_a_guard_that_routes_is_noted_and_changes_no_text() -> None:
    looks = inspector(fitted("a", Spots("x"), action="route", providers=["p"]))
    assert await looks.local(user("x")) == ["x"]
    assert [one.name for one in looks.rerouted] == ["a"]


async def test_a_request_that_is_refused_as_a_whole_cannot_be_redacted() -> None:
    call = new_call()
    with pytest.raises(GuardrailBlocked):
        await inspector(fitted("a", Sized(0), action="redact"), call=call).request(SPEC)
    assert told(call) == [("a", Action.BLOCKED, "size")]
    await inspector(fitted("a", Sized(1))).request(SPEC)


async def test_long_texts_are_looked_at_in_steps_with_what_stands_before() -> None:
    spots = Spots("SECRET")
    text = "x" * (STEP - 3) + "SECRET" + "y" * (2 * STEP)
    assert await inspector(fitted("a", spots, action="redact")).local(user(text)) == [
        text.replace("SECRET", "[SECRET]")
    ]
    assert max(len(looked) for looked, _ in spots.looked) <= STEP + len("SECRET")


async def test_a_guard_that_crashes_is_told_of_in_the_log_without_what_it_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(GuardrailUnavailable) as caught:
        await inspector(fitted("a", Crashing())).local(user("hush"))
    assert caught.value.metadata == {"guardrail": "a", "side": "input"}
    (record,) = caplog.records
    assert record.getMessage() == "the guard a could not look at the input of call req-1: ValueError"


async def test_a_guard_that_may_fail_is_left_out_and_the_others_look_on() -> None:
    call = new_call()
    looks = inspector(fitted("a", Crashing(), on_failure="open"), fitted("b", Spots("x"), action="redact"), call=call)
    assert await looks.local(user("x", "x")) == ["[x]", "[x]"]
    assert told(call) == [("a", Action.FLAGGED, "guard.failed"), ("b", Action.REDACTED, "spot")]


async def test_a_guard_in_shadow_refuses_nothing_where_it_fails() -> None:
    call = new_call()
    assert await inspector(fitted("a", Crashing(), shadow=True), call=call).local(user("x")) == ["x"]
    assert told(call) == [("a", Action.FLAGGED, "guard.failed")]


async def test_a_guard_that_takes_longer_than_its_time_has_failed() -> None:
    with pytest.raises(GuardrailUnavailable):
        await inspector(fitted("a", Spots("x"), timeout_seconds=1e-9)).local(user("y" * 3 * STEP))


async def test_a_guard_that_holds_a_whole_long_text_has_failed() -> None:
    with pytest.raises(GuardrailUnavailable):
        await inspector(fitted("a", NeverSettling())).local(user("y" * 20 * STEP))


async def test_guards_elsewhere_are_asked_at_the_same_time() -> None:
    both = asyncio.Barrier(2)
    far, other = Elsewhere("x", first=both.wait), Elsewhere("y", first=both.wait)
    looks = inspector(
        fitted("far", far, action="redact", timeout_seconds=20),
        fitted("other", other, action="redact", timeout_seconds=20),
    )
    assert await looks.remote(user("x y")) == ["[FAR] [FAR]"]


async def test_a_guard_elsewhere_that_hangs_is_cancelled_after_its_time() -> None:
    far = Elsewhere(first=asyncio.Event().wait)
    with pytest.raises(GuardrailUnavailable):
        await inspector(fitted("far", far, timeout_seconds=0.01)).remote(user("x"))
    await asyncio.sleep(0)
    assert far.cancelled == 1


async def test_a_guard_elsewhere_that_does_not_let_itself_be_cancelled_holds_up_nobody() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    looks = inspector(fitted("far", Elsewhere("x", first=stubborn), timeout_seconds=0.01, on_failure="open"))
    assert await looks.remote(user("x")) == ["x"]
    release.set()


async def test_the_call_that_goes_takes_its_question_along() -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.Event().wait()

    far = Elsewhere(first=hang)
    task = asyncio.create_task(inspector(fitted("far", far, timeout_seconds=60)).remote(user("x")))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert far.cancelled == 1


class Odd:
    """A remote guard that answers what it likes."""

    piece = 100

    def __init__(self, answer: Sequence[Sequence[Finding]]) -> None:
        self.answer = answer

    async def judge(self, given: Sequence[Judged], asker: Asker) -> Sequence[Sequence[Finding]]:
        return self.answer

    async def close(self) -> None:
        """Nothing to do."""


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ([[Finding(2, 99, "c", "[]")]], "ab[]"),
        ([[Finding(0, 0, "c", "[]")]], "[]"),
        ([[Finding(3, 4, "c", "[]"), Finding(0, 1, "c", "{}")]], "{}bc[]"),
        ([[Finding(0, 3, "c", "[]"), Finding(2, 4, "c", "{}")]], "[]{}"),
    ],
)
async def test_odd_places_are_made_sense_of(answer: list[list[Finding]], left: str) -> None:
    assert await inspector(fitted("far", Odd(answer), action="redact")).remote(user("abcd")) == [left]


async def test_an_answer_to_another_question_is_a_failure() -> None:
    with pytest.raises(GuardrailUnavailable):
        await inspector(fitted("far", Odd([[], []]))).remote(user("abcd"))


def test_pieces_are_the_text_and_end_where_sentences_do() -> None:
    text = "One two. Three four? Five six seven\neight nine ten eleven"
    assert [piece for _, piece in pieces(text, 22)] == [
        "One two. Three four? ",
        "Five six seven\n",
        "eight nine ten eleven",
    ]
    assert "".join(piece for _, piece in pieces(text, 5)) == text


def test_a_text_without_a_space_is_cut_anyhow() -> None:
    assert piece_end("x" * 50, 10, 20) == 30

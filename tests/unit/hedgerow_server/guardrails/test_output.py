"""Whole answers on their way out."""

from collections.abc import Iterable

import pytest
from hedgerow_server.core.error import GuardrailBlocked
from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    Event,
    Events,
    FinishReason,
    GuardVerdict,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    RouteChanged,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.guard import Action, Side, Source
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState, TokenLogprob
from hedgerow_server.guardrails.numbers import GuardNumbers
from unit.hedgerow_server.guardrails.guarding import (
    DONE,
    Elsewhere,
    Spots,
    ToolNames,
    fitted,
    new_call,
    screen,
    screened,
    stream,
)

STARTED = Started("p", "m")
REDACT = fitted("w", Spots("SECRET"), action="redact")
STATE = ProviderState("p", b"x")


def words(events: Iterable[Event], index: int = 0) -> str:
    """The text of a part."""
    return "".join(
        one.text
        for one in events
        if isinstance(one, TextDelta | ReasoningDelta | RefusalDelta) and one.part_index == index
    )


def verdict(guard: str, action: Action, category: str = "spot") -> tuple[str, Action, str]:
    return guard, action, category


def told(events: Iterable[Event]) -> list[tuple[str, Action, str]]:
    return [(one.guardrail, one.action, one.category) for one in events if isinstance(one, GuardVerdict)]


async def test_a_verdict_stands_before_the_text_that_it_is_about() -> None:
    events = await screened([STARTED, TextDelta(0, "a SEC"), TextDelta(0, "RET b"), DONE], REDACT)
    assert events == [
        STARTED,
        TextDelta(0, "a "),
        GuardVerdict("w", Action.REDACTED, Side.OUTPUT, "spot"),
        TextDelta(0, "[SECRET] b"),
        DONE,
    ]


async def test_a_part_is_over_when_another_one_begins() -> None:
    events = await screened([ReasoningDelta(0, "think SEC"), TextDelta(1, "say SEC"), DONE], REDACT)
    assert events == [
        ReasoningDelta(0, "think "),
        ReasoningDelta(0, "SEC"),
        TextDelta(1, "say "),
        TextDelta(1, "SEC"),
        DONE,
    ]


async def test_parts_side_by_side_are_looked_at_each_for_itself() -> None:
    events = await screened(
        [TextDelta(0, "SEC"), TextDelta(1, "RET"), TextDelta(0, "ond"), TextDelta(1, "urn"), DONE], REDACT
    )
    assert (words(events, 0), words(events, 1)) == ("SECond", "RETurn")


async def test_refusals_and_thoughts_are_looked_at_where_the_guard_looks_at_such() -> None:
    events: list[Event] = [ReasoningDelta(0, "SECRET"), RefusalDelta(1, "SECRET"), DONE]
    answers = fitted("w", Spots("SECRET"), action="redact", sources=[Source.ANSWER])
    out = await screened(events, answers)
    assert (words(out, 0), words(out, 1)) == ("SECRET", "[SECRET]")


async def test_a_block_raises_and_nothing_of_the_rest_is_read() -> None:
    read: list[str] = []

    async def answer() -> Events:
        for text in ("one ", "BAD", " three"):
            read.append(text)
            yield TextDelta(0, text)

    events = screen(new_call(), [fitted("w", Spots("BAD"))]).screened(answer())
    out = [await anext(events)]
    with pytest.raises(GuardrailBlocked):
        await anext(events)
    assert (out, read) == ([TextDelta(0, "one ")], ["one ", "BAD"])


async def test_a_truncated_answer_is_whole_and_its_stream_is_closed() -> None:
    call = new_call()
    closed = False

    async def answer() -> Events:
        nonlocal closed
        try:
            yield STARTED
            yield TextDelta(0, "one SECRET two")
            yield TextDelta(0, " never read")
        finally:
            closed = True
            call.usage = Usage(output_visible_tokens=7)

    guard = fitted("w", Spots("SECRET"), action="truncate")
    out = [event async for event in screen(call, [guard]).screened(answer())]
    assert told(out) == [verdict("w", Action.REDACTED)]
    assert (words(out), closed) == ("one ", True)
    assert out[-1] == Completed(FinishReason.GUARDRAIL, "", Usage(output_visible_tokens=7))


async def test_a_tool_call_goes_out_whole_with_its_arguments_redacted() -> None:
    events: list[Event] = [
        ToolCallStarted(0, "c1", "send"),
        ToolCallArgumentsDelta(0, '{"to": "SEC'),
        ToolCallArgumentsDelta(0, 'RET", "n": 1}'),
        ToolCallEnded(0),
        DONE,
    ]
    assert await screened(events, REDACT) == [
        GuardVerdict("w", Action.REDACTED, Side.OUTPUT, "spot"),
        ToolCallStarted(0, "c1", "send"),
        ToolCallArgumentsDelta(0, '{"to": "[SECRET]", "n": 1}'),
        ToolCallEnded(0),
        DONE,
    ]


async def test_escapes_in_arguments_hide_nothing() -> None:
    events: list[Event] = [
        ToolCallStarted(0, "c1", "f"),
        ToolCallArgumentsDelta(0, '{"x": "\\u0042AD"}'),
        ToolCallEnded(0),
        DONE,
    ]
    with pytest.raises(GuardrailBlocked):
        await screened(events, fitted("w", Spots("BAD")))


async def test_tool_calls_side_by_side_go_out_each_when_it_ends() -> None:
    events: list[Event] = [
        ToolCallStarted(0, "c1", "f"),
        ToolCallStarted(1, "c2", "g"),
        ToolCallArgumentsDelta(0, "{}"),
        ToolCallArgumentsDelta(1, "[]"),
        ToolCallEnded(1),
        DONE,
    ]
    out = await screened(events, REDACT)
    assert [one.id for one in out if isinstance(one, ToolCallStarted)] == ["c2", "c1"]
    assert {one.part_index: one.arguments for one in out if isinstance(one, ToolCallArgumentsDelta)} == {
        0: "{}",
        1: "[]",
    }


@pytest.mark.parametrize("action", ["block", "redact"])
async def test_a_guard_of_tool_calls_refuses_what_it_finds(action: str) -> None:
    events: list[Event] = [ToolCallStarted(0, "c1", "rm"), ToolCallArgumentsDelta(0, "{}"), ToolCallEnded(0), DONE]
    call = new_call()
    with pytest.raises(GuardrailBlocked):
        await screened(events, fitted("t", ToolNames("rm"), action=action), call=call)
    assert [one.action for one in call.verdicts] == [Action.BLOCKED]
    assert await screened(events, fitted("t", ToolNames("mv"), action=action)) == [*events]


async def test_an_answer_may_be_truncated_before_a_tool_call() -> None:
    events: list[Event] = [TextDelta(0, "so: "), ToolCallStarted(1, "c1", "rm"), ToolCallEnded(1), DONE]
    out = await screened(events, fitted("t", ToolNames("rm"), action="truncate"))
    assert words(out) == "so: "
    assert not any(isinstance(one, ToolCallStarted) for one in out)
    assert isinstance(out[-1], Completed)
    assert out[-1].reason is FinishReason.GUARDRAIL


async def test_log_probabilities_are_withheld_only_where_something_may_be_held_back() -> None:
    events: list[Event] = [TextDelta(0, "x"), LogprobsDelta(0, (TokenLogprob("x", -1.0),)), DONE]
    assert await screened(events, REDACT) == [events[0], events[2]]
    assert await screened(events, fitted("w", Spots("SECRET"), action="flag")) == events


async def test_what_belongs_to_a_text_stays_behind_it() -> None:
    state = ProviderStateAttached(0, STATE)
    events = await screened([TextDelta(0, "a SEC"), state, TextDelta(0, "RET b"), DONE], REDACT)
    assert [one for one in events if not isinstance(one, GuardVerdict)] == [
        TextDelta(0, "a "),
        TextDelta(0, "[SECRET] b"),
        state,
        DONE,
    ]


async def test_places_of_citations_count_in_the_text_that_went_out() -> None:
    citation = CitationAdded(0, Citation(cited_text="a SECRET source", start_index=9, end_index=12))
    events = await screened([TextDelta(0, "a SECRET fact"), citation, DONE], REDACT)
    (moved,) = (one.citation for one in events if isinstance(one, CitationAdded))
    assert (moved.cited_text, moved.start_index, moved.end_index) == ("a [SECRET] source", 11, 14)


async def test_a_recording_goes_out_whole_and_without_sound_where_its_words_are_redacted() -> None:
    def recording(*said: str) -> list[Event]:
        first = MediaDelta(0, "audio/wav", b"12", transcript=said[0])
        return [first, *(MediaDelta(0, data=b"34", transcript=one) for one in said[1:]), DONE]

    assert await screened(recording("a SEC", "ond"), REDACT) == recording("a SEC", "ond")
    out = await screened(recording("a SEC", "RET"), REDACT)
    assert out[1:] == [MediaDelta(0, "audio/wav", transcript="a [SECRET]"), DONE]


async def test_recordings_flow_where_nothing_may_be_held_back() -> None:
    events: list[Event] = [
        MediaDelta(0, "audio/wav", b"12", transcript="a SEC"),
        MediaDelta(0, data=b"3", transcript="RET"),
        DONE,
    ]
    out = await screened(events, fitted("w", Spots("SECRET"), action="flag"))
    assert [one for one in out if not isinstance(one, GuardVerdict)] == events
    assert told(out) == [verdict("w", Action.FLAGGED)]


async def test_pictures_and_items_of_the_provider_pass() -> None:
    events: list[Event] = [MediaDelta(0, "image/png", b"x"), ProviderItemAdded(1, ProviderItem("p", "t", b"{}")), DONE]
    assert await screened(events, REDACT) == events


async def test_a_new_route_begins_anew() -> None:
    events: list[Event] = [TextDelta(0, "a SEC"), RouteChanged("q", "n"), TextDelta(0, "RET b"), DONE]
    assert await screened(events, REDACT) == [TextDelta(0, "a "), RouteChanged("q", "n"), TextDelta(0, "RET b"), DONE]


async def test_an_answer_without_words_keeps_its_part() -> None:
    assert await screened([TextDelta(0, ""), DONE], REDACT) == [TextDelta(0, ""), DONE]


async def test_the_same_finding_is_told_once_and_no_more_than_32_of_all() -> None:
    text = " ".join(f"<{one}>" for one in range(40)) + " <1> <1>"
    guards = [fitted(f"g{one}", Spots(f"<{one}>"), action="flag") for one in range(40)]
    call = new_call()
    numbers = GuardNumbers()
    out = [event async for event in screen(call, guards, numbers).screened(stream([TextDelta(0, text), DONE]))]
    assert len(told(out)) == len(call.verdicts) == 32
    assert sum(numbers.verdicts.values()) == 40


async def test_the_time_of_each_guard_is_noted_once_for_the_whole_answer() -> None:
    call, numbers = new_call(), GuardNumbers()
    events: list[Event] = [TextDelta(0, "some "), TextDelta(0, "words"), DONE]
    _ = [event async for event in screen(call, [REDACT], numbers).screened(stream(events))]
    metrics = {sample.name: sample.value for metric in numbers() for sample in metric.samples}
    assert metrics["hedgerow_guardrail_seconds_count"] == 1
    assert 0 < call.guard_times["w"] <= call.guardrail_s


async def test_guards_elsewhere_are_asked_about_what_the_others_have_left_of_arguments() -> None:
    far = Elsewhere("nothing")
    events: list[Event] = [
        ToolCallStarted(0, "c1", "f"),
        ToolCallArgumentsDelta(0, '{"x": "SECRET"}'),
        ToolCallEnded(0),
        DONE,
    ]
    await screened(events, REDACT, fitted("far", far, action="redact"))
    assert [[one.text for one in asked] for asked in far.asked] == [["x", "[SECRET]"]]

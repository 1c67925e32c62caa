"""What of a part may go out, and when."""

import asyncio

import pytest
from hedgerow_server.core.error import GuardrailBlocked, GuardrailUnavailable
from hedgerow_server.core.guard import Action, Side, Source
from hedgerow_server.guardrails.fitted import Fitted, SidePlan
from hedgerow_server.guardrails.watch import MOST_HELD, watches
from hedgerow_server.guardrails.window import Window
from unit.hedgerow_server.guardrails.guarding import (
    SPEC,
    Crashing,
    Elsewhere,
    NeverSettling,
    Spots,
    Strolling,
    fitted,
    new_call,
    notes_of,
)


class Part:
    """One part and what was said of it."""

    def __init__(self, *guards: Fitted) -> None:
        self.call = new_call()
        plan = SidePlan.of(guards, Side.OUTPUT)
        assert plan is not None
        notes = notes_of(self.call)
        self.window = Window(Source.ANSWER, watches(plan, SPEC, notes), plan.remote, notes)

    async def fed(self, *pieces: str) -> list[str]:
        """What goes out for each piece, and at the end."""
        return [*[await self.window.feed(piece) for piece in pieces], await self.window.end()]

    @property
    def told(self) -> list[tuple[str, Action, bool]]:
        return [(one.guardrail, one.action, one.shadow) for one in self.call.verdicts]


async def test_what_could_become_a_finding_is_held_and_the_rest_flows() -> None:
    part = Part(fitted("w", Spots("SECRET"), action="redact"))
    assert await part.fed("plain ", "a SEC", "RET b SE", "A") == ["plain ", "a ", "[SECRET] b ", "SEA", ""]


async def test_a_guard_that_knows_how_far_it_may_go_is_shown_no_more() -> None:
    spots = Strolling("SECRET", 7)
    part = Part(fitted("w", spots, action="redact"))
    assert await part.fed("no SECRET in a SECRET", "SECRET") == ["no [SECRET] in a [SECRET]", "[SECRET]", ""]
    assert max(len(text) - begin for text, begin in spots.looked) < 7 + len("SECRET")


async def test_what_is_held_at_the_end_goes_out() -> None:
    part = Part(fitted("w", Spots("SECRET"), action="redact"))
    assert await part.fed("x SECR") == ["x ", "SECR"]


async def test_a_part_that_goes_on_after_its_end_is_looked_at_with_what_went_out() -> None:
    """What could be seen of it is gone, and the rest of what is found is replaced."""
    part = Part(fitted("w", Spots("SECRET"), action="redact"))
    assert await part.fed("x SECR") == ["x ", "SECR"]
    assert await part.fed("ET y") == ["[SECRET] y", ""]
    blocking = Part(fitted("w", Spots("SECRET")))
    await blocking.fed("x SECR")
    with pytest.raises(GuardrailBlocked):
        await blocking.fed("ET y")


async def test_one_guard_waits_for_the_other() -> None:
    part = Part(fitted("a", Spots("ab"), action="redact"), fitted("b", Spots("bcd"), action="redact"))
    assert await part.fed("xab", "cdy") == ["x", "[ab]y", ""]


async def test_a_block_ends_it_with_nothing_more() -> None:
    part = Part(fitted("w", Spots("SECRET")))
    assert await part.window.feed("fine SEC") == "fine "
    with pytest.raises(GuardrailBlocked) as caught:
        await part.window.feed("RET more")
    assert caught.value.metadata == {"guardrail": "w", "side": "output", "category": "spot"}
    assert part.told == [("w", Action.BLOCKED, False)]


async def test_a_truncated_part_ends_before_what_was_found() -> None:
    part = Part(fitted("w", Spots("SECRET"), action="truncate"), fitted("r", Spots("name"), action="redact"))
    out = [await part.window.feed(piece) for piece in ("my name is SEC", "RET and more name")]
    assert ("".join(out), part.window.cut) == ("my [name] is ", True)
    assert part.told == [("r", Action.REDACTED, False), ("w", Action.REDACTED, False)]


async def test_a_truncated_part_waits_for_who_might_find_something_before_it() -> None:
    """The one holds "ab" while the other has found its word behind it already."""
    part = Part(fitted("w", Spots("b!"), action="truncate"), fitted("r", Spots("ab!c"), action="redact"))
    assert (await part.window.feed("x ab!"), part.window.cut) == ("x ", False)
    assert (await part.window.feed("c"), part.window.cut) == ("", True)
    other = Part(fitted("w", Spots("b!"), action="truncate"), fitted("r", Spots("ab!c"), action="redact"))
    assert (await other.window.feed("x ab!"), await other.window.feed("d"), other.window.cut) == ("x ", "a", True)


async def test_what_stands_behind_a_cut_blocks_nothing() -> None:
    part = Part(fitted("w", Spots("END"), action="truncate"), fitted("b", Spots("BAD")))
    assert (await part.window.feed("ok END BAD"), part.window.cut) == ("ok ", True)


async def test_what_stands_before_a_cut_blocks() -> None:
    part = Part(fitted("w", Spots("END"), action="truncate"), fitted("b", Spots("BAD")))
    with pytest.raises(GuardrailBlocked):
        await part.window.feed("ok BAD END")


@pytest.mark.parametrize("more", [{"shadow": True}, {"action": "flag"}])
async def test_what_is_only_told_changes_nothing(more: dict[str, object]) -> None:
    part = Part(fitted("w", Spots("SECRET"), **more))
    assert "".join(await part.fed("a SEC", "RET b SECRET")) == "a SECRET b SECRET"
    assert part.told == [("w", Action.BLOCKED if "shadow" in more else Action.FLAGGED, "shadow" in more)]


async def test_a_guard_that_fails_ends_the_answer_or_is_left_out_as_the_configuration_says() -> None:
    closed = Part(fitted("w", Crashing()))
    with pytest.raises(GuardrailUnavailable):
        await closed.window.feed("x")
    opened = Part(fitted("w", Crashing(), on_failure="open"), fitted("r", Spots("SECRET"), action="redact"))
    assert "".join(await opened.fed("x SEC", "RET")) == "x [SECRET]"
    assert opened.told == [("w", Action.FLAGGED, False), ("r", Action.REDACTED, False)]
    assert opened.call.verdicts[0].category == "guard.failed"


async def test_a_guard_that_never_settles_has_failed_after_a_while() -> None:
    part = Part(fitted("w", NeverSettling(), on_failure="open"))
    assert await part.window.feed("x" * MOST_HELD) == ""
    assert len(await part.window.feed("y")) == MOST_HELD + 1


async def test_text_that_comes_all_at_once_lets_the_loop_turn() -> None:
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    part = Part(*(fitted(f"w{one}", Spots(f"SECRET{one}"), timeout_seconds=60) for one in range(5)))
    neighbour = asyncio.create_task(turning())
    await asyncio.sleep(0)
    await part.window.feed("lorem ipsum dolor sit SECRET" * 40_000)
    neighbour.cancel()
    assert turns > 3


async def test_text_that_went_out_is_let_go_of() -> None:
    part = Part(fitted("w", Spots("SECRET"), action="redact"))
    for _ in range(100):
        await part.window.feed("some words that stand for nothing ")
    assert len(part.window._text) < 100


async def test_guards_elsewhere_see_pieces_that_end_with_a_sentence() -> None:
    far = Elsewhere("nothing", piece=24)
    part = Part(fitted("far", far, action="redact"))
    out = await part.fed("One two. Three four five", " six. Seven", " eight nine ten eleven.")
    assert "".join(out) == "One two. Three four five six. Seven eight nine ten eleven."
    assert [one.text for asked in far.asked for one in asked] == [
        "One two. ",
        "Three four five six. ",
        "Seven eight nine ten ",
        "eleven.",
    ]


async def test_pieces_do_not_depend_on_how_the_text_came() -> None:
    text = "One two three. Four five?\nSix seven eight nine ten eleven twelve thirteen. Fourteen " * 3
    asked: set[tuple[str, ...]] = set()
    for size in (1, 2, 3, 7, 50, len(text)):
        far = Elsewhere("five", piece=24)
        part = Part(fitted("far", far, action="redact"))
        out = await part.fed(*(text[at : at + size] for at in range(0, len(text), size)))
        assert "".join(out) == text.replace("five", "[FAR]")
        asked.add(tuple(one.text for pieces in far.asked for one in pieces))
    assert len(asked) == 1


async def test_places_of_the_text_are_told_in_what_went_out() -> None:
    part = Part(
        fitted(
            "w",
            Spots("SECRET"),
            action="redact",
        )
    )
    await part.fed("a SECRET b SECRET c")
    # "a [SECRET] b [SECRET] c"
    assert [part.window.moved(place) for place in (0, 2, 5, 8, 9, 11, 17, 19)] == [0, 2, 2, 10, 11, 13, 21, 23]

"""A stream gives what the whole text gives, wherever it was cut: with the guards there are, side by side."""

from collections.abc import Sequence
from typing import Any

import pytest
from hedgerow_server.core.error import GuardrailBlocked
from hedgerow_server.core.event import Completed, Event, GuardVerdict, ReasoningDelta, TextDelta
from hedgerow_server.guardrails.entry import GuardEntry
from hedgerow_server.guardrails.fitted import Fitted, fit
from hedgerow_server.guardrails.pii import PiiGuard, PiiGuardSection
from hedgerow_server.guardrails.words import WordsGuard, WordsGuardSection
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.hedgerow_server.guardrails.guarding import DONE, Elsewhere, Spots, fitted, screened

LOOSE: dict[str, Any] = {"sides": ("input", "output"), "timeout_seconds": 600}
"""What is tried is not how busy the machine is."""


def _fit(name: str, section: GuardEntry, guard: object) -> Fitted:
    return fit(name, section, guard)  # type: ignore[arg-type]


def _mix() -> list[Fitted]:
    pii = PiiGuardSection(action="redact", **LOOSE)
    names = WordsGuardSection(words=("project heron", "heron"), action="redact", **LOOSE, evasions=True)
    flags = WordsGuardSection(words=("orchard", "example com"), match="substrings", action="flag", **LOOSE)
    return [
        _fit("pii", pii, PiiGuard(pii)),
        _fit("names", names, WordsGuard(names)),
        _fit("flags", flags, WordsGuard(flags)),
        fitted("spots", Spots("ab@c"), action="redact", timeout_seconds=600),
        fitted("far", Elsewhere("gate", piece=64), action="redact", timeout_seconds=600),
    ]


GUARDS = _mix()
TEXTS = st.lists(
    st.sampled_from(
        (
            "plain words that go on ",
            "ab@c.example.com ",
            "project heron@example.com, ",
            "Project  Her",
            "on. ",
            "h e r o n ",
            "4111 1111 1111 1111 ",
            "DE89 3704 0044 0532 0130 00\n",
            "+49 30 901820 ",
            "192.168.0.1",
            "…é世界 ",
            "orch",
            "ard example",
            " com gate. ",
            "a",
            "@",
            ".",
        )
    ),
    max_size=14,
).map("".join)


@st.composite
def pieces(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> list[str]:
    """A text, cut anywhere."""
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def deltas(cut: Sequence[str]) -> list[Event]:
    """The text as a stream, behind a thought."""
    return [ReasoningDelta(0, "hm"), *(TextDelta(1, piece) for piece in cut), DONE]


def seen(events: Sequence[Event]) -> tuple[str, set[GuardVerdict], object]:
    """What a caller has in the end: the text, what he was told, and why it ended."""
    text = "".join(one.text for one in events if isinstance(one, TextDelta))
    last = events[-1]
    assert isinstance(last, Completed)
    return text, {one for one in events if isinstance(one, GuardVerdict)}, last.reason


async def _ended(cut: Sequence[str], guards: Sequence[Fitted]) -> tuple[str, set[GuardVerdict], object] | None:
    try:
        return seen(await screened(deltas(cut), *guards))
    except GuardrailBlocked:
        return None


@given(pieces())
@settings(deadline=None, max_examples=200)
async def test_a_stream_that_is_redacted_is_the_redacted_text(cut: list[str]) -> None:
    whole = await _ended(["".join(cut)], GUARDS)
    assert await _ended(cut, GUARDS) == whole
    assert await _ended(list("".join(cut)), GUARDS) == whole


OVERLAPPING = st.lists(
    st.sampled_from(("aab", "cabca", "cc ", "ca", "a", "b", "c", " ", "aa", "abca", "cabc", "x", "abc", "bca")),
    max_size=7,
).map("".join)
"""Words of the guards below, their beginnings and their ends."""


@pytest.mark.parametrize(
    "ends", [("truncate", "block"), ("block", "truncate"), ("truncate", "truncate"), ("redact", "flag")]
)
@given(pieces(OVERLAPPING))
@settings(deadline=None, max_examples=200)
async def test_a_stream_ends_where_the_text_would(ends: tuple[str, str], cut: list[str]) -> None:
    """Blocked or not, cut at the same place, with the same things replaced before it."""
    guards = [
        fitted("one", Spots("abc"), action=ends[0], sides=["output"]),
        fitted("two", Spots("bca"), action=ends[1], sides=["output"]),
        fitted("three", Spots("cabca"), action="redact"),
        fitted("five", Spots("aab"), action="redact"),
        fitted("four", Spots("cc "), action="flag"),
    ]
    whole = await _ended(["".join(cut)], guards)
    assert await _ended(cut, guards) == whole
    assert await _ended(list("".join(cut)), guards) == whole

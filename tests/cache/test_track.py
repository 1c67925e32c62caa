"""An answer's events as bytes: each as it was, and never more bytes than allowed."""

import msgspec
import pytest
from hedgerow_server.caching.track import Track, events
from hedgerow_server.core.event import (
    Completed,
    Event,
    FinishReason,
    GuardVerdict,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.core.request import TokenLogprob
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PART = st.integers(0, 2)
EVENTS = st.one_of(
    st.builds(TextDelta, PART, WORDS),
    st.builds(TextDelta, PART, WORDS),
    st.builds(ReasoningDelta, PART, WORDS),
    st.builds(RefusalDelta, PART, WORDS),
    st.builds(ToolCallStarted, PART, WORDS, WORDS),
    st.builds(ToolCallArgumentsDelta, PART, WORDS),
    st.builds(ToolCallEnded, PART),
    st.just(LogprobsDelta(0, (TokenLogprob("a", -1.0, b"a"),))),
    st.just(GuardVerdict("pii", Action.FLAGGED, Side.OUTPUT, "pii.email", 0.5)),
    st.builds(Started, WORDS, WORDS),
    st.just(Completed(FinishReason.STOP, "stop", Usage(final=True), kept=True)),
)


def written(told: list[Event], max_bytes: int = 1 << 30) -> bytes | None:
    """The bytes of an answer."""
    track = Track(max_bytes)
    for one in told:
        track.add(one)
    return track.encoded()


@given(st.lists(EVENTS, max_size=12))
def test_every_event_comes_back_as_it_was(told: list[Event]) -> None:
    encoded = written(told)
    assert encoded is not None
    assert events(encoded) == told


@given(st.lists(EVENTS, max_size=12), st.integers(0, 400))
def test_no_answer_is_larger_than_allowed(told: list[Event], limit: int) -> None:
    encoded, whole = written(told, limit), written(told)
    assert whole is not None
    assert encoded in (None, whole)
    assert encoded is None or len(encoded) <= limit + 5
    if len(whole) + 5 * (len(told) + 1) + sum(len(type(one).__name__) for one in told) <= limit:
        assert encoded == whole


@pytest.mark.parametrize("wrong", [b"", b"x", msgspec.msgpack.encode([("Nothing", {})]), b"\x91\x92\xa4text\x01"])
def test_other_bytes_are_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="of this version"):
        events(wrong)

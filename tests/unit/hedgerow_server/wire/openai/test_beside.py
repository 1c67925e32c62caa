"""Members of answers that the contract has no word for: callers of the API that has them are told."""

import pytest
import responses_door
from hedgerow_server.core.event import Beside, Completed, Event, FinishReason, ReasoningDelta, Started, TextDelta, Usage
from openai_door import Json, asked_by, chunks, streamed, whole

DEFAULT: Beside = {"openai": {"service_tier": "default"}, "openai_chat": {"system_fingerprint": "fp_1"}}
TIER, MARK = "service_tier", "system_fingerprint"


def told(first: Beside, last: Beside) -> list[Event]:
    """An answer with what its two ends tell."""
    return [
        Started("p", "m", beside=first),
        ReasoningDelta(0, "so"),
        TextDelta(1, "yes"),
        Completed(FinishReason.STOP, "stop", Usage(), beside=last),
    ]


def chat_chunks(first: Beside, last: Beside) -> list[Json]:
    """The chunks of a stream of Chat Completions."""
    return chunks(streamed(asked_by(stream=True, usage=True), told(first, last)))


@pytest.mark.parametrize(("first", "last"), [(DEFAULT, DEFAULT), (DEFAULT, {}), ({}, DEFAULT)])
def test_a_whole_chat_has_what_either_end_tells(first: Beside, last: Beside) -> None:
    answer = whole(asked_by(), told(first, last))
    assert (answer[TIER], answer[MARK], answer["choices"][0]["message"]["content"]) == ("default", "fp_1", "yes")


def test_every_chunk_has_what_the_beginning_tells() -> None:
    assert {(one[TIER], one[MARK]) for one in chat_chunks(DEFAULT, DEFAULT)} == {("default", "fp_1")}


def test_the_last_chunks_have_what_only_the_end_tells() -> None:
    """Those with the finish reason and with the usage."""
    flex: Beside = {"openai": {"service_tier": "flex"}}
    found = [(one.get(TIER), one.get(MARK)) for one in chat_chunks(DEFAULT, flex)]
    assert found == [*[("default", "fp_1")] * (len(found) - 2), ("flex", "fp_1"), ("flex", "fp_1")]
    assert [one.get(TIER) for one in chat_chunks({}, flex)] == [*[None] * (len(found) - 2), "flex", "flex"]


@pytest.mark.parametrize("beside", [{}, {"anthropic": {TIER: "standard"}, "openai_responses": {MARK: "x"}}])
def test_chats_have_no_members_of_other_apis(beside: Beside) -> None:
    for answer in (whole(asked_by(), told(beside, beside)), *chat_chunks(beside, beside)):
        assert not {TIER, MARK} & answer.keys()


def test_a_response_is_told_the_tier_and_no_fingerprint() -> None:
    """What was asked for stands in its place until the provider says what it is."""
    asked = responses_door.asked(service_tier="auto")
    response = responses_door.whole(asked, told({}, DEFAULT))
    assert response[TIER] == "default"
    assert MARK not in response


def test_a_streamed_response_has_the_last_word_in_the_end() -> None:
    events = responses_door.streamed(responses_door.asked(), told({"openai": {TIER: "auto"}}, DEFAULT))
    assert [one["response"][TIER] for one in events if "response" in one] == ["auto", "auto", "default"]

"""Answers as bytes: what comes back is what was kept, and what cannot be read says so."""

import typing

import msgspec
import pytest
from hedgerow_server.core import event as core
from hedgerow_server.core import tape
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState, TokenAlternative, TokenLogprob
from hedgerow_server.core.terminal import Terminal

USAGE = core.Usage(
    input_uncached_tokens=7,
    input_cache_writes=((300.0, 5), (None, 2)),
    other_units={"searches": 2},
    estimated=True,
    final=True,
)
RECORD = core.AttemptRecord(
    number=1,
    provider="sim",
    model="m",
    region="eu",
    kind=core.AttemptKind.HEDGE,
    start_unix_s=1.5,
    outcome=core.AttemptOutcome.SUCCEEDED,
    first_token_s=0.25,
    usage=USAGE,
    hedge_delays_s=(0.1, 0.2),
    cost_picos=1 << 62,
    price_version="v",
)
WARNING = core.Warning(core.WarningCode.PARAMETER_CHANGED, "chat.seed", "changed")
EVENTS: list[core.Event] = [
    core.Started("sim", "m", (WARNING,), "id-1"),
    core.Started("sim", "m", cache=core.CacheOrigin(core.CacheKind.EXACT, 1.5, "sim", "m", 7)),
    core.TextDelta(0, "hé\x00🦔"),
    core.RefusalDelta(1, "no"),
    core.ReasoningDelta(0, "so"),
    core.ToolCallStarted(2, "call-1", "add"),
    core.ToolCallArgumentsDelta(2, '{"a":'),
    core.ToolCallEnded(2),
    core.CitationAdded(0, Citation(url="https://example.com", start_index=0)),
    core.LogprobsDelta(0, (TokenLogprob("h", -0.5, b"\xff", 7, (TokenAlternative("x", -1.0),)),)),
    core.MediaDelta(3, "image/png", b"\x00\xff"),
    core.ProviderItemAdded(4, ProviderItem("openai", "web_search_call", b"{}")),
    core.ProviderStateAttached(0, ProviderState("anthropic", b"\x01")),
    core.GuardVerdict("pii", Action.REDACTED, Side.OUTPUT, "pii.email", 0.9),
    core.RouteChanged("other", "m2", (WARNING,), "id-2"),
    core.Completed(core.FinishReason.TOOL_CALLS, "tool_calls", USAGE, (RECORD,), "END"),
    core.EmbeddingsAdded([b"\x00\x00\x80\x3f"], ()),
    core.EmbedCompleted(USAGE, (RECORD,), 1, 2, 0),
]
NEVER_KEPT = {
    core.Finished,  # never reaches a caller
    core.ItemFailed,  # of StreamEmbed, which takes no key
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was_kept(event: core.Event) -> None:
    assert tape.events(tape.encoded([event])) == [event]


def test_every_event_of_an_answer_can_be_kept() -> None:
    """A new event belongs into tape.KINDS, or it is one that is never kept, or the whole answer of an RPC that asks no
    provider.
    """
    assert {type(event) for event in EVENTS} == set(tape.KINDS)
    others = set(typing.get_args(core.Event)) - set(tape.KINDS)
    assert {one for one in others if not issubclass(one, Terminal)} == NEVER_KEPT


def test_a_whole_answer_comes_back_in_order() -> None:
    assert tape.events(tape.encoded(EVENTS * 3)) == EVENTS * 3


def test_an_event_is_kept_as_it_was_when_it_was_taken() -> None:
    """The record of an attempt may change later, when what is left of its answer was read on."""
    record = msgspec.structs.replace(RECORD)
    kept = tape.Tape(1000)
    kept.add(core.EmbedCompleted(USAGE, (record,)))
    record.error_reason = "LATER"
    found = kept.encoded()
    assert found is not None
    (event,) = tape.events(found)
    assert isinstance(event, core.EmbedCompleted)
    assert event.attempts[0].error_reason == ""


def test_an_answer_above_the_limit_is_let_go_of() -> None:
    kept = tape.Tape(100)
    for _ in range(5):
        kept.add(core.TextDelta(0, "x" * 30))
    assert kept.encoded() is None


@pytest.mark.parametrize("broken", [b"", b"\x00", tape.encoded(EVENTS)[:-1], b"\xdd\x00\x00\x00\x01\x92\xa4Odd!\x80"])
def test_bytes_that_are_no_answer_of_this_version_say_so_without_their_content(broken: bytes) -> None:
    with pytest.raises(ValueError, match="no answer of this version"):
        tape.events(broken)

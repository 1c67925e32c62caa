"""What Ollama may send tomorrow, on recorded answers: unknown members change nothing, a stream says the same."""

import json
import random
from typing import Any

import pytest
from hedgerow_server.core.event import Finished, FinishReason
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from providers.ollama_expected import merged, pieces_of
from providers.ollama_run import lines, read, stream
from providers.pieces import folded, polluted
from providers.replay import recordings_of

Json = dict[str, Any]

CHATS = {str(one["id"]): one for one in recordings_of("ollama_chat") if one["kind"] in ("chat", "chat_stream")}
if not CHATS:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# A seed rather than draws: there are many places in a recording.
_SEEDS = st.integers(0, 2**32 - 1)
_quick = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def _opaque(name: str, _value: Any) -> bool:
    """What is the caller's own, not ours to read."""
    return name == "arguments"


@pytest.mark.parametrize("name", CHATS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_and_lines_in_a_stream_change_nothing(name: str, seed: int) -> None:
    luck, pieces = random.Random(seed), pieces_of(CHATS[name])
    changed = [polluted(piece, luck, _opaque) for piece in pieces]
    changed.insert(luck.randrange(len(changed)), {"model": pieces[0]["model"], "queue_position": 3})
    assert stream(lines(*changed))[1:] == stream(lines(*pieces))[1:]


@pytest.mark.parametrize("name", CHATS)
def test_a_stream_of_pieces_says_what_the_whole_answer_says(name: str) -> None:
    answer = folded(stream(lines(*pieces_of(CHATS[name]))))
    whole = folded(read([lines(merged(CHATS[name]))], "application/json"))
    assert answer == whole


@pytest.mark.parametrize("name", CHATS)
@given(seed=_SEEDS)
@_quick
def test_unknown_members_in_a_document_change_nothing(name: str, seed: int) -> None:
    document = merged(CHATS[name])
    body = polluted(document, random.Random(seed), _opaque)
    whole = read([json.dumps(document).encode()], "application/json")
    assert read([json.dumps(body).encode()], "application/json") == whole


@pytest.mark.parametrize("name", CHATS)
def test_an_unknown_finish_reason_is_told_as_it_is(name: str) -> None:
    body = json.dumps({**merged(CHATS[name]), "done_reason": "tea_time"}).encode()
    last = read([body], "application/json")[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.OTHER
    assert last.native_reason == "tea_time"

"""The words of the contract and those of the core are the same."""

import enum
from typing import Any

import pytest
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1 import policy_pb2
from hedgerow_server.core.event import CacheKind, CacheOrigin, Started
from hedgerow_server.core.request import CacheMode
from hedgerow_server.wire.chat_events import EventEncoder, Response
from hedgerow_server.wire.policy import policy


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [(CacheMode, policy_pb2.CacheMode, "CACHE_MODE_"), (CacheKind, event_pb2.CacheKind, "CACHE_KIND_")],
)
def test_every_value_of_the_contract_is_one_of_ours(ours: type[enum.Enum], theirs: Any, prefix: str) -> None:
    told = {name.removeprefix(prefix): number for name, number in theirs.items() if number}
    assert told == {one.name: one.value for one in ours}


def test_what_a_call_wants_of_the_cache_is_read() -> None:
    message = policy_pb2.RoutePolicy(cache=policy_pb2.CACHE_MODE_READ_ONLY)
    message.cache_max_age.FromMilliseconds(1500)
    asked = policy(message)
    assert (asked.cache, asked.cache_max_age_s) == (CacheMode.READ_ONLY, 1.5)
    plain = policy(policy_pb2.RoutePolicy(session_id="s"))
    assert (plain.cache, plain.cache_max_age_s) == (None, None)


@pytest.mark.parametrize(
    "origin",
    [
        CacheOrigin(CacheKind.EXACT, 1.5, "a", "m", 7),
        CacheOrigin(CacheKind.EXACT, 0.0, "a", "m", 0),
        CacheOrigin(CacheKind.SEMANTIC, 2.0, "a", "m", None, 0.97),
    ],
)
def test_where_an_answer_comes_from_is_told(origin: CacheOrigin) -> None:
    (written,) = EventEncoder().encode(Started("a", "m", cache=origin))
    told = Response.FromString(written).started.cache_origin
    assert (told.kind, told.age.ToMilliseconds() / 1000, told.provider, told.model) == (
        origin.kind.value,
        origin.age_s,
        "a",
        "m",
    )
    assert (told.saved_picos if told.HasField("saved_picos") else None) == origin.saved_picos
    assert (told.similarity if told.HasField("similarity") else None) == origin.similarity


def test_an_answer_of_a_provider_has_no_origin() -> None:
    (written,) = EventEncoder().encode(Started("a", "m"))
    assert not Response.FromString(written).started.HasField("cache_origin")

"""What a kept answer costs its caller, and what the books say of it."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cache.routed import Asker, cached, origin
from hedgerow.usage.v1 import usage_service_pb2 as pb
from hedgerow_client.usage import UsageClient
from rpc.access import ROLES, Guarded, bearer, guarded
from rpc.caller import (
    COMPLETE,
    EMBED,
    STREAM_COMPLETE,
    WAYS,
    Outcome,
    Way,
    drained,
    eventually,
    item,
    options,
)
from rpc.conftest import StartRouter
from stack import Stack

CHATS = WAYS
USAGE = {"app": {}, "finance": {"rpcs": ["UsageService/*"]}}
LIMITS: dict[str, Any] = {
    "quotas": [
        {"name": "requests", "by": ["key"], "limits": [{"requests": 1000, "per": "day"}]},
        {"name": "tokens", "by": ["key"], "limits": [{"tokens": 1_000_000, "per": "day"}]},
    ],
    "budgets": [{"name": "money", "by": ["key"], "usd": 1, "per": "day"}],
}


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A router with a ledger and limits."""

    def start(**sections: Any) -> Any:
        routes = {"kept": cached(), "vectors": cached("text-embedding-3-small", "embed")}
        return start_router(extra_routes=routes, **LIMITS, **sections)

    with guarded(start, tmp_path_factory.mktemp("cache") / "a.db", [], roles={**ROLES, **USAGE}) as running:
        yield running


def asker(ours: Guarded, stack: Stack, **wish: Any) -> Asker:
    """One with an API key of its own."""
    token, _ = ours.key(roles=["app"], **wish)
    return Asker(ours.caller, stack.sim_url, tuple(bearer(token)))


def left(outcome: Outcome[Any]) -> dict[str, int]:
    """What is left of each limit."""
    return {one.name: one.left for one in outcome.report.quotas}


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_a_hit_takes_a_request_but_no_tokens_and_no_money(ours: Guarded, stack: Stack, rpc: Way) -> None:
    one, text = asker(ours, stack), uuid.uuid4().hex
    spec = {"max_output_tokens": 500}
    paid, again = left(one.ask(rpc, text, spec=spec)), left(one.ask(rpc, text, spec=spec))
    assert one.asked == 1
    assert again == {"requests": 998, "tokens": paid["tokens"], "money": paid["money"]}
    assert paid["tokens"] < 1_000_000


def test_the_ledger_tells_of_a_hit_and_the_statement_of_what_it_has_saved(ours: Guarded, stack: Stack) -> None:
    tenant, text = f"t-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    one = asker(ours, stack, tenant=tenant)
    spec = {"max_output_tokens": 500}
    cost = one.ask(COMPLETE, text, spec=spec).report.cost_picos
    hits = [one.ask(rpc, text, spec=spec) for rpc in (*CHATS, COMPLETE)]
    vectors = [one.ask(EMBED, text, "vectors") for _ in range(2)]
    vector_cost = vectors[0].report.cost_picos
    assert (vectors[1].message.cached_inputs_count, vectors[1].message.saved_picos) == (1, vector_cost)
    token, _ = ours.key(tenant=tenant, roles=["finance"])
    with UsageClient(ours.router.addresses["grpc"], token=token, timeout=30) as usage:
        eventually(lambda: usage.query_spend(pb.QuerySpendRequest()).total.calls_count == 10, "the ledger has all")
        call = usage.get_call(hits[0].request_id).call
        assert (call.cache, call.saved_picos, call.cost_picos, call.usage.input_tokens) == ("hit", cost, 0, 0)
        month = usage.get_statement(pb.GetStatementRequest(month=time.strftime("%Y-%m", time.gmtime())))
        (line,) = month.lines
        assert line.response_cache_savings.picos == 7 * cost + vector_cost
        assert line.sum.cost.picos == cost + vector_cost
        assert line.sum.cached_calls_count == 8


def test_items_of_a_stream_that_were_there_are_told_and_cost_nothing(ours: Guarded, stack: Stack) -> None:
    metadata, texts = bearer(ours.key(roles=["app"])[0]), [uuid.uuid4().hex for _ in range(4)]

    def streamed(*asked: str) -> tuple[list[str], Any]:
        given = [options("vectors", dimensions=8), *(item(text, text) for text in asked)]
        told = drained(ours.caller.open_embed(given, metadata=metadata))
        return [one.id for one in told.messages if one.HasField("embedding")], told.messages[-1].completed

    _, paid = streamed(*texts[:2])
    ids, mixed = streamed(*texts)
    assert (ids, mixed.embedded_items_count, mixed.cached_items_count) == (texts, 4, 2)
    assert paid.cost_picos > 0
    assert (paid.cached_items_count, paid.HasField("saved_picos")) == (0, False)
    assert 0 < mixed.saved_picos <= paid.cost_picos
    _, free = streamed(*texts)
    assert (free.cached_items_count, free.attempts_count, free.usage.input_tokens) == (4, 0, 0)
    assert (free.HasField("cost_picos"), free.cost_picos, free.charged_picos) == (True, 0, 0)


def test_what_a_user_has_caused_to_be_kept_is_erased_with_him(ours: Guarded, stack: Stack) -> None:
    user, text = f"user-{uuid.uuid4().hex}", uuid.uuid4().hex
    one = asker(ours, stack, user=user)
    spec = {"max_output_tokens": 500}
    one.ask(COMPLETE, text, spec=spec)
    assert origin(COMPLETE, one.ask(COMPLETE, text, spec=spec)) is not None
    assert ours.admin.erase_user("acme", user).erased_counts["cached_answers"] == 1
    other = asker(ours, stack)
    assert origin(COMPLETE, other.ask(COMPLETE, text, spec=spec)) is None


def test_tenants_share_nothing(ours: Guarded, stack: Stack) -> None:
    text = uuid.uuid4().hex
    for tenant in ("acme", "globex"):
        one = asker(ours, stack, tenant=tenant)
        assert origin(COMPLETE, one.ask(COMPLETE, text, spec={"max_output_tokens": 500})) is None

"""A real router gives kept answers again: to whom, for how long, and at what cost."""

import uuid
from collections.abc import Iterator

import pytest
from cache.routed import Asker, cached, origin, words
from hedgerow.common.v1 import policy_pb2 as pb
from rpc.caller import (
    COMPLETE,
    WAYS,
    Way,
    connected,
    get,
)
from rpc.conftest import StartRouter
from stack import Process, Stack

CHATS = WAYS


@pytest.fixture(scope="module")
def router(start_router: StartRouter) -> Iterator[Process]:
    """One whose routes keep answers in memory."""
    routes = {"kept": cached(), "by-session": cached(scope="session"), "by-user": cached(scope="user")}
    with start_router(extra_routes=routes) as running:
        yield running


@pytest.fixture
def asker(router: Process, stack: Stack) -> Iterator[Asker]:
    """Asks it."""
    with connected(router.addresses) as caller:
        yield Asker(caller, stack.sim_url)


@pytest.fixture
def text() -> str:
    """What nobody has asked."""
    return uuid.uuid4().hex


@pytest.mark.parametrize("second", CHATS)
@pytest.mark.parametrize("first", CHATS)
def test_an_equal_chat_gets_the_kept_answer_streamed_or_not(asker: Asker, text: str, first: Way, second: Way) -> None:
    one, other = asker.ask(first, text), asker.ask(second, text)
    assert origin(first, one) is None
    found = origin(second, other)
    assert (found.provider, found.model, found.kind) == ("sim", "gpt-4o-mini", 1)
    assert "".join(words(second, other)) == "".join(words(first, one))
    assert asker.asked == 1


@pytest.mark.parametrize("rpc", CHATS)
def test_a_hit_uses_and_costs_nothing_and_tells_what_was_saved(asker: Asker, text: str, rpc: Way) -> None:
    paid = asker.ask(rpc, text).report.cost_picos
    again = asker.ask(rpc, text)
    report = again.report
    assert (report.HasField("cost_picos"), report.cost_picos, report.charged_picos) == (True, 0, 0)
    assert (report.usage.input_tokens, report.usage.output_tokens, report.usage.final) == (0, 0, True)
    assert not report.attempts
    assert paid > 0
    assert origin(rpc, again).saved_picos == paid


def test_whoever_bypasses_the_cache_neither_reads_nor_writes(asker: Asker, text: str) -> None:
    for _ in range(2):
        assert origin(COMPLETE, asker.ask(COMPLETE, text, cache=pb.CACHE_MODE_BYPASS)) is None
    assert asker.asked == 2
    assert origin(COMPLETE, asker.ask(COMPLETE, text)) is None


def test_the_metrics_tell_of_hits_misses_and_what_is_kept(asker: Asker, router: Process, text: str) -> None:
    before = numbers(router)
    for _ in range(3):
        asker.ask(COMPLETE, text)
    after = numbers(router)
    grown = {name: value - before[name] for name, value in after.items() if value != before[name]}
    assert grown.pop("hedgerow_cache_written_bytes_total") > 100
    assert grown.pop("hedgerow_cache_bytes") > 100
    assert grown == {
        'hedgerow_cache_hits_total{kind="exact"}': 2,
        'hedgerow_cache_misses_total{kind="chat"}': 1,
        "hedgerow_cache_writes_total": 1,
        "hedgerow_cache_entries": 1,
    }
    assert after["hedgerow_cache_up"] == 1


def numbers(router: Process) -> dict[str, float]:
    """What the metrics say of the cache."""
    _, page = get(f"http://{router.addresses['admin_http']}/metrics")
    lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith("hedgerow_cache")]
    return {name: float(value) for name, _, value in lines}

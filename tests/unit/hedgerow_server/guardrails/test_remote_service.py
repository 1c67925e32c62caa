"""A guard behind gRPC, against real servers: what is sent, what is believed, and what becomes of failures."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import grpc
import pydantic
import pytest
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow_server.core.guard import Asker, Finding, GuardFailed, Judged, RemoteGuard, Side, Source
from hedgerow_server.guardrails.remote.section import RemoteServiceGuardSection
from unit.hedgerow_server.guardrails.guard_server import TOKEN, GuardServer, asking, finding, saying, serving, until

ASKER = Asker("acme", "request-1", "fast")
NO_REST = {"breaker": {"failures": 1000}}


def judged(*texts: str, source: Source = Source.USER) -> list[Judged]:
    return [Judged(text, source) for text in texts]


@pytest.fixture
async def server() -> GuardServer:
    return GuardServer()


@pytest.fixture
async def target(server: GuardServer) -> AsyncIterator[str]:
    async with serving(server) as address:
        yield address


async def test_it_is_a_remote_guard(target: str) -> None:
    async with asking(target, piece_characters=1000) as guard:
        assert isinstance(guard, RemoteGuard)
        assert guard.piece == 1000


async def test_texts_go_out_with_all_that_the_contract_says_of_them(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        await guard.judge([Judged("a", Source.TOOL_RESULT), Judged("b", Source.REASONING)], ASKER)
    assert server.requests == [
        pb.CheckRequest(
            texts=[
                pb.CheckedText(text="a", source=pb.TEXT_SOURCE_TOOL_RESULT),
                pb.CheckedText(text="b", source=pb.TEXT_SOURCE_REASONING),
            ],
            side=pb.CHECK_SIDE_INPUT,
            tenant="acme",
            model="fast",
            request_id="request-1",
        )
    ]


async def test_texts_of_an_answer_go_out_as_output(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        await guard.judge(judged("a", source=Source.ANSWER), Asker("acme", "1", "fast", Side.OUTPUT))
    assert server.requests[0].side == pb.CHECK_SIDE_OUTPUT


async def test_findings_come_back_in_the_order_of_the_texts(server: GuardServer, target: str) -> None:
    server.answer = lambda request: pb.CheckResponse(
        results=[pb.CheckResult(findings=[finding(0, len(one.text))]) for one in request.texts]
    )
    texts = ["x" * length for length in (5, 1, 9)]
    async with asking(target) as guard:
        found = await guard.judge(judged(*texts), ASKER)
    assert [[(one.start, one.end) for one in verdict] for verdict in found] == [[(0, 5)], [(0, 1)], [(0, 9)]]


async def test_a_finding_carries_what_the_server_says_of_it(server: GuardServer, target: str) -> None:
    server.answer = saying(finding(1, 3, "pii.name", score=0.25, replacement="[NAME]"))
    async with asking(target) as guard:
        assert await guard.judge(judged("abcd"), ASKER) == [(Finding(1, 3, "pii.name", "[NAME]", 0.25),)]


async def test_a_finding_without_a_place_is_of_the_whole_text_and_gets_a_mark(server: GuardServer, target: str) -> None:
    server.answer = saying(pb.CheckFinding(category="toxicity"))
    async with asking(target) as guard:
        assert await guard.judge(judged("𝄞bcd"), ASKER) == [(Finding(0, 4, "toxicity", "[REDACTED]", None),)]


BAD: dict[str, list[pb.CheckFinding]] = {
    "beyond a text": [finding(2, 5)],
    "negative": [finding(-1, 2)],
    "empty": [finding(2, 2)],
    "reversed": [finding(3, 2)],
    "overlapping": [finding(0, 2), finding(1, 3)],
    "out of order": [finding(2, 3), finding(0, 1)],
    "beside one of the whole": [finding(0, 1), pb.CheckFinding(category="toxicity")],
    "without a category": [finding(0, 1, "")],
    "with a category that is a sentence": [finding(0, 1, "john.doe@example.com found")],
    "with a category of great length": [finding(0, 1, "a" * 65)],
    "with a great score": [finding(0, 1, score=1.5)],
    "with a score that is no number": [finding(0, 1, score=float("nan"))],
    "with a long replacement": [finding(0, 1, replacement="x" * 257)],
    "too many": [finding(0, 1)] * 257,
}


@pytest.mark.parametrize("findings", BAD.values(), ids=BAD.keys())
async def test_an_answer_that_breaks_the_contract_is_a_failure(
    server: GuardServer, target: str, findings: list[pb.CheckFinding]
) -> None:
    server.answer = saying(*findings)
    async with asking(target) as guard:
        with pytest.raises(GuardFailed):
            await guard.judge(judged("𝄞bcd"), ASKER)


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_an_answer_for_more_or_fewer_texts_is_a_failure(server: GuardServer, target: str, count: int) -> None:
    server.answer = lambda _: pb.CheckResponse(results=[pb.CheckResult()] * count)
    async with asking(target) as guard:
        with pytest.raises(GuardFailed, match=f"answers for {count} of 2 texts"):
            await guard.judge(judged("a", "b"), ASKER)


async def test_categories_without_end_become_one(server: GuardServer, target: str) -> None:
    """Each is a series in the metrics of the gateway."""
    server.answer = lambda request: pb.CheckResponse(
        results=[pb.CheckResult(findings=[finding(0, 1, f"c{one.text}")]) for one in request.texts]
    )
    async with asking(target) as guard:
        found = await guard.judge(judged(*map(str, range(300))), ASKER)
    categories = {verdict[0].category for verdict in found}
    assert len(categories) == 101
    assert "other" in categories


@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"])
async def test_a_failure_names_the_status_and_nothing_of_the_text(
    server: GuardServer, target: str, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.status = grpc.StatusCode[status]
    async with asking(target, breaker={"failures": 1}) as guard:
        with caplog.at_level(logging.DEBUG), pytest.raises(GuardFailed, match=f"^it answers {status}$") as failure:
            await guard.judge(judged("my-secret-text"), ASKER)
    assert failure.value.__cause__ is None
    assert "my-secret-text" not in caplog.text


async def test_a_server_on_its_way_out_is_asked_a_second_time_within_the_call(server: GuardServer, target: str) -> None:
    server.once = grpc.StatusCode.UNAVAILABLE
    async with asking(target) as guard:
        assert await guard.judge(judged("abc"), ASKER) == [()]
    assert len(server.requests) == 2


async def test_a_server_that_does_not_answer_is_a_failure_within_its_time(server: GuardServer, target: str) -> None:
    server.thawed.clear()
    async with asking(target, timeout_seconds=0.05) as guard:
        with pytest.raises(GuardFailed, match=r"^it gives no answer within 0\.05 s$"):
            await guard.judge(judged("a"), ASKER)
        # The call is over for the server, too.
        await until(lambda: not server.under_way)


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    async with asking("127.0.0.1:1") as guard:
        with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
            await guard.judge(judged("a"), ASKER)


async def test_a_server_that_fails_is_left_alone_and_found_again(server: GuardServer, target: str) -> None:
    server.status = grpc.StatusCode.INTERNAL
    async with asking(target, breaker={"failures": 3, "rest_seconds": 0.2, "max_rest_seconds": 0.2}) as guard:
        for _ in range(3):
            with pytest.raises(GuardFailed, match="it answers INTERNAL"):
                await guard.judge(judged("a"), ASKER)
        with pytest.raises(GuardFailed, match="it is not asked for a while: answers INTERNAL"):
            await guard.judge(judged("a"), ASKER)
        assert len(server.requests) == 3
        server.status = None
        async with asyncio.timeout(20):
            while True:
                try:
                    await guard.judge(judged("a"), ASKER)
                    break
                except GuardFailed:
                    await asyncio.sleep(0.01)
        await asyncio.gather(*(guard.judge(judged(f"b{number}"), ASKER) for number in range(20)))


async def test_a_caller_who_leaves_says_nothing_of_the_guard(server: GuardServer, target: str) -> None:
    server.thawed.clear()
    async with asking(target, breaker={"failures": 1}) as guard:
        asked = asyncio.create_task(guard.judge(judged("a"), ASKER))
        await until(lambda: server.requests)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        server.thawed.set()
        assert await guard.judge(judged("a"), ASKER) == [()]
        await until(lambda: not server.under_way)


async def test_requests_above_the_most_at_once_wait_for_their_turn(server: GuardServer, target: str) -> None:
    async with asking(target, max_concurrent_requests=2) as guard:
        await asyncio.gather(*(guard.judge(judged(str(number)), ASKER) for number in range(20)))
    assert len(server.requests) == 20
    assert server.most_under_way <= 2


async def test_a_text_that_was_judged_is_not_asked_about_again(server: GuardServer, target: str) -> None:
    server.answer = saying(finding(0, 1))
    async with asking(target) as guard:
        first = await guard.judge(judged("a", "b"), ASKER)
        again = await guard.judge(judged("b", "c", "a"), Asker("acme", "request-2", "fast"))
    assert [len(one.texts) for one in server.requests] == [2, 1]
    assert again == [first[1], first[0], first[0]]


async def test_what_was_judged_for_a_tenant_is_asked_anew_for_another(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        await guard.judge(judged("a"), ASKER)
        await guard.judge(judged("a"), Asker("other", "request-1", "fast"))
    assert [one.tenant for one in server.requests] == ["acme", "other"]


async def test_other_rules_of_the_server_void_what_was_kept(server: GuardServer, target: str) -> None:
    versions = iter(["1", "2", "2"])
    server.answer = lambda request: pb.CheckResponse(
        results=[pb.CheckResult() for _ in request.texts], policy_version=next(versions)
    )
    async with asking(target) as guard:
        for text in ("a", "a", "b", "a"):
            await guard.judge(judged(text), ASKER)
    assert [one.texts[0].text for one in server.requests] == ["a", "b", "a"]


async def test_failures_are_not_kept(server: GuardServer, target: str) -> None:
    server.answer = saying(finding(0, 99))
    async with asking(target, **NO_REST) as guard:
        for _ in range(3):
            with pytest.raises(GuardFailed):
                await guard.judge(judged("a"), ASKER)
        server.answer = saying()
        assert await guard.judge(judged("a"), ASKER) == [()]


async def test_what_was_kept_is_there_while_the_server_is_not(server: GuardServer, target: str) -> None:
    async with asking(target, breaker={"failures": 1}) as guard:
        await guard.judge(judged("a"), ASKER)
        server.status = grpc.StatusCode.INTERNAL
        with pytest.raises(GuardFailed):
            await guard.judge(judged("b"), ASKER)
        assert await guard.judge(judged("a"), ASKER) == [()]


async def test_large_batches_go_out_as_several_within_the_limits_of_the_contract(
    server: GuardServer, target: str
) -> None:
    server.answer = lambda request: pb.CheckResponse(
        results=[pb.CheckResult(findings=[finding(0, len(one.text))]) for one in request.texts]
    )
    texts = [f"{number}" for number in range(100)] + ["𝄞" * 131_072] * 9
    async with asking(target, verdicts={"entries": 0}) as guard:
        found = await guard.judge(judged(*texts), ASKER)
    assert [verdict[0].end for verdict in found] == [len(text) for text in texts]
    assert sum(len(one.texts) for one in server.requests) == 109
    for request in server.requests:
        assert len(request.texts) <= 64
        assert sum(len(one.text.encode()) for one in request.texts) <= 2 * 1024 * 1024


async def test_a_batch_that_fails_fails_them_all(server: GuardServer, target: str) -> None:
    def third(request: pb.CheckRequest) -> pb.CheckResponse:
        return pb.CheckResponse(results=[pb.CheckResult() for _ in request.texts if request.texts[0].text != "128"])

    server.answer = third
    async with asking(target) as guard:
        with pytest.raises(GuardFailed, match="answers for 0 of 2 texts"):
            await guard.judge(judged(*map(str, range(130))), ASKER)


async def test_empty_texts_are_not_sent(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        assert await guard.judge(judged("", ""), ASKER) == [(), ()]
        assert await guard.judge([], ASKER) == []
        await guard.judge(judged("", "a"), ASKER)
    assert [[one.text for one in request.texts] for request in server.requests] == [["a"]]


async def test_half_of_a_surrogate_pair_is_sent_as_one_other_character(server: GuardServer, target: str) -> None:
    """JSON may hold one, in the arguments of a tool call, and protobuf may not."""
    server.answer = saying(finding(1, 2))
    async with asking(target) as guard:
        found = await guard.judge(judged("a\ud800c"), ASKER)
    assert server.requests[0].texts[0].text == "a?c"
    assert (found[0][0].start, found[0][0].end) == (1, 2)


async def test_the_credential_is_sent_as_bearer_token(server: GuardServer, target: str) -> None:
    async with asking(target, credential="guard-key") as guard:
        await guard.judge(judged("a"), ASKER)
        assert TOKEN not in repr(guard)
    assert server.metadata[0]["authorization"] == f"Bearer {TOKEN}"


async def test_connections_are_kept_and_shared(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        for _ in range(3):
            await asyncio.gather(*(guard.judge(judged("a"), Asker(str(n), "", "")) for n in range(10)))
    assert len(server.peers) == 1


async def test_as_many_connections_as_configured_take_turns(server: GuardServer, target: str) -> None:
    async with asking(target, connections=3, verdicts={"entries": 0}) as guard:
        for _ in range(6):
            await guard.judge(judged("a"), ASKER)
    assert len(server.peers) == 3


RESIDENCY: list[tuple[str, tuple[frozenset[str], ...], bool]] = [
    ("", (), True),
    ("", (frozenset({"eu"}),), False),
    ("eu", (), True),
    ("eu", (frozenset({"eu", "us"}),), True),
    ("eu", (frozenset({"us"}),), False),
    ("eu", (frozenset({"eu", "us"}), frozenset({"eu"})), True),
    ("eu", (frozenset({"eu", "us"}), frozenset({"us"})), False),
    ("eu", (frozenset(),), False),
]


@pytest.mark.parametrize(("region", "residency", "allowed"), RESIDENCY)
async def test_texts_go_only_where_everybody_lets_them(
    server: GuardServer, target: str, region: str, residency: tuple[frozenset[str], ...], allowed: bool
) -> None:
    asker = Asker("acme", "request-1", "fast", residency=residency)
    async with asking(target, region=region, **NO_REST) as guard:
        if allowed:
            assert await guard.judge(judged("a"), asker) == [()]
        else:
            await guard.judge(judged("a"), ASKER)
            server.requests.clear()
            with pytest.raises(GuardFailed, match="the texts may not go there"):
                await guard.judge(judged("a", "b"), asker)
            assert server.requests == []


SECTIONS = [
    ({"target": "guard.internal:443"}, "expected `tls`"),
    ({"target": "dns:///guard.internal:443"}, "expected `tls`"),
    ({"target": "unixguard.internal:443"}, "expected `tls`"),
    ({"target": "127.0.0.1:1", "tls": {}, "plaintext": True}, "expected one of"),
    ({"target": "guard:1", "tls": {"certificate": "a.pem"}}, "both of certificate and key"),
    ({"target": "user@guard:1", "tls": {}}, "pattern"),
]


@pytest.mark.parametrize(("section", "fault"), SECTIONS)
def test_a_section_that_cannot_hold_says_why(section: dict[str, object], fault: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=fault):
        RemoteServiceGuardSection.model_validate(section)


@pytest.mark.parametrize(
    "target", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/guard.sock", "dns:///localhost:1"]
)
def test_this_machine_needs_no_tls(target: str) -> None:
    assert RemoteServiceGuardSection.model_validate({"target": target}).tls is None


async def turns_within(work: Coroutine[Any, Any, object]) -> int:
    """How often other calls had their turn while something was done that waits for nobody."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await work
    counting.cancel()
    return turns


async def test_to_look_up_long_texts_does_not_hold_up_other_calls(server: GuardServer, target: str) -> None:
    texts = judged(*(f"{number:08192}" for number in range(256)))
    async with asking(target) as guard:
        await guard.judge(texts, ASKER)
        server.requests.clear()
        assert await turns_within(guard.judge(texts, ASKER)) >= 16
        assert server.requests == []


async def test_to_look_at_thousands_of_findings_does_not_hold_up_other_calls(target: str) -> None:
    request = pb.CheckRequest(texts=[pb.CheckedText(text="a" * 256)] * 64)
    answer = saying(*(finding(place, place + 1) for place in range(256)))(request)
    assert isinstance(answer, pb.CheckResponse)
    async with asking(target) as guard:
        assert await turns_within(guard._checked(answer, judged(*["a" * 256] * 64))) >= 64


async def test_long_texts_go_out_in_batches_that_hold_up_nobody(server: GuardServer, target: str) -> None:
    async with asking(target) as guard:
        await guard.judge(judged(*(f"{number:08192}" for number in range(256))), ASKER)
    assert sum(len(one.texts) for one in server.requests) == 256
    assert all(sum(len(one.text) for one in request.texts) <= 256 * 1024 for request in server.requests)

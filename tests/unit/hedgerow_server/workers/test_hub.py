"""What workers share through the supervisor, over real sockets in one process."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from hedgerow_server.telemetry.merging import Family, Sample, packed, unpacked
from hedgerow_server.workers import words
from hedgerow_server.workers.peer import PeerFailed, PeerGone
from money.desk import Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A supervisor's side."""
    found = Desk()
    yield found
    await found.close()


async def nothing(content: bytes) -> bytes:
    """Answers that all is well."""
    return b""


async def test_all_others_are_asked_and_each_answer_is_told_apart(desk: Desk) -> None:
    one, other, ailing = [await desk.member(enters=True) for _ in range(3)]

    async def fails(content: bytes) -> bytes:
        raise PeerFailed("no disk")

    async def echo(content: bytes) -> bytes:
        return content * 2

    other.answer("q", echo)
    ailing.answer("q", fails)
    told = {said.index: (said.ok, said.content) for said in await one.ask_all("q", b"x")}
    assert told == {other.index: (True, b"xx"), ailing.index: (False, b"no disk")}


async def test_a_worker_that_has_not_entered_yet_is_not_asked_and_is_given_what_is_kept(desk: Desk) -> None:
    one, late = await desk.member(enters=True), await desk.member()
    late.answer("q", nothing)
    await one.keep("switches", b"s1")
    await one.keep("switches", b"s2")
    assert await one.ask_all("q") == []
    assert await late.enter() == {"switches": b"s2"}
    late.caught_up()
    assert [said.index for said in await one.ask_all("q")] == [late.index]


async def test_a_worker_answers_once_it_has_caught_up(desk: Desk) -> None:
    one, late = await desk.member(enters=True), await desk.member()
    order: list[str] = []

    async def answer(content: bytes) -> bytes:
        order.append("asked")
        return b""

    late.answer("q", answer)
    await late.enter()
    asking = asyncio.create_task(one.ask_all("q"))
    await one.ask(words.KEPT, b"anything")  # behind the question on the same socket
    order.append("caught up")
    late.caught_up()
    await asking
    assert order == ["caught up", "asked"]


async def test_a_worker_that_ends_while_it_is_asked_hinders_nobody(desk: Desk) -> None:
    one, other = await desk.member(enters=True), await desk.member(enters=True)

    async def ends(content: bytes) -> bytes:
        await desk.leave(other)
        return b"never"

    other.answer("q", ends)
    assert [(said.ok, said.content) for said in await one.ask_all("q")] == [(True, b"")]


async def test_what_a_gone_worker_had_counted_stays_and_its_gauges_go(desk: Desk) -> None:
    one, other = await desk.member(enters=True), await desk.member(enters=True)
    page = packed(
        [
            Family("calls", "counter", "", [Sample("calls_total", {}, 5.0)]),
            Family("open", "gauge", "", [Sample("open", {}, 3.0)]),
        ]
    )

    async def numbers(content: bytes) -> bytes:
        return page

    other.answer(words.NUMBERS, numbers)
    assert (await one.pages(b"")).living == [page]
    await desk.leave(other)
    pages = await one.pages(b"")
    assert pages.living == []
    assert [(family.name, family.samples[0].value) for family in unpacked(pages.gone)] == [("calls", 5.0)]


async def test_problems_are_told_when_they_are_news_and_concern_all(desk: Desk) -> None:
    one, other = await desk.member(enters=True), await desk.member(enters=True)
    other.say_problems(["credential a: not there"])
    await other.ask(words.KEPT, b"")  # the supervisor has heard of it
    for child in desk.hub.children:
        child.serves()
    one.fleet = desk.hub.fleet()
    assert one.others_problems() == [f"worker {other.index}: credential a: not there"]
    desk.hub.children[other.index].serving = False
    one.fleet = desk.hub.fleet()
    assert one.others_problems()[0] == f"worker {other.index}: not serving"


async def test_the_end_of_the_supervisor_ends_a_worker(desk: Desk) -> None:
    one = await desk.member()
    await desk.leave(one)
    assert one.ending.is_set()
    with pytest.raises(PeerGone):
        await one.ask(words.KEPT, b"")


async def test_a_question_that_nobody_knows_fails_and_breaks_nothing(desk: Desk) -> None:
    one = await desk.member(enters=True)
    with pytest.raises(PeerFailed, match="nobody answers 'nonsense'"):
        await one.ask("nonsense")
    assert await one.enter() == {}


async def test_large_contents_come_whole(desk: Desk) -> None:
    one = await desk.member(enters=True)
    content = bytes(range(256)) * 40_000
    await one.keep("config", content)
    assert await one.ask(words.KEPT, b"config") == content
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(desk.hub.kept))["config"] == content

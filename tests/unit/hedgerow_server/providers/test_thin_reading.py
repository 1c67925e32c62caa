"""How an answer of the thin transport is read: together what came together, no more ahead than needs to be, and ended
at once when nobody wants it.
"""

import asyncio

import pytest
from hedgerow_server.providers.http.port import UnreachableError
from unit.hedgerow_server.providers.thin_server import until
from unit.hedgerow_server.providers.thin_wire import Wire

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_chunks_that_arrived_together_are_read_together() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD + chunk(b"a") + chunk(b"b"), chunk(b"c")])
    exchange = await asking
    assert await exchange.read() == b"abc"
    reading = asyncio.create_task(exchange.read())
    await asyncio.sleep(0)
    wire.feed([chunk(b"d") + chunk(b"e")])
    assert await reading == b"de"


async def test_what_says_nothing_wakes_nobody() -> None:
    """A chunk's head that arrives without its data."""
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    reading = asyncio.create_task((await asking).read())
    await asyncio.sleep(0)
    wire.feed([b"5\r\n"])
    await asyncio.sleep(0)
    assert not reading.done()
    wire.feed([b"hello\r\n"])
    assert await reading == b"hello"


async def test_of_a_body_that_nobody_reads_no_more_than_a_bound_is_taken() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    exchange = await asking
    taken = 0
    while not wire.transport.paused:
        wire.feed([chunk(b"x" * 1000)])
        taken += 1000
        assert taken <= 66_000
    assert len(await exchange.read()) == taken
    assert not wire.transport.paused
    wire.feed([chunk(b"y"), LAST])
    assert (await exchange.read(), await exchange.read(), wire.parked) == (b"y", b"", 1)


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    exchange = await asking
    for came in ([], [chunk(b"a")]):
        reading = asyncio.create_task(exchange.read())
        await asyncio.sleep(0)
        wire.feed(came)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
    assert await exchange.read() == b"a"


@pytest.mark.parametrize("came", [b"", HEAD[:20]], ids=["nothing", "half-a-head"])
async def test_a_request_that_is_cancelled_ends_its_connection_at_once(came: bytes) -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([came] if came else [])
    asking.cancel()
    await asyncio.wait([asking])
    assert (wire.transport.aborted, wire.gone, wire.parked) == (True, True, 0)


async def test_an_answer_that_is_released_before_its_end_ends_its_connection_at_once() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD + chunk(b"a")])
    exchange = await asking
    exchange.release()
    assert (wire.transport.aborted, wire.gone, wire.parked) == (True, True, 0)
    exchange.release()


async def test_the_end_of_an_answer_that_has_said_all_goes_by_and_the_connection_is_kept() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD + chunk(b"data: [DONE]")])
    exchange = await asking
    exchange.release(finished=True)
    assert (wire.parked, wire.transport.aborted) == (0, False)
    wire.feed([chunk(b"\n\n"), LAST])
    assert (wire.parked, wire.transport.aborted) == (1, False)
    exchange.release()
    assert not wire.transport.aborted, "by now it is another's"


async def test_an_answer_that_goes_on_though_it_has_said_all_is_ended_at_a_bound() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    (await asking).release(finished=True)
    wire.feed([chunk(b"x" * 1000)] * 100)
    assert (wire.parked, wire.transport.aborted) == (0, True)


async def test_an_answer_that_pauses_though_it_has_said_all_is_ended_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow_server.providers.http.thin.connection._ASIDE_S", 0.001)
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    (await asking).release(finished=True)
    await until(lambda: wire.transport.aborted)


async def test_a_body_that_is_paused_is_read_on_when_its_end_is_let_go_by() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD + chunk(b"x" * 70_000)])
    exchange = await asking
    assert wire.transport.paused
    exchange.release(finished=True)
    assert not wire.transport.paused


async def test_who_waits_is_told_when_the_connection_breaks() -> None:
    wire = Wire()
    asking = await wire.ask()
    wire.feed([HEAD])
    reading = asyncio.create_task((await asking).read())
    await asyncio.sleep(0)
    wire.connection.connection_lost(ConnectionResetError())
    with pytest.raises(UnreachableError, match="the answer broke off"):
        await reading


async def test_nothing_that_was_sent_is_in_a_text_of_it() -> None:
    wire = Wire()
    asking = asyncio.create_task(wire.connection.ask(b"authorization: sk-canary", repeatable=False, kept=False))
    await asyncio.sleep(0)
    wire.feed([HEAD + chunk(b"sk-canary")])
    exchange = await asking
    assert "canary" not in f"{exchange!r} {wire.connection!r}"

"""Connections of the thin transport: kept, counted, waited for, and given up."""

import asyncio
from functools import partial

import pytest
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.port import Response, UnreachableError
from hedgerow_server.providers.http.thin import ThinTransport
from hedgerow_server.providers.http.thin import pool as pool_module
from unit.hedgerow_server.providers.thin_server import OK, Line, answering, ask, asked, client, post, provider, silent


def sending(one: ThinTransport, request: HttpRequest) -> asyncio.Task[Response]:
    """A request on its way."""

    async def send() -> Response:
        return await one.send(request, ())

    return asyncio.create_task(send())


async def test_one_after_the_other_they_go_over_one_connection() -> None:
    async with provider(answering) as there, client() as one:
        for _ in range(5):
            assert await ask(one, post(there.url)) == b"ok"
        assert (there.connections, len(there.requests)) == (1, 5)


async def test_the_connection_is_free_as_soon_as_the_answer_is_here_and_not_when_it_is_read() -> None:
    async with provider(answering) as there, client(connections=1) as one:
        first = await one.send(post(there.url), ())
        assert await ask(one, post(there.url)) == b"ok"
        assert await first.read() == b"ok"
        assert there.connections == 1


async def test_the_connection_that_was_free_last_is_taken_first() -> None:
    """So that those beyond need grow old and are closed."""
    async with provider(answering) as there, client() as one:
        first, second = await asyncio.gather(one.send(post(there.url), ()), one.send(post(there.url), ()))
        for response in (first, second):
            assert await response.read() == b"ok"
        for _ in range(4):
            await ask(one, post(there.url))
        assert there.connections == 2
        assert len({number for number, _ in there.requests[2:]}) == 1


async def test_no_more_than_the_limit_are_open_and_who_comes_first_is_next() -> None:
    async with client(connections=2) as one:
        gate = asyncio.Semaphore(0)

        async def slow(line: Line) -> None:
            while True:
                await line.request()
                await gate.acquire()
                await line.say(OK)

        async with provider(slow) as there:
            calls = []
            for number in range(6):
                calls.append(asyncio.create_task(ask(one, post(there.url, number=str(number)))))
                await asyncio.sleep(0)
            for done in range(7):
                await there.until(partial(asked, there, min(done + 2, 6)))
                gate.release()
            assert await asyncio.gather(*calls) == [b"ok"] * 6
            assert there.connections == 2
            order = [head.partition(b"number: ")[2][:1] for _, head in there.requests[2:]]
            assert order == [b"2", b"3", b"4", b"5"]


async def test_who_waits_and_leaves_holds_up_nobody() -> None:
    async with provider(silent) as there, client(connections=1) as one:
        holding = sending(one, post(there.url))
        await there.until(lambda: len(there.requests) == 1)
        leaving, staying = sending(one, post(there.url)), sending(one, post(there.url))
        await asyncio.sleep(0)
        leaving.cancel()
        holding.cancel()
        await asyncio.wait([leaving, holding])
        await there.until(lambda: len(there.requests) == 2)
        staying.cancel()
        await asyncio.wait([staying])
        await there.until(lambda: there.open == 0)


async def test_who_leaves_in_the_moment_in_which_it_is_given_a_place_hands_it_on() -> None:
    async with provider(answering) as there, client(connections=1) as one:
        response = await one.send(post(there.url), ())
        await ask(one, post(there.url))
        del response
        for given in (True, False):  # a connection, or the place of one
            held = one._pool.take(next(iter(one._origins.values())))
            assert held is not None
            leaving, staying = sending(one, post(there.url)), sending(one, post(there.url))
            await asyncio.sleep(0)
            give = one._pool.park if given else lambda it: it.abort()
            give(held)
            leaving.cancel()
            async with asyncio.timeout(10):
                assert await (await staying).read() == b"ok"
            assert leaving.cancelled() or leaving.done()


async def test_a_connection_that_is_idle_for_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_KEEPALIVE_S", 0.02)
    async with provider(answering) as there, client() as one:
        await asyncio.gather(*(ask(one, post(there.url)) for _ in range(3)))
        await there.until(lambda: there.connections > 0 and there.open == 0)
        assert await ask(one, post(there.url)) == b"ok"
        await there.until(lambda: there.open == 0)


async def test_an_idle_connection_to_elsewhere_makes_room() -> None:
    async with provider(answering) as here, provider(answering) as there, client(connections=1) as one:
        for place in (here, there, here):
            assert await ask(one, post(place.url)) == b"ok"
        assert (here.connections, there.connections) == (2, 1)
        await there.until(lambda: there.open == 0)


async def test_who_waits_for_elsewhere_gets_the_place_of_a_connection_that_is_free() -> None:
    async with provider(silent) as here, provider(answering) as there, client(connections=1) as one:
        holding = sending(one, post(here.url))
        await here.until(lambda: len(here.requests) == 1)
        waiting = sending(one, post(there.url))
        await asyncio.sleep(0)
        holding.cancel()
        async with asyncio.timeout(10):
            assert await (await waiting).read() == b"ok"


async def test_when_it_is_closed_everyone_is_told() -> None:
    async def begins(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        await line.request()

    async with provider(begins) as there, client(connections=1) as one:
        response = await one.send(post(there.url), ())
        reading = asyncio.create_task(response.read())
        waiting = sending(one, post(there.url))
        await asyncio.sleep(0)
        await one.close()
        for told in (reading, waiting):
            with pytest.raises(UnreachableError, match="the client was closed"):
                await told
        with pytest.raises(UnreachableError, match="the client is closed"):
            await one.send(post(there.url), ())
        await there.until(lambda: there.open == 0)


async def test_a_provider_that_cannot_be_reached_costs_no_place() -> None:
    async with provider(answering) as there, client(connections=1) as one:
        for _ in range(3):
            with pytest.raises(UnreachableError, match="the connection was refused"):
                await one.send(post("http://127.0.0.1:9"), ())
        assert await ask(one, post(there.url)) == b"ok"


async def test_a_connection_that_is_told_to_close_is_not_used_again() -> None:
    async def polite(line: Line) -> None:
        await line.request()
        await line.say(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await line.request()

    async with provider(polite) as there, client() as one:
        for _ in range(3):
            assert await ask(one, post(there.url)) == b"ok"
        assert there.connections == 3
        await there.until(lambda: there.open == 0)

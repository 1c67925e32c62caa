"""Requests to token endpoints and issuers: the same rules as for providers, and nothing endless."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from clouds import resolving
from hedgerow_server.core.addresses import AddressRule, nat64_prefix
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import MAX_ANSWER_BYTES, Reach, WebAnswer, WebError
from hedgerow_server.identity.fetch import FetchError, IssuerFetch
from hedgerow_server.identity.section import IssuerSection
from hedgerow_server.providers.http.web import HttpWeb


class Endpoint:
    """A server, and what was asked of it."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.peers: set[object] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What the path says."""
        self.asked.append(request.path)
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        match request.path:
            case "/moved":
                return web.Response(status=302, headers={"location": f"{self.url}/elsewhere"})
            case "/long":
                return web.Response(body=b"x" * (MAX_ANSWER_BYTES + 1))
            case "/never":
                await asyncio.sleep(30)
        return web.json_response({"keys": []}, headers={"X-Shown": "yes"})


@pytest.fixture(name="endpoint")
async def endpoint_fixture() -> AsyncIterator[Endpoint]:
    """One on loopback."""
    found = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def ask(url: str, allow: bool | None = None, *, timeout_s: float = 5, by: HttpWeb | None = None) -> WebAnswer:
    """The answer of a URL, by the rule of that URL."""
    reach = Reach(AddressRule.of(url, allow=allow))
    return await (by or HttpWeb()).send(HttpRequest("GET", url, {}, b""), reach, timeout_s=timeout_s)


async def test_an_answer_has_lower_case_names_and_shows_no_body(endpoint: Endpoint) -> None:
    answer = await ask(endpoint.url)
    assert (answer.status, answer.headers["x-shown"], answer.body) == (200, "yes", b'{"keys": []}')
    assert repr(answer) == "WebAnswer(200)"


async def test_no_redirect_is_followed(endpoint: Endpoint) -> None:
    assert (await ask(f"{endpoint.url}/moved")).status == 302
    assert endpoint.asked == ["/moved"]


async def test_a_thread_gets_the_same(endpoint: Endpoint) -> None:
    request, reach = HttpRequest("GET", endpoint.url, {}, b""), Reach(AddressRule.of(endpoint.url, allow=None))
    answer = await asyncio.to_thread(HttpWeb().send_blocking, request, reach, timeout_s=5)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "timeout_s", "problem"), [("/long", 5, "more than"), ("/never", 0.2, "no answer within 0.2 s")]
)
async def test_nothing_endless_is_read(endpoint: Endpoint, path: str, timeout_s: float, problem: str) -> None:
    with pytest.raises(WebError, match=problem):
        await ask(f"{endpoint.url}{path}", timeout_s=timeout_s)


async def test_a_name_with_a_private_address_is_not_connected_to(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("endpoint.example", "127.0.0.1"))
    url = endpoint.url.replace("127.0.0.1", "endpoint.example")
    with pytest.raises(WebError, match=r"^its address is private and not allowed$"):
        await ask(url)
    assert endpoint.asked == []
    assert (await ask(url, True)).status == 200


async def test_behind_a_nat64_prefix_the_ipv4_address_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the prefix the address is a public one; nobody listens there, and nobody is asked to."""
    monkeypatch.setattr(socket, "getaddrinfo", resolving("endpoint.example", "2a00:64::a9fe:a9fe"))
    with pytest.raises(WebError, match="private"):
        await ask("http://endpoint.example:1", by=HttpWeb((nat64_prefix("2a00:64::/96"),)))


async def test_an_address_in_a_discovery_document_does_not_allow_itself(endpoint: Endpoint) -> None:
    """Whoever writes an issuer's document could send the gateway anywhere within its own network."""
    issuer = IssuerSection(issuer="https://login.example.com", audiences=("x",), tenant="acme")
    with pytest.raises(FetchError, match="private and not allowed"):
        await IssuerFetch(issuer, HttpWeb())(f"{endpoint.url}/keys")
    assert endpoint.asked == []


async def test_an_issuer_on_loopback_that_the_file_names_is_asked(endpoint: Endpoint) -> None:
    issuer = IssuerSection(issuer=endpoint.url, audiences=("x",), tenant="acme")
    assert await IssuerFetch(issuer, HttpWeb())(f"{endpoint.url}/keys") == {"keys": []}
    with pytest.raises(FetchError, match="answers 302"):
        await IssuerFetch(issuer, HttpWeb())(f"{endpoint.url}/moved")


def lined(endpoint: Endpoint, path: str = "", allow: bool | None = None) -> tuple[HttpRequest, Reach]:
    url = endpoint.url + path
    return HttpRequest("POST", url, {}, b"{}"), Reach(AddressRule.of(url, allow=allow))


async def test_a_line_keeps_its_connections(endpoint: Endpoint) -> None:
    request, reach = lined(endpoint)
    line = HttpWeb().line(reach, connections=2)
    for _ in range(3):
        answers = await asyncio.gather(*(line.send(request, timeout_s=5) for _ in range(6)))
        assert {one.status for one in answers} == {200}
    assert len(endpoint.peers) <= 2
    assert len(endpoint.asked) == 18
    await line.close()


async def test_a_line_that_was_closed_connects_again(endpoint: Endpoint) -> None:
    request, reach = lined(endpoint)
    line = HttpWeb().line(reach, connections=1)
    for _ in range(2):
        assert (await line.send(request, timeout_s=5)).status == 200
        await line.close()
    assert len(endpoint.peers) == 2


async def test_a_line_keeps_to_the_rules_of_addresses(endpoint: Endpoint) -> None:
    request, reach = lined(endpoint, allow=False)
    line = HttpWeb().line(reach, connections=1)
    with pytest.raises(WebError, match="its address is private and not allowed"):
        await line.send(request, timeout_s=5)
    assert endpoint.asked == []
    await line.close()


async def test_other_nat64_prefixes_end_the_connections_of_a_line(endpoint: Endpoint) -> None:
    """They were not held against the new rules."""
    web_ = HttpWeb()
    request, reach = lined(endpoint)
    line = web_.line(reach, connections=1)
    await line.send(request, timeout_s=5)
    web_.nat64 = (nat64_prefix("2001:db8:64::/96"),)
    await line.send(request, timeout_s=5)
    await line.send(request, timeout_s=5)
    assert len(endpoint.peers) == 2
    await line.close()


async def test_a_line_waits_no_longer_than_it_is_told(endpoint: Endpoint) -> None:
    request, reach = lined(endpoint, "/never")
    line = HttpWeb().line(reach, connections=1)
    with pytest.raises(WebError, match=r"no answer within 0\.2 s"):
        await line.send(request, timeout_s=0.2)
    assert (await line.send(lined(endpoint)[0], timeout_s=5)).status == 200
    await line.close()

"""Where connections to providers go, for all transports: checked addresses, proxies, private authorities."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
import pytest
from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers import registry
from hedgerow_server.providers.http.port import ForbiddenError, Transport, UnreachableError
from hedgerow_server.providers.http.section import EgressSection
from hedgerow_server.providers.openai import OpenAISection
from proxy import proxying
from rpc.certificates import Authority

NAME = "provider.example"
PUBLIC, PUBLIC_TOO = "93.184.215.14", "2606:4700:4700::1111"
SECRET = "Bearer sk-egress-canary"


@dataclass
class Server:
    """A server on loopback that answers everything with 200, and what it was sent."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    """The head of every request."""
    connections: int = 0


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None, *, keep: bool = True) -> AsyncIterator[Server]:
    """Runs one; without `keep` it closes each connection after one answer."""
    server = Server(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                server.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(2)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n")
                writer.write(b"\r\nok" if keep else b"connection: close\r\n\r\nok")
                await writer.drain()
                if not keep:
                    break
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
        listening.close()


Make = Callable[..., Transport]


@pytest.fixture(params=["thin", "aiohttp", "httpx"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes the transport of a configured provider, once for each of the kinds; closes it afterwards."""
    made: list[Transport] = []

    def build(base_url: str, **settings: object) -> Transport:
        section = {"dialect": "openai", "base_url": base_url, "transport": request.param, **settings}
        made.append(registry.transport(OpenAISection.model_validate(section)))
        return made[-1]

    yield build
    for transport in made:
        await transport.close()


async def ask(transport: Transport, url: str) -> bytes:
    """Sends a request with a secret and reads the answer."""
    request = HttpRequest(method="POST", url=url, headers={"authorization": SECRET}, body=b"{}")
    async with asyncio.timeout(20):
        response = await transport.send(request, ())
        body = b""
        while data := await response.read():
            body += data
        response.release()
    assert response.status == 200
    return body


@dataclass
class Network:
    """What a name was resolved to and which addresses were connected to."""

    answers: list[list[str]]
    """The answers of DNS for the name, in order; the last one holds."""
    lookups: int = 0
    connected: list[str] = field(default_factory=list)
    dead: tuple[str, ...] = ()
    """Addresses at which nobody answers."""


@pytest.fixture
async def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """DNS that says what a test wants, and public addresses all of which are this machine."""
    found = Network([])
    getaddrinfo, loop = socket.getaddrinfo, asyncio.get_running_loop()
    sock_connect = loop.sock_connect

    def resolve(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        if host not in (NAME, NAME.encode()):
            return getaddrinfo(host, port, *more, **named)
        addresses = found.answers[min(found.lookups, len(found.answers) - 1)]
        found.lookups += 1
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in addresses
        ]

    async def connect(sock: socket.socket, address: Any) -> None:
        found.connected.append(address[0])
        if address[0] in found.dead:
            await asyncio.sleep(60)
        target = ("127.0.0.1", address[1]) if address[0] == PUBLIC else address
        await sock_connect(sock, target)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(loop, "sock_connect", connect)
    return found


@pytest.fixture(scope="module")
def authority() -> Authority:
    """A private authority."""
    return Authority()


def identity(authority: Authority, folder: Path, *names: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate of the authority."""
    certificate, key = authority.issue(*names)
    (folder / "server.pem").write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def trusted(authority: Authority, folder: Path) -> str:
    """A file with the authority's certificate."""
    path = folder / "ca.pem"
    path.write_bytes(authority.certificate)
    return str(path)


async def test_a_connection_is_checked_once_and_then_kept(make: Make, network: Network) -> None:
    network.answers = [[PUBLIC]]
    async with serving() as server:
        url = f"http://{NAME}:{server.port}"
        transport = make(url)
        for _ in range(5):
            assert await ask(transport, url) == b"ok"
        assert (server.connections, network.lookups, network.connected) == (1, 1, [PUBLIC])


async def test_what_was_checked_is_what_is_connected_to_when_dns_changes_its_mind(make: Make, network: Network) -> None:
    """DNS rebinding: the second answer would be this machine; it is not asked for between check and connection."""
    network.answers = [[PUBLIC], ["127.0.0.1"]]
    async with serving(keep=False) as server:
        url = f"http://{NAME}:{server.port}"
        assert await ask(make(url), url) == b"ok"
        assert (network.lookups, network.connected) == (1, [PUBLIC])
        with pytest.raises(ForbiddenError, match="its address is private and not allowed"):
            await ask(make(url), url)
        assert (network.lookups, network.connected) == (2, [PUBLIC])
        assert len(server.heads) == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_a_name_with_an_address_that_is_not_public_is_not_connected_to(
    make: Make, network: Network, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    network.answers = [[address]]
    async with serving() as server:
        url = f"http://{NAME}:{server.port}"
        with caplog.at_level(logging.WARNING), pytest.raises(ForbiddenError) as caught:
            await ask(make(url), url)
        assert (network.connected, server.connections) == ([], 0)
    assert address not in caught.value.detail
    assert f"no connection to {NAME}" in caplog.text
    assert SECRET not in caplog.text


async def test_of_several_addresses_only_public_ones_are_connected_to(make: Make, network: Network) -> None:
    network.answers = [["10.0.0.1", "::1", PUBLIC, "127.0.0.1"]]
    async with serving() as server:
        url = f"http://{NAME}:{server.port}"
        assert await ask(make(url), url) == b"ok"
    assert network.connected == [PUBLIC]


async def test_an_address_that_does_not_answer_holds_up_the_next_one_only_shortly(make: Make, network: Network) -> None:
    network.answers = [[PUBLIC_TOO, PUBLIC]]
    network.dead = (PUBLIC_TOO,)
    async with serving() as server:
        url = f"http://{NAME}:{server.port}"
        assert await ask(make(url, connect_timeout_seconds=10.0), url) == b"ok"
    assert network.connected == [PUBLIC_TOO, PUBLIC]


async def test_when_no_address_answers_the_connection_has_failed(make: Make, network: Network) -> None:
    network.answers = [[PUBLIC, "1.1.1.1"]]
    network.dead = ("1.1.1.1",)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://{NAME}:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError) as caught:
            await ask(make(url, connect_timeout_seconds=0.5), url)
    assert not isinstance(caught.value, ForbiddenError)


async def test_a_name_may_be_private_where_the_configuration_allows_it(make: Make, network: Network) -> None:
    network.answers = [["127.0.0.1"]]
    async with serving() as server:
        url = f"http://{NAME}:{server.port}"
        assert await ask(make(url, allow_private_addresses=True), url) == b"ok"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_in_the_url_allows_itself_unless_forbidden(make: Make, host: str) -> None:
    async with serving() as server:
        url = f"http://{host}:{server.port}"
        assert await ask(make(url), url) == b"ok"
        with pytest.raises(ForbiddenError):
            await ask(make(url, allow_private_addresses=False), url)
        assert server.connections == 1


async def test_the_metadata_service_is_not_connected_to_though_the_url_names_it(make: Make, network: Network) -> None:
    for host in ("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "100.100.100.200"):
        url = f"http://{host}/v1"
        with pytest.raises(ForbiddenError):
            await ask(make(url), url)
    assert network.connected == []


@pytest.mark.parametrize("transport", ["thin", "aiohttp", "httpx"])
async def test_behind_a_nat64_prefix_of_the_network_the_ipv4_address_counts(transport: str, network: Network) -> None:
    """What a resolver that makes addresses up (DNS64) says of a name that stands for the metadata service."""
    network.answers = [["2a00:64::a9fe:a9fe"]]
    url = f"http://{NAME}/v1"
    section = OpenAISection.model_validate({"dialect": "openai", "base_url": url, "transport": transport})
    made = registry.transport(section, EgressSection(nat64_prefixes=("2a00:64::/96",)).nat64)
    with pytest.raises(ForbiddenError):
        await ask(made, url)
    assert network.connected == []
    await made.close()


@pytest.mark.parametrize("prefix", ["2a00:64::/95", "2a00:64::1/96", "64.0.0.0/8", "x"])
def test_a_prefix_that_is_none_is_a_fault_of_the_file(prefix: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="expected"):
        EgressSection(nat64_prefixes=(prefix,))


async def test_the_vendors_own_url_counts_like_one_that_is_configured() -> None:
    section = OpenAISection.model_validate({"dialect": "openai", "vendor": "vllm"})
    registry.egress(section).rule.check("127.0.0.1")


async def test_tls_names_the_host_and_not_the_address(
    make: Make, network: Network, authority: Authority, tmp_path: Path
) -> None:
    network.answers = [[PUBLIC]]
    asked: list[str | None] = []
    tls = identity(authority, tmp_path, f"dns:{NAME}")
    tls.sni_callback = lambda _, name, __: asked.append(name)
    async with serving(tls) as server:
        url = f"https://{NAME}:{server.port}"
        assert await ask(make(url, ca_file=trusted(authority, tmp_path)), url) == b"ok"
        assert f"host: {NAME}:{server.port}".encode() in server.heads[0].lower()
    assert asked == [NAME]


async def test_only_the_authorities_of_the_file_are_trusted(make: Make, authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = trusted(Authority(), tmp_path / "other")
    async with serving(identity(authority, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert await ask(make(url, ca_file=trusted(authority, tmp_path)), url) == b"ok"
        for settings in ({}, {"ca_file": other}):
            with pytest.raises(UnreachableError, match="the TLS handshake failed"):
                await ask(make(url, **settings), url)
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("content", "expected"), [(b"not PEM", "expected certificates, PEM"), (None, "cannot be read")]
)
def test_a_file_of_authorities_that_is_of_no_use_is_one_clear_line(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    section = OpenAISection.model_validate({"dialect": "openai", "ca_file": str(path)})
    with pytest.raises(ConfigError, match=expected) as caught:
        registry.transport(section)
    assert str(path) in str(caught.value)


async def test_a_proxy_is_asked_for_a_tunnel_and_sees_nothing_of_what_goes_through_it(
    make: Make, authority: Authority, tmp_path: Path
) -> None:
    async with serving(identity(authority, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        with proxying() as proxy:
            transport = make(url, ca_file=trusted(authority, tmp_path), proxy=proxy.url)
            assert await ask(transport, url) == b"ok"
            assert await ask(transport, url) == b"ok"
            await transport.close()
        (head,) = proxy.asked
        assert head.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n".encode())
        assert SECRET.encode() not in head + bytes(proxy.seen)
        assert [SECRET.encode() in one for one in server.heads] == [True, True]


async def test_with_a_proxy_its_own_address_is_what_is_checked(
    make: Make, network: Network, authority: Authority, tmp_path: Path
) -> None:
    network.answers = [["127.0.0.1"]]
    async with serving(identity(authority, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        with proxying() as proxy:
            named = proxy.url.replace("127.0.0.1", NAME)
            settings = {"ca_file": trusted(authority, tmp_path), "proxy": named}
            with pytest.raises(ForbiddenError):
                await ask(make(url, **settings), url)
            assert proxy.asked == []
            transport = make(url, **settings, allow_private_addresses=True)
            assert await ask(transport, url) == b"ok"
            await transport.close()


async def test_a_proxy_that_refuses_or_is_not_there_is_told_apart(make: Make) -> None:
    url = "https://provider.invalid"
    with proxying(refusing=True) as proxy:
        with pytest.raises(UnreachableError, match="the proxy does not let us through"):
            await ask(make(url, proxy=proxy.url), url)
        assert SECRET.encode() not in proxy.asked[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="no connection to the proxy"):
            await ask(make(url, proxy=nobody), url)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("proxy", "http://user:secret@proxy.example:3128"),
        ("proxy", "socks5://proxy.example:1080"),
        ("proxy", "https://proxy.example:3128"),
        ("proxy", "http://proxy.example:99999"),
        ("proxy", "http://proxy.example:3128/path"),
        ("proxy", "proxy.example:3128"),
        ("base_url", "http://[::1/v1"),
        ("base_url", "http://provider.example:99999/v1"),
    ],
)
def test_a_url_that_cannot_be_used_is_a_fault_of_the_file(key: str, value: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="expected"):
        OpenAISection.model_validate({"dialect": "openai", key: value})

"""Connections to a guard with TLS: whom it trusts, what it shows, and what it does with files that change."""

import asyncio
import datetime as dt
import logging
from pathlib import Path

import grpc
import pytest
from hedgerow_server.config.load import ConfigError
from hedgerow_server.core.guard import Asker, GuardFailed, Judged, Source
from hedgerow_server.guardrails.remote import channels
from hedgerow_server.guardrails.remote.service import RemoteServiceGuard
from rpc.certificates import Authority
from unit.hedgerow_server.guardrails.guard_server import GuardServer, asking, serving

TEXT = [Judged("a", Source.USER)]
ASKER = Asker("acme", "request-1", "fast")


def server_credentials(authority: Authority, callers: Authority | None = None) -> grpc.ServerCredentials:
    certificate, key = authority.issue()
    asks = callers is not None
    return grpc.ssl_server_credentials(
        [(key, certificate)],
        root_certificates=callers.certificate if callers is not None else None,
        require_client_auth=asks,
    )


async def failed(guard: RemoteServiceGuard) -> bool:
    try:
        await guard.judge(TEXT, ASKER)
    except GuardFailed:
        return True
    return False


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def own(folder: Path, callers: Authority, common: str = "x") -> dict[str, object]:
    certificate, key = callers.issue("dns:gateway", common=common)
    return {"certificate": written(folder / "own.pem", certificate), "key": written(folder / "own.key", key)}


async def test_a_guard_of_the_trusted_authority_is_asked(tmp_path: Path) -> None:
    authority = Authority()
    ca = written(tmp_path / "ca.pem", authority.certificate)
    async with (
        serving(GuardServer(), server_credentials(authority)) as target,
        asking(target, tls={"ca_file": ca}) as guard,
    ):
        assert await guard.judge(TEXT, ASKER) == [()]


async def test_a_guard_of_another_authority_gets_no_text(tmp_path: Path) -> None:
    server = GuardServer()
    ca = written(tmp_path / "ca.pem", Authority().certificate)
    async with (
        serving(server, server_credentials(Authority())) as target,
        asking(target, tls={"ca_file": ca}) as guard,
    ):
        with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
            await guard.judge(TEXT, ASKER)
    assert server.requests == []


async def test_a_guard_that_asks_for_a_certificate_sees_the_gateways(tmp_path: Path) -> None:
    authority, callers = Authority(), Authority()
    tls = {"ca_file": written(tmp_path / "ca.pem", authority.certificate)}
    async with serving(GuardServer(), server_credentials(authority, callers)) as target:
        async with asking(target, tls=tls) as guard:
            with pytest.raises(GuardFailed):
                await guard.judge(TEXT, ASKER)
        async with asking(target, tls={**tls, **own(tmp_path, callers)}) as guard:
            assert await guard.judge(TEXT, ASKER) == [()]


async def test_the_certificate_must_have_the_name_that_is_configured(tmp_path: Path) -> None:
    authority = Authority()
    ca = written(tmp_path / "ca.pem", authority.certificate)
    async with (
        serving(GuardServer(), server_credentials(authority)) as target,
        asking(target, tls={"ca_file": ca}, authority="guard.internal") as guard,
    ):
        with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
            await guard.judge(TEXT, ASKER)


async def test_a_certificate_that_is_replaced_is_shown_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server trusts only the second one."""
    monkeypatch.setattr(channels, "_LOOK_S", 0.0)
    authority, old, new = Authority(), Authority(), Authority()
    tls = {"ca_file": written(tmp_path / "ca.pem", authority.certificate), **own(tmp_path, old)}
    async with (
        serving(GuardServer(), server_credentials(authority, new)) as target,
        asking(target, tls=tls, breaker={"rest_seconds": 0.01, "max_rest_seconds": 0.01}) as guard,
    ):
        with pytest.raises(GuardFailed):
            await guard.judge(TEXT, ASKER)
        own(tmp_path, new, common="another, longer name")
        async with asyncio.timeout(20):
            while await failed(guard):
                pass


async def test_files_that_are_broken_leave_the_last_good_ones_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(channels, "_LOOK_S", 0.0)
    authority = Authority()
    ca = tmp_path / "ca.pem"
    written(ca, authority.certificate)
    told: list[str] = []
    async with (
        serving(GuardServer(), server_credentials(authority)) as target,
        asking(target, tls={"ca_file": str(ca)}, verdicts={"entries": 0}) as guard,
    ):
        assert await guard.judge(TEXT, ASKER) == [()]
        written(ca, b"broken")
        with caplog.at_level(logging.ERROR):
            async with asyncio.timeout(20):
                while not told:
                    assert await guard.judge(TEXT, ASKER) == [()]
                    told = [one for one in caplog.messages if "keeps its last good certificates" in one]
            for _ in range(10):
                assert await guard.judge(TEXT, ASKER) == [()]
    assert "expected certificates, PEM" in told[0]
    assert len([one for one in caplog.messages if "last good" in one]) == 1


@pytest.mark.parametrize("key", ["ca_file", "certificate", "key"])
@pytest.mark.parametrize("content", [None, b"broken"])
async def test_files_that_cannot_be_used_are_a_fault_of_the_configuration(
    tmp_path: Path, key: str, content: bytes | None
) -> None:
    authority = Authority()
    tls = {"ca_file": written(tmp_path / "ca.pem", authority.certificate), **own(tmp_path, authority)}
    spoilt = {**tls, key: str(tmp_path / "missing") if content is None else written(tmp_path / "broken", content)}
    with pytest.raises(ConfigError, match="cannot be read" if content is None else "expected"):
        async with asking("127.0.0.1:1", tls=spoilt):
            pass


async def test_a_guard_with_an_expired_certificate_gets_no_text(tmp_path: Path) -> None:
    authority, server = Authority(), GuardServer()
    certificate, key = authority.issue(life=dt.timedelta(seconds=-1))
    ca = written(tmp_path / "ca.pem", authority.certificate)
    async with (
        serving(server, grpc.ssl_server_credentials([(key, certificate)])) as target,
        asking(target, tls={"ca_file": ca}) as guard,
    ):
        with pytest.raises(GuardFailed, match="it answers UNAVAILABLE"):
            await guard.judge(TEXT, ASKER)
    assert server.requests == []

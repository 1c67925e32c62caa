"""Where a real router connects to: a proxy and a private authority on the way, and addresses that are not allowed.

Redirects are row P20 of the fault catalogue.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hedgerow_client.admin import AdminClient
from proxy import proxying
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected
from rpc.certificates import Authority
from rpc.conftest import without_faults
from stack import KEY, Process, Stack, router, simulator

TRANSPORTS = ("thin", "aiohttp", "httpx")
RPCS = (COMPLETE, STREAM_COMPLETE)


@contextmanager
def routed(folder: Path, providers: dict[str, dict[str, Any]]) -> Iterator[tuple[Process, Caller]]:
    """A router with a route of one candidate for each of these providers, by its name, and a caller of it."""
    config: dict[str, Any] = {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {
            name: {"dialect": "openai", "credential": "sim", **settings} for name, settings in providers.items()
        },
        "routes": {
            name: {"kind": "chat", "candidates": [{"provider": name, "model": "gpt-4o-mini"}]} for name in providers
        },
    }
    with router(folder, config) as running, without_faults(running), connected(running.addresses["grpc"]) as caller:
        yield running, caller


def test_a_provider_behind_a_proxy_with_a_private_authority_serves(tmp_path: Path) -> None:
    """All transports, unary and streamed; the proxy sees a tunnel and never the key."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    (tmp_path / "sim.pem").write_bytes(b"".join(authority.issue()))
    with (
        simulator(tmp_path, "--tls-cert", str(tmp_path / "sim.pem")) as sim,
        proxying() as proxy,
    ):
        address = sim.addresses["http"]
        common = {"base_url": f"https://{address}/v1", "proxy": proxy.url, "ca_file": str(tmp_path / "ca.pem")}
        with routed(tmp_path, {name: {**common, "transport": name} for name in TRANSPORTS}) as (_, caller):
            for name in TRANSPORTS:
                for rpc in RPCS:
                    assert caller.chat(rpc, name).code is grpc.StatusCode.OK, name
        assert [head.split(b"\r\n")[0] for head in proxy.asked] == [f"CONNECT {address} HTTP/1.1".encode()] * len(
            TRANSPORTS
        )
        assert KEY.encode() not in b"".join(proxy.asked) + bytes(proxy.seen)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_loopback_is_served_by_address_and_by_name_and_refused_where_it_is_forbidden(
    stack: Stack, tmp_path: Path, transport: str
) -> None:
    port = stack.sim_url.rpartition(":")[2]
    allowed = {host: {"base_url": f"http://{host}:{port}/v1"} for host in ("127.0.0.1", "localhost")}
    forbidden = {f"no-{host}": {**one, "allow_private_addresses": False} for host, one in allowed.items()}
    providers = {name: {**one, "transport": transport} for name, one in (allowed | forbidden).items()}
    with routed(tmp_path, {name.replace(".", "-"): one for name, one in providers.items()}) as (running, caller):
        for rpc in RPCS:
            for name in ("127-0-0-1", "localhost"):
                assert caller.chat(rpc, name).code is grpc.StatusCode.OK
        for name in ("no-127-0-0-1", "no-localhost"):
            refused = caller.chat(COMPLETE, name)
            assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE")
            assert refused.info.metadata["detail"] == "its address is private and not allowed"
            assert len(refused.report.attempts) == 1
            assert b"127.0.0.1" not in refused.everything
        log = running.log.read_text()
    assert "no connection to localhost: its address is loopback" in log
    assert KEY not in log


def test_a_reload_that_allows_the_address_ends_the_rest(stack: Stack, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"base_url": f"{stack.sim_url}/v1", "allow_private_addresses": False}
    with routed(tmp_path, {"sim": settings}) as (running, caller):
        for attempts in (1, 0):
            refused = caller.chat(COMPLETE, "sim")
            assert (refused.reason, len(refused.report.attempts)) == ("PROVIDER_UNAVAILABLE", attempts)
        path = tmp_path / "router.yaml"
        path.write_text(path.read_text().replace("allow_private_addresses: false", "allow_private_addresses: true"))
        with AdminClient(running.addresses["admin_grpc"]) as admin:
            admin.reload()
        assert caller.chat(COMPLETE, "sim").code is grpc.StatusCode.OK

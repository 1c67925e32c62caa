"""Envoy with deploy/envoy/mtls.yaml: callers show it certificates, it shows its own to the router, and the router knows
whose certificate a call came with.
"""

import json
import ssl
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from mesh.envoy import program
from mesh.mtls import PROXY, Edge, edge
from rpc.caller import COMPLETE, STREAM_COMPLETE, Outcome, connected, eventually, new_trace
from rpc.certificates import Authority, credentials
from rpc.test_certificates import calling, shown

CHECKOUT, BILLING = "spiffe://mesh/ns/shop/sa/checkout", "spiffe://mesh/ns/shop/sa/billing"
SAYS_BILLING = ("x-forwarded-client-cert", f"By={PROXY};URI={BILLING}")
CONNECTIONS = "cluster.hedgerow_grpc.upstream_cx_total"
UNTRUSTED = ("cluster.hedgerow_grpc.ssl.fail_verify_error", "cluster.hedgerow_grpc.ssl.connection_error")
RENEWALS = 5


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """All of it, without a fault of its own until the end."""
    program()
    with edge(tmp_path_factory.mktemp("mtls")) as running:
        yield running
        assert "Traceback" not in running.router.log.read_text()
        log = running.envoy.log.read_text()
        assert not [line for line in log.splitlines() if "[error]" in line or "[warning][config]" in line], log


def ask(
    target: str, shows: grpc.ChannelCredentials | None, rpc: str = COMPLETE, *more: tuple[str, str]
) -> tuple[Outcome[Any], str]:
    """One call, and its trace."""
    trace = new_trace()
    with connected(target, shows) as caller:
        return caller.chat(rpc, "fast", metadata=[("traceparent", trace), *more], timeout=10), trace


def who(mesh: Edge, trace: str) -> tuple[str, str]:
    """Tenant and service in the line of a call."""

    def find() -> dict[str, Any] | None:
        for text in mesh.router.log.read_text().splitlines():
            if text.startswith('{"request_id"') and trace[3:35] in text:
                found: dict[str, Any] = json.loads(text)
                return found
        return None

    line = eventually(find, "the call has its line")
    return line["tenant"], line["service"]


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_the_caller_of_a_call_is_whom_its_certificate_names_to_envoy(mesh: Edge, rpc: str) -> None:
    outcome, trace = ask(mesh.envoy.address, mesh.shows(CHECKOUT), rpc)
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    assert who(mesh, trace) == ("acme", CHECKOUT)


def test_a_caller_behind_envoy_who_says_to_be_another_one_is_itself(mesh: Edge) -> None:
    outcome, trace = ask(mesh.envoy.address, mesh.shows(CHECKOUT), COMPLETE, SAYS_BILLING)
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    assert who(mesh, trace) == ("acme", CHECKOUT)


def test_a_caller_who_comes_past_envoy_and_says_to_be_another_one_is_itself(mesh: Edge) -> None:
    """From the very address of the proxy, which alone is not enough: its certificate does not have the proxy's name."""
    outcome, trace = ask(mesh.router.addresses["grpc"], mesh.shows(CHECKOUT), COMPLETE, SAYS_BILLING)
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    assert who(mesh, trace) == ("acme", CHECKOUT)


def test_a_caller_whose_certificate_has_no_entry_is_refused_by_the_router(mesh: Edge) -> None:
    """Not taken for the proxy, whose certificate has one."""
    outcome, _ = ask(mesh.envoy.address, mesh.shows("spiffe://elsewhere/checkout"))
    assert outcome.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("which", ["none", "another authority's"])
@pytest.mark.parametrize("way", ["envoy", "past envoy"])
def test_without_a_certificate_of_the_authority_nobody_connects(mesh: Edge, way: str, which: str) -> None:
    pair = None if which == "none" else Authority().issue(CHECKOUT)
    target = mesh.envoy.address if way == "envoy" else mesh.router.addresses["grpc"]
    outcome, _ = ask(target, credentials(mesh.authority, pair))
    assert outcome.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("whose", ["ours", "proxys"])
def test_certificates_are_renewed_under_calls_and_none_fails(mesh: Edge, whose: str) -> None:
    """The router's, and Envoy's: five times each, and each time Envoy has connected to the router with it."""
    mounted, target = getattr(mesh, whose), mesh.router.addresses["grpc"] if whose == "ours" else mesh.envoy.address
    with calling(mesh.envoy.address, mesh.shows(CHECKOUT)) as told:
        for _ in range(RENEWALS):
            fresh = ssl.PEM_cert_to_DER_cert(mounted.renew().decode())
            eventually(lambda fresh=fresh: shown(target) == fresh, "it is shown")  # type: ignore[misc]
            made, calls = mesh.envoy.stats(CONNECTIONS), len(told)
            eventually(
                lambda made=made, calls=calls: (  # type: ignore[misc]
                    mesh.envoy.stats(CONNECTIONS) > made and len(told) > calls + 6
                ),
                "calls over new connections",
                30,
            )
    assert set(told) == {grpc.StatusCode.OK}
    assert {name: mesh.envoy.stats(name) for name in UNTRUSTED} == dict.fromkeys(UNTRUSTED, 0)

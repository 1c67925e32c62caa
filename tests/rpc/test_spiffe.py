"""A door whose certificate comes from a SPIFFE Workload API: rotated without a restart, and served while it is away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
from rpc.caller import COMPLETE, connected, eventually
from rpc.certificates import Authority, credentials
from rpc.conftest import FailedStart, StartRouter
from rpc.test_certificates import calling, code, shown
from rpc.workload import Agent, agent
from stack import Process

CALLER = "spiffe://prod.example/ns/shop/sa/checkout"
IDENTITY: dict[str, Any] = {
    "mtls": {"principals": [{"identity": "spiffe://prod.example/ns/*/sa/checkout", "tenant": "shop"}]}
}
ROTATIONS = 5


def section(found: Agent, **more: Any) -> dict[str, Any]:
    """The callers' door with the Workload API of an agent."""
    return {"grpc": {"listen": "127.0.0.1:0", "tls": {"spiffe": {"socket": found.socket, **more}}}}


@dataclass
class World:
    """An agent, and a router that has its identity from it."""

    agent: Agent
    router: Process

    @property
    def target(self) -> str:
        """The callers' door."""
        return self.router.addresses["grpc"]

    def calls(self, authority: Authority | None = None, name: str = CALLER) -> grpc.StatusCode:
        """How a call on a new connection ends, by somebody whom an authority (None: the agent's) gives this name."""
        pair = (authority or self.agent.authority).issue(name)
        with connected(self.target, credentials(self.agent.authority, pair)) as caller:
            return code(caller)


@pytest.fixture(scope="module", name="world")
def world_fixture(start_router: StartRouter) -> Iterator[World]:
    """One for the tests of this file."""
    with agent() as found:
        found.start()
        with start_router(server=section(found), identity=IDENTITY) as running:
            yield World(found, running)


@pytest.fixture(autouse=True)
def there(request: pytest.FixtureRequest) -> Iterator[None]:
    """The agent is there again after each test."""
    yield
    if "world" in request.fixturenames:
        world: World = request.getfixturevalue("world")
        world.agent.stop()
        world.agent.bundle = [world.agent.authority]
        world.agent.start()
        world.agent.rotate()
        eventually(lambda: shown(world.target) == world.agent.certificate, "the agent's identity")


def test_callers_of_the_trust_domain_are_served_by_their_names(world: World) -> None:
    assert world.calls() is grpc.StatusCode.OK
    assert world.calls(name="spiffe://prod.example/ns/shop/sa/stranger") is grpc.StatusCode.UNAUTHENTICATED
    assert world.calls(Authority()) is grpc.StatusCode.UNAVAILABLE
    with connected(world.target, credentials(world.agent.authority, None)) as caller:
        assert code(caller) is grpc.StatusCode.UNAVAILABLE


def test_a_rotated_identity_is_the_next_handshakes_and_no_call_fails(world: World) -> None:
    trusted = credentials(world.agent.authority, world.agent.authority.issue(CALLER))
    with calling(world.target, trusted) as told:
        for _ in range(ROTATIONS):
            world.agent.rotate()
            eventually(lambda: shown(world.target) == world.agent.certificate, "the rotated certificate")
            before = len(told)
            eventually(lambda before=before: len(told) > before + 6, "calls after the rotation")  # type: ignore[misc]
    assert set(told) == {grpc.StatusCode.OK}


def test_an_authority_that_joins_the_bundle_vouches_for_callers(world: World) -> None:
    other = Authority()
    assert world.calls(other) is grpc.StatusCode.UNAVAILABLE
    world.agent.bundle = [world.agent.authority, other]
    world.agent.rotate()
    eventually(lambda: world.calls(other) is grpc.StatusCode.OK, "callers of the other authority")
    assert world.calls() is grpc.StatusCode.OK


def test_while_the_agent_is_away_the_last_identity_serves_and_a_later_one_is_taken_up(world: World) -> None:
    last = world.agent.certificate
    eventually(lambda: shown(world.target) == last, "the last identity")
    world.agent.stop()
    world.agent.rotate()
    eventually(lambda: "is away (UNAVAILABLE); the last SVID" in world.router.log.read_text(), "a line in the log")
    assert shown(world.target) == last
    assert world.calls() is grpc.StatusCode.OK
    assert httpx.get(f"http://{world.router.addresses['admin_http']}/readyz").status_code == 200
    world.agent.start()
    eventually(lambda: shown(world.target) == world.agent.certificate, "the identity after its return")


def test_what_cannot_be_served_leaves_the_last_identity_in_force(world: World) -> None:
    last = world.agent.certificate
    eventually(lambda: shown(world.target) == last, "the last identity")
    world.agent.give(b"\xff\xff")
    eventually(lambda: "of no use" in world.router.log.read_text(), "a line in the log")
    assert shown(world.target) == last
    assert world.calls() is grpc.StatusCode.OK


def test_a_start_without_the_agent_is_not_ready_and_then_serves(start_router: StartRouter) -> None:
    with agent() as found, start_router(server=section(found), identity=IDENTITY) as running:
        world = World(found, running)
        ready = f"http://{running.addresses['admin_http']}/readyz"
        answer = httpx.get(ready)
        assert answer.status_code == 503
        assert f"server.grpc.tls: the Workload API at {found.socket} is away (UNAVAILABLE)" in answer.text
        assert world.calls() is grpc.StatusCode.UNAVAILABLE
        found.start()
        eventually(lambda: httpx.get(ready).status_code == 200, "readiness")
        assert world.calls() is grpc.StatusCode.OK


def test_the_socket_may_be_named_by_the_environment_and_the_door_ask_nobody(start_router: StartRouter) -> None:
    """And of several identities the configured one is served."""
    with agent() as found:
        found.start()
        found.rotate(b"")
        tls = {"spiffe": {"ask_callers": False, "id": "spiffe://prod.example/ns/llm/sa/hedgerow"}}
        server = {"grpc": {"listen": "127.0.0.1:0", "tls": tls}}
        with (
            start_router(server=server, environment={"SPIFFE_ENDPOINT_SOCKET": found.socket}) as running,
            connected(running.addresses["grpc"], credentials(found.authority, None)) as caller,
        ):
            assert caller.chat(COMPLETE, "fast", timeout=10).code is grpc.StatusCode.OK


def test_a_start_that_knows_no_socket_is_one_clear_line(
    failed_start: FailedStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPIFFE_ENDPOINT_SOCKET", raising=False)
    line = failed_start({"grpc": {"listen": "127.0.0.1:0", "tls": {"spiffe": {}}}})
    assert "server.grpc.tls.spiffe: expected a socket, here or as SPIFFE_ENDPOINT_SOCKET in the environment" in line

"""A router with its provider's key in Vault loses no call: neither to rotations nor to whatever becomes of Vault."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
import httpx
import pytest
from hedgerow.chat.v1 import chat_service_pb2_grpc as chat_grpc
from hedgerow_server.core.port import Lease
from rpc.caller import chat
from stack import OWN_CONNECTIONS, Process, router, simulator
from vault.client import AnyVault, Client, wait_for
from vault.fake import FakeVault
from vault.real import RealVault

_log = logging.getLogger(__name__)
CALLERS = 8
REQUEST = chat("fast")


@dataclass
class World:
    """A simulator that wants the key that is in Vault, and a router between."""

    vault: AnyVault
    sim_url: str
    folder: Path
    config: dict[str, Any]
    number: int = 0

    @property
    def key(self) -> str:
        """The provider's newest key."""
        return f"sk-rotated-{self.number:04}"

    def rotate(self) -> None:
        """The provider gives out a new key; it is written into Vault; the old one is refused from now on."""
        old, self.number = self.key, self.number + 1
        self.accept(old, self.key)
        self.vault.put("openai", key=self.key)
        self.accept(self.key)

    def accept(self, *keys: str) -> None:
        """The provider takes these keys and no other."""
        httpx.put(f"{self.sim_url}/_sim/keys", json={"keys": keys}, trust_env=False).raise_for_status()

    @contextmanager
    def router(self) -> Iterator[Process]:
        """The router, running."""
        with router(self.folder, self.config) as running:
            yield running


@dataclass
class Load:
    """What became of the calls."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0

    @property
    def failed(self) -> dict[str, int]:
        """Calls that failed, by what they were told."""
        return {what: count for what, count in self.outcomes.items() if what != "OK"}

    def tell(self, what: str) -> None:
        """The counts, for whoever runs with --log-cli-level=INFO."""
        _log.info("%s: %d calls, %s failed, slowest %.3f s", what, self.outcomes.total(), self.failed, self.slowest_s)


@asynccontextmanager
async def load(target: str) -> AsyncIterator[Load]:
    """Calls without a pause while the block runs, several at once, none of them repeated by the client."""
    found, stopping = Load(), asyncio.Event()

    async def caller(stub: "chat_grpc.ChatServiceAsyncStub") -> None:
        while not stopping.is_set():
            since_s = time.monotonic()
            try:
                await stub.Complete(REQUEST, timeout=20)
                found.outcomes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                found.outcomes[f"{error.code().name}: {error.details()}"] += 1
            found.slowest_s = max(found.slowest_s, time.monotonic() - since_s)

    async with grpc.aio.insecure_channel(target, options=[*OWN_CONNECTIONS, ("grpc.enable_retries", 0)]) as channel:
        stub = cast("chat_grpc.ChatServiceAsyncStub", chat_grpc.ChatServiceStub(channel))
        tasks = [asyncio.create_task(caller(stub)) for _ in range(CALLERS)]
        try:
            yield found
        finally:
            stopping.set()
            await asyncio.gather(*tasks)


@pytest.fixture(name="world")
def world_fixture(client: Client, tmp_path: Path) -> Iterator[World]:
    """Everything but the router, which a test starts."""
    with simulator(tmp_path) as sim:
        url = f"http://{sim.addresses['http']}"
        config = {
            "server": {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http")},
            "vault": {
                "address": client.vault.address,
                "login": client.approle_login(),
                "poll_seconds": 1,
                "timeout_seconds": 2,
            },
            "credentials": {"key": {"source": "vault", "path": "openai", "field": "key"}},
            "providers": {"sim": {"dialect": "openai", "base_url": f"{url}/v1", "credential": "key"}},
            "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]}},
        }
        world = World(client.vault, url, tmp_path, config)
        world.rotate()
        yield world


def ready(running: Process) -> bool:
    """Whether the router says that calls may come."""
    url = f"http://{running.addresses['admin_http']}/readyz"
    return httpx.get(url, trust_env=False).status_code == 200


async def seconds(count: float) -> None:
    """Lets the load run."""
    await asyncio.sleep(count)


def test_a_router_that_starts_without_vault_serves_within_two_seconds_of_its_return(world: World) -> None:
    world.vault.stop()
    with world.router() as running:
        url = f"http://{running.addresses['admin_http']}/readyz"
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 503
        assert "credential key: Vault cannot be reached" in answer.text
        time.sleep(2)
        world.vault.start()
        assert wait_for(lambda: ready(running)) < 2


def test_a_router_ends_its_token_and_leaves_nothing_behind(
    fake_client: Client, fake: FakeVault, tmp_path: Path
) -> None:
    fake.put("openai", key="sk-1")
    section = {"address": fake.address, "login": fake_client.approle_login()}
    config = {
        "server": {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http")},
        "vault": section,
        "credentials": {"key": {"source": "vault", "path": "openai", "field": "key"}},
        "providers": {"sim": {"dialect": "openai", "credential": "key"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "m"}]}},
    }
    with router(tmp_path, config) as running:
        assert len(fake.tokens) == 1
        assert running.stop() == 0
    assert fake.tokens == {}


OUTAGES: dict[str, tuple[Callable[[AnyVault], None], Callable[[AnyVault], None]]] = {
    "restarted": (lambda vault: vault.stop(), lambda vault: vault.start()),
    "sealed": (lambda vault: vault.seal(), lambda vault: vault.unseal()),
    "frozen": (lambda vault: vault.freeze(), lambda vault: vault.thaw()),
}


@pytest.mark.slow
@pytest.mark.parametrize("outage", OUTAGES)
async def test_no_call_fails_while_vault_is_away(world: World, outage: str, request: pytest.FixtureRequest) -> None:
    """The keys do not change meanwhile; the first rotation after its return is in use within two seconds. Frozen for
    thirty seconds with --long, else each for five.
    """
    begin, end = OUTAGES[outage]
    away_s = 30 if request.config.getoption("--long") and outage == "frozen" else 5
    with world.router() as running:
        async with load(running.addresses["grpc"]) as calls:
            await seconds(0.5)
            await asyncio.to_thread(begin, world.vault)
            await seconds(away_s)
            await asyncio.to_thread(end, world.vault)
            await seconds(2)
        assert calls.failed == {}
        assert calls.outcomes["OK"] > 100
        calls.tell(f"Vault {outage} for {away_s} s")
        world.vault.put("openai", key="sk-after")
        await seconds(2)
        world.accept("sk-after")
        async with load(running.addresses["grpc"]) as calls:
            await seconds(1)
        assert calls.failed == {}


@pytest.mark.slow
async def test_a_rotation_whose_old_key_lives_on_for_two_seconds_costs_nothing(world: World) -> None:
    """The overlap that a careful rotation has: nothing has to be refused first."""
    with world.router() as running:
        async with load(running.addresses["grpc"]) as calls:
            for number in range(3):
                world.vault.put("openai", key=f"sk-overlap-{number}")
                world.accept(world.key, f"sk-overlap-{number}", f"sk-overlap-{number - 1}")
                await seconds(2)
                world.accept(f"sk-overlap-{number}")
                await seconds(0.5)
        assert calls.failed == {}
        assert calls.outcomes["OK"] > 100


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(Lease, "refused"), reason="attempts do not yet tell their lease of a refusal: core.port.Lease.refused"
)
async def test_two_hundred_rotations_with_the_old_key_refused_at_once_cost_no_call(world: World) -> None:
    rotations = 200 if isinstance(world.vault, RealVault) else 50
    with world.router() as running:
        async with load(running.addresses["grpc"]) as calls:
            for _ in range(rotations):
                before = calls.outcomes["OK"]
                await asyncio.to_thread(world.rotate)
                async with asyncio.timeout(10):
                    while calls.outcomes["OK"] < before + CALLERS * 2 and not calls.failed:
                        await seconds(0.005)
        calls.tell(f"{rotations} rotations")
        assert calls.failed == {}
        assert calls.outcomes["OK"] > rotations * CALLERS

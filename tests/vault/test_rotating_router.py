"""A router that has its key replaced by policy, under load, with Vault, a receiver and the provider around it."""

import asyncio
import itertools
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli.verbs import build
from stack import ALARM, Process, router, simulator
from typer.testing import CliRunner
from vault.client import Client, wait_for
from vault.fake import FakeVault
from vault.receiver import SIGNING_KEY, Receiver, receiver
from vault.test_router import load

POLICY = {
    # A router may take a while to start, and the key is as old as its version.
    "max_age_seconds": 60,
    "begin_before_seconds": 59,
    "overlap_seconds": 0.5,
    "probe_attempts": 1,
    "retry_seconds": 0.2,
    "max_retry_seconds": 0.5,
}


@dataclass
class World:
    """The receiver writes a new key into Vault and has the provider take it; it ends the old one when it is told to."""

    vault: FakeVault
    sim_url: str
    keys: list[str] = field(default_factory=list)
    count: Iterator[int] = field(default_factory=itertools.count)
    good: bool = True
    """Whether the provider takes new keys."""

    def rotate(self) -> None:
        """A new key, beside those there are."""
        key = f"sk-rotated-canary-{next(self.count)}"
        if self.good:
            self.keys.append(key)
            self.accept()
        self.vault.put("openai", key=key)

    def do(self, message: dict[str, Any]) -> None:
        """What the receiver does."""
        if message["type"] == "credential.rotate":
            self.rotate()
        else:
            del self.keys[0]
            self.accept()

    def accept(self) -> None:
        """The provider takes these keys and no other."""
        httpx.put(f"{self.sim_url}/_sim/keys", json={"keys": self.keys}, trust_env=False).raise_for_status()


@dataclass
class Running:
    """All of it."""

    world: World
    process: Process
    receiver: Receiver

    def metrics(self) -> str:
        """The page for Prometheus."""
        with urllib.request.urlopen(f"http://{self.process.addresses['admin_http']}/metrics", timeout=10) as response:
            return str(response.read().decode())

    def alarms(self) -> list[str]:
        """Those of the log."""
        return [line.partition(ALARM)[2] for line in self.process.log.read_text().splitlines() if ALARM in line]


@pytest.fixture(name="running")
def running_fixture(fake_client: Client, fake: FakeVault, tmp_path: Path) -> Iterator[Running]:
    """A router before all of it."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(tmp_path))
        world = World(fake, f"http://{sim.addresses['http']}")
        world.rotate()
        asked = exits.enter_context(receiver(world.do))
        rotation = {**POLICY, "webhook": {"url": asked.url, "secret": "signs"}}
        config = {
            "server": {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http")},
            "vault": {"address": fake.address, "login": fake_client.approle_login(), "poll_seconds": 0.1},
            "credentials": {
                "key": {"source": "vault", "path": "openai", "field": "key", "rotation": rotation},
                "signs": {"source": "env", "variable": "HEDGEROW_TEST_SIGNING_KEY"},
            },
            "providers": {"sim": {"dialect": "openai", "base_url": f"{world.sim_url}/v1", "credential": "key"}},
            "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]}},
        }
        process = exits.enter_context(router(tmp_path, config, HEDGEROW_TEST_SIGNING_KEY=SIGNING_KEY))
        yield Running(world, process, asked)
        log = process.log.read_text()
        assert "canary" not in log
        assert SIGNING_KEY not in log
        assert "Traceback" not in log


async def test_keys_are_replaced_by_policy_under_load_and_no_call_fails(running: Running) -> None:
    """Three times, each old key ending half a second after the switch."""
    asked = running.receiver
    async with load(running.process.addresses["grpc"]) as calls:
        await asyncio.to_thread(wait_for, lambda: asked.count("credential.retire") == 3, 30)
    assert calls.failed == {}
    assert calls.outcomes["OK"] > 100
    assert asked.refused == 0
    assert running.alarms() == []
    rotations = [one["rotation"] for one in asked.told if one["type"] == "credential.rotate"]
    assert len(set(rotations)) == len(rotations) >= 3
    text = running.metrics()
    assert 'hedgerow_credential_rotations_total{credential="key",outcome="met"}' in text
    assert "canary" not in text


async def test_a_key_that_the_provider_refuses_is_not_used_and_told_of(running: Running) -> None:
    running.world.good = False
    async with load(running.process.addresses["grpc"]) as calls:
        await asyncio.to_thread(wait_for, running.alarms, 15)
        with AdminClient(running.process.addresses["admin_grpc"], timeout=10) as admin:
            one = next(one for one in admin.list_credentials() if one.name == "key")
        environment = {"HEDGEROW_ADMIN": running.process.addresses["admin_grpc"], "COLUMNS": "250", "NO_COLOR": "1"}
        shown = CliRunner().invoke(build(), ["credentials"], env=environment).stdout
        as_json = CliRunner().invoke(build(), ["credentials", "--json"], env=environment).stdout
        alarms = running.alarms()
        running.world.good = True
        await asyncio.to_thread(wait_for, lambda: '"late"' in running.metrics(), 15)
    assert calls.failed == {}
    reason = "sim refuses the key (status 401)"
    assert alarms == [f'credential_probe_failed credential=key provider=sim reason="{reason}"']
    ((event, provider, told),) = [(alarm.event, alarm.provider, alarm.reason) for alarm in one.alarms]
    assert (event, provider, told) == ("probe_failed", "sim", reason)
    assert one.rotation.due_time.seconds - one.create_time.seconds == 60
    (row,) = [line for line in shown.splitlines() if line.startswith("key")]
    assert "probe failed" in row
    assert reason in row
    told_json = {found["name"]: found for found in map(json.loads, as_json.splitlines())}
    assert told_json["key"]["alarms"][0]["event"] == "probe_failed"
    assert "rotation" not in told_json["signs"]
    assert "canary" not in shown + as_json

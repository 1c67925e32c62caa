"""Temporary keys of AWS and tokens of Entra ID at a real router: rotated and refused at once, and no call fails."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
from clouds import CANARY, Clouds, clouds
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected, eventually
from rpc.conftest import without_faults
from stack import DIALECTS, KEY, Process, router, simulator

ROLE = "arn:aws:iam::123456789012:role/hedgerow"
ROTATIONS = 5
CALLS = 8


@dataclass
class World:
    """A simulator that takes the keys that were given out last and no others, and a router in front of it."""

    sim_url: str
    aws: Clouds
    entra: Clouds
    process: Process
    caller: Caller

    def good(self, *keys: str) -> None:
        """Only these are good from now on."""
        httpx.put(f"{self.sim_url}/_sim/keys", json={"keys": keys}, trust_env=False).raise_for_status()

    def code(self, model: str, rpc: str) -> grpc.StatusCode:
        """How a call ends."""
        found: grpc.StatusCode = self.caller.chat(rpc, model, timeout=20).code
        return found


def configuration(sim_url: str, aws: Clouds, entra: Clouds, token_file: Path) -> dict[str, object]:
    """A route to Bedrock with a role of AWS, and one to Azure OpenAI with a workload identity."""

    def provider(dialect: str, credential: str, **more: object) -> dict[str, object]:
        settings = DIALECTS[dialect][0]
        return {**settings, "base_url": sim_url, "credential": credential, **more}

    def route(provider: str) -> dict[str, object]:
        return {"kind": "chat", "candidates": [{"provider": provider, "model": DIALECTS[provider][1]}]}

    return {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
        "telemetry": {"log_level": "debug"},
        "credentials": {
            "aws": {"source": "aws", "role_arn": ROLE, "region": "us-east-1", "sts_url": aws.url},
            "azure": {
                "source": "azure",
                "tenant": "tenant-1",
                "client_id": "app-1",
                "token_file": str(token_file),
                "authority": entra.url,
            },
        },
        "providers": {"bedrock": provider("bedrock", "aws"), "azure": provider("azure", "azure", auth="bearer")},
        "routes": {"bedrock": route("bedrock"), "azure": route("azure")},
    }


@contextmanager
def started(folder: Path, *, away: bool = False) -> Iterator[World]:
    """A world of one's own. `away`: the token endpoints do not answer yet."""
    token_file = folder / "workload"
    token_file.write_text(f"workload-{CANARY}")
    environment = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": f"own-{CANARY}"}
    with ExitStack() as exits:
        aws, entra = exits.enter_context(clouds()), exits.enter_context(clouds())
        aws.away = entra.away = away
        sim = exits.enter_context(simulator(folder, name="own-simulator"))
        sim_url = f"http://{sim.addresses['http']}"
        config = configuration(sim_url, aws, entra, token_file)
        running = exits.enter_context(router(folder, config, "clouds", **environment))
        exits.enter_context(without_faults(running))
        caller = exits.enter_context(connected(running.addresses["grpc"]))
        yield World(sim_url, aws, entra, running, caller)


@pytest.fixture(scope="module", name="world")
def world_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for the tests of this file."""
    pytest.importorskip("botocore", reason="needs the extra bedrock")
    with started(tmp_path_factory.mktemp("clouds")) as found:
        yield found


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_rotated_keys_of_aws_cost_no_call(world: World, rpc: str) -> None:
    """The provider takes only what STS gives next: each rotation is one more request to STS, and none of the calls
    ends otherwise than well. Temporary keys are good with their session token only, so that came along.
    """
    told = []
    for _ in range(ROTATIONS):
        asked = len(world.aws.asked)
        world.good(f"ASIA{asked + 1:016d}", world.entra.token)
        told += [world.code("bedrock", rpc) for _ in range(CALLS)]
        assert len(world.aws.asked) == asked + 1
    assert told == [grpc.StatusCode.OK] * ROTATIONS * CALLS


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_rotated_tokens_of_entra_cost_no_call(world: World, rpc: str) -> None:
    told = []
    for _ in range(ROTATIONS):
        asked = len(world.entra.asked)
        world.good(world.aws.access_key, f"entra-token-{asked + 1}")
        told += [world.code("azure", rpc) for _ in range(CALLS)]
        assert len(world.entra.asked) == asked + 1
    assert told == [grpc.StatusCode.OK] * ROTATIONS * CALLS


def test_no_secret_of_a_cloud_is_in_the_log(world: World) -> None:
    """At the level of debug, at which the clouds' own libraries tell what they send."""
    world.good(world.aws.access_key, world.entra.token)
    assert {world.code(model, COMPLETE) for model in ("bedrock", "azure")} == {grpc.StatusCode.OK}
    log = world.process.log.read_text(errors="replace")
    assert " DEBUG " in log
    found = [CANARY, KEY, "secret-1", "session-1", *(f"entra-token-{n + 1}" for n in range(len(world.entra.asked)))]
    assert [one for one in found if one in log] == []


def test_a_start_without_the_token_endpoints_is_not_ready_and_then_serves(tmp_path: Path) -> None:
    with started(tmp_path, away=True) as world:
        ready = f"http://{world.process.addresses['admin_http']}/readyz"
        answer = httpx.get(ready, trust_env=False)
        assert answer.status_code == 503
        assert "credential azure: Entra ID gives no token: no answer" in answer.text
        assert "credential aws: STS gives no keys: no answer" in answer.text
        world.aws.away = world.entra.away = False
        world.good(f"ASIA{1:016d}", "entra-token-1")
        eventually(lambda: httpx.get(ready, trust_env=False).status_code == 200, "readiness", 20)
        assert {world.code(model, COMPLETE) for model in ("bedrock", "azure")} == {grpc.StatusCode.OK}

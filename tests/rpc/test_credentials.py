"""Several keys for one provider at a real router, and what operators see of them."""

import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from hedgerow.admin.v1.credential_pb2 import Credential
from hedgerow_client import NotFoundError, UnavailableError
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli.verbs import build
from prometheus_client.parser import text_string_to_metric_families
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, connected, eventually
from rpc.conftest import without_faults
from stack import ALARM, KEY, Process, Stack, router
from typer.testing import CliRunner, Result

CALLS = 30
LONG_S = 300.0


@dataclass
class World:
    """A router whose provider has two keys in files: `good`, and `other`, which is wrong and drawn sixteen times as
    often.
    """

    process: Process
    caller: Caller
    admin: AdminClient
    files: dict[str, Path]
    wrong: str = ""
    versions: int = 0
    """How many secrets `other` has had when the test begins."""
    refusals: int = 0
    """How often it was refused until then."""

    def served(self, rpc: str = COMPLETE, model: str = "fast") -> list[int]:
        """The upstream statuses of a call that succeeds, oldest attempt first."""
        outcome = self.caller.chat(rpc, model)
        assert outcome.code is grpc.StatusCode.OK, outcome.text
        return [attempt.upstream_status for attempt in reversed(outcome.report.attempts)]

    def credential(self, name: str) -> Credential:
        """What the router tells of a credential."""
        (found,) = (one for one in self.admin.list_credentials() if one.name == name)
        return found

    def hedgerow(self, *arguments: str) -> Result:
        """Runs the command line."""
        environment = {"HEDGEROW_ADMIN": self.process.addresses["admin_grpc"], "COLUMNS": "200", "NO_COLOR": "1"}
        return CliRunner().invoke(build(), arguments, env=environment)

    def put(self, name: str, key: str) -> None:
        """Writes another key into a file, as a whole."""
        fresh = self.files[name].with_suffix(".fresh")
        fresh.write_text(key)
        fresh.replace(self.files[name])


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests, where a refused key rests for longer than each of them."""
    tmp_path = tmp_path_factory.mktemp("keys")
    files = {name: tmp_path / name for name in ("good", "other")}
    for path in files.values():
        path.write_text(KEY)
    keys = [{"name": "other", "weight": 16}, {"name": "good"}]
    config = {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
        "credentials": {name: {"source": "file", "path": str(path)} for name, path in files.items()},
        "providers": {
            "sim": {"dialect": "openai", "base_url": f"{stack.sim_url}/v1", "credential": keys},
            "lone": {"dialect": "openai", "base_url": f"{stack.sim_url}/v1", "credential": "good"},
        },
        "routes": {
            "fast": {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]},
            "listed": {
                "kind": "chat",
                "candidates": [{"provider": "lone", "model": "gpt-4o-mini", "credential": keys}],
            },
        },
        "breaker": {"set_aside_seconds": LONG_S},
    }
    with ExitStack() as exits:
        process = exits.enter_context(router(tmp_path, config))
        exits.enter_context(without_faults(process))
        caller = exits.enter_context(connected(process.addresses["grpc"]))
        admin = exits.enter_context(AdminClient(process.addresses["admin_grpc"], timeout=30))
        yield World(process, caller, admin, files)


@pytest.fixture
def world(running: World) -> World:
    """With a new wrong key that was not used yet."""
    running.wrong = f"sk-wrong-canary-{os.urandom(8).hex()}"
    running.put("good", KEY)
    running.put("other", running.wrong)
    running.admin.refresh_credential("good")
    other = running.admin.refresh_credential("other").credential
    running.versions, running.refusals = other.versions_count, other.refusals_count
    return running


def refuse(world: World) -> None:
    """Calls until the wrong key was drawn, which takes a call or two."""
    eventually(lambda: world.served() == [401, 200], "a call with the wrong key")


@pytest.mark.parametrize("model", ["fast", "listed"])
@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_a_wrong_key_fails_no_call_and_is_not_used_again(world: World, rpc: str, model: str) -> None:
    """The keys are those of the provider (fast) or of the route's candidate (listed)."""
    found = [world.served(rpc, model) for _ in range(CALLS)]
    assert found.count([401, 200]) == 1
    assert found.count([200]) == CALLS - 1


def test_a_wrong_key_is_told_of_and_never_shown(world: World) -> None:
    refuse(world)
    other, good = world.credential("other"), world.credential("good")
    assert (other.source, other.ready, other.problem, other.versions_count) == ("file", True, "", world.versions)
    assert (other.set_aside_reason, other.refusals_count) == ("PROVIDER_AUTH", world.refusals + 1)
    assert other.set_aside_until_time.seconds > other.last_refusal_time.seconds + LONG_S / 2
    assert list(other.providers) == ["lone", "sim"]
    assert (good.set_aside_reason, good.refusals_count, good.HasField("last_refusal_time")) == ("", 0, False)
    assert good.last_use_time.seconds >= good.take_time.seconds > 0
    states = {one.credential: one.set_aside_reason for one in world.admin.list_candidates(provider="sim")}
    assert states == {"other": "PROVIDER_AUTH", "good": ""}
    told = repr(world.admin.list_credentials()) + world.hedgerow("credentials", "--json").stdout
    told += world.hedgerow("credentials").stdout + world.process.log.read_text()
    assert world.wrong not in told
    assert KEY not in told


def test_a_key_that_goes_on_being_refused_raises_one_alarm_until_another_is_there(world: World) -> None:
    said = len(alarms(world))
    refuse(world)
    line = eventually(lambda: alarms(world)[said:], "the alarm")[0]
    assert line.endswith('event=credential_set_aside credential=other provider=sim reason="PROVIDER_AUTH"')
    (alarm,) = world.credential("other").alarms
    assert (alarm.event, alarm.provider, alarm.reason) == ("set_aside", "sim", "PROVIDER_AUTH")
    assert alarm.raise_time.seconds >= world.credential("other").take_time.seconds
    assert metric(world, "hedgerow_credential_set_aside", "other") == 1
    assert metric(world, "hedgerow_credential_set_aside", "good") == 0
    assert metric(world, "hedgerow_credential_refusals_total", "other") == world.refusals + 1
    assert len(alarms(world)) == said + 1
    world.put("other", KEY)
    world.admin.refresh_credential("other")
    assert not world.credential("other").alarms
    assert metric(world, "hedgerow_credential_set_aside", "other") == 0


def alarms(world: World) -> list[str]:
    """Those of the log."""
    return [line for line in world.process.log.read_text().splitlines() if ALARM in line]


def metric(world: World, name: str, credential: str) -> float:
    """A number of the page for Prometheus."""
    url = f"http://{world.process.addresses['admin_http']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["content-type"].startswith("text/plain; version=")
        families = list(text_string_to_metric_families(response.read().decode()))
    (found,) = (
        one.value
        for family in families
        for one in family.samples
        if one.name == name and one.labels == {"credential": credential}
    )
    return float(found)


def test_a_corrected_file_brings_the_key_back_without_a_restart(world: World) -> None:
    refuse(world)
    world.put("other", KEY)
    eventually(lambda: world.credential("other").set_aside_reason == "", "the key's return", 30)
    before = world.credential("other").last_use_time.ToNanoseconds()
    assert [world.served() for _ in range(CALLS)] == [[200]] * CALLS
    other = world.credential("other")
    assert other.last_use_time.ToNanoseconds() > before
    assert (other.versions_count, other.refusals_count) == (world.versions + 1, world.refusals + 1)


def test_a_refresh_takes_another_key_at_once(world: World) -> None:
    refuse(world)
    world.put("other", KEY)
    answer = world.admin.refresh_credential("other")
    # The regular look at the file may have been faster.
    assert (answer.credential.versions_count, answer.credential.set_aside_reason) == (world.versions + 1, "")
    assert not world.admin.refresh_credential("other").changed


def test_a_refresh_lets_a_key_that_is_the_same_be_tried_again(world: World) -> None:
    refuse(world)
    answer = world.admin.refresh_credential("other")
    assert (answer.changed, answer.credential.set_aside_reason) == (False, "")
    refuse(world)
    assert world.credential("other").refusals_count == world.refusals + 2


def test_a_refresh_without_a_secret_fails_and_the_last_one_serves(world: World) -> None:
    world.files["good"].unlink()
    with pytest.raises(UnavailableError) as caught:
        world.admin.refresh_credential("good")
    assert (caught.value.reason, caught.value.metadata["credential"]) == ("ERROR_REASON_CREDENTIAL_UNAVAILABLE", "good")
    good = world.credential("good")
    assert good.ready
    assert "cannot be read" in good.problem
    assert world.served()[-1] == 200
    ended = world.hedgerow("credentials", "refresh", "good")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "The last good secret stays in use" in ended.stderr


def test_a_credential_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NotFoundError) as caught:
        world.admin.refresh_credential("nobody")
    assert (caught.value.reason, caught.value.metadata["credential"]) == (
        "ERROR_REASON_CREDENTIAL_NOT_FOUND",
        "nobody",
    )


LISTINGS: dict[str, Callable[[World], Result]] = {
    "credentials": lambda world: world.hedgerow("credentials"),
    "list": lambda world: world.hedgerow("credentials", "list"),
}


@pytest.mark.parametrize("verb", LISTINGS)
def test_the_command_line_shows_what_serves_and_what_does_not(world: World, verb: str) -> None:
    refuse(world)
    ended = LISTINGS[verb](world)
    assert ended.exit_code == 0, ended.output
    rows = {line.split()[0]: line for line in ended.stdout.splitlines()}
    assert rows["other"].split()[1:4] == ["file", "set", "aside"]
    assert "PROVIDER_AUTH; until " in rows["other"]
    assert rows["good"].split()[1:3] == ["file", "ready"]


def test_the_command_line_gives_json_and_refreshes(world: World) -> None:
    for arguments in (("credentials", "--json"), ("credentials", "list", "--json")):
        told = [json.loads(line) for line in world.hedgerow(*arguments).stdout.splitlines()]
        assert [one["name"] for one in told] == ["good", "other"]
    ended = world.hedgerow("credentials", "refresh", "good")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("good: the same key, taken 20")

"""AdminService at a real router's admin door, and the command line's verbs for it."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from hedgerow.admin.v1 import admin_service_pb2 as pb
from hedgerow.admin.v1.admin_service_pb2_grpc import AdminServiceStub
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli.verbs import build
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, Door, connected, eventually
from rpc.conftest import StartRouter
from stack import OWN_CONNECTIONS, Process
from typer.testing import CliRunner, Result

RPCS = [method.name for method in pb.DESCRIPTOR.services_by_name["AdminService"].methods]
PROVIDER, MODEL, TENANT = pb.KILL_SCOPE_PROVIDER, pb.KILL_SCOPE_MODEL, pb.KILL_SCOPE_TENANT
UNKNOWN = pb.KillScope.ValueType(9)


@pytest.fixture(scope="module")
def router(start_router: StartRouter) -> Iterator[Process]:
    """A router of one's own: others would miss what is switched off."""
    both = [{"provider": "sim", "model": "gpt-4o-mini"}, {"provider": "vllm", "model": "llama-3"}]
    later = [{"provider": "sim", "model": "sim-silent", "first_token_timeout_seconds": 3}, both[1]]
    routes = {name: {"kind": "chat", "candidates": found} for name, found in (("both", both), ("later", later))}
    with start_router(extra_routes=routes) as running:
        yield running


@pytest.fixture
def caller(router: Process) -> Iterator[Caller]:
    """Connected to the callers' door."""
    with connected(router.addresses["grpc"]) as found:
        yield found


@pytest.fixture
def admin(router: Process) -> Iterator[AdminClient]:
    """Connected to the admin door; nothing is switched off before and after."""
    with AdminClient(router.addresses["admin_grpc"], timeout=30) as found:
        yield found
        for switch in found.list_kill_switches():
            found.clear_kill_switch(switch.scope, switch.name)


def hedgerow(router: Process, *arguments: str) -> Result:
    """Runs the command line."""
    environment = {"HEDGEROW_ADMIN": router.addresses["admin_grpc"], "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(build(), arguments, env=environment)


@pytest.mark.parametrize("name", RPCS)
def test_no_rpc_of_the_admin_door_is_at_the_callers_door(door: Door, name: str) -> None:
    outcome = door.caller.unary(f"/hedgerow.admin.v1.AdminService/{name}", b"", bytes)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN")


def test_an_rpc_that_the_admin_door_does_not_have_is_told_with_our_details(router: Process) -> None:
    with connected(router.addresses["admin_grpc"]) as caller:
        outcome = caller.unary("/hedgerow.admin.v1.AdminService/Explode", b"", bytes)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN")


@pytest.mark.parametrize(
    ("name", "request_", "field"),
    [
        ("SetKillSwitch", pb.SetKillSwitchRequest(name="sim", reason="x"), "scope"),
        ("SetKillSwitch", pb.SetKillSwitchRequest(scope=PROVIDER, reason="x"), "name"),
        ("SetKillSwitch", pb.SetKillSwitchRequest(scope=PROVIDER, name="sim"), "reason"),
        ("ClearKillSwitch", pb.ClearKillSwitchRequest(scope=UNKNOWN, name="sim"), "scope"),
        ("ListCandidates", pb.ListCandidatesRequest(page_size=1001), "page_size"),
        ("ListCandidates", pb.ListCandidatesRequest(page_token="nonsense"), "page_token"),
        ("ListCandidates", pb.ListCandidatesRequest(page_token="[1, 2]"), "page_token"),
    ],
)
def test_a_wrong_field_is_named(router: Process, name: str, request_: Any, field: str) -> None:
    with connected(router.addresses["admin_grpc"]) as caller:
        outcome = caller.unary(f"/hedgerow.admin.v1.AdminService/{name}", request_, bytes)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")
    assert outcome.info.metadata["field"] == field


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_calls_go_to_another_candidate_while_a_provider_is_off(admin: AdminClient, caller: Caller, rpc: str) -> None:
    def served() -> list[str]:
        outcome = caller.chat(rpc, "both")
        assert outcome.code is grpc.StatusCode.OK, outcome.text
        return [attempt.provider for attempt in outcome.report.attempts]

    assert served() == ["sim"]
    assert admin.set_kill_switch(PROVIDER, "sim", "a test").known
    assert served() == ["vllm"]
    assert admin.clear_kill_switch(PROVIDER, "sim")
    assert served() == ["sim"]


@pytest.mark.parametrize(
    ("scope", "name", "model", "told"),
    [
        (PROVIDER, "sim", "fast", "provider"),
        (PROVIDER, "sim", "all/gpt-4o-mini", "provider"),
        (MODEL, "fast", "fast", "model"),
        (MODEL, "sim/gpt-4o-mini", "fast", "provider"),
        (MODEL, "sim/gpt-4o-mini", "all/gpt-4o-mini", "provider"),
        (MODEL, "all/gpt-4o-mini", "all/gpt-4o-mini", "model"),
        (MODEL, "all/*", "all/gpt-4o-mini", "model"),
        (TENANT, "default", "fast", "tenant"),
    ],
)
@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE])
def test_what_is_off_is_refused_at_once_and_served_at_once_when_it_is_on_again(
    *, admin: AdminClient, caller: Caller, rpc: str, scope: Any, name: str, model: str, told: str
) -> None:
    assert caller.chat(rpc, model).code is grpc.StatusCode.OK
    assert admin.set_kill_switch(scope, name, "a test").known
    outcome = caller.chat(rpc, model)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "SWITCHED_OFF")
    assert outcome.info.metadata["scope"] == told
    assert outcome.pushback_ms == -1
    assert "a test" not in outcome.text
    assert admin.clear_kill_switch(scope, name)
    assert caller.chat(rpc, model).code is grpc.StatusCode.OK


def test_a_switch_leaves_others_alone(admin: AdminClient, caller: Caller) -> None:
    for scope, name in ((PROVIDER, "vllm"), (MODEL, "fas"), (MODEL, "all"), (TENANT, "defaul")):
        admin.set_kill_switch(scope, name, "a test")
    for model in ("fast", "both", "all/gpt-4o-mini"):
        assert caller.chat(COMPLETE, model).code is grpc.StatusCode.OK


def test_a_call_in_flight_makes_no_further_attempt_where_it_is_off(admin: AdminClient, caller: Caller) -> None:
    """The first candidate says nothing; the second is switched off while it is waited for."""

    def waits() -> bool:
        return any(one.running_attempts_count for one in admin.list_candidates() if one.model == "sim-silent")

    told = caller.chat(COMPLETE, "later").report
    assert {attempt.provider for attempt in told.attempts} == {"sim", "vllm"}
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(caller.chat, COMPLETE, "later")
        eventually(waits, "the first attempt")
        admin.set_kill_switch(PROVIDER, "vllm", "a test")
        outcome = calling.result(30)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "FIRST_TOKEN_TIMEOUT")
    assert {attempt.provider for attempt in outcome.report.attempts} == {"sim"}


def test_a_stream_that_is_under_way_goes_on(admin: AdminClient, router: Process) -> None:
    from hedgerow_client import Client, chat

    with Client(router.addresses["grpc"]) as client, client.stream(chat("paced", "hi")) as stream:
        next(event for event in stream if event.WhichOneof("event") == "text_delta")
        admin.set_kill_switch(PROVIDER, "sim", "a test")
        assert list(stream)[-1].WhichOneof("event") == "completed"


@pytest.mark.parametrize(
    ("scope", "name", "known"),
    [(PROVIDER, "simm", False), (MODEL, "fastt", False), (MODEL, "sim/anything", True), (MODEL, "all/anything", True)],
)
def test_a_name_that_the_configuration_does_not_have_is_told(
    admin: AdminClient, scope: Any, name: str, known: bool
) -> None:
    """Behind a star it may be anything."""
    assert admin.set_kill_switch(scope, name, "a test").known is known


def test_switches_are_listed_oldest_first_and_outlive_a_reload(admin: AdminClient) -> None:
    admin.set_kill_switch(MODEL, "fast", "first")
    admin.set_kill_switch(TENANT, "t", "second")
    admin.reload()
    listed = [(one.scope, one.name, one.reason) for one in admin.list_kill_switches()]
    assert listed == [(MODEL, "fast", "first"), (TENANT, "t", "second")]
    assert not admin.clear_kill_switch(TENANT, "other")


def test_every_candidate_is_listed_once_in_order(admin: AdminClient, router: Process) -> None:
    """Pages put together are the whole."""
    with grpc.insecure_channel(router.addresses["admin_grpc"], OWN_CONNECTIONS) as channel:
        stub, request = AdminServiceStub(channel), pb.ListCandidatesRequest(page_size=7)
        paged: list[pb.CandidateState] = []
        while True:
            page = stub.ListCandidates(request, timeout=30)
            paged += page.candidates
            if not page.next_page_token:
                break
            assert len(page.candidates) == 7
            request.page_token = page.next_page_token
    keys = [(one.provider, one.model, one.region, one.credential) for one in paged]
    assert keys == sorted(set(keys))
    assert keys == [(one.provider, one.model, one.region, one.credential) for one in admin.list_candidates()]
    assert {one.provider for one in admin.list_candidates(provider="vllm")} == {"vllm"}
    assert admin.list_candidates(provider="nobody") == []


def test_a_candidate_tells_of_its_failures_and_its_times(admin: AdminClient, caller: Caller) -> None:
    for _ in range(25):
        assert caller.chat(STREAM_COMPLETE, "fast").code is grpc.StatusCode.OK
    assert caller.chat(COMPLETE, "fault-500").code is grpc.StatusCode.UNAVAILABLE
    found = {one.model: one for one in admin.list_candidates(provider="sim")}
    good, bad = found["gpt-4o-mini"], found["sim-500"]
    assert good.streamed.samples >= 24
    assert 0 < good.streamed.p50.ToTimedelta().total_seconds() <= good.streamed.p95.ToTimedelta().total_seconds()
    assert good.breaker_state == pb.BREAKER_STATE_CLOSED
    assert (good.credential, good.running_attempts_count) == ("sim", 0)
    assert dict(bad.window_failures) == {"PROVIDER_UNAVAILABLE": 1}
    assert not bad.HasField("streamed")


def test_the_verbs_tell_and_do(admin: AdminClient, router: Process, caller: Caller) -> None:
    killed = hedgerow(router, "kill", "provider", "sim", "--reason", "a [test]")
    assert (killed.exit_code, killed.stdout) == (0, "provider sim is off\n")
    assert caller.chat(COMPLETE, "fast").reason == "SWITCHED_OFF"
    told = hedgerow(router, "state", "--provider", "sim")
    assert told.exit_code == 0
    assert "provider sim (a [test])" in told.stderr
    assert "switched off" in told.stdout
    lines = [json.loads(line) for line in hedgerow(router, "state", "--json").stdout.splitlines()]
    assert lines[0]["hash"] == admin.get_config().hash
    assert lines[1]["name"] == "sim"
    assert len(lines) > 20
    assert hedgerow(router, "unkill", "provider", "sim").stdout == "provider sim is on\n"
    again = hedgerow(router, "unkill", "provider", "sim")
    assert (again.exit_code, again.stdout) == (1, "")
    assert caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK
    mistyped = hedgerow(router, "kill", "provider", "smi", "--reason", "x")
    assert "is the name right?" in mistyped.stderr
    reloaded = hedgerow(router, "reload", "--dry-run")
    assert (reloaded.exit_code, reloaded.stdout) == (0, "")
    assert "nothing has changed" in reloaded.stderr
    assert json.loads(hedgerow(router, "reload", "--json").stdout)["config_hash"] == admin.get_config().hash


def test_a_verb_says_where_nobody_answers(router: Process) -> None:
    found = hedgerow(router, "state", "--admin", "127.0.0.1:9", "--timeout", "5")
    assert found.exit_code == 1
    assert "127.0.0.1:9" in found.stderr

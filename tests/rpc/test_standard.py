"""The standard services and the admin doors: health, reflection, channelz, /healthz, /readyz, and ListModels."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from hedgerow.router.v1 import router_service_pb2 as router_pb
from rpc.caller import COMPLETE, LIST_MODELS, STREAM_COMPLETE, Door, Outcome, chat, connected, get
from rpc.conftest import StartRouter
from stack import ON_CORE, OWN_CONNECTIONS, Stack, configuration

OURS = (
    "hedgerow.chat.v1.ChatService",
    "hedgerow.embed.v1.EmbedService",
    "hedgerow.router.v1.RouterService",
    "hedgerow.usage.v1.UsageService",
)
VERSIONS = ("v1", "v1alpha")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SECRET = "sk-canary-from-a-file"
REFRESH_S = 5.0


@pytest.fixture
def admin(stack: Stack) -> Iterator[grpc.Channel]:
    """A channel to the admin door."""
    with grpc.insecure_channel(stack.admin_target, OWN_CONNECTIONS) as channel:
        yield channel


def health(channel: grpc.Channel, service: str = "") -> int:
    """The state of a service."""
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    state: int = answer.status
    return state


@pytest.mark.parametrize("service", ["", *OURS])
def test_every_service_is_serving(door: Door, service: str) -> None:
    """Check and the first answer of Watch agree."""
    assert health(door.caller.channel, service) == SERVING
    watch = health_pb2_grpc.HealthStub(door.caller.channel).Watch(health_pb2.HealthCheckRequest(service=service))
    assert next(watch).status == SERVING
    watch.cancel()


def test_the_health_of_an_unknown_service_is_not_found(door: Door) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        health(door.caller.channel, "no.such.v1.Service")
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_healthz_and_readyz_answer(door: Door) -> None:
    assert get(f"{door.stack.admin_url}/healthz") == (200, "ok\n")
    assert get(f"{door.stack.admin_url}/readyz") == (200, "ready\n")
    assert get(f"{door.stack.admin_url}/no-such-page")[0] == 404


def with_file(path: Path, stack: Stack) -> dict[str, Any]:
    """The credentials, the simulator's key being in a file."""
    credentials = configuration(stack.sim_url, stack.sim_url)["credentials"]
    assert isinstance(credentials, dict)
    return {**credentials, "sim": {"source": "file", "path": str(path)}}


def test_a_missing_secret_makes_the_router_not_ready_until_it_appears(
    start_router: StartRouter, stack: Stack, tmp_path: Path
) -> None:
    """/readyz names the credential; calls that need it fail with a reason; the file is noticed when it comes."""
    path = tmp_path / "key"
    with (
        start_router(credentials=with_file(path, stack)) as running,
        connected(running.addresses["grpc"]) as caller,
    ):
        watch = health_pb2_grpc.HealthStub(caller.channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == NOT_SERVING
        for service in OURS:
            assert health(caller.channel, service) == NOT_SERVING
        status, text = get(f"http://{running.addresses['admin_http']}/readyz")
        assert status == 503
        assert "credential sim: " in text
        assert "credential bad" not in text
        assert get(f"http://{running.addresses['admin_http']}/healthz")[0] == 200
        outcome = caller.chat(COMPLETE, "fast")
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "CREDENTIAL_UNAVAILABLE")
        assert outcome.info.metadata["credential"] == "sim"
        path.write_text(f"{SECRET}\n")
        started_s = time.monotonic()
        assert next(watch).status == SERVING
        assert time.monotonic() - started_s < REFRESH_S + 2
        assert get(f"http://{running.addresses['admin_http']}/readyz") == (200, "ready\n")
        # It is the file's own content that is sent: the simulator wants another key.
        assert caller.chat(COMPLETE, "fast").reason == "PROVIDER_AUTH"
        assert SECRET not in running.log.read_text()


@pytest.mark.parametrize("content", [f"{SECRET}\x01", f"{SECRET}é", f"{SECRET}\nX-Other: 1"])
def test_a_secret_that_no_header_takes_is_told_without_its_value(
    start_router: StartRouter, stack: Stack, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with start_router(credentials=with_file(path, stack)) as running:
        status, text = get(f"http://{running.addresses['admin_http']}/readyz")
        assert status == 503
        assert "credential sim: " in text
        assert str(path) in text
        assert SECRET not in text
        assert SECRET not in running.log.read_text()


class Reflection:
    """Asks one version of the reflection service."""

    def __init__(self, channel: grpc.Channel, version: str) -> None:
        self._call = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )

    def ask(self, **question: str) -> reflection_pb2.ServerReflectionResponse:
        """One answer."""
        (answer,) = self._call(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=5)
        return answer

    def services(self) -> set[str]:
        """The names of all services."""
        return {service.name for service in self.ask(list_services="").list_services_response.service}

    def pool(self, *symbols: str) -> descriptor_pool.DescriptorPool:
        """A pool with the symbols and all that they need, from nothing but answers."""
        files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        for symbol in symbols:
            self._take(self.ask(file_containing_symbol=symbol), files)
        while missing := {name for file in files.values() for name in file.dependency} - files.keys():
            self._take(self.ask(file_by_filename=min(missing)), files)
        pool = descriptor_pool.DescriptorPool()
        left = dict(files)
        while left:
            ready = [name for name, file in left.items() if not left.keys() & set(file.dependency)]
            for name in ready:
                pool.Add(left.pop(name))
        return pool

    @staticmethod
    def _take(
        answer: reflection_pb2.ServerReflectionResponse, files: dict[str, descriptor_pb2.FileDescriptorProto]
    ) -> None:
        assert answer.HasField("file_descriptor_response"), answer
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_lists_what_is_served(door: Door, version: str) -> None:
    standard = {"grpc.health.v1.Health", *(f"grpc.reflection.{one}.ServerReflection" for one in VERSIONS)}
    assert Reflection(door.caller.channel, version).services() == {*OURS, *standard}


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_alone_is_enough_to_call_and_to_read_an_error(door: Door, version: str) -> None:
    """As grpcurl does: the services, the details of errors and the report, with all that they depend on."""
    details = [f"google.rpc.{name}" for name in ("Status", "ErrorInfo", "BadRequest", "RetryInfo", "QuotaFailure")]
    further = ["hedgerow.common.v1.CallReport", "hedgerow.errors.v1.ErrorReason"]
    pool = Reflection(door.caller.channel, version).pool(*OURS, *details, *further)
    for name in OURS:
        assert pool.FindServiceByName(name).methods
    for name in (*details, "hedgerow.common.v1.CallReport"):
        assert pool.FindMessageTypeByName(name).fields
    assert "ERROR_REASON_STREAM_CUT" in pool.FindEnumTypeByName("hedgerow.errors.v1.ErrorReason").values_by_name


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_does_not_know_what_is_not_there(door: Door, version: str) -> None:
    answer = Reflection(door.caller.channel, version).ask(file_containing_symbol="no.such.Thing")
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_the_admin_door_has_health_reflection_and_channelz(door: Door, admin: grpc.Channel) -> None:
    """Channelz shows C-core's servers of the process and the calls that they have had."""
    assert health(admin) == SERVING
    for version in VERSIONS:
        assert "grpc.channelz.v1.Channelz" in Reflection(admin, version).services()
    assert door.caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK
    servers = channelz_pb2_grpc.ChannelzStub(admin).GetServers(channelz_pb2.GetServersRequest(), timeout=5).server
    assert len(servers) == (2 if ON_CORE else 1)
    assert max(server.data.calls_succeeded for server in servers) > 0


def test_channelz_is_not_at_the_callers_door(door: Door) -> None:
    outcome = door.caller.unary("/grpc.channelz.v1.Channelz/GetServers", b"", bytes)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN")


def test_our_services_are_not_at_the_admin_door(door: Door) -> None:
    with connected(door.stack.admin_target) as caller:
        assert caller.complete(chat("fast")).code is grpc.StatusCode.UNIMPLEMENTED


def page(door: Door, **fields: Any) -> Outcome[router_pb.ListModelsResponse]:
    """A page of models."""
    request = router_pb.ListModelsRequest(**fields)
    return door.caller.unary(LIST_MODELS, request, router_pb.ListModelsResponse.FromString)


def test_pages_together_are_all_models_in_order(door: Door) -> None:
    """Each with its kind and who serves it; the last page, and it alone, has no token."""
    whole = page(door, page_size=1000).message
    assert not whole.next_page_token
    names = [model.name for model in whole.models]
    assert names == sorted(names)
    assert {"fast", "slow", "embed-small"} <= set(names)
    fast, small = whole.models[names.index("fast")], whole.models[names.index("embed-small")]
    assert (fast.kind, small.kind) == (router_pb.MODEL_KIND_CHAT, router_pb.MODEL_KIND_EMBED)
    assert [(one.provider, one.model, one.region) for one in fast.candidates] == [("sim", "gpt-4o-mini", "")]
    seen: list[router_pb.Model] = []
    token = ""
    while True:
        one = page(door, page_size=7, page_token=token).message
        seen += one.models
        token = one.next_page_token
        assert bool(token) == (len(seen) < len(names))
        if not token:
            break
        assert len(one.models) == 7
    assert seen == list(whole.models)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"page_token": "no-such-token"}, "page_token"),
        ({"page_size": 1001}, "page_size"),
        ({"page_size": -1}, "page_size"),
    ],
)
def test_a_page_that_does_not_exist_is_invalid(door: Door, fields: dict[str, Any], field: str) -> None:
    outcome = page(door, **fields)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")
    assert outcome.info.metadata["field"] == field


def test_the_default_page_has_a_hundred_models(start_router: StartRouter) -> None:
    route = {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]}
    many = {f"model-{number:03}": route for number in range(101)}
    with start_router(extra_routes=many) as running, connected(running.addresses["grpc"]) as caller:
        answer = caller.unary(LIST_MODELS, b"", router_pb.ListModelsResponse.FromString).message
        assert len(answer.models) == 100
        assert answer.next_page_token


def test_the_admin_door_counts_what_a_provider_sends_that_is_not_known(start_router: StartRouter) -> None:
    """The answers go through all the same."""
    with start_router() as running, connected(running.addresses["grpc"]) as caller:
        page = f"http://{running.addresses['admin_http']}/drift"
        before = json.loads(get(page)[1])
        assert before["sim"] == before["down"] == {}
        for method in (COMPLETE, STREAM_COMPLETE):
            assert caller.chat(method, "all/sim-unknown-event").code is grpc.StatusCode.OK
        status, text = get(page)
        counts = json.loads(text)
        assert status == 200
        assert counts["sim"]["field"] == {"hedgerow_unknown": 1}
        assert sum(counts["sim"]["event"].values()) == 1
        assert counts["down"] == {}

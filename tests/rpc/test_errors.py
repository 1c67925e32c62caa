"""Every way a call can go wrong, as the caller sees it: api.md's table of errors, through real doors."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from hedgerow.chat.v1 import message_pb2
from hedgerow.common.v1 import attempt_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Door,
    Outcome,
    Way,
    chat,
    connected,
    drained,
    embed,
    eventually,
    hello,
    options,
)
from stack import KEY

BAD_KEY = "sk-wrong-key-canary-00000000"
SOON = Duration(nanos=300_000_000)
MIB = 1 << 20
# Words of the simulator's error bodies and pages. None of them may reach a caller or the log.
UPSTREAM_TEXT = (
    "string too long",
    "Incorrect API key",
    "platform.openai.com",
    "sk-proj-",
    "do not have access",
    "org-hedgerow-sim",
    "current quota",
    "an error while processing",
    "currently overloaded",
    "guest network",
)
BOTH = pytest.mark.parametrize("rpc", WAYS)


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong, and what the caller is told."""

    name: str
    """What goes wrong."""
    code: grpc.StatusCode
    """The gRPC code."""
    reason: str
    """The reason, without its prefix."""
    details: frozenset[str] = frozenset()
    """The details beside ErrorInfo."""
    pushback_ms: int | None = None
    """What `grpc-retry-pushback-ms` says."""
    request: Any = None
    """What is sent: a message or bytes."""
    attempts: int = 0
    """How many requests go to a provider."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What the ErrorInfo says, at least."""


def invalid(name: str, path: str, request: Any, reason: str = "REQUEST_INVALID") -> Case:
    """A request that is wrong in one field."""
    code = grpc.StatusCode.INVALID_ARGUMENT
    return Case(name, code, reason, frozenset({"BadRequest"}), request=request, metadata={"field": path})


def unavailable(model: str, reason: str, *details: str, pushback_ms: int = -1, **more: Any) -> Case:
    """A provider that fails."""
    request = more.pop("request", None) or chat(model)
    code, kinds = grpc.StatusCode.UNAVAILABLE, frozenset(details)
    return Case(model, code, reason, kinds, pushback_ms, request, attempts=1, metadata=more)


def tool(parameters: str) -> message_pb2.Tool:
    """A function tool with a schema."""
    return message_pb2.Tool(function=message_pb2.FunctionTool(name="add", parameters=parameters))


def schema(text: str) -> message_pb2.ResponseFormat:
    """A response format with a schema."""
    return message_pb2.ResponseFormat(json_schema=message_pb2.JsonSchemaFormat(name="s", schema=text))


PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
REFUSED = [
    Case(
        "bytes that are no message",
        grpc.StatusCode.INVALID_ARGUMENT,
        "REQUEST_MALFORMED",
        request=b"\x0a\xff\xff",
    ),
    Case(
        "a model that does not exist",
        grpc.StatusCode.NOT_FOUND,
        "MODEL_NOT_FOUND",
        frozenset({"ResourceInfo"}),
        request=chat("no-such-model"),
        metadata={"model": "no-such-model"},
    ),
    Case(
        "a model of the other service",
        grpc.StatusCode.NOT_FOUND,
        "MODEL_NOT_FOUND",
        frozenset({"ResourceInfo"}),
        request=chat("embed-small"),
    ),
    invalid("nothing at all", "chat", b""),
    invalid("no messages", "chat.messages", chat("fast", messages=[])),
    invalid("too many messages", "chat.messages", chat("fast", messages=[hello()] * 4097)),
    invalid("temperature above its range", "chat.temperature", chat("fast", temperature=2.01)),
    invalid("temperature that is no number", "chat.temperature", chat("fast", temperature=float("nan"))),
    invalid("a tool schema that is not JSON", "chat.tools[0].function.parameters", chat("fast", tools=[tool("{no")])),
    invalid("a tool schema that is no object", "chat.tools[0].function.parameters", chat("fast", tools=[tool("[]")])),
    invalid(
        "an answer schema that is not JSON",
        "chat.response_format.json_schema.schema",
        chat("fast", response_format=schema("{]")),
    ),
    invalid(
        "provider options that are not JSON",
        "chat.provider_options['openai']",
        chat("fast", provider_options={"openai": "{,}"}),
    ),
    Case(
        "a message above the gateway's limit",
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "MESSAGE_TOO_LARGE",
        frozenset({"QuotaFailure"}),
        pushback_ms=-1,
        request=bytes(16 * MIB + 1),
        metadata={"limitBytes": str(16 * MIB), "sizeBytes": str(16 * MIB + 1)},
    ),
    Case(
        "a policy that leaves nobody",
        PRECONDITION,
        "NO_CANDIDATE",
        frozenset({"PreconditionFailure"}),
        request=chat("fast", route=RoutePolicy(providers=["replay"])),
        metadata={"model": "fast"},
    ),
    Case(
        "a required parameter that the provider lacks",
        PRECONDITION,
        "PARAMETER_UNSUPPORTED",
        frozenset({"PreconditionFailure"}),
        request=chat("fast", route=RoutePolicy(require_parameters=True), top_k=5),
        metadata={"field": "chat.top_k", "provider": "sim"},
    ),
]
# A provider that is down may say when it will be back: RetryInfo is there where it did.
FAULTS = [
    Case(
        "fault-400",
        grpc.StatusCode.INVALID_ARGUMENT,
        "PROVIDER_REJECTED_REQUEST",
        request=chat("fault-400"),
        attempts=1,
        metadata={"provider": "sim", "upstreamStatus": "400"},
    ),
    unavailable("fault-down", "PROVIDER_UNAVAILABLE", provider="down"),
    unavailable("fault-html", "UPSTREAM_PROTOCOL", detail="content type text/html"),
    unavailable("fault-401", "PROVIDER_AUTH", upstreamStatus="401"),
    unavailable("fault-key", "PROVIDER_AUTH", upstreamStatus="401", provider="badkey"),
    unavailable("fault-404", "PROVIDER_MODEL_UNAVAILABLE", upstreamStatus="404"),
    unavailable("fault-429", "PROVIDER_THROTTLED", "RetryInfo", pushback_ms=2000, upstreamStatus="429"),
    unavailable("fault-429-quota", "PROVIDER_QUOTA_SPENT", upstreamStatus="429"),
    unavailable("fault-500", "PROVIDER_UNAVAILABLE", upstreamStatus="500"),
    unavailable("fault-503", "PROVIDER_UNAVAILABLE", upstreamStatus="503"),
    unavailable(
        "silent",
        "FIRST_TOKEN_TIMEOUT",
        request=chat("silent", route=RoutePolicy(first_token_timeout=SOON)),
        limitSeconds="0.3",
    ),
]
CUT = [
    unavailable("fault-cut", "STREAM_CUT"),
    unavailable("fault-nofinish", "STREAM_CUT"),
    unavailable("fault-error-in-stream", "STREAM_CUT", upstreamCode="server_error"),
    unavailable(
        "stall", "STREAM_STALLED", request=chat("stall", route=RoutePolicy(idle_timeout=SOON)), limitSeconds="0.3"
    ),
]


def cases(table: list[Case]) -> pytest.MarkDecorator:
    """Runs a test once for each case."""
    return pytest.mark.parametrize("case", table, ids=[case.name for case in table])


def make(door: Door, rpc: Way, case: Case) -> Outcome[Any]:
    """The call of a case."""
    return door.caller.ask(rpc, case.request)


def check(outcome: Outcome[Any], case: Case) -> None:
    """Code, details, trailers and report are those of the case."""
    assert (outcome.code, outcome.reason) == (case.code, case.reason), outcome.text
    assert outcome.info.domain == "hedgerow"
    kinds = [detail.type_url.rpartition(".")[2] for detail in outcome.status.details]
    assert sorted(kinds) == sorted({"ErrorInfo", *case.details})
    assert case.metadata.items() <= dict(outcome.info.metadata).items()
    assert outcome.pushback_ms == case.pushback_ms
    report = outcome.report
    assert re.fullmatch("[0-9a-f]{32}", outcome.request_id)
    assert report.request_id == outcome.request_id
    assert [attempt.number for attempt in report.attempts] == list(range(case.attempts, 0, -1))
    for attempt in report.attempts:
        assert attempt.outcome == attempt_pb2.ATTEMPT_OUTCOME_FAILED
        assert attempt.error_reason == f"ERROR_REASON_{case.reason}"
        assert attempt.total_duration.ToTimedelta().total_seconds() < 10


def check_nothing_leaks(door: Door, outcome: Outcome[Any]) -> None:
    """Neither the caller nor the log is told a key, an address of a provider or a word of its bodies."""
    log = eventually(lambda: with_line(door, outcome.request_id), "the line of the call in the log")
    sim = door.stack.simulator.addresses["http"]
    for secret in (KEY, BAD_KEY, sim, "127.0.0.1:9", *UPSTREAM_TEXT):
        assert secret.encode() not in outcome.everything
        assert secret.encode() not in log


def with_line(door: Door, request_id: str) -> bytes:
    """The router's log, once it has the line of a call; empty before."""
    log = door.stack.router.log.read_bytes()
    return log if f'"request_id":"{request_id}"'.encode() in log else b""


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
@cases(REFUSED)
def test_a_bad_request_is_refused(door: Door, rpc: Way, case: Case) -> None:
    """Before anything is sent to a provider."""
    outcome = make(door, rpc, case)
    check(outcome, case)
    assert outcome.messages == []
    check_nothing_leaks(door, outcome)


@BOTH
@cases(FAULTS)
def test_a_provider_that_fails_is_told(either: Door, rpc: Way, case: Case) -> None:
    """Before any content there is no answer at all, at any door and on both upstream transports."""
    outcome = make(either, rpc, case)
    check(outcome, case)
    assert outcome.messages == []
    check_nothing_leaks(either, outcome)


@cases(CUT)
def test_a_stream_that_breaks_off_is_no_success(either: Door, case: Case) -> None:
    """What came before stands, nothing closes it, and the report has the usage so far."""
    outcome = make(either, STREAM_COMPLETE, case)
    check(outcome, case)
    kinds = [event.WhichOneof("event") for event in outcome.messages]
    assert kinds[0] == "started"
    assert set(kinds[1:]) == {"text_delta"}
    assert outcome.report.usage.estimated
    assert outcome.report.usage.output_tokens > 0
    assert not outcome.report.usage.final
    check_nothing_leaks(either, outcome)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("fault-cut", "PROVIDER_UNAVAILABLE"),
        ("fault-error-in-stream", "PROVIDER_UNAVAILABLE"),
        ("stall", "FIRST_TOKEN_TIMEOUT"),
    ],
)
def test_half_a_document_is_no_answer(either: Door, model: str, reason: str) -> None:
    """A unary answer that breaks off or stops coming."""
    outcome = either.caller.complete(chat(model, route=RoutePolicy(first_token_timeout=SOON)))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, reason)
    assert outcome.pushback_ms == -1
    check_nothing_leaks(either, outcome)


def test_a_throttled_provider_says_when_to_come_back(door: Door) -> None:
    retry = door.caller.chat(COMPLETE, "fault-429").detail(error_details_pb2.RetryInfo)
    assert retry is not None
    assert retry.retry_delay.ToMilliseconds() == 2000


def test_an_unknown_model_is_named(door: Door) -> None:
    resource = door.caller.chat(COMPLETE, "no-such-model").detail(error_details_pb2.ResourceInfo)
    assert resource is not None
    assert resource.resource_type == "hedgerow.router.v1.Model"
    assert resource.resource_name == "no-such-model"


def test_every_bad_field_is_named(door: Door) -> None:
    outcome = door.caller.chat(COMPLETE, "fast", spec={"temperature": 3.0, "top_p": -1.0, "messages": []})
    bad = outcome.detail(error_details_pb2.BadRequest)
    assert bad is not None
    fields = [violation.field for violation in bad.field_violations]
    assert sorted(fields) == ["chat.messages", "chat.temperature", "chat.top_p"]
    assert all(violation.description for violation in bad.field_violations)


def test_the_limit_that_a_message_exceeds_is_told(door: Door) -> None:
    failure = door.caller.complete(bytes(17 * MIB)).detail(error_details_pb2.QuotaFailure)
    assert failure is not None
    (violation,) = failure.violations
    assert violation.subject == "message_bytes"
    assert str(16 * MIB) in violation.description


def test_far_above_the_limit_grpc_itself_refuses(door: Door) -> None:
    """C-core's cap is twice ours; its answer has the code and nothing else."""
    outcome = door.caller.complete(bytes(32 * MIB + 1))
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert outcome.trailer("grpc-status-details-bin") is None


UNKNOWN = Case("an RPC that does not exist", grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN")


@pytest.mark.parametrize("method", ["hedgerow.chat.v1.ChatService/Compleet", "no.such.v1.Service/Call", "x" * 5000])
def test_an_rpc_that_does_not_exist(door: Door, method: str) -> None:
    """Our details, an id and a line in the log."""
    outcome = door.caller.unary(f"/{method}", b"", bytes)
    check(outcome, UNKNOWN)
    told = outcome.info.metadata["method"]
    assert told == method or (len(told) < 100 and told.endswith("xxx..."))
    check_nothing_leaks(door, outcome)


def test_an_rpc_that_does_not_exist_is_refused_before_any_message(door: Door) -> None:
    """A stream of requests might never bring one."""
    done = threading.Event()

    def nothing() -> Iterator[bytes]:
        done.wait(20)
        yield b""

    stub: grpc.StreamStreamMultiCallable[bytes, bytes] = door.caller.channel.stream_stream("/no.such.v1.Service/Call")
    check(drained(stub(nothing(), timeout=10)), UNKNOWN)
    done.set()


@pytest.mark.parametrize("method", [COMPLETE, "/no.such.v1.Service/Call"])
def test_the_callers_own_request_id_comes_back(door: Door, method: str) -> None:
    outcome = door.caller.unary(method, b"", bytes, metadata=[("x-request-id", "mine-1.2/3")])
    assert outcome.request_id == outcome.report.request_id == "mine-1.2/3"


@pytest.mark.parametrize("given", ["has space", "x" * 129, 'quote"', "", "50%", "<id>", "{id}"])
def test_a_request_id_that_could_do_harm_is_replaced(door: Door, given: str) -> None:
    outcome = door.caller.unary(COMPLETE, b"", bytes, metadata=[("x-request-id", given)])
    assert re.fullmatch("[0-9a-f]{32}", outcome.request_id)


def test_the_other_rpcs_fail_in_the_same_form(door: Door) -> None:
    """Embed and StreamEmbed, for a model that does not exist and for bytes that are no message."""
    unknown = Case("", grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", frozenset({"ResourceInfo"}))
    malformed = Case("", grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MALFORMED")
    check(door.caller.embed(embed("no-such-model", "a")), unknown)
    check(door.caller.stream_embed([options("no-such-model")]), unknown)
    check(door.caller.embed(b"\x0a\xff\xff"), malformed)
    check(door.caller.stream_embed([b"\x0a\xff\xff"]), malformed)


def test_a_failed_call_leaves_the_connection_usable(door: Door) -> None:
    with connected(door.stack.target) as caller:
        for model in ("fault-500", "fault-cut", "no-such-model"):
            assert caller.chat(STREAM_COMPLETE, model).code is not grpc.StatusCode.OK
            assert caller.chat(COMPLETE, "fast").code is grpc.StatusCode.OK

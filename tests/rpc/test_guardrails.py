"""Guardrails of a real router: requests, answers as they come, and what is told of them."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1 import message_pb2 as message_pb
from hedgerow.guardrail.v1 import guardrail_service_pb2 as guard_pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as guard_stubs
from hedgerow_client.cli.verbs import build
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Outcome,
    Way,
    booked,
    chat,
    connected,
    embed,
    eventually,
    get,
    hello,
    item,
    new_trace,
    options,
)
from rpc.conftest import StartRouter
from stack import Process, Stack
from typer.testing import CliRunner

RPCS = pytest.mark.parametrize("rpc", WAYS)
ECHO = "sim-echo"
PACED = "sim-tokens-1-5.echo"
INPUT, OUTPUT = event_pb2.GUARDRAIL_SIDE_INPUT, event_pb2.GUARDRAIL_SIDE_OUTPUT
REDACTED, FLAGGED = event_pb2.GUARDRAIL_ACTION_REDACTED, event_pb2.GUARDRAIL_ACTION_FLAGGED
BLOCKED = event_pb2.GUARDRAIL_ACTION_BLOCKED
_WAIT_S = 20


def words(*found: str, action: str, **more: Any) -> dict[str, Any]:
    return {"type": "words", "words": list(found), "action": action, "category": f"words.{action}", **more}


GUARDS: dict[str, Any] = {
    "in-block": words("open sesame", action="block"),
    "in-redact": words("project heron", action="redact"),
    "in-shadow": words("project heron", action="block", shadow=True),
    "out-block": words("self destruct", action="block", sides=["output"]),
    "out-redact": words("red fox", action="redact", sides=["output"]),
    "out-flag": words("grey wolf", action="flag", sides=["output"]),
    "out-cut": words("the end", action="truncate", sides=["output"]),
    "private": words("private", action="route", providers=["vllm"]),
    "tools": {"type": "tool_calls", "deny": ["rm"]},
    "tenant": words("never here", action="block"),
}


class Judge(guard_stubs.GuardrailServiceServicer):
    """A guard elsewhere that blocks what says so, once it may speak."""

    def __init__(self) -> None:
        self.may_speak = threading.Event()
        self.may_speak.set()
        self.asked = 0

    def Check(self, request: guard_pb.CheckRequest, context: grpc.ServicerContext) -> guard_pb.CheckResponse:  # noqa: N802
        self.asked += 1
        self.may_speak.wait(_WAIT_S)
        bad = guard_pb.CheckResult(findings=[guard_pb.CheckFinding(category="far.bad")])
        return guard_pb.CheckResponse(
            results=[bad if "forbidden" in one.text else guard_pb.CheckResult() for one in request.texts]
        )


@dataclass
class Own:
    """A router with guards, and who judges for it."""

    router: Process
    caller: Caller
    judge: Judge
    sim_url: str

    def say(self, rpc: Way, text: str, model: str = f"all/{ECHO}", **more: Any) -> Outcome[Any]:
        """Says something to a model, which says it back."""
        return self.caller.chat(rpc, model, spec={"messages": [hello(text)], **more.pop("spec", {})}, **more)

    def run(self, *line: str) -> str:
        """Runs a verb of the command line."""
        done = CliRunner().invoke(build(), [*line, "--target", self.router.addresses["grpc"]])
        assert done.exit_code == 0, done.output
        return done.stdout


@contextmanager
def _judging() -> Iterator[tuple[Judge, str]]:
    judge = Judge()
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    guard_stubs.add_GuardrailServiceServicer_to_server(judge, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield judge, f"127.0.0.1:{port}"
    finally:
        judge.may_speak.set()
        server.stop(None).wait()


@pytest.fixture(scope="module", name="own")
def own_fixture(start_router: StartRouter, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    store = tmp_path_factory.mktemp("guardrails") / "router.db"
    with _judging() as (judge, target):
        far = {"type": "grpc", "target": target, "timeout_seconds": 30, "verdicts": {"entries": 0}}
        guards = {**GUARDS, "far": far}
        candidates = [{"provider": name, "model": ECHO} for name in ("sim", "vllm")]
        one = {"kind": "chat", "max_attempts": 1}
        routes = {
            "two": {**one, "candidates": candidates},
            "plain": {**one, "candidates": candidates[:1], "guardrails": []},
            "waits": {**one, "candidates": candidates[:1], "guardrails": ["far"]},
            "beside": {
                **one,
                "candidates": [{"provider": "sim", "model": "sim-tokens-1-0-60000"}],
                "guardrails": ["far"],
                "guardrails_beside": True,
            },
        }
        section = {
            "guards": guards,
            "default": [name for name in guards if name not in ("far", "tenant")],
            "tenants": {"default": ["tenant"]},
        }
        sections = {"guardrails": section, "store": {"path": str(store)}, "extra_routes": routes}
        with start_router(**sections) as router, connected(router.addresses) as caller:
            yield Own(router, caller, judge, stack.sim_url)


def text_of(outcome: Outcome[Any]) -> str:
    """The text of an answer, unary or streamed."""
    if outcome.messages and hasattr(outcome.messages[0], "message"):
        return "".join(part.text for part in outcome.message.message.content)
    return "".join(event.text_delta.text for event in outcome.messages)


def verdicts_of(outcome: Outcome[Any]) -> list[Any]:
    """What guards have decided, as the caller was told."""
    if outcome.messages and hasattr(outcome.messages[0], "message"):
        return list(outcome.message.guardrail_verdicts)
    return [event.guardrail_verdict for event in outcome.messages if event.HasField("guardrail_verdict")]


def told(verdicts: list[Any]) -> list[tuple[str, int, int, str, bool]]:
    return [(one.guardrail, one.action, one.side, one.category, one.shadow) for one in verdicts]


def finish_of(outcome: Outcome[Any]) -> int:
    last = outcome.messages[-1]
    return int(last.finish_reason if hasattr(last, "finish_reason") else last.completed.finish_reason)


@RPCS
def test_a_request_that_is_blocked_is_refused_and_nobody_is_asked(own: Own, rpc: Way) -> None:
    trace = new_trace()
    outcome = own.say(rpc, "say Open  Sesame", metadata=[("traceparent", trace)])
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "GUARDRAIL_BLOCKED")
    assert dict(outcome.info.metadata) == {"guardrail": "in-block", "side": "input", "category": "words.block"}
    assert (outcome.messages, outcome.pushback_ms, booked(own.sim_url, trace)) == ([], None, [])
    assert b"esame" not in outcome.everything


@RPCS
def test_the_provider_sees_what_is_redacted(own: Own, rpc: Way) -> None:
    outcome = own.say(rpc, "about project heron now")
    assert text_of(outcome) == "about [REMOVED] now"
    assert told(verdicts_of(outcome)) == [
        ("in-redact", REDACTED, INPUT, "words.redact", False),
        ("in-shadow", BLOCKED, INPUT, "words.block", True),
    ]


def test_verdicts_about_the_request_stand_right_behind_started(own: Own) -> None:
    outcome = own.say(STREAM_COMPLETE, "about project heron now")
    kinds = [event.WhichOneof("event") for event in outcome.messages]
    assert kinds[:3] == ["started", "guardrail_verdict", "guardrail_verdict"]
    assert [event.sequence for event in outcome.messages] == list(range(1, len(kinds) + 1))


@RPCS
@pytest.mark.parametrize("model", [ECHO, PACED])
def test_an_answer_is_redacted_wherever_it_is_cut(own: Own, rpc: Way, model: str) -> None:
    outcome = own.say(rpc, "a red fox and a Red Fox met a grey wolf", f"all/{model}")
    assert text_of(outcome) == "a [REMOVED] and a [REMOVED] met a grey wolf"
    assert told(verdicts_of(outcome)) == [
        ("out-redact", REDACTED, OUTPUT, "words.redact", False),
        ("out-flag", FLAGGED, OUTPUT, "words.flag", False),
    ]
    assert finish_of(outcome) == event_pb2.FINISH_REASON_STOP


def test_what_nothing_can_come_of_flows_at_once(own: Own) -> None:
    outcome = own.say(STREAM_COMPLETE, "one two three four five six", f"all/{PACED}")
    assert sum(event.HasField("text_delta") for event in outcome.messages) >= 5


@RPCS
def test_a_block_ends_an_answer_and_nothing_of_the_rest_goes_out(own: Own, rpc: Way) -> None:
    outcome = own.say(rpc, "now I will self destruct in ten", f"all/{PACED}")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "GUARDRAIL_BLOCKED")
    assert outcome.info.metadata["side"] == "output"
    assert b"self" not in outcome.everything
    assert b"ten" not in b"".join(repr(one).encode() for one in outcome.messages)
    if rpc.stream:
        assert text_of(outcome).strip() == "now I will"
    (attempt,) = outcome.report.attempts
    assert attempt.usage.output_tokens > 0


@RPCS
def test_a_truncated_answer_is_whole_and_says_so(own: Own, rpc: Way) -> None:
    outcome = own.say(rpc, "this is the end of it", f"all/{PACED}")
    assert (text_of(outcome).strip(), finish_of(outcome)) == ("this is", event_pb2.FINISH_REASON_GUARDRAIL)
    assert told(verdicts_of(outcome)) == [("out-cut", REDACTED, OUTPUT, "words.truncate", False)]


def test_the_upstream_of_a_truncated_stream_is_closed(own: Own) -> None:
    trace = new_trace()
    text = "the end" + " and more" * 2_000
    own.say(STREAM_COMPLETE, text, f"all/{PACED}", metadata=[("traceparent", trace)])
    eventually(
        lambda: [one["outcome"] for one in booked(own.sim_url, trace)] == ["cancelled"], "the provider saw it go", 5
    )


def with_tool(name: str, value: str) -> dict[str, Any]:
    parameters = json.dumps({"type": "object", "properties": {"q": {"const": value}}, "required": ["q"]})
    tool = message_pb.Tool(function=message_pb.FunctionTool(name=name, parameters=parameters))
    return {"tools": [tool], "messages": [hello(f"call {name}")]}


def arguments_of(outcome: Outcome[Any]) -> str:
    if outcome.messages and hasattr(outcome.messages[0], "message"):
        return "".join(part.tool_call.arguments for part in outcome.message.message.content)
    return "".join(event.tool_call_arguments_delta.arguments for event in outcome.messages)


@RPCS
def test_arguments_of_tool_calls_are_redacted(own: Own, rpc: Way) -> None:
    outcome = own.caller.chat(rpc, f"all/{ECHO[:4]}tokens-1-1", spec=with_tool("find", "a red fox"))
    assert json.loads(arguments_of(outcome)) == {"q": "a [REMOVED]"}


@RPCS
def test_a_tool_call_that_may_not_be_made_ends_the_answer(own: Own, rpc: Way) -> None:
    outcome = own.caller.chat(rpc, "fast", spec=with_tool("rm", "all"))
    assert (outcome.reason, outcome.info.metadata["category"]) == ("GUARDRAIL_BLOCKED", "tool_call.denied")
    assert not any(event.HasField("tool_call_started") for event in outcome.messages)


@RPCS
def test_a_guard_sends_a_call_to_other_candidates(own: Own, rpc: Way) -> None:
    def provider(text: str) -> str:
        found: str = own.say(rpc, text, "two").report.attempts[0].provider
        return found

    assert (provider("public"), provider("private")) == ("sim", "vllm")
    nobody = own.say(rpc, "private")
    assert (nobody.code, nobody.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_CANDIDATE")


@RPCS
def test_a_route_has_guards_of_its_own_and_a_tenant_further_ones(own: Own, rpc: Way) -> None:
    assert text_of(own.say(rpc, "open sesame, project heron", "plain")) == "open sesame, project heron"
    assert own.say(rpc, "never here", "plain").reason == "GUARDRAIL_BLOCKED"


def test_log_probabilities_of_a_guarded_answer_are_withheld(own: Own) -> None:
    outcome = own.say(STREAM_COMPLETE, "hi", spec={"top_logprobs": 2})
    assert not any(event.HasField("logprobs_delta") for event in outcome.messages)
    assert [one.field for one in outcome.messages[0].started.warnings] == ["chat.top_logprobs"]


def test_inputs_of_embeddings_are_looked_at(own: Own) -> None:
    blocked = own.caller.embed(embed("embed-small", "fine", "open sesame"))
    assert blocked.reason == "GUARDRAIL_BLOCKED"
    assert own.caller.embed(embed("embed-small", "fine", "project heron")).code is grpc.StatusCode.OK


def test_one_bad_input_of_a_stream_fails_and_the_others_are_answered(own: Own) -> None:
    texts = {"1": "fine", "2": "open sesame", "3": "project heron"}
    outcome = own.caller.stream_embed([options("embed-small"), *(item(*one) for one in texts.items())])
    assert outcome.code is grpc.StatusCode.OK
    answers = {one.id: one for one in outcome.messages if one.WhichOneof("result") in ("embedding", "item_error")}
    kinds = {name: one.WhichOneof("result") for name, one in answers.items()}
    assert kinds == {"1": "embedding", "2": "item_error", "3": "embedding"}
    assert answers["2"].item_error.code == grpc.StatusCode.PERMISSION_DENIED.value[0]


# --- Guards elsewhere ---


@RPCS
def test_a_guard_elsewhere_blocks(own: Own, rpc: Way) -> None:
    assert text_of(own.say(rpc, "allowed", "waits")) == "allowed"
    outcome = own.say(rpc, "forbidden", "waits")
    assert (outcome.reason, outcome.info.metadata["category"]) == ("GUARDRAIL_BLOCKED", "far.bad")


@RPCS
def test_the_upstream_call_may_start_beside_a_guard_and_ends_with_its_block(own: Own, rpc: Way) -> None:
    """The provider would take a minute for its first token."""
    trace = new_trace()
    own.judge.may_speak.clear()
    request = chat("beside", messages=[hello("forbidden")])
    metadata = (("traceparent", trace),)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(own.caller.ask, rpc, request, metadata=metadata)
        eventually(lambda: booked(own.sim_url, trace), "the provider was asked")
        assert not call.done()
        own.judge.may_speak.set()
        assert call.result().code is grpc.StatusCode.PERMISSION_DENIED
    eventually(
        lambda: [one["outcome"] for one in booked(own.sim_url, trace)] == ["cancelled"], "the provider saw it go", 5
    )


# --- What is told ---


@RPCS
def test_the_ledger_tells_what_guards_have_decided(own: Own, rpc: Way) -> None:
    request_id = own.say(rpc, "about project heron and a red fox").request_id
    line = eventually(lambda: _called(own, request_id), "the ledger has it")
    guards = {one["guardrail"]: one for one in line["call"]["guardrails"]}
    assert {"in-block", "in-redact", "in-shadow", "out-redact", "out-flag", "tenant"} <= set(guards)
    assert guards["in-block"].get("verdicts", []) == []
    assert guards["in-redact"]["verdicts"] == [
        {"guardrail": "in-redact", "action": "GUARDRAIL_ACTION_REDACTED", "side": "GUARDRAIL_SIDE_INPUT",
         "category": "words.redact"},
    ]  # fmt: skip
    assert guards["in-shadow"]["verdicts"][0]["shadow"] is True
    assert guards["out-redact"]["verdicts"][0]["side"] == "GUARDRAIL_SIDE_OUTPUT"
    took_s = float(line["call"]["timings"]["guardrail_duration"].removesuffix("s"))
    assert took_s > 0
    said = own.run("call", request_id)
    assert re.search(r"^guard +in-redact +redacted input words\.redact +[0-9.]+ ms$", said, re.MULTILINE)
    assert re.search(r"^guard +in-shadow +blocked input words\.block \(shadow\)", said, re.MULTILINE)
    assert re.search(r"^guard +in-block +nothing found", said, re.MULTILINE)


def _called(own: Own, request_id: str) -> dict[str, Any] | None:
    done = CliRunner().invoke(build(), ["call", request_id, "--json", "--target", own.router.addresses["grpc"]])
    found: dict[str, Any] | None = json.loads(done.stdout) if done.exit_code == 0 else None
    return found


def test_a_refusal_is_on_record_too(own: Own) -> None:
    request_id = own.say(COMPLETE, "open sesame").request_id
    line = eventually(lambda: _called(own, request_id), "the ledger has it")
    (guard,) = (one for one in line["call"]["guardrails"] if one["guardrail"] == "in-block")
    assert guard["verdicts"][0]["action"] == "GUARDRAIL_ACTION_BLOCKED"
    assert line["call"]["error_reason"] == "ERROR_REASON_GUARDRAIL_BLOCKED"


def test_metrics_count_verdicts_and_tell_how_long_guards_take(own: Own) -> None:
    def value(sample: str) -> float:
        _, page = get(f"http://{own.router.addresses['admin_http']}/metrics")
        return next((float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(sample)), 0.0)

    verdicts = (
        'hedgerow_guardrail_verdicts_total{action="redacted",category="words.redact",guardrail="in-redact",'
        'shadow="false",side="input"}'
    )
    counted, took = value(verdicts), value('hedgerow_guardrail_seconds_count{guardrail="in-redact",side="input"}')
    own.say(COMPLETE, "project heron, project heron")
    assert value(verdicts) == counted + 1
    assert value('hedgerow_guardrail_seconds_count{guardrail="in-redact",side="input"}') == took + 1

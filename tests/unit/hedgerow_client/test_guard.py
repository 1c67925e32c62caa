"""`hedgerow guard check`: what it says of servers that keep to the contract, and of those that do not."""
# ruff: noqa: N802  the methods have the names of the RPCs

import json
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from hedgerow.guardrail.v1 import guardrail_service_pb2 as pb
from hedgerow.guardrail.v1 import guardrail_service_pb2_grpc as stubs
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner

SERVICE = "hedgerow.guardrail.v1.GuardrailService"
MAIL = re.compile(r"[a-z.]+@[a-z.]+")
CLEAN = "answers a text"


class Guard(stubs.GuardrailServiceServicer):
    """Finds mail addresses, and keeps to the contract unless a subclass does not."""

    category = "pii.email"
    policy_version = "mail-1"

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        if not request.texts:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "expected texts")
        results = [pb.CheckResult(findings=self.found(one.text)) for one in request.texts]
        return pb.CheckResponse(results=results, policy_version=self.policy_version)

    def found(self, text: str) -> list[pb.CheckFinding]:
        return [self.finding(text, *one.span()) for one in MAIL.finditer(text)]

    def finding(self, text: str, start: int, end: int) -> pb.CheckFinding:
        return pb.CheckFinding(category=self.category, span=pb.TextSpan(start=start, end=end))


class Whole(Guard):
    def found(self, text: str) -> list[pb.CheckFinding]:
        return [pb.CheckFinding(category="pii")] if MAIL.search(text) else []


class Bytes(Guard):
    def finding(self, text: str, start: int, end: int) -> pb.CheckFinding:
        return super().finding(text, len(text[:start].encode()), len(text[:end].encode()))


class Utf16(Guard):
    def finding(self, text: str, start: int, end: int) -> pb.CheckFinding:
        units = [len(text[:place].encode("utf-16-le")) // 2 for place in (start, end)]
        return super().finding(text, *units)


class Reversed(Guard):
    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        answer = super().Check(request, context)
        return pb.CheckResponse(results=reversed(answer.results))


class Overlapping(Guard):
    def found(self, text: str) -> list[pb.CheckFinding]:
        return super().found(text) * 2


class Shouting(Guard):
    category = "PII found!"


class Wordy(Guard):
    policy_version = "x" * 65


class Picky(Guard):
    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        if any(one.source not in pb.TextSource.values() for one in request.texts):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an unknown source")
        return super().Check(request, context)


class Short(Guard):
    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        if any(len(one.text) > 10_000 for one in request.texts):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a long text")
        return super().Check(request, context)


class Content(Guard):
    """Thinks that nothing is wrong with no texts."""

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        return super().Check(request, context) if request.texts else pb.CheckResponse()


class Fickle(Guard):
    def __init__(self) -> None:
        self._calls = 0

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        self._calls += 1
        self.category = f"pii.email{self._calls}"
        return super().Check(request, context)


class Mixing(Guard):
    """Answers a call with the result of another when there are two at once."""

    def __init__(self) -> None:
        self._other = threading.Semaphore(0)
        self._under_way = 0

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
        self._under_way += 1
        try:
            if self._other.acquire(timeout=0.02):
                return pb.CheckResponse(results=[pb.CheckResult() for _ in request.texts])
            if self._under_way > 1:
                self._other.release()
            return super().Check(request, context)
        finally:
            self._under_way -= 1


@contextmanager
def serving(guard: Guard, health_says: int | None = None, service: str = SERVICE) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(8))
    stubs.add_GuardrailServiceServicer_to_server(guard, server)
    if health_says is not None:
        told = health.HealthServicer()
        told.set(service, health_says)
        health_pb2_grpc.add_HealthServicer_to_server(told, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def check(target: str, *arguments: str) -> tuple[int, dict[str, tuple[bool | None, str]]]:
    """The exit code, and what came of each trial."""
    result = CliRunner().invoke(build(), ["guard", "check", target, "--json", *arguments])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {line["name"]: (line["passed"], line["detail"]) for line in lines}


def failed(trials: dict[str, tuple[bool | None, str]]) -> dict[str, str]:
    return {name: detail for name, (passed, detail) in trials.items() if passed is False}


def test_a_server_that_keeps_to_the_contract_passes_every_trial() -> None:
    with serving(Guard(), health_pb2.HealthCheckResponse.SERVING) as target:
        code, trials = check(target)
    assert (code, {passed for passed, _ in trials.values()}) == (0, {True})
    assert len(trials) == 15
    assert trials["finds something in the bait"] == (True, "pii.email")


def test_a_server_without_places_or_health_passes_what_can_be_tried() -> None:
    with serving(Whole()) as target:
        code, trials = check(target)
    assert code == 0
    assert {name for name, (passed, _) in trials.items() if passed is None} == {
        "tells its health",
        "counts in code points",
    }


def test_what_needs_a_finding_is_not_tried_without_one() -> None:
    class Blind(Guard):
        def found(self, text: str) -> list[pb.CheckFinding]:
            return []

    with serving(Blind()) as target:
        code, trials = check(target)
    assert code == 0
    assert trials["finds something in the bait"][0] is None
    assert trials["answers a batch in its order"][0] is None


def test_a_text_of_ones_own_is_the_bait() -> None:
    class Project(Guard):
        def found(self, text: str) -> list[pb.CheckFinding]:
            return [self.finding(text, *one.span()) for one in re.finditer("Bouvet", text)]

    with serving(Project()) as target:
        _, trials = check(target, "--text", "Is it Bouvet?")
    assert trials["answers a batch in its order"] == (True, "")


BROKEN: list[tuple[type[Guard], str, str]] = [
    (Bytes, "counts in code points", "it counts bytes of UTF-8"),
    (Utf16, "counts in code points", "it counts units of UTF-16"),
    (Reversed, "answers a batch in its order", "result 0 is not that of text 0"),
    (Overlapping, "finds something in the bait", "findings that overlap, or are not in order"),
    (Shouting, "finds something in the bait", "the category 'PII found!'"),
    (Wordy, "answers a text", "a policy_version of more than 64 characters"),
    (Picky, "takes a source that it does not know", "INVALID_ARGUMENT: an unknown source"),
    (Short, "takes a text of 131,072 characters", "INVALID_ARGUMENT: a long text"),
    (Content, "refuses an empty batch", "expected INVALID_ARGUMENT"),
    (Fickle, "answers the same text in the same way", "another call with the same text got another result"),
    (Mixing, "answers 32 calls at once", "one of the calls got the result of another text"),
]


@pytest.mark.parametrize(("guard", "trial", "detail"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_a_server_that_breaks_the_contract_is_told_how(guard: type[Guard], trial: str, detail: str) -> None:
    with serving(guard()) as target:
        code, trials = check(target)
    assert code == 1
    assert detail in failed(trials)[trial]


HEALTH: Sequence[tuple[int, str, str]] = [
    (health_pb2.HealthCheckResponse.NOT_SERVING, SERVICE, "it does not say SERVING"),
    (health_pb2.HealthCheckResponse.SERVING, "another.Service", "its health service does not know"),
]


@pytest.mark.parametrize(("says", "service", "detail"), HEALTH)
def test_a_health_service_that_would_keep_calls_away_is_a_failure(says: int, service: str, detail: str) -> None:
    with serving(Guard(), says, service) as target:
        code, trials = check(target)
    assert code == 1
    assert set(failed(trials)) == {"tells its health"}
    assert detail in failed(trials)["tells its health"]


def test_an_address_where_nobody_is_ends_the_trials() -> None:
    code, trials = check("127.0.0.1:1")
    assert code == 1
    assert list(trials) == [CLEAN]


def test_a_server_that_takes_too_long_fails() -> None:
    thawed = threading.Event()

    class Frozen(Guard):
        def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:
            thawed.wait(20)
            return super().Check(request, context)

    with serving(Frozen()) as target:
        code, trials = check(target, "--timeout", "0.05")
        thawed.set()
    assert code == 1
    assert "DEADLINE_EXCEEDED" in trials[CLEAN][1]


def test_people_get_a_table() -> None:
    with serving(Guard()) as target:
        result = CliRunner().invoke(build(), ["guard", "check", target], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert re.search(r"^ok +answers a batch in its order", result.stdout, re.MULTILINE)
    assert re.search(r"^not tried +tells its health", result.stdout, re.MULTILINE)

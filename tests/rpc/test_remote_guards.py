"""Guards elsewhere through the whole router: what they find, and what becomes of calls while they are frozen."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from rpc.caller import (
    COMPLETE,
    WAYS,
    Caller,
    Outcome,
    Way,
    chat,
    connected,
    eventually,
    hello,
)
from rpc.guards import RunningGuard, running, words
from stack import KEY, router, simulator

EITHER = pytest.mark.parametrize("rpc", WAYS)
_FREE = itertools.count()


@dataclass
class Moderator:
    """A moderation endpoint: what has the word `nasty` in it is hate."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Authorization and body of each request."""


@contextmanager
def moderating() -> Iterator[Moderator]:
    found = Moderator()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.asked.append((self.headers["authorization"], body.decode()))
            texts = json.loads(body)["input"]
            hate = [0.9 if "nasty" in text else 0.01 for text in texts]
            results = [
                {"flagged": s > 0.5, "categories": {"hate": s > 0.5}, "category_scores": {"hate": s}} for s in hate
            ]
            answer = json.dumps({"id": "modr-1", "model": "omni-moderation-1", "results": results}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Ground:
    """A router, and guards that it asks."""

    caller: Caller
    guard: RunningGuard
    moderator: Moderator
    log: Path

    def ask(self, rpc: Way, model: str, text: str) -> Outcome[Any]:
        """A call with this text, and something that no call before it had: verdicts are kept."""
        return self.caller.chat(rpc, model, spec={"messages": [hello(f"{text} ({next(_FREE)})")]})


def configured(sim: str, guard: str, moderator: str) -> dict[str, object]:
    """A router with a route for each guard."""

    def grpc_guard(**more: object) -> dict[str, object]:
        return {"type": "grpc", "target": guard, "timeout_seconds": 0.3, "breaker": {"failures": 1000}, **more}

    guards = {
        "closed": grpc_guard(),
        "open": grpc_guard(on_failure="open"),
        "brief": grpc_guard(breaker={"failures": 2, "rest_seconds": 0.1, "max_rest_seconds": 0.1}, on_failure="open"),
        "redacts": grpc_guard(action="redact"),
        "answers": grpc_guard(action="redact", sides=["output"]),
        "flags": grpc_guard(action="flag"),
        "eu": grpc_guard(region="eu"),
        "us": grpc_guard(region="us"),
        "moderation": {
            "type": "moderation",
            "base_url": moderator,
            "credential": "sim",
            "timeout_seconds": 20,
            "breaker": {"failures": 1000},
        },
    }

    def route(name: str) -> dict[str, object]:
        candidate = {"provider": "sim", "model": "gpt-4o-mini", "region": "eu"}
        bound = {"regions": ["eu"]} if name in ("eu", "us") else {}
        return {"kind": "chat", "candidates": [candidate], "guardrails": [name], **bound}

    door = {"listen": "127.0.0.1:0"}
    return {
        "server": {"grpc": door, "admin_grpc": door, "admin_http": door, "http": door},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {"sim": {"dialect": "openai", "base_url": f"{sim}/v1", "credential": "sim"}},
        "routes": {f"guard-{name}": route(name) for name in guards},
        "guardrails": {"guards": guards},
    }


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("guards")
    with running(words("bouvet")) as guard, moderating() as moderator, simulator(folder) as sim:
        config = configured(f"http://{sim.addresses['http']}", guard.target, moderator.url)
        with router(folder, config) as one, connected(one.addresses) as caller:
            yield Ground(caller, guard, moderator, one.log)


@pytest.fixture
def frozen(ground: Ground) -> Iterator[Ground]:
    """The guard is stopped, with its connections open."""
    ground.guard.freeze()
    yield ground
    ground.guard.thaw()
    eventually(lambda: ground.ask(COMPLETE, "guard-closed", "hi").code is grpc.StatusCode.OK, "the guard is back")


def said(rpc: Way, outcome: Outcome[Any]) -> str:
    """The text of an answer."""
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    if not rpc.stream:
        return "".join(part.text for part in outcome.message.message.content)
    return "".join(event.text_delta.text for event in outcome.messages)


def verdicts(rpc: Way, outcome: Outcome[Any]) -> list[Any]:
    if not rpc.stream:
        return list(outcome.message.guardrail_verdicts)
    return [event.guardrail_verdict for event in outcome.messages if event.HasField("guardrail_verdict")]


@EITHER
def test_what_a_guard_elsewhere_finds_is_refused(ground: Ground, rpc: Way) -> None:
    outcome = ground.ask(rpc, "guard-closed", "Is it Bouvet?")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "GUARDRAIL_BLOCKED")
    assert dict(outcome.info.metadata) == {"guardrail": "closed", "side": "input", "category": "words.listed"}
    assert b"Bouvet" not in outcome.everything


@EITHER
def test_what_it_finds_is_replaced_before_the_provider_sees_it(ground: Ground, rpc: Way) -> None:
    answer = said(rpc, ground.ask(rpc, "guard-redacts", "𝄞 Is it Bouvet?"))
    assert "𝄞 Is it [WORD]?" in answer
    assert "Bouvet" not in answer


@EITHER
def test_what_it_finds_in_an_answer_is_replaced(ground: Ground, rpc: Way) -> None:
    """The simulator repeats the question, in pieces where it streams."""
    answer = said(rpc, ground.ask(rpc, "guard-answers", "Is it Bouvet?"))
    assert "Is it [WORD]?" in answer
    assert "Bouvet" not in answer


@EITHER
def test_what_it_finds_may_only_be_told(ground: Ground, rpc: Way) -> None:
    outcome = ground.ask(rpc, "guard-flags", "Is it Bouvet?")
    assert "Bouvet" in said(rpc, outcome)
    assert [(one.guardrail, one.category, one.score) for one in verdicts(rpc, outcome)] == [
        ("flags", "words.listed", 1.0)
    ]


@EITHER
def test_while_it_is_frozen_a_guard_that_must_look_refuses_the_call(frozen: Ground, rpc: Way) -> None:
    outcome = frozen.ask(rpc, "guard-closed", "hi")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "GUARDRAIL_UNAVAILABLE")
    assert dict(outcome.info.metadata) == {"guardrail": "closed", "side": "input"}


@EITHER
def test_while_it_is_frozen_a_guard_that_need_not_look_lets_the_call_go_on(frozen: Ground, rpc: Way) -> None:
    outcome = frozen.ask(rpc, "guard-open", "Is it Bouvet?")
    assert "Bouvet" in said(rpc, outcome)
    (verdict,) = verdicts(rpc, outcome)
    assert (verdict.guardrail, verdict.category) == ("open", "guard.failed")


@EITHER
def test_while_it_is_frozen_nothing_of_an_answer_goes_out_that_it_must_see(frozen: Ground, rpc: Way) -> None:
    outcome = frozen.ask(rpc, "guard-answers", "Is it Bouvet?")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "GUARDRAIL_UNAVAILABLE")
    assert b"Bouvet" not in outcome.everything


def test_what_it_said_before_it_was_frozen_still_holds(ground: Ground) -> None:
    text = f"Is it Bouvet? {next(_FREE)}"
    request = chat("guard-closed", messages=[hello(text)])
    assert ground.caller.complete(request).reason == "GUARDRAIL_BLOCKED"
    ground.guard.freeze()
    try:
        assert ground.caller.complete(request).reason == "GUARDRAIL_BLOCKED"
    finally:
        ground.guard.thaw()


def test_a_guard_that_is_known_to_be_frozen_is_not_waited_for_and_found_again(frozen: Ground) -> None:
    for _ in range(3):
        assert frozen.ask(COMPLETE, "guard-brief", "Is it Bouvet?").code is grpc.StatusCode.OK
    told = [one for one in frozen.log.read_text().splitlines() if "the guard brief is not asked for a while" in one]
    assert len(told) == 1
    frozen.guard.thaw()
    eventually(
        lambda: frozen.ask(COMPLETE, "guard-brief", "Is it Bouvet?").code is grpc.StatusCode.PERMISSION_DENIED,
        "the guard is asked again",
    )


def test_texts_that_must_stay_in_a_region_go_to_a_guard_there(ground: Ground) -> None:
    assert ground.ask(COMPLETE, "guard-eu", "hi").code is grpc.StatusCode.OK
    assert ground.ask(COMPLETE, "guard-eu", "Is it Bouvet?").reason == "GUARDRAIL_BLOCKED"


def test_texts_that_must_stay_in_a_region_go_to_no_guard_elsewhere(ground: Ground) -> None:
    assert ground.ask(COMPLETE, "guard-us", "Is it Bouvet?").reason == "GUARDRAIL_UNAVAILABLE"
    assert "it runs in us, and the texts may not go there" in ground.log.read_text()


@EITHER
def test_a_moderation_endpoint_refuses_what_it_flags(ground: Ground, rpc: Way) -> None:
    assert said(rpc, ground.ask(rpc, "guard-moderation", "something nice"))
    outcome = ground.ask(rpc, "guard-moderation", "something nasty")
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "GUARDRAIL_BLOCKED")
    assert outcome.info.metadata["category"] == "moderation.hate"


def test_a_moderation_endpoint_gets_its_credential_and_nobody_else_sees_it(ground: Ground) -> None:
    ground.ask(COMPLETE, "guard-moderation", "something nice")
    assert ground.moderator.asked[-1][0] == f"Bearer {KEY}"
    assert KEY not in ground.log.read_text()

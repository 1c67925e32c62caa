"""The verbs of the command line against a gateway in this process."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1.warning_pb2 import Warning as CallWarning
from hedgerow.router.v1.router_service_pb2 import MODEL_KIND_CHAT, MODEL_KIND_EMBED, Candidate, Model, ModelFacts
from hedgerow_client.cli.verbs import build
from typer.testing import CliRunner, Result
from unit.hedgerow_client.fake_gateway import (
    REQUEST_ID,
    Event,
    Failure,
    FakeGateway,
    completed,
    numbered,
    started,
    text,
)

TOKEN = "sk-do-not-show-me"


class Shell:
    """Runs verbs, and checks of every one that the token is nowhere in what it prints."""

    def __init__(self, target: str) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {"HEDGEROW_TARGET": target, "HEDGEROW_TOKEN": TOKEN, "COLUMNS": "200", "NO_COLOR": "1"}

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(build(), arguments, input=stdin, env=self.environment)
        assert TOKEN not in result.output + str(result.exception)
        return result

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        """Starts a verb as a process of its own."""
        environment = os.environ | self.environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", "hedgerow_client.cli.app", *arguments]
        self.processes.append(subprocess.Popen(command, env=environment, **streams))
        return self.processes[-1]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate(timeout=30)


@pytest.fixture
def shell(gateway: FakeGateway) -> Iterator[Shell]:
    shell = Shell(gateway.target)
    yield shell
    shell.stop()


@pytest.fixture
def rich_failure(gateway: FakeGateway) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="chat.model", description="unknown")
    gateway.events = []
    gateway.failure = Failure(
        grpc.StatusCode.NOT_FOUND,
        'no model\nnamed "fsat"',
        "ERROR_REASON_MODEL_NOT_FOUND",
        more=(
            error_details_pb2.BadRequest(field_violations=[violation]),
            error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2)),
        ),
    )


def test_chat_prints_the_answer_and_nothing_else_on_stdout(shell: Shell) -> None:
    result = shell.run("chat", "-m", "fast", "hi")
    assert (result.exit_code, result.stdout) == (0, "Hello there\n")


def test_chat_closes_with_who_answered_and_what_it_took(shell: Shell) -> None:
    closing = shell.run("chat", "-m", "fast", "hi").stderr
    assert closing.startswith("sim/sim-1 · 9 in, 12 out tokens · first token ")
    assert closing.endswith(f" s · STOP · request {REQUEST_ID}\n")


def test_chat_shows_the_cost_where_it_is_known(gateway: FakeGateway, shell: Shell) -> None:
    gateway.events = numbered([started(), text("x"), completed(cost_picos=1_230_000_000)])
    assert " · $0.001230 · " in shell.run("chat", "-m", "fast", "hi").stderr


def test_chat_sends_the_words_and_the_options(gateway: FakeGateway, shell: Shell) -> None:
    options = ("--system", "be kind", "--temperature", "0.5", "--max-output-tokens", "9")
    shell.run("chat", "-m", "fast", "two", "words", *options)
    spec = gateway.requests[0].chat
    assert [part.text for message in spec.messages for part in message.content] == ["be kind", "two words"]
    assert (spec.model, spec.temperature, spec.max_output_tokens) == ("fast", 0.5, 9)
    assert gateway.metadata["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("verb", [("chat", "-m", "fast", "hi"), ("embed", "-m", "tiny", "--text", "hi")])
def test_a_call_has_the_key_that_it_is_given(gateway: FakeGateway, shell: Shell, verb: tuple[str, ...]) -> None:
    for options in ((), ("--idempotency-key", "order-42")):
        assert shell.run(*verb, *options).exit_code == 0
    assert [request.idempotency_key for request in gateway.requests] == ["", "order-42"]


def test_embed_takes_a_key_for_texts_only(gateway: FakeGateway, shell: Shell) -> None:
    result = shell.run("embed", "-m", "tiny", "texts.txt", "--idempotency-key", "order-42")
    assert (result.exit_code, gateway.requests) == (2, [])


def test_chat_without_a_prompt_reads_stdin(gateway: FakeGateway, shell: Shell) -> None:
    shell.run("chat", "-m", "fast", stdin="from a pipe\n")
    assert gateway.requests[0].chat.messages[0].content[0].text == "from a pipe"


@pytest.mark.parametrize(("stdin", "expected"), [("", "nothing to say"), (b"\xff\xfe", "not UTF-8")])
def test_chat_refuses_an_unusable_stdin(shell: Shell, stdin: str | bytes, expected: str) -> None:
    result = shell.run("chat", "-m", "fast", stdin=stdin)
    assert result.exit_code == 1
    assert expected in result.stderr


def test_chat_shows_what_is_not_text_on_stderr(gateway: FakeGateway, shell: Shell) -> None:
    gateway.events = numbered(
        [
            started(warnings=[CallWarning(field="chat.top_k", message="ignored")]),
            Event(reasoning_delta=event_pb2.ReasoningDelta(part_index=0, text="hm")),
            text("Let me see.", 1),
            Event(tool_call_started=event_pb2.ToolCallStarted(part_index=2, id="a", name="look")),
            Event(tool_call_arguments_delta=event_pb2.ToolCallArgumentsDelta(part_index=2, arguments='{"x":1}')),
            Event(tool_call_ended=event_pb2.ToolCallEnded(part_index=2)),
            completed(finish_reason=event_pb2.FINISH_REASON_TOOL_CALLS),
        ]
    )
    result = shell.run("chat", "-m", "fast", "hi")
    assert result.stdout == "Let me see."
    notes = [line for line in result.stderr.splitlines() if line]
    assert notes[:3] == ["warning: chat.top_k: ignored", "hm", '→ look({"x":1})']
    assert "TOOL_CALLS" in notes[3]


def test_chat_keeps_control_characters_from_the_terminal(gateway: FakeGateway, shell: Shell) -> None:
    gateway.events = numbered([started(), text("a\x1b[2Jb\x07\tc\n"), completed()])
    assert shell.run("chat", "-m", "fast", "hi").stdout == "a[2Jb\tc\n"


def test_chat_json_prints_each_event_as_a_line(shell: Shell) -> None:
    events = [json.loads(line) for line in shell.run("chat", "-m", "fast", "--json", "hi").stdout.splitlines()]
    assert [next(key for key in event if key != "sequence") for event in events] == [
        "started",
        "text_delta",
        "text_delta",
        "completed",
    ]
    assert events[3]["completed"]["finish_reason"] == "FINISH_REASON_STOP"


@pytest.mark.usefixtures("rich_failure")
@pytest.mark.parametrize("verb", [("chat", "-m", "fsat", "hi"), ("models",), ("embed", "-m", "fsat", "--text", "x")])
def test_a_failed_call_is_one_line_and_exit_code_one(shell: Shell, verb: tuple[str, ...]) -> None:
    result = shell.run(*verb)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        'error: NOT_FOUND ERROR_REASON_MODEL_NOT_FOUND: no model named "fsat"; field chat.model: unknown; '
        f"retry in 2 s; request {REQUEST_ID}\n"
    )


def test_a_gateway_out_of_reach_is_named(shell: Shell) -> None:
    result = shell.run("models", "--target", "127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: UNAVAILABLE: ")
    assert result.stderr.endswith("; target 127.0.0.1:1\n")


def test_a_cut_answer_is_an_error(gateway: FakeGateway, shell: Shell) -> None:
    gateway.events = numbered([started(), text("half")])
    result = shell.run("chat", "-m", "fast", "hi")
    assert (result.exit_code, result.stdout) == (1, "half\n")
    assert "incomplete" in result.stderr


def test_a_token_that_cannot_be_sent_is_not_shown(shell: Shell) -> None:
    result = shell.run("models", "--token", f"{TOKEN}\n")
    assert result.exit_code == 1
    assert "visible ASCII" in result.stderr


def test_wrong_usage_is_exit_code_two(shell: Shell) -> None:
    assert shell.run("chat", "hi").exit_code == 2


def test_embed_writes_a_line_for_each_line(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "in.txt").write_text("a\n\nccc\n")
    result = shell.run("embed", str(tmp_path / "in.txt"), "-m", "e", "--out", str(tmp_path / "out.jsonl"))
    assert result.exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(line["id"], line["embedding"][0]) for line in lines] == [("1", 1), ("3", 3)]
    assert result.stderr.startswith("sim/sim-e · 2 embedded · 7 in tokens · ")


def test_embed_writes_floats_that_read_back_exactly(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "in.txt").write_text("a\n")
    result = shell.run("embed", str(tmp_path / "in.txt"), "-m", "e")
    # 0.1 as a 32-bit float.
    assert result.stdout == '{"id":"1","embedding":[1,0.100000001]}\n'


def test_embed_reads_json_lines_with_their_ids(shell: Shell) -> None:
    records = '{"id": "é1", "text": "aa"}\n{"text": "b"}\n{"id": 7, "text": "c"}\n'
    result = shell.run("embed", "-", "--jsonl", "-m", "e", stdin=records)
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["é1", "2", "7"]


def test_embed_names_the_inputs_that_failed(shell: Shell) -> None:
    result = shell.run("embed", "-", "-m", "e", stdin="a\nbad\nc\n")
    assert result.exit_code == 3
    assert "input 2: INVALID_ARGUMENT ERROR_REASON_CONTEXT_TOO_LONG: too long\n" in result.stderr
    assert "2 embedded, 1 failed" in result.stderr
    assert json.loads(result.stdout.splitlines()[1]) == {
        "id": "2",
        "error": {"code": "INVALID_ARGUMENT", "reason": "ERROR_REASON_CONTEXT_TOO_LONG", "message": "too long"},
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"{", "line 2: not JSON"),
        (b'{"id": "x"}', 'line 2: expected an object with a string "text"'),
        (b'{"text": "a", "id": ""}', 'line 2: expected "id"'),
        (b"\xff", "line 2: not UTF-8"),
    ],
)
def test_embed_names_the_line_that_cannot_be_used(shell: Shell, record: bytes, expected: str) -> None:
    result = shell.run("embed", "-", "--jsonl", "-m", "e", stdin=b'{"text": "a"}\n' + record + b"\n")
    assert result.exit_code == 1
    assert expected in result.stderr


def test_embed_keeps_what_it_had_when_the_call_fails(gateway: FakeGateway, tmp_path: Path, shell: Shell) -> None:
    gateway.failure = Failure(grpc.StatusCode.UNAVAILABLE, "cut", "ERROR_REASON_STREAM_CUT")
    out = tmp_path / "out.jsonl"
    result = shell.run("embed", "-", "-m", "e", "--out", str(out), stdin="a\nb\n")
    assert result.exit_code == 1
    assert f"2 answers are in {out}" in result.stderr
    assert len(out.read_text().splitlines()) == 2


def test_embed_sums_up_single_texts(shell: Shell) -> None:
    result = shell.run("embed", "-m", "e", "--text", "a red apple")
    assert result.stdout == "'a red apple': 2 dimensions, length 5.0000, [3.0000, 4.0000]\n"


@pytest.mark.parametrize("arguments", [("embed", "-m", "e"), ("embed", "-", "-m", "e", "--text", "x")])
def test_embed_wants_a_file_or_texts(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run(*arguments).exit_code == 2


@pytest.fixture
def two_models(gateway: FakeGateway) -> None:
    facts = ModelFacts(
        context_tokens=128_000,
        input_modalities=["text", "image"],
        tools=True,
        reasoning=False,
        retire_date="2027-01-14",
    )
    candidates = [Candidate(provider="a", model="a-1", facts=facts), Candidate(provider="b", model="b-1", region="eu")]
    gateway.models = [
        Model(name="fast", kind=MODEL_KIND_CHAT, candidates=candidates),
        Model(name="[odd]", kind=MODEL_KIND_CHAT),
    ]


@pytest.mark.usefixtures("two_models")
def test_models_are_a_table(shell: Shell) -> None:
    rows = [re.split(r" {2,}", line.rstrip()) for line in shell.run("models").stdout.splitlines()]
    assert rows == [
        ["MODEL", "KIND", "CONTEXT", "OUTPUT", "CAN", "RETIRES", "SERVED BY"],
        ["fast", "chat", "128,000", "-", "image, tools", "2027-01-14", "a/a-1, b/b-1 (eu)"],
        ["[odd]", "chat", "-", "-", "-", "-"],
    ]


def test_models_can_be_asked_for_by_kind_and_provider(shell: Shell, gateway: FakeGateway) -> None:
    assert shell.run("models", "--kind", "embed", "--provider", "a").exit_code == 0
    request = gateway.requests[-1]
    assert (request.kind, request.provider) == (MODEL_KIND_EMBED, "a")


@pytest.mark.usefixtures("two_models")
def test_models_as_json_are_a_line_each(shell: Shell) -> None:
    first = json.loads(shell.run("models", "--json").stdout.splitlines()[0])
    assert (first["name"], first["kind"], len(first["candidates"])) == ("fast", "MODEL_KIND_CHAT", 2)


def test_version_names_what_is_installed(shell: Shell) -> None:
    assert f"grpcio {grpc.__version__}" in shell.run("version").stdout


@pytest.mark.parametrize("verb", ["serve", "check"])
def test_the_server_takes_over_the_process(shell: Shell, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda path, arguments: calls.append([path, *arguments]))
    shell.run(verb, "config.yaml", "--ports-file", "p.json")
    python = sys.executable
    assert calls == [[python, python, "-m", "hedgerow_server", verb, "config.yaml", "--ports-file", "p.json"]]


def test_probe_becomes_the_server_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever its options stand, they come after the names: the server takes them in that order."""
    calls: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, arguments: calls.append(arguments[1:]))
    given = ["--check", "chat", "openai", "--json", "mistral", "--model", "m", "--check", "tool"]
    shell.run("probe", "config.yaml", *given)
    options = ["--check", "chat", "--check", "tool", "--model", "m", "--json"]
    assert calls == [["-m", "hedgerow_server", "probe", "config.yaml", "openai", "mistral", *options]]


def test_probe_knows_the_checks(shell: Shell) -> None:
    result = shell.run("probe", "config.yaml", "--check", "nonsense")
    assert (result.exit_code, "nonsense" in result.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["serve", "check", "probe"])
def test_a_missing_server_is_said(shell: Shell, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = shell.run(verb, "config.yaml")
    assert result.exit_code == 1
    assert "not installed" in result.stderr


@pytest.mark.parametrize(
    "verb", [(), ("chat",), ("embed",), ("models",), ("serve",), ("check",), ("probe",), ("version",)]
)
def test_help_never_shows_the_token(shell: Shell, verb: tuple[str, ...]) -> None:
    result = shell.run(*verb, "--help")
    assert (result.exit_code, "Usage:" in result.stdout) == (0, True)


def test_help_loads_neither_grpc_nor_protobuf() -> None:
    """That is what keeps it quick; a clock would only measure the machine."""
    program = (
        "import sys\n"
        "from hedgerow_client.cli.verbs import build\n"
        "build()(['chat', '--help'], standalone_mode=False)\n"
        "sys.exit('grpc' in sys.modules or 'google.protobuf' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=60, check=True)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: ours, and the one for a process."""
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What the process writes to its terminal up to the wanted words, which come within 30 s."""
    seen = b""
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"{wanted!r} did not come after {seen!r}"
        seen += os.read(terminal, 4096)
    return seen


def test_ctrl_c_cancels_the_call_and_exits_with_130(gateway: FakeGateway, shell: Shell) -> None:
    process = shell.start("chat", "-m", "endless", "hi", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(4) == b"more"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.strip()) == (130, b"")
    assert gateway.cancelled.wait(5)


def test_a_terminal_starts_a_conversation_that_remembers(
    gateway: FakeGateway, shell: Shell, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    process = shell.start("chat", "-m", "fast", stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    for line in (b"one\n", b"two\n", b"\x04"):
        read_until(ours, b"> ")
        os.write(ours, line)
    process.communicate(timeout=30)
    assert process.returncode == 0
    said = [part.text for message in gateway.requests[1].chat.messages for part in message.content]
    assert said == ["one", "Hello there", "two"]


def test_a_failed_turn_of_a_conversation_is_forgotten(
    gateway: FakeGateway, shell: Shell, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    gateway.failure = Failure(grpc.StatusCode.INVALID_ARGUMENT)
    process = shell.start("chat", "-m", "fast", stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    read_until(ours, b"> ")
    os.write(ours, b"one\n")
    read_until(ours, b"> ")
    gateway.failure = None
    os.write(ours, b"two\n")
    read_until(ours, b"> ")
    os.write(ours, b"\x04")
    process.communicate(timeout=30)
    assert [message.content[0].text for message in gateway.requests[1].chat.messages] == ["two"]

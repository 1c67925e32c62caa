"""`probe` and `record` as an operator runs them, against the simulator."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stack import DIALECTS, KEY, ROOT, Stack

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Json = dict[str, Any]

WRONG_KEY = "sk-wrong-key-canary-00000000"
CHAT_CHECKS = ["chat", "stream", "tool"]


def config_of(sim_url: str) -> Json:
    """Every dialect with its models, and a provider for each way to fail."""
    providers: Json = {}
    routes: Json = {}

    def add(name: str, settings: Json, kind: str, model: str, credential: str = "sim") -> None:
        url = str(settings["base_url"]).format(sim=sim_url)
        providers[name] = {**settings, "base_url": url, "credential": credential}
        routes[f"{name}/{kind}"] = {"kind": kind, "candidates": [{"provider": name, "model": model}]}

    for name, (settings, chat_model, embed_model) in DIALECTS.items():
        add(name, settings, "chat", chat_model)
        if embed_model is not None:
            add(name, settings, "embed", embed_model)
    openai: Json = {"dialect": "openai", "base_url": "{sim}/v1"}
    for model in ("sim-429", "sim-nofinish", "sim-html", "sim-json-for-stream", "sim-401"):
        add(model, openai, "chat", model)
    add("badkey", openai, "chat", "gpt-4o-mini", "bad")
    add("nokey", openai, "chat", "gpt-4o-mini", "unset")
    add("unreachable", {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}, "chat", "gpt-4o-mini")
    add("short", openai, "embed", "text-embedding-3-small")
    routes["short/embed"]["candidates"][0] |= {"model": "tiny-embedding", "dimensions": 7}
    providers["idle"] = {**providers["badkey"]}
    providers["keyed"] = {**providers["badkey"], "credential": [{"name": "sim"}, {"name": "bad"}]}
    routes["keyed/chat"] = {"kind": "chat", "candidates": [{"provider": "keyed", "model": "gpt-4o-mini"}]}
    only = {"provider": "keyed", "model": "gpt-4o-mini", "credential": "unset"}
    routes["keyed/one"] = {"kind": "chat", "candidates": [only]}
    variables = {"sim": "HEDGEROW_TEST_KEY", "bad": "HEDGEROW_TEST_BAD_KEY", "unset": "HEDGEROW_TEST_NO_KEY"}
    credentials = {name: {"source": "env", "variable": variable} for name, variable in variables.items()}
    return {"credentials": credentials, "providers": providers, "routes": routes}


@pytest.fixture(scope="module")
def run(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command of the server with that configuration, and checks that no key is in what it says."""
    path = tmp_path_factory.mktemp("probe") / "config.yaml"
    path.write_text(yaml.safe_dump(config_of(stack.sim_url), sort_keys=False))
    environment = {**os.environ, "HEDGEROW_TEST_KEY": KEY, "HEDGEROW_TEST_BAD_KEY": WRONG_KEY}

    def started(command: str, *arguments: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "hedgerow_server", command, str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment,
        )
        assert KEY not in done.stdout + done.stderr
        assert WRONG_KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return started


def objects(done: Done) -> list[Json]:
    """What `--json` printed."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_dialect_fits(run: Run) -> None:
    done = run("probe", *DIALECTS, "--json")
    found = objects(done)
    assert [(one["provider"], one["check"], one["problems"]) for one in found if not one["fits"]] == []
    wanted = {
        (name, check)
        for name, (_, _, embed_model) in DIALECTS.items()
        for check in (*CHAT_CHECKS, *(["embed"] if embed_model else []))
    }
    assert {(one["provider"], one["check"]) for one in found} == wanted
    assert len(found) == len(wanted)
    assert done.returncode == 0


def test_a_check_that_fits_has_its_figures(run: Run) -> None:
    (found,) = objects(run("probe", "anthropic", "--check", "stream", "--json"))
    assert found["http_status"] == 200
    assert found["input_tokens"] > 0
    assert found["output_tokens"] > 0
    assert 0 < found["first_token_seconds"] <= found["seconds"] < 30


def test_it_is_a_table_and_says_first_what_it_costs(run: Run) -> None:
    done = run("probe", "anthropic", "vllm", "--check", "chat")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["PROVIDER", "MODEL", "KEY", "CHECK", "TIME", "TOKENS", "RESULT"]
    assert [row.split()[:4] for row in rows] == [
        ["anthropic", "claude-sonnet-4-5", "sim", "chat"],
        ["vllm", "llama-3", "sim", "chat"],
    ]
    assert {row[head.index("RESULT") :] for row in rows} == {"ok"}
    assert done.stderr.splitlines() == ["2 live calls with your own keys; each costs a few tokens.", "2 of 2 fit"]


@pytest.mark.parametrize(
    ("provider", "check", "problem"),
    [
        (
            "badkey",
            "chat",
            "PROVIDER_AUTH: The provider badkey refused the gateway's credential (401 invalid_api_key).",
        ),
        (
            "sim-401",
            "tool",
            "PROVIDER_AUTH: The provider sim-401 refused the gateway's credential (401 invalid_api_key).",
        ),
        ("sim-429", "stream", "PROVIDER_THROTTLED: The provider sim-429 refuses for too many calls (429 "),
        (
            "sim-nofinish",
            "stream",
            "STREAM_CUT: The answer of the provider sim-nofinish ended without a finish reason.",
        ),
        ("sim-nofinish", "chat", "no finish reason"),
        ("sim-html", "chat", "UPSTREAM_PROTOCOL: "),
        ("sim-json-for-stream", "stream", "a stream was asked for, and one JSON document came"),
        ("nokey", "chat", "CREDENTIAL_UNAVAILABLE: the environment variable HEDGEROW_TEST_NO_KEY is not set or empty"),
        ("unreachable", "chat", "PROVIDER_UNAVAILABLE: "),
        ("short", "embed", "vectors of "),
    ],
)
def test_what_does_not_fit_is_said(run: Run, provider: str, check: str, problem: str) -> None:
    done = run("probe", provider, "--check", check, "--json")
    (found,) = objects(done)
    assert done.returncode == 1
    assert not found["fits"]
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith(problem)


def test_every_key_is_checked_also_one_that_only_a_route_names(run: Run) -> None:
    done = run("probe", "keyed", "--check", "chat", "--json")
    found = {(one["credential"], one["fits"]) for one in objects(done)}
    assert found == {("sim", True), ("bad", False), ("unset", False)}
    rows = run("probe", "keyed", "--check", "chat").stdout.splitlines()[1:]
    assert sorted(row.split()[2] for row in rows) == ["bad", "sim", "unset"]


def test_one_that_does_not_fit_fails_the_whole(run: Run) -> None:
    done = run("probe", "anthropic", "sim-429", "--check", "chat")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "1 of 2 fit")


def test_a_provider_without_a_route_is_no_success(run: Run) -> None:
    done = run("probe", "idle")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("idle: no route names a model of it")


@pytest.mark.parametrize("arguments", [("probe", "nobody"), ("record", "nobody", "chat"), ("record", "idle", "chat")])
def test_a_name_that_is_not_there_is_a_wrong_use(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_a_recording_has_the_fields_of_the_format(run: Run) -> None:
    recorded = json.loads(run("record", "bedrock", "stream").stdout)
    assert recorded["id"].startswith("bedrock-chat_stream-")
    assert (recorded["provider"], recorded["api"], recorded["kind"]) == ("bedrock", "bedrock_converse", "chat_stream")
    assert recorded["path"].endswith("/converse-stream")
    assert recorded["request"]["headers"]["authorization"] == "Bearer [redacted]"
    assert recorded["request"]["body"]["messages"]
    response = recorded["response"]
    assert (response["status"], response["body_encoding"]) == (200, "base64")
    assert response["stream_format"] == "aws-eventstream"


def test_an_error_is_recorded_as_well(run: Run) -> None:
    done = run("record", "badkey", "chat")
    recorded = json.loads(done.stdout)
    assert (done.returncode, recorded["kind"], recorded["features"]) == (0, "error", ["auth"])
    assert recorded["response"]["status"] == 401


def test_without_an_answer_nothing_is_recorded(run: Run, tmp_path: Path) -> None:
    done = run("record", "unreachable", "chat", "--out", str(tmp_path))
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (1, "", [])


@pytest.mark.long
def test_recordings_pass_the_tests_of_their_dialect(run: Run, tmp_path: Path) -> None:
    """Read by the conformance tests as any folder of recordings is: nothing was scrubbed away that they need."""
    for name in ("anthropic", "responses"):
        for check in CHAT_CHECKS:
            assert run("record", name, check, "--out", str(tmp_path)).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"anthropic.jsonl", "openai.jsonl"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "conformance", "tests/providers"],
        cwd=ROOT,
        env={**os.environ, "HEDGEROW_RECORDINGS": str(tmp_path), "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "\nconformance: 6 of 6\n" in done.stdout, done.stdout[-4000:]

"""grpcurl, the way people look at a gRPC service by hand: reflection only, no proto files."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from stack import ROOT, Stack

pytestmark = [
    pytest.mark.polyglot,
    pytest.mark.skipif(shutil.which("go") is None, reason="grpcurl is built with Go: install Go 1.24 or newer"),
]

CHAT = "hedgerow.chat.v1.ChatService"


@pytest.fixture(scope="module")
def grpcurl() -> Path:
    """The pinned grpcurl, built once into the cache."""
    script = 'source scripts/_env.sh && go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl "$GRPCURL_VERSION"'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=400)
    return Path(done.stdout.strip()) / "grpcurl"


def run(grpcurl: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call without TLS."""
    return subprocess.run([grpcurl, "-plaintext", *arguments], check=False, capture_output=True, text=True, timeout=30)


def ask(model: str) -> str:
    """The shortest request."""
    return json.dumps({"chat": {"model": model, "messages": [{"role": "ROLE_USER", "content": [{"text": "hi"}]}]}})


def documents(text: str) -> list[dict[str, object]]:
    """The JSON documents that stand one after the other."""
    decoder, found = json.JSONDecoder(), []
    text = text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


@pytest.mark.timeout(450)
def test_a_stream_begins_with_started_and_ends_with_completed(stack: Stack, grpcurl: Path) -> None:
    done = run(grpcurl, "-d", ask("fast"), stack.target, f"{CHAT}/StreamComplete")
    assert done.returncode == 0, done.stderr
    events = documents(done.stdout)
    assert "started" in events[0]
    assert "completed" in events[-1]
    assert any("text_delta" in event for event in events)


@pytest.mark.timeout(450)
def test_log_probabilities_are_asked_for_and_told(stack: Stack, grpcurl: Path) -> None:
    request = json.loads(ask("fast"))
    request["chat"]["top_logprobs"] = 2
    done = run(grpcurl, "-d", json.dumps(request), stack.target, f"{CHAT}/Complete")
    assert done.returncode == 0, done.stderr
    (part,) = json.loads(done.stdout)["message"]["content"]
    assert "".join(token["token"] for token in part["logprobs"]) == part["text"]
    assert [len(token["top"]) for token in part["logprobs"]] == [2] * len(part["logprobs"])


@pytest.mark.timeout(450)
def test_the_services_are_listed_and_described(stack: Stack, grpcurl: Path) -> None:
    listed = run(grpcurl, stack.target, "list").stdout.split()
    assert {CHAT, "hedgerow.embed.v1.EmbedService", "grpc.health.v1.Health"} <= set(listed)
    described = run(grpcurl, stack.target, "describe", f"{CHAT}.Complete").stdout
    assert "hedgerow.chat.v1.CompleteRequest" in described


@pytest.mark.timeout(450)
def test_the_details_of_an_error_are_decoded(stack: Stack, grpcurl: Path) -> None:
    done = run(grpcurl, "-format-error", "-d", ask("fault-429"), stack.target, f"{CHAT}/Complete")
    assert done.returncode != 0
    status = documents(done.stderr)[0]
    details = status["details"]
    assert isinstance(details, list)
    kinds = {detail["@type"].rpartition("/")[2]: detail for detail in details}
    assert kinds["google.rpc.ErrorInfo"]["reason"] == "ERROR_REASON_PROVIDER_THROTTLED"
    assert "retry_delay" in kinds["google.rpc.RetryInfo"]


@pytest.mark.timeout(450)
def test_channelz_answers_on_the_admin_port_only(stack: Stack, grpcurl: Path) -> None:
    call = "grpc.channelz.v1.Channelz/GetServers"
    assert run(grpcurl, stack.admin_target, call).returncode == 0
    refused = run(grpcurl, stack.target, call)
    assert refused.returncode != 0

"""The published Python client, built as a wheel and used from outside the tree with protobuf 5, 6 and 7."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stack import ROOT, Stack

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

# The oldest grpcio that the stubs take has no wheels for Python 3.14 and newer.
OLDEST_GRPCIO = "grpcio==1.71.2" if sys.version_info < (3, 14) else "grpcio"
# protobuf's major version, what to install beside the wheel, and the wheel's extras.
VERSIONS = {
    "5": (("protobuf>=5.29.5,<6", OLDEST_GRPCIO), ""),
    "6": (("protobuf>=6,<7", "grpcio<1.79"), "[otel]"),
    "7": (("protobuf>=7,<8", "grpcio"), "[cli]"),
}

# Runs in the other environment and prints what it saw as one JSON object.
SCRIPT = """
import asyncio, importlib.util, json, sys
import google.protobuf, grpc
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteRequest
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow_client import AsyncClient, Client, NotFoundError, chat, embedding, item

target = sys.argv[1]
seen = {
    "protobuf": google.protobuf.__version__,
    "home": importlib.util.find_spec("hedgerow").origin,
    "rules": importlib.util.find_spec("buf") is not None,
}
with Client(target, timeout=60) as client:
    answer = client.complete(chat("fast", "hi"))
    seen["unary"] = "".join(part.text for part in answer.message.content)
    with client.stream(chat("fast", "hi")) as stream:
        seen["pieces"] = "".join(event.text_delta.text for event in stream)
    seen["folded"] = "".join(part.text for part in stream.result.message.content)
    policy = RoutePolicy(allow_route_change=True)
    with client.stream(StreamCompleteRequest(chat=chat("cut-then-fast", "hi"), route=policy)) as stream:
        seen["changes"] = sum(event.HasField("route_change") for event in stream)
    seen["after_change"] = "".join(part.text for part in stream.result.message.content)
    seen["usage"] = [answer.usage.output_tokens, stream.result.usage.output_tokens]
    seen["request_id"] = stream.request_id
    vectors = client.embed(embedding("embed-small", "a", "b")).embeddings
    seen["dimensions"] = [len(vector.values) for vector in vectors]
    with client.stream_embed("embed-small", (item(str(n), f"text {n}") for n in range(300))) as answers:
        seen["ids"] = [each.id for each in answers if each.HasField("embedding")]
    try:
        client.complete(chat("no-such-model", "hi"))
    except NotFoundError as error:
        seen["error"] = [error.reason, error.metadata["model"], bool(error.request_id)]

async def main():
    async with AsyncClient(target, timeout=60) as client:
        async with client.stream(chat("fast", "hi")) as stream:
            seen["async"] = "".join([event.text_delta.text async for event in stream])

asyncio.run(main())
print(json.dumps(seen))
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment that holds the wheel and nothing of the tree."""

    folder: Path
    """Where the environment is."""

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the environment, from a folder outside the tree."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.folder / "bin" / program), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=clean, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="session")
def uv() -> str:
    """The tool that builds wheels and environments: on the PATH, or where the scripts keep it."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hedgerow"
    kept = sorted(Path(os.environ.get("HEDGEROW_CACHE", default)).glob("uv-*/bin/uv"))
    found = shutil.which("uv") or (str(kept[-1]) if kept else None)
    if found is None:
        pytest.skip("uv is not here: run scripts/setup")
    return found


@pytest.fixture(scope="session")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution hedgerow-client, built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = str(ROOT / "services" / "hedgerow_client")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), source], timeout=120, check=True)
    (found,) = folder.glob("hedgerow_client-*.whl")
    return found


@pytest.fixture(scope="session")
def environment(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Environment]:
    """Makes the environment of one version of protobuf, once."""
    made: dict[str, Environment] = {}

    def make(version: str) -> Environment:
        if version not in made:
            requirements, extras = VERSIONS[version]
            folder = tmp_path_factory.mktemp(f"protobuf-{version}-")
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
            install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(folder)]
            subprocess.run([*install, f"{wheel}{extras}", *requirements], timeout=240, check=True)
            made[version] = Environment(folder)
        return made[version]

    return make


def talk(environment: Environment, target: str) -> dict[str, Any]:
    """What the script saw."""
    done = environment.run("python", "-I", "-c", SCRIPT, target)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wheel_talks_to_the_router(environment: Callable[[str], Environment], stack: Stack, version: str) -> None:
    """Unary, stream, a change of route, batch, bulk and error, synchronous and asyncio, with one major version of
    protobuf.
    """
    elsewhere = environment(version)
    seen = talk(elsewhere, stack.target)
    assert seen["protobuf"].split(".")[0] == version
    assert seen["home"].startswith(str(elsewhere.folder))
    assert not seen["rules"]
    assert seen["unary"]
    assert seen["unary"] == seen["pieces"] == seen["folded"] == seen["async"] == seen["after_change"]
    assert seen["changes"] == 1
    assert seen["usage"][0] == seen["usage"][1] > 0
    assert seen["request_id"]
    assert seen["dimensions"] == [1536, 1536]
    assert seen["ids"] == [str(number) for number in range(300)]
    assert seen["error"] == ["ERROR_REASON_MODEL_NOT_FOUND", "no-such-model", True]


def test_the_wheel_brings_the_command_line(environment: Callable[[str], Environment], stack: Stack) -> None:
    """With the extra `cli`, against the router."""
    done = environment("7").run("hedgerow", "chat", "--target", stack.target, "-m", "fast", "hi")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "STOP" in done.stderr


def test_the_command_line_without_its_extra_says_what_to_install(environment: Callable[[str], Environment]) -> None:
    """The script is installed in any case: it must not end in a traceback."""
    done = environment("5").run("hedgerow", "version")
    assert done.returncode == 1
    assert done.stderr.startswith("The command line needs typer: pip install 'hedgerow-client[cli]'")


def test_tracing_without_its_extra_says_what_to_install(environment: Callable[[str], Environment]) -> None:
    """Nothing is traced silently."""
    program = "from hedgerow_client import Client; Client('127.0.0.1:1', tracing=True)"
    done = environment("5").run("python", "-I", "-c", program)
    assert done.returncode == 1
    assert "pip install 'hedgerow-client[otel]'" in done.stderr

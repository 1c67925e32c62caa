"""The real thing on loopback: a simulator and a router, each in a process of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ENGINE = os.environ.get("HEDGEROW_TEST_ENGINE")
"""What the gRPC doors of routers are on; None: what they are on by default."""
ON_CORE = ENGINE == "grpcio"
"""Whether that is C-core, where the configuration does not say so itself."""
KEY = "sk-sim-0123456789abcdef0123456789abcdef"
ROOT = Path(__file__).resolve().parents[1]
ALARM = " ERROR hedgerow_server.credentials.alarm: alarm event="
"""In a line of a router's log that tells operators of a credential; no fault of the router."""
RECORDINGS = Path(os.environ.get("HEDGEROW_RECORDINGS", ROOT.parent / "shared" / "recordings"))
FAULTS = {
    "slow": "sim-slow",
    "silent": "sim-silent",
    "stall": "sim-stall",
    # A second of tokens; headers and a first chunk without content at once, the first token after three seconds.
    "paced": "sim-tokens-20-50",
    "late": "sim-tokens-3-3000-10",
    "fault-400": "sim-400",
    "fault-401": "sim-401",
    "fault-404": "sim-404",
    "fault-429": "sim-429",
    "fault-429-quota": "sim-429-quota",
    "fault-500": "sim-500",
    "fault-503": "sim-503",
    "fault-html": "sim-html",
    "fault-cut": "sim-cut",
    "fault-nofinish": "sim-nofinish",
    "fault-error-in-stream": "sim-error-in-stream",
}
# Every dialect against the simulator: what its provider's section says, its chat model and its embedding model.
DIALECTS: dict[str, tuple[dict[str, object], str, str | None]] = {
    "anthropic": ({"dialect": "anthropic", "base_url": "{sim}"}, "claude-sonnet-4-5", None),
    "azure": ({"dialect": "azure_openai", "base_url": "{sim}"}, "gpt-4.1", "text-embedding-3-small"),
    "bedrock": (
        {"dialect": "bedrock", "region": "us-east-1", "base_url": "{sim}"},
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.titan-embed-text-v2:0",
    ),
    "cohere": ({"dialect": "cohere", "base_url": "{sim}/v2"}, "command-a-03-2025", "embed-v4.0"),
    "gemini": ({"dialect": "gemini", "base_url": "{sim}/v1beta"}, "gemini-2.5-flash", "gemini-embedding-001"),
    "ollama": ({"dialect": "ollama", "base_url": "{sim}"}, "qwen3:8b", "nomic-embed-text"),
    "vllm": ({"dialect": "openai", "vendor": "vllm", "base_url": "{sim}/v1"}, "llama-3", "bge-m3"),
    "responses": ({"dialect": "openai_responses", "base_url": "{sim}/v1"}, "gpt-5", "text-embedding-3-small"),
    "vertex": (
        {"dialect": "vertex", "project": "hedgerow-tests", "location": "us-central1", "base_url": "{sim}"},
        "gemini-2.5-flash",
        "text-embedding-005",
    ),
    "vertex-claude": (
        {"dialect": "vertex", "project": "hedgerow-tests", "location": "us-east5", "base_url": "{sim}"},
        "claude-sonnet-4-5",
        None,
    ),
}
START_S = 60
# gRPC shares connections between channels with the same target; a new server may have the port of one that has gone.
OWN_CONNECTIONS = [("grpc.use_local_subchannel_pool", 1)]
# Tests share a router: what one of them makes fail must not rest when the next one comes.
FORGIVING = {
    "consecutive_failures": 100_000,
    "min_calls": 100_000,
    "cool_down_seconds": 1e-6,
    "max_cool_down_seconds": 1e-6,
    "set_aside_seconds": 1e-6,
    "max_set_aside_seconds": 1e-6,
}


# Nor may what a throttled answer told of limits keep them waiting.
UNCOUNTED: dict[str, object] = {"rate_limits": None}


def recordings() -> list[dict[str, object]]:
    """Every recording of OpenAI in the chat and embeddings dialects; none where the folder is absent."""
    path = RECORDINGS / "openai.jsonl"
    if not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["api"] in ("openai_chat", "openai_embed")]


@dataclass
class Process:
    """A running server and the addresses that it announced."""

    popen: subprocess.Popen[bytes]
    addresses: dict[str, str]
    log: Path

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 40) -> int:
        """Sends a signal and waits for the end; returns the exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(timeout_s)


@contextmanager
def process(
    folder: Path, name: str, arguments: list[str], environment: dict[str, str], start_s: float = START_S
) -> Iterator[Process]:
    """Starts `python …` and waits until it has announced its addresses; ends it in any case."""
    ports, log = folder / f"{name}.ports.json", folder / f"{name}.log"
    ports.unlink(missing_ok=True)
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, *arguments, "--ports-file", str(ports)],
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
        )
    try:
        until = time.monotonic() + start_s
        while not ports.exists():
            if popen.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield Process(popen, json.loads(ports.read_text()), log)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()


@contextmanager
def simulator(folder: Path, *more: str, name: str = "simulator") -> Iterator[Process]:
    """A simulator that wants the test key."""
    arguments = ["-m", "hedgerow_sim", "--listen", "127.0.0.1:0", "--api-key", KEY, *more]
    with process(folder, name, arguments, {}) as running:
        yield running


def with_engine(config: dict[str, Any]) -> dict[str, Any]:
    """The same, with the gRPC door on what HEDGEROW_TEST_ENGINE says, unless the configuration says so itself."""
    server = config.get("server") or {}
    if ENGINE is None or server.get("opentelemetry"):
        return config
    return {**config, "server": {**server, "grpc": {"engine": ENGINE, **server.get("grpc", {})}}}


@contextmanager
def router(folder: Path, config: dict[str, object], name: str = "router", **environment: str) -> Iterator[Process]:
    """A router with a configuration."""
    path = folder / f"{name}.yaml"
    # The code of an older version, which a test may set before ours, does not know the key.
    written = config if "PYTHONPATH" in environment else with_engine(config)
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    given = {"HEDGEROW_TEST_KEY": KEY, **environment}
    with process(folder, name, ["-m", "hedgerow_server", "serve", str(path)], given) as running:
        yield running


def configuration(
    sim_url: str,
    replay_url: str,
    *,
    transport: str = "thin",
    extra_routes: dict[str, object] | None = None,
    **more: object,
) -> dict[str, object]:
    """A configuration with a route for every behaviour of the simulator and for every recording."""

    def provider(url: str, **settings: object) -> dict[str, object]:
        return {
            "dialect": "openai",
            "base_url": url,
            "credential": "sim",
            "transport": transport,
            **UNCOUNTED,
            **settings,
        }

    def of_dialect(settings: dict[str, object]) -> dict[str, object]:
        url = str(settings["base_url"]).format(sim=sim_url)
        return {**UNCOUNTED, **settings, "base_url": url, "credential": "sim", "transport": transport}

    def route(kind: str, provider: str, model: str) -> dict[str, object]:
        return {"kind": kind, "candidates": [{"provider": provider, "model": model}], "max_attempts": 1}

    routes: dict[str, object] = {
        "fast": route("chat", "sim", "gpt-4o-mini"),
        "slow-embed": route("embed", "sim", "sim-silent"),
        "stall-embed": route("embed", "sim", "sim-stall"),
        "embed-small": route("embed", "sim", "text-embedding-3-small"),
        "embed-tiny": route("embed", "sim", "tiny-embedding"),
        "all/*": route("any", "sim", "*"),
        "cut-then-fast": {
            "kind": "chat",
            "candidates": [{"provider": "sim", "model": "sim-cut"}, {"provider": "sim", "model": "gpt-4o-mini"}],
        },
        "fault-down": route("chat", "down", "gpt-4o-mini"),
        "fault-key": route("chat", "badkey", "gpt-4o-mini"),
    }
    routes |= extra_routes or {}
    routes |= {name: route("chat", "sim", model) for name, model in FAULTS.items()}
    for name, (_, chat_model, embed_model) in DIALECTS.items():
        models = {"": chat_model, "-throttled": "sim-429", "-cut": "sim-cut", "-refused-key": "sim-401"}
        routes |= {f"{name}{suffix}": route("chat", name, model) for suffix, model in models.items()}
        if embed_model is not None:
            routes[f"{name}-embed"] = route("embed", name, embed_model)
    for record in recordings():
        name, kind = str(record["id"]), "chat" if record["api"] == "openai_chat" else "embed"
        routes[name] = route(kind, "replay", name)
        routes[f"{name}/bytes"] = route(kind, "bytes", name)
    return {
        "server": {
            "grpc": {"listen": "127.0.0.1:0"},
            "admin_grpc": {"listen": "127.0.0.1:0"},
            "admin_http": {"listen": "127.0.0.1:0"},
            "http": {"listen": "127.0.0.1:0"},
            # A machine that runs tests is busy, which is none of the gateway's business but where a test is about it.
            "overload": {"max_delay_seconds": 60},
        },
        "credentials": {
            "sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"},
            "bad": {"source": "env", "variable": "HEDGEROW_TEST_BAD_KEY"},
        },
        "providers": {
            "sim": provider(f"{sim_url}/v1", idle_timeout_seconds=5.0),
            "replay": provider(f"{replay_url}/v1"),
            "bytes": provider(f"{replay_url}/_sim/chunk-bytes/1/v1"),
            "badkey": provider(f"{sim_url}/v1", credential="bad"),
            "down": provider("http://127.0.0.1:9/v1"),
            **{name: of_dialect(settings) for name, (settings, _, _) in DIALECTS.items()},
        },
        "routes": routes,
        "breaker": FORGIVING,
        "catalogue": {"files": [str(ROOT / "tests" / "catalogue.yaml")]},
        **more,
    }


@dataclass
class Stack:
    """A simulator and a router that uses it."""

    simulator: Process
    router: Process
    recordings: Path | None = field(default=None)

    @property
    def target(self) -> str:
        """The callers' door."""
        return self.router.addresses["grpc"]

    @property
    def admin_target(self) -> str:
        """The admin gRPC door."""
        return self.router.addresses["admin_grpc"]

    @property
    def admin_url(self) -> str:
        """The admin HTTP door."""
        return f"http://{self.router.addresses['admin_http']}"

    @property
    def sim_url(self) -> str:
        """The simulator."""
        return f"http://{self.simulator.addresses['http']}"


@contextmanager
def stack(
    folder: Path, *, transport: str = "thin", extra_routes: dict[str, object] | None = None, **more: object
) -> Iterator[Stack]:
    """Starts both; `more` are sections of the router's configuration."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        sim_url = replay_url = f"http://{sim.addresses['http']}"
        if RECORDINGS.exists():
            replay = exits.enter_context(simulator(folder, "--replay", str(RECORDINGS), name="replay"))
            replay_url = f"http://{replay.addresses['http']}"
        config = configuration(sim_url, replay_url, transport=transport, extra_routes=extra_routes, **more)
        environment = {"HEDGEROW_TEST_BAD_KEY": "sk-wrong-key-canary-00000000"}
        running = exits.enter_context(router(folder, config, **environment))
        yield Stack(sim, running, RECORDINGS if RECORDINGS.exists() else None)

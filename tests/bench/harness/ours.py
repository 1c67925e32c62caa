"""Hedgerow as it is measured: API keys, a quota, ledger, metrics and call log on; and the bare floors beside it."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from bench._keys import fill
from bench.harness.driver import Target
from bench.harness.machine import Cores
from bench.harness.system import EMBED, STREAM, UNARY, System
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from stack import FORGIVING, UNCOUNTED, Process, process

PEPPER = os.urandom(24).hex()
MODELS: tuple[str, ...] = (
    *("bench-unary", "bench-burst", "bench-paced", "bench-hold", "bench-silent", "bench-delay-20"),
    *("bench-429", "bench-500", "bench-cut", "bench-reset", "bench-stall"),
)
EMBEDDERS = ("bench-embed", "bench-embed-floats")
_START_S = 900.0
"""A hundred thousand routes take minutes on a busy machine."""
NOTE = "API key, one quota, ledger, metrics and a line of log for each call"


@dataclass(frozen=True, slots=True)
class Size:
    """How much a router has to keep in mind."""

    keys: int = 1
    tenants: int = 1
    routes: int = 0
    """More routes than those of the benches, all to the same upstream."""


def config(mock_url: str, folder: Path, transport: str, size: Size) -> dict[str, Any]:
    """What is in its file."""

    def route(kind: str, model: str) -> dict[str, object]:
        return {"kind": kind, "candidates": [{"provider": "mock", "model": model}], "max_attempts": 1}

    routes = {model: route("chat", model) for model in MODELS} | {model: route("embed", model) for model in EMBEDDERS}
    routes |= {f"bench-unary-{number:06d}": route("chat", "bench-unary") for number in range(size.routes)}
    listen = {"listen": "127.0.0.1:0"}
    plenty = 10**12
    return {
        "server": {"grpc": listen, "admin_grpc": listen, "admin_http": listen, "http": listen},
        "credentials": {
            "mock": {"source": "env", "variable": "HEDGEROW_BENCH_KEY"},
            "pepper": {"source": "env", "variable": "HEDGEROW_BENCH_PEPPER"},
        },
        "providers": {
            "mock": {
                "dialect": "openai",
                "base_url": f"{mock_url}/v1",
                "credential": "mock",
                "transport": transport,
                **UNCOUNTED,
            }
        },
        "routes": routes,
        "identity": {"api_keys": {"pepper": "pepper"}, "roles": {"app": {}}},
        "quotas": [{"name": "key", "by": ["key"], "limits": [{"requests": plenty, "per": "minute"}]}],
        "store": {"path": str(folder / "store.db")},
        # Faults that a bench asks for must not rest the only upstream.
        "breaker": FORGIVING,
    }


async def _fill(path: Path, size: Size) -> list[str]:
    """Puts keys of so many tenants into a new store."""
    database = Sqlite(StoreSection(path=path))
    StoredKeys(database)
    texts = await fill(database, PEPPER, size.keys, size.tenants)
    await database.close()
    return texts


@contextmanager
def hedgerow(
    mock_url: str,
    cores: Cores,
    name: str,
    transport: str,
    size: Size = Size(),
    *,
    server: Mapping[str, Any] | None = None,
    models: Sequence[str] = (),
    engine: str = "",
) -> Iterator[Sequence[System]]:
    """A router, measured at its gRPC door, and the same process at its OpenAI door. `server`: more of that section,
    `models`: more that there are routes to, `engine`: what its gRPC door is on, where that is not the default.
    """
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as at:
        folder = Path(at)
        tokens = asyncio.run(_fill(folder / "store.db", size))
        (folder / "tokens").write_text("\n".join(tokens))
        file = folder / "router.json"
        # JSON is YAML, and read faster by far.
        written = config(mock_url, folder, transport, size)
        written["server"] |= server or {}
        if engine:
            written["server"]["grpc"] = {**written["server"]["grpc"], "engine": engine}
        unary = written["routes"]["bench-unary"]
        for model in models:
            written["routes"][model] = {**unary, "candidates": [{"provider": "mock", "model": model}]}
        file.write_bytes(msgspec.json.encode(written))
        environment = {"HEDGEROW_BENCH_KEY": "sk-upstream", "HEDGEROW_BENCH_PEPPER": PEPPER}
        with started(cores, folder, name, ["-m", "hedgerow_server", "serve", str(file)], environment) as running:
            yield _doors(name, running, folder, tokens)


def _doors(name: str, running: Process, folder: Path, tokens: list[str]) -> Sequence[System]:
    title = f"Hedgerow {version('hedgerow')}"
    token, file = (tokens[0], "") if len(tokens) == 1 else ("", str(folder / "tokens"))
    more = {"config": str(folder / "router.json"), "admin_http": running.addresses["admin_http"]}
    grpc = Target("grpc", running.addresses["grpc"], token, file)
    http = Target("openai", f"http://{running.addresses['http']}", token, file, connections=1024)
    does, pid = frozenset({UNARY, STREAM, EMBED}), running.popen.pid
    return (
        System(name, f"{title}, gRPC door", pid, grpc, does, NOTE, more=more),
        System(f"{name}_http", f"{title}, OpenAI door", pid, http, does, NOTE, more=more),
    )


@contextmanager
def floors(mock_url: str, cores: Cores) -> Iterator[Sequence[System]]:
    """A bare gRPC server that answers by itself, and one that asks the upstream by aiohttp."""
    script = str(Path(__file__).resolve().parents[1] / "_floor.py")
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as at:
        url = f"{mock_url}/v1/chat/completions"
        with started(cores, Path(at), "floor", [script, url], {}) as running:
            target, pid = Target("echo", running.addresses["grpc"]), running.popen.pid
            bare = f"grpc.aio {version('grpcio')}"
            models = {"bench-unary": "echo", "bench-silent": "echo-silent", "bench-hold": "echo-hold"}
            yield (
                System(
                    "grpcio", f"bare {bare} echo", pid, target, frozenset({UNARY}), "no upstream, no checks", models
                ),
                System(
                    "grpcio_aiohttp",
                    f"bare {bare} and aiohttp {version('aiohttp')}",
                    pid,
                    target,
                    frozenset({UNARY, STREAM}),
                    "bytes handed on, no checks",
                ),
            )


@contextmanager
def started(
    cores: Cores, folder: Path, name: str, arguments: list[str], environment: dict[str, str]
) -> Iterator[Process]:
    """A server of ours on the gateway's core."""
    with ExitStack() as exits:
        with cores.spawn(gateway=True):
            running = exits.enter_context(process(folder, name, arguments, environment, _START_S))
        yield running

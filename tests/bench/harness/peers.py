"""Other gateways, each from its registry (scripts/_peers.sh), in front of the same upstream.

They do the same as ours where they can; a system's note says what they do and what not.
"""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from bench.harness.driver import Target
from bench.harness.machine import Cores
from bench.harness.system import EMBED, STREAM, UNARY, System

KEY = "sk-bench-0123456789abcdef"
_START_S = 120.0
_ALL = frozenset({UNARY, STREAM, EMBED})
_LITELLM_AUTH = f"""from litellm.proxy._types import UserAPIKeyAuth


async def authenticate(request, api_key):
    if api_key != {KEY!r}:
        raise PermissionError("no such key")
    return UserAPIKeyAuth(api_key=api_key, rpm_limit=10**9)
"""


def free_port() -> int:
    """A port that was free a moment ago, for programs that take none by themselves."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def installed(peer: str) -> Path | None:
    """Where scripts/_peers.sh has put it; None where it could not be had."""
    found = os.environ.get(f"HEDGEROW_BENCH_{peer.upper()}", "")
    return Path(found) if found and Path(found).exists() else None


@contextmanager
def _running(
    cores: Cores, command: Sequence[str], folder: Path, environment: Mapping[str, str], target: Target
) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / "log"
    with log.open("wb") as output, cores.spawn(gateway=True):
        running = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder, env={**os.environ, **environment}, start_new_session=True
        )
    try:
        until = time.monotonic() + _START_S
        while not _answers(target):
            if running.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.2)
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _answers(target: Target) -> bool:
    body = json.dumps({"model": "bench-unary", "messages": [{"role": "user", "content": "hello"}]}).encode()
    headers = dict(line.split(": ", 1) for line in target.headers.splitlines())
    headers |= {"content-type": "application/json", "authorization": f"Bearer {target.token}"}
    asked = urllib.request.Request(f"{target.address}/v1/chat/completions", body, headers)
    with suppress(OSError), urllib.request.urlopen(asked, timeout=10) as answer:
        return bool(answer.status == 200)
    return False


@contextmanager
def litellm(program: Path, mock_url: str, cores: Cores) -> Iterator[System]:
    """LiteLLM's proxy, one worker."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as at:
        folder, port = Path(at), free_port()
        (folder / "bench_auth.py").write_text(_LITELLM_AUTH)
        upstream = {"model": "openai/*", "api_base": f"{mock_url}/v1", "api_key": "sk-upstream"}
        config = {
            "model_list": [{"model_name": "*", "litellm_params": upstream}],
            "general_settings": {"custom_auth": "bench_auth.authenticate"},
            "litellm_settings": {"num_retries": 0},
        }
        (folder / "config.yaml").write_text(json.dumps(config))
        target = Target("openai", f"http://127.0.0.1:{port}", KEY, connections=1024)
        environment = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": "sk-" + os.urandom(24).hex(),
            "LITELLM_LOG": "ERROR",
            "PATH": f"{program.parent}:{os.environ.get('PATH', '')}",
        }
        command = [str(program), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--num_workers", "1", "--telemetry", "False"]
        with _running(cores, command, folder, environment, target) as running:
            yield System(
                "litellm",
                f"LiteLLM proxy {os.environ['HEDGEROW_BENCH_LITELLM_VERSION']}",
                running.pid,
                target,
                _ALL,
                "key auth and a limit of requests a minute, in memory; one uvicorn worker; no ledger, which would need "
                "a database; request logs off",
            )


@contextmanager
def portkey(program: Path, mock_url: str, cores: Cores) -> Iterator[System]:
    """Portkey's open-source gateway."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as at:
        port = free_port()
        headers = f"x-portkey-provider: openai\nx-portkey-custom-host: {mock_url}/v1"
        target = Target("openai", f"http://127.0.0.1:{port}", KEY, headers=headers, connections=1024)
        command = ["node", str(program), f"--port={port}", "--headless"]
        # Its guard against requests to addresses of the own network has to let the upstream through.
        environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
        with _running(cores, command, Path(at), environment, target) as running:
            yield System(
                "portkey",
                f"Portkey gateway {os.environ['HEDGEROW_BENCH_PORTKEY_VERSION']}",
                running.pid,
                target,
                _ALL,
                "no key auth, no quota, no ledger: its open-source gateway has none, and hands the caller's key on",
            )


@contextmanager
def envoy(program: Path, mock_url: str, cores: Cores) -> Iterator[System]:
    """A bare Envoy as a proxy over HTTP/1.1, with API keys and a local rate limit, one worker thread."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as at:
        folder, port = Path(at), free_port()
        (folder / "envoy.json").write_text(json.dumps(_envoy_config(port, int(mock_url.rpartition(":")[2]))))
        target = Target("openai", f"http://127.0.0.1:{port}", KEY, connections=1024)
        command = [str(program), "-c", "envoy.json", "--concurrency", "1", "--use-dynamic-base-id", "-l", "warning"]
        with _running(cores, command, folder, {}, target) as running:
            yield System(
                "envoy",
                f"Envoy {os.environ['HEDGEROW_BENCH_ENVOY_VERSION']}",
                running.pid,
                target,
                _ALL,
                "API key and local rate limit; knows nothing of models, tokens or money: a floor, no gateway to LLMs",
            )


def _envoy_config(port: int, upstream: int) -> dict[str, object]:
    def typed(name: str, **more: object) -> dict[str, object]:
        return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **more}

    def address(number: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    keys = typed(
        "filters.http.api_key_auth.v3.ApiKeyAuth",
        credentials=[{"key": KEY, "client": "bench"}],
        key_sources=[{"header": "authorization"}],
    )
    whole = {"numerator": 100, "denominator": "HUNDRED"}
    limit = typed(
        "filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="bench",
        token_bucket={"max_tokens": 4_000_000_000, "tokens_per_fill": 4_000_000_000, "fill_interval": "60s"},
        filter_enabled={"default_value": whole},
        filter_enforced={"default_value": whole},
    )
    filters = [
        {"name": "envoy.filters.http.api_key_auth", "typed_config": keys},
        {"name": "envoy.filters.http.local_ratelimit", "typed_config": limit},
        {"name": "envoy.filters.http.router", "typed_config": typed("filters.http.router.v3.Router")},
    ]
    route = {"match": {"prefix": "/"}, "route": {"cluster": "mock", "timeout": "0s"}}
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="bench",
        http_filters=filters,
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    )
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    many = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}
    cluster = {
        "name": "mock",
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [many]},
        "load_assignment": {
            "cluster_name": "mock",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}],
        },
    }
    listener = {"name": "bench", "address": address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


GATEWAYS: Mapping[str, Callable[[Path, str, Cores], AbstractContextManager[System]]] = {
    "litellm": litellm,
    "portkey": portkey,
    "envoy": envoy,
}

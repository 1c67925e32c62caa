"""Imported configurations at work: a router that is started with one answers calls through the simulator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hedgerow_client import Client, chat
from hedgerow_client.cli.verbs import build
from stack import KEY, Process, router, simulator
from typer.testing import CliRunner

DOORS = {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")}


@pytest.fixture(scope="module")
def sim_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("sim")) as running:
        yield f"http://{running.addresses['http']}"


@contextmanager
def imported(
    folder: Path, gateway: str, document: dict[str, Any], *options: str, **environment: str
) -> Iterator[Process]:
    """A router with what the command makes of a document."""
    source = folder / "source.json"
    source.write_text(json.dumps(document))
    done = CliRunner().invoke(build(), ["import", gateway, str(source), *options], catch_exceptions=False)
    config = yaml.safe_load(done.stdout)
    with router(folder, {"server": {**DOORS, "http": None}, **config}, **environment) as running:
        yield running


def answered(running: Process, model: str) -> tuple[str, str]:
    """Who answers, and what."""
    with Client(running.addresses["grpc"], timeout=30) as client:
        response = client.complete(chat(model, "hi"))
    return response.provider, "".join(part.text for part in response.message.content)


def test_a_router_with_litellms_models_answers_and_falls_back(sim_url: str, tmp_path: Path) -> None:
    def model(name: str, of: str, base: str) -> dict[str, Any]:
        return {"model_name": name, "litellm_params": {"model": of, "api_base": base, "api_key": "os.environ/SIM"}}

    document = {
        "model_list": [
            model("fast", "openai/gpt-4o-mini", f"{sim_url}/v1"),
            model("down", "openai/sim-503", f"{sim_url}/v1"),
            model("claude", "anthropic/claude-sonnet-4-5", sim_url),
            model("all/*", "openai/*", f"{sim_url}/v1"),
        ],
        "router_settings": {"fallbacks": [{"down": ["claude"]}], "model_group_alias": {"gpt-4": "fast"}},
    }
    with imported(tmp_path, "litellm", document, SIM=KEY) as running:
        assert answered(running, "fast")[1]
        assert answered(running, "gpt-4")[0] == "openai"
        assert answered(running, "down")[0] == "anthropic"
        assert answered(running, "all/gpt-4.1")[0] == "openai"


def test_a_router_with_portkeys_targets_answers_and_falls_back(sim_url: str, tmp_path: Path) -> None:
    def target(provider: str, model: str, host: str) -> dict[str, Any]:
        return {"provider": provider, "custom_host": host, "override_params": {"model": model}}

    document = {
        "strategy": {"mode": "fallback"},
        "targets": [
            target("openai", "sim-503", f"{sim_url}/v1"),
            target("anthropic", "claude-sonnet-4-5", f"{sim_url}/v1"),
        ],
    }
    keys = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    with imported(tmp_path, "portkey", document, "--route", "assistant", **keys) as running:
        assert answered(running, "assistant")[0] == "anthropic"

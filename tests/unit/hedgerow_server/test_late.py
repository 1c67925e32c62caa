"""What is imported when a configuration needs it. Each in a process of its own, which has imported nothing."""

import json
import subprocess
import sys
from typing import Any

import pytest

SLOW = ("aiohttp", "httpx", "jwt", "numpy", "usearch")
LOCAL = {"dialect": "ollama", "base_url": "http://127.0.0.1:9"}
JWT = {"issuers": [{"issuer": "https://issuer.example", "audiences": ["hedgerow"], "tenant": "acme"}]}


def route(kind: str) -> dict[str, Any]:
    return {"kind": kind, "candidates": [{"provider": "local", "model": "m"}]}


CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set()),
    "aiohttp": ({"providers": {"local": {**LOCAL, "transport": "aiohttp"}}}, {"aiohttp"}),
    "httpx": ({"providers": {"local": {**LOCAL, "transport": "httpx"}}}, {"httpx"}),
    "tokens": ({"identity": {"jwt": JWT}}, {"jwt"}),
    "http": ({"server": {"http": {"listen": "127.0.0.1:0"}}}, set()),
    "vectors-over-http": (
        {"server": {"http": {"listen": "127.0.0.1:0"}}, "routes": {"m": route("embed")}},
        {"numpy"},
    ),
}
PROGRAM = """
import json, sys
from hedgerow_server.late import load
from hedgerow_server.settings import Settings
load(Settings.model_validate(json.loads(sys.argv[1])))
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


@pytest.mark.parametrize("name", CASES)
def test_what_a_configuration_needs_is_there_before_it_serves_and_nothing_else(name: str) -> None:
    sections, expected = CASES[name]
    given = {"providers": {"local": LOCAL}, "routes": {"m": route("chat")}, **sections}
    command = [sys.executable, "-c", PROGRAM, json.dumps(given), json.dumps(SLOW)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == expected

"""The simulator is truthful: each vendor's own SDK talks to it as to the vendor.

What is checked stands in `sdk_<vendor>.py`, which run in an environment of their own.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sdks import environment
from unit.hedgerow_sim.harness import KEY, Sim, running

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

_PROMISED = {"chat", "stream", "tool", "errors"}
_EMBEDDERS = {"openai", "google", "cohere", "boto3", "mistral"}
_TIMEOUT_S = 100


@pytest.fixture(scope="session")
async def interpreter() -> str:
    """The interpreter that has the SDKs."""
    return await asyncio.to_thread(environment.python)


@pytest.fixture
async def locked_sim() -> AsyncIterator[Sim]:
    """A simulator that wants a key."""
    async with running(key=KEY) as sim:
        yield sim


async def _run(interpreter: str, vendor: str, sim: Sim, home: Path) -> list[str]:
    """Runs a script; gives the names of what it did. Its own environment keeps a developer's settings out."""
    script = Path(__file__).with_name(f"sdk_{vendor}.py")
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1"}
    process = await asyncio.create_subprocess_exec(
        *(interpreter, str(script), sim.url, KEY),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=own,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), _TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    done: list[str] = json.loads(output.splitlines()[-1])
    return done


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "google", "cohere", "boto3", "mistral"])
async def test_the_vendors_sdk_is_content(interpreter: str, locked_sim: Sim, tmp_path: Path, vendor: str) -> None:
    """It chats, streams, calls a tool, embeds where the vendor does, and raises its own errors."""
    done = await _run(interpreter, vendor, locked_sim, tmp_path)
    assert set(done) >= _PROMISED | ({"embed"} if vendor in _EMBEDDERS else set())
    totals = (await locked_sim.book())["totals"]
    assert totals["completed"] > 0
    assert totals["open"] == 0

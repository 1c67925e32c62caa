"""The simulator as its own process."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from unit.hedgerow_sim.harness import CHAT, HELLO

_SIM = (sys.executable, "-m", "hedgerow_sim")


@contextlib.asynccontextmanager
async def _process(ports: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A simulator on a free port, and its URL."""
    process = await asyncio.create_subprocess_exec(
        *_SIM, "--listen", "127.0.0.1:0", "--ports-file", str(ports), *options, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(30):
            while (address := _address(ports)) is None:
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield process, f"http://{address}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _address(ports: Path) -> str | None:
    return json.loads(ports.read_text())["http"] if ports.exists() else None


async def _run(*options: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *_SIM, *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_at_once_and_cleanly_though_a_call_is_open(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with _process(tmp_path / "ports.json") as (process, url), aiohttp.ClientSession() as http:
        body = {"model": "sim-stall", "messages": HELLO, "stream": True}
        async with http.post(url + CHAT, json=body) as answer:
            await answer.content.readany()
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_help_names_the_options_and_the_behaviours() -> None:
    status, text = await _run("--help")
    assert status == 0
    for word in ("--listen", "--ports-file", "--replay", "--law", "--api-key", "--seed", "sim-stall", "/_sim/book"):
        assert word in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "nowhere"), "HOST:PORT"),
        (("--law", "slowly"), "gpt-4o-like"),
        (("--replay", "/nonexistent"), "does not exist"),
        (("--replay-only",), "--replay"),
    ],
)
async def test_a_bad_option_is_explained(options: tuple[str, ...], said: str) -> None:
    status, text = await _run(*options)
    assert status == 2
    assert said in text


async def test_a_port_in_use_is_a_plain_error(tmp_path: Path) -> None:
    async with _process(tmp_path / "ports.json") as (_, url):
        status, text = await _run("--listen", url.removeprefix("http://"))
    assert status == 1
    assert "cannot listen" in text
    assert "Traceback" not in text


async def test_a_certificate_that_nobody_trusts_serves_https(tmp_path: Path) -> None:
    chain = _self_signed(tmp_path / "chain.pem")
    async with _process(tmp_path / "ports.json", "--tls-cert", str(chain)) as (_, url), aiohttp.ClientSession() as http:
        https = url.replace("http://", "https://") + CHAT
        body = {"model": "gpt-4o", "messages": HELLO}
        async with http.post(https, json=body, ssl=False) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.post(https, json=body)


def _self_signed(file: Path) -> Path:
    """A certificate for 127.0.0.1, with its key, in one file."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout - -out -"
    made = subprocess.run(command.split(), check=True, capture_output=True)
    file.write_bytes(made.stdout)
    return file

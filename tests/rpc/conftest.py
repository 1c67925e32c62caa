"""Fixtures of the tests that go through a router's real doors."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rpc.caller import Door, connected
from stack import ALARM, Process, Stack, configuration, router, with_engine

StartRouter = Callable[..., AbstractContextManager[Process]]
FailedStart = Callable[..., str]


@contextmanager
def without_faults(router: Process) -> Iterator[None]:
    """Fails afterwards where the router's log tells of a fault of its own: none of these tests may cause one."""
    yield
    lines = [line for line in router.log.read_text(errors="replace").splitlines() if ALARM not in line]
    assert [line for line in lines if "Traceback" in line or " ERROR " in line or '"code":"INTERNAL"' in line] == []


@pytest.fixture(scope="session", name="door")
def door_fixture(stack: Stack) -> Iterator[Door]:
    """The shared stack on the default transport."""
    with connected(stack.router.addresses) as caller, without_faults(stack.router):
        yield Door(stack, caller)


@pytest.fixture(scope="session")
def httpx_door(httpx_stack: Stack) -> Iterator[Door]:
    """The shared stack on httpx."""
    with connected(httpx_stack.router.addresses) as caller, without_faults(httpx_stack.router):
        yield Door(httpx_stack, caller)


@pytest.fixture(scope="session")
def aiohttp_door(aiohttp_stack: Stack) -> Iterator[Door]:
    """The shared stack on aiohttp."""
    with connected(aiohttp_stack.router.addresses) as caller, without_faults(aiohttp_stack.router):
        yield Door(aiohttp_stack, caller)


@pytest.fixture(params=["thin", "httpx", pytest.param("aiohttp", marks=pytest.mark.long)])
def either(request: pytest.FixtureRequest) -> Door:
    """The shared stacks, one after the other: once for each upstream transport, the default one first."""
    found: Door = request.getfixturevalue({"thin": "door"}.get(request.param, f"{request.param}_door"))
    return found


@pytest.fixture(scope="session")
def start_router(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> StartRouter:
    """Starts a router of one's own on the shared simulator; `server` and further arguments replace sections,
    `environment` is added to the process's own.
    """

    @contextmanager
    def start(
        *, server: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **sections: Any
    ) -> Iterator[Process]:
        config: dict[str, Any] = configuration(stack.sim_url, stack.sim_url, **sections)
        config["server"] |= server or {}
        given = {"HEDGEROW_TEST_BAD_KEY": "sk-other-0000", **(environment or {})}
        with router(tmp_path_factory.mktemp("own"), config, **given) as running, without_faults(running):
            yield running

    return start


@pytest.fixture
def failed_start(stack: Stack, tmp_path: Path) -> FailedStart:
    """Starts a router that must not come up: with exit status 1 and one line, which it gives. `identity` is that
    section; None: whoever calls is let in, which is what most of these tests are not about.
    """

    def start(server: dict[str, Any], identity: dict[str, Any] | None = None) -> str:
        config: dict[str, Any] = configuration(stack.sim_url, stack.sim_url)
        config["server"] |= server
        config["identity"] = {"allow_unauthenticated": True} if identity is None else identity
        path = tmp_path / "router.yaml"
        path.write_text(yaml.safe_dump(with_engine(config)))
        command = [sys.executable, "-m", "hedgerow_server", "serve", str(path)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        return line

    return start

"""Reloads under load: not one call fails, whatever stands in the file meanwhile."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from hedgerow_client import Client, FailedPreconditionError, HedgerowError, NotFoundError, UnavailableError, chat
from hedgerow_client.admin import AdminClient
from rpc.caller import eventually
from rpc.conftest import without_faults
from stack import FORGIVING, KEY, Process, Stack, router, with_engine

RELOADS, RELOADS_LONG = 30, 100


def _bomb(n: int) -> str:
    """A line of YAML that stands for nine times as much as the one before."""
    return f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n"


BROKEN: dict[str, Callable[[str], str]] = {
    "not YAML": lambda good: f"{good}\nroutes: [",
    "half a file": lambda good: good[: len(good) // 2],
    "empty": lambda _: "",
    "unknown provider": lambda good: good.replace("provider: steady", "provider: nowhere"),
    "unknown key": lambda good: f"{good}\nrouts: {{}}\n",
    "huge": lambda good: good + "#" * (33 << 20),
    "bombs": lambda good: good + "\na0: &a0 [1, 1]\n" + "".join(map(_bomb, range(9))),
}


def config(sim_url: str, number: int = 0, **sections: Any) -> dict[str, Any]:
    """A configuration that differs with its number: a provider changes, one route comes and another goes."""

    def provider(**more: Any) -> dict[str, Any]:
        return {"dialect": "openai", "base_url": f"{sim_url}/v1", "credential": "sim", **more}

    def route(name: str, model: str) -> dict[str, Any]:
        return {"kind": "chat", "candidates": [{"provider": name, "model": model}]}

    return {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
        "credentials": {"sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"}},
        "providers": {"steady": provider(), "moving": provider(idle_timeout_seconds=20.0 + number)},
        "routes": {
            "steady": route("steady", "gpt-4o-mini"),
            "moving": route("moving", "gpt-4o-mini"),
            "paced": route("moving", "sim-tokens-20-50"),
            "star/*": {"kind": "any", "candidates": [{"provider": "moving", "model": "*"}]},
            f"only-{number}": route("steady", "gpt-4o-mini"),
        },
        "breaker": FORGIVING,
        "telemetry": {"call_log": False},
        **sections,
    }


class Running:
    """A router of one's own, its file and its admin door."""

    def __init__(self, process: Process, path: Path, admin: AdminClient, sim_url: str) -> None:
        self.process = process
        self.path = path
        self.admin = admin
        self.sim_url = sim_url
        self._numbers = itertools.count(1)

    def number(self) -> int:
        """The number of a configuration that there was not before."""
        return next(self._numbers)

    def write(self, text: str) -> None:
        """Puts another file in the place of the old one."""
        fresh = self.path.with_name("fresh")
        fresh.write_text(text)
        fresh.replace(self.path)

    def settings(self, number: int, **sections: Any) -> str:
        """The text of a configuration."""
        return yaml.safe_dump(with_engine(config(self.sim_url, number, **sections)), sort_keys=False)

    def errors(self) -> int:
        """How many errors the log tells of."""
        return self.process.log.read_text().count(" ERROR ")

    def hash(self) -> str:
        """The hash of what is in force."""
        return self.admin.get_config().hash

    def becomes_another(self, before: str) -> None:
        """Waits until another configuration is in force."""
        eventually(lambda: self.hash() != before, "another configuration", 30)


@contextmanager
def started(stack: Stack, folder: Path) -> Iterator[Running]:
    """A router in front of the shared simulator."""
    with ExitStack() as exits:
        process = exits.enter_context(router(folder, config(stack.sim_url), HEDGEROW_TEST_KEY=KEY))
        admin = exits.enter_context(AdminClient(process.addresses["admin_grpc"], timeout=60))
        yield Running(process, folder / "router.yaml", admin, stack.sim_url)


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests that do not end it: each puts configurations of its own in force."""
    with started(stack, tmp_path_factory.mktemp("reload")) as found:
        yield found


class Load:
    """Callers that go on calling; `failures` is what went wrong, `done` how many calls were served by each."""

    def __init__(self, target: str) -> None:
        self.failures: list[str] = []
        self.done: dict[str, int] = {}
        self._target = target
        self._over = threading.Event()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Calls until it is left."""
        jobs = [(name, stream) for name in ("steady", "moving", "star/gpt-4o-mini") for stream in (False, True)]
        threads = [threading.Thread(target=self._call, args=job) for job in (*jobs, ("paced", True), ("paced", True))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in threads)

    def _call(self, model: str, stream: bool) -> None:
        key = f"{model} {'stream' if stream else 'unary'}"
        with Client(self._target, timeout=30) as client:
            while not self._over.is_set():
                try:
                    if stream:
                        client.stream(chat(model, "hi")).collect()
                    else:
                        client.complete(chat(model, "hi"))
                except HedgerowError as error:
                    self.failures.append(f"{key}: {error!r}")
                self.done[key] = self.done.get(key, 0) + 1


@pytest.mark.slow
def test_no_call_fails_while_the_configuration_is_reloaded_again_and_again(
    running: Running, request: pytest.FixtureRequest
) -> None:
    """By RPC, by SIGHUP and by the file alone in turn; in between come files that are of no use."""
    earlier = running.admin.get_config().reloads_count
    load = Load(running.process.addresses["grpc"])
    broken = list(BROKEN.items())
    reloads = RELOADS_LONG if request.config.getoption("--long") else RELOADS
    with load.on():
        for _ in range(reloads):
            number = running.number()
            before = running.hash()
            if number % 10 == 0:
                _, spoil = broken[number // 10 % len(broken)]
                running.write(spoil(running.settings(number)))
                with pytest.raises(FailedPreconditionError):
                    running.admin.reload()
                assert running.hash() == before
            running.write(running.settings(number))
            if number % 3 == 0:
                running.admin.reload()
            elif number % 3 == 1:
                running.process.popen.send_signal(signal.SIGHUP)
            running.becomes_another(before)
    assert load.failures == []
    assert len(load.done) == 7
    assert all(calls >= 2 for calls in load.done.values()), load.done
    told = running.admin.get_config()
    assert told.reloads_count == earlier + reloads
    assert told.last_error == ""
    # All was read by one process; those of the files that took too long or too much would have been replaced.
    assert len(psutil.Process(running.process.popen.pid).children()) == 1
    assert "Traceback" not in running.process.log.read_text()


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_is_of_no_use_leaves_the_last_good_one_in_force(running: Running, how: str) -> None:
    """The call says so with file, line and key, the state and the log as well, and once only for each change."""
    number, earlier, lines = running.number(), running.admin.get_config(), running.errors()
    running.write(BROKEN[how](running.settings(number)))
    with pytest.raises(FailedPreconditionError) as caught:
        running.admin.reload()
    assert caught.value.reason == "ERROR_REASON_CONFIG_INVALID"
    assert caught.value.metadata["file"] == str(running.path)
    assert caught.value.field_violations
    told = running.admin.get_config()
    assert told.failed_reloads_count > earlier.failed_reloads_count
    assert told.hash == earlier.hash
    assert str(running.path) in told.last_error
    assert told.last_error_time.seconds > 0
    with pytest.raises(FailedPreconditionError):
        running.admin.reload()
    assert running.errors() == lines + 1
    with Client(running.process.addresses["grpc"], timeout=30) as client:
        client.complete(chat("steady", "hi"))
        with pytest.raises(NotFoundError):
            client.complete(chat(f"only-{number}", "hi"))
    running.write(running.settings(number))
    running.becomes_another(earlier.hash)
    assert running.admin.get_config().last_error == ""


def test_a_dry_run_finds_the_faults_of_a_file(running: Running) -> None:
    running.write(BROKEN["unknown provider"](running.settings(running.number())))
    with pytest.raises(FailedPreconditionError) as caught:
        running.admin.reload(dry_run=True)
    assert "expected an entry of providers" in caught.value.field_violations[0].description


def test_kubernetes_turning_a_link_is_a_change(stack: Stack, tmp_path: Path) -> None:
    """The file is a link to a link to a folder, and only the second one changes: see AtomicWriter."""
    for number in range(2):
        (tmp_path / f"..v{number}").mkdir()
        text = yaml.safe_dump(config(stack.sim_url, number))
        (tmp_path / f"..v{number}" / "mounted.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..v0")
    (tmp_path / "mounted.yaml").symlink_to("..data/mounted.yaml")
    with serving(tmp_path, tmp_path / "mounted.yaml") as (process, admin):
        before = admin.get_config().hash
        (tmp_path / "..next").symlink_to("..v1")
        (tmp_path / "..next").replace(tmp_path / "..data")
        eventually(lambda: admin.get_config().hash != before, "another configuration", 30)
        with Client(process.addresses["grpc"], timeout=30) as client:
            client.complete(chat("only-1", "hi"))


@contextmanager
def serving(folder: Path, path: Path) -> Iterator[tuple[Process, AdminClient]]:
    """A router with a file that is there."""
    from stack import process

    arguments = ["-m", "hedgerow_server", "serve", str(path)]
    with (
        process(folder, "mounted", arguments, {"HEDGEROW_TEST_KEY": KEY}) as found,
        AdminClient(found.addresses["admin_grpc"], timeout=60) as admin,
        without_faults(found),
    ):
        yield found, admin


def test_keys_that_need_a_restart_are_named_and_the_rest_takes_effect(stack: Stack, tmp_path: Path) -> None:
    server = config(stack.sim_url)["server"] | {"grpc": {"listen": "127.0.0.1:1"}, "drain_seconds": 7.0}
    with started(stack, tmp_path) as running:
        before = running.hash()
        running.write(running.settings(1, server=server))
        running.becomes_another(before)
        assert list(running.admin.get_config().restart_keys) == ["server.grpc.listen"]
        with Client(running.process.addresses["grpc"], timeout=30) as client:
            client.complete(chat("only-1", "hi"))
        running.admin.reload()
        (child,) = psutil.Process(running.process.popen.pid).children()
        assert running.process.stop() == 0
        assert "open calls get 7 s" in running.process.log.read_text()
        assert not child.is_running()


def test_a_secret_that_is_not_to_be_had_stops_the_reload(running: Running) -> None:
    credentials = {"sim": {"source": "env", "variable": "HEDGEROW_TEST_NO_SUCH_KEY"}}
    before = running.hash()
    running.write(running.settings(running.number(), credentials=credentials))
    with pytest.raises(UnavailableError) as caught:
        running.admin.reload()
    assert (caught.value.reason, caught.value.metadata["credential"]) == ("ERROR_REASON_CREDENTIAL_UNAVAILABLE", "sim")
    assert "HEDGEROW_TEST_NO_SUCH_KEY" in running.admin.get_config().last_error
    assert running.hash() == before
    with Client(running.process.addresses["grpc"], timeout=30) as client:
        client.complete(chat("steady", "hi"))


def test_a_stream_that_began_before_a_reload_ends_after_it(running: Running) -> None:
    """Its provider's section has changed, so its connection is not one of the new edition."""
    with Client(running.process.addresses["grpc"], timeout=30) as client, client.stream(chat("paced", "hi")) as stream:
        next(event for event in stream if event.WhichOneof("event") == "text_delta")
        before = running.hash()
        running.write(running.settings(running.number()))
        running.admin.reload()
        assert running.hash() != before
        rest = list(stream)
    assert rest[-1].WhichOneof("event") == "completed"


def test_the_reading_process_ends_with_a_router_that_is_killed(stack: Stack, tmp_path: Path) -> None:
    with started(stack, tmp_path) as running:
        running.admin.reload()
        (child,) = psutil.Process(running.process.popen.pid).children()
        os.kill(running.process.popen.pid, signal.SIGKILL)
        running.process.popen.wait(10)
        eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "its end")

"""The router of the version before this one, from the history of the checkout, beside the present one on one store."""

import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hedgerow_client.admin import AdminClient
from money.counter import configuration
from postgres import PASSWORD_VARIABLE, PostgresServer
from rpc.access import CREDENTIALS, ENVIRONMENT, OPERATOR, identity
from rpc.caller import Caller, connected
from stack import ROOT, Process, router

BEFORE_THE_FIRST = "a3b9291100405abe79123f78f267bc97c388da76"
"""What stands for the version before as long as nothing has been released: its store is four steps behind."""
MISSING = "the version before is not in this checkout: git fetch --unshallow --tags"
LIMIT = 7
"""Calls of the route `few` that all routers together allow."""
_PARTS = ("services", "gen/python", "protos", "third_party", "buf.yaml")
_GIT_S = 60


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=_GIT_S)
    return done.stdout.strip()


def revision() -> str:
    """The newest release that is not the present commit; skips where the history is not here."""
    try:
        tags = _git("tag", "--list", "v[0-9]*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-version:refname")
        return _git("rev-parse", "--verify", f"{tags.partition(chr(10))[0] or BEFORE_THE_FIRST}^{{commit}}")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(MISSING)


def unpacked(folder: Path) -> Path:
    """Its services, generated code and contract, in a new folder."""
    archive, made = folder / "previous.tar", folder / "previous"
    _git("archive", f"--output={archive}", revision(), *_PARTS)
    with tarfile.open(archive) as files:
        files.extractall(made, filter="data")
    return made


@dataclass
class Store:
    """What routers share: a SQLite file, or a database of a server."""

    name: str
    section: dict[str, Any]
    file: Path | None
    ask: Callable[[str], list[str]]
    """Rows of a query with one column."""
    environment: dict[str, str]


def sqlite_store(folder: Path) -> Store:
    """In a file that is not there yet."""
    file = folder / "hedgerow.db"

    def ask(sql: str) -> list[str]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return [str(row[0]) for row in connection.execute(sql)]

    # Routers that write at once wait for each other.
    return Store("sqlite", {"path": str(file), "busy_timeout_seconds": 2.0}, file, ask, {})


def postgres_store(server: PostgresServer) -> Store:
    """In a new database."""
    name = server.database()
    section = {"postgres": server.section(name).model_dump(mode="json", exclude_defaults=True)}
    environment = {PASSWORD_VARIABLE: server.password}
    return Store("postgres", section, None, lambda sql: server.execute(sql, name).split(), environment)


@dataclass
class Side:
    """A running router and connections to its doors."""

    process: Process
    caller: Caller
    admin: AdminClient


class Pair:
    """How to start a router of either version: with one configuration, which both understand."""

    def __init__(self, folder: Path, previous: Path, sim_url: str, store: Store, redis_url: str) -> None:
        self.sim_url, self.store = sim_url, store
        self._folder, self._redis_url = folder, redis_url
        self._path = {"old": f"{previous / 'services'}:{previous / 'gen' / 'python'}", "new": ""}
        self._starts = 0

    @contextmanager
    def running(self, version: str, spool: str = "") -> Iterator[Side]:
        """A router; `spool` names the folder in which its records wait, by default one of its own."""
        self._starts += 1
        name = f"{version}-{self._starts}"
        environment = {**ENVIRONMENT, **self.store.environment}
        if self._path[version]:
            environment["PYTHONPATH"] = self._path[version]
        with ExitStack() as exits:
            process = exits.enter_context(
                router(self._folder, self._config(self._folder / (spool or f"{name}-spool")), name, **environment)
            )
            caller = exits.enter_context(connected(process.addresses["grpc"]))
            admin = AdminClient(process.addresses["admin_grpc"], token=OPERATOR, timeout=30)
            yield Side(process, caller, exits.enter_context(admin))
            assert process.popen.poll() is not None or process.stop() == 0, process.log.read_text()
        faults = [line for line in process.log.read_text().splitlines() if "Traceback" in line or " ERROR " in line]
        assert faults == []

    def schema(self) -> int:
        """The version of the store's schema."""
        return int(self.store.ask("SELECT version FROM schema_state")[0])

    def _config(self, spool: Path) -> dict[str, Any]:
        made = configuration(self.sim_url, self._folder / "unused.db", spool=str(spool))
        del made["server"]["http"]
        few = {
            "name": "few",
            "by": ["model"],
            "match": {"model": ["few"]},
            "limits": [{"requests": LIMIT, "per": "day"}],
        }
        made["routes"]["few"] = made["routes"]["fast"]
        credentials = {**CREDENTIALS, **made["credentials"]}
        del credentials["bad"]
        if self.store.environment:
            credentials["store"] = {"source": "env", "variable": PASSWORD_VARIABLE}
        return {
            **made,
            "store": self.store.section,
            "credentials": credentials,
            "identity": identity([], roles={"app": {}, "operator": {"rpcs": [], "admin": ["*"]}}),
            "quotas": [few],
            # Patient: what is tried is not how busy the machine is.
            "sharing": {"redis": {"url": self._redis_url, "timeout_seconds": 1.0}, "replicas": 2},
        }

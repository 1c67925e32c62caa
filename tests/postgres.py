"""A real PostgreSQL on loopback, for tests: started once, with a database for each test that asks for one."""

import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.store.postgres import Postgres
from hedgerow_server.store.section import PostgresSection

MISSING = "PostgreSQL is not here: install the package postgresql, or run scripts/test as root on Debian"
"""How a test says why it is left out. CI does not take it."""
PASSWORD_VARIABLE = "HEDGEROW_TEST_STORE_PASSWORD"
_START_S = 30.0
_USER = "hedgerow"


class PostgresServer:
    """A running server. Its superuser logs in with a password."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self.host, self.port, self.user = "127.0.0.1", _free_port(), _USER
        self.password = secrets.token_hex(12)

    def create(self) -> None:
        """Makes the data folder."""
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        for path in (self._folder, password_file):
            if self._account is not None:
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        self._run(
            *("initdb", "--pgdata", str(self._data), "--username", _USER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        )

    def start(self, certificate: tuple[bytes, bytes] | None = None) -> None:
        """Starts it, on the port that it has always had, and waits until it answers. With a certificate and its key, as
        PEM, it speaks TLS with whoever wants to.
        """
        settings: dict[str, object] = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 60,
            "shared_buffers": "16MB",
            "log_min_messages": "fatal",
        }
        if certificate is not None:
            settings |= {"ssl": "on", **self._tls_files(*certificate)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                **self._as_account(),
            )
        deadline_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it at once, with all its connections."""
        if self._process is not None:
            self.thaw()
            # An immediate shutdown, in PostgreSQL's words.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_S)
            self._process = None

    def freeze(self) -> None:
        """Stops it as it is: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._signal(signal.SIGCONT)

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Runs statements and returns what they print, without headings."""
        address = f"postgresql://{self.user}@{self.host}:{self.port}/{database}"
        return self._run(
            *("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"),
            *("--command", sql, address),
            environment={"PGPASSWORD": self.password},
        )

    def database(self) -> str:
        """The name of a new database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def section(self, database: str, **more: Any) -> PostgresSection:
        """What a configuration would say of a database; `password` names the credential "store"."""
        where = {"host": self.host, "port": self.port, "user": self.user, "password": "store"}
        return PostgresSection.model_validate({**where, "database": database, **more})

    def opened(self, database: str, **more: Any) -> Postgres:
        """A store in a database, with keys of the section. Whoever asks for it closes it."""
        return Postgres(self.section(database, **more), lambda: Secret(self.password))

    def _tls_files(self, certificate: bytes, key: bytes) -> dict[str, Path]:
        files = {"ssl_cert_file": self._folder / "server.crt", "ssl_key_file": self._folder / "server.key"}
        for path, content in zip(files.values(), (certificate, key), strict=True):
            path.write_bytes(content)
            path.chmod(0o600)
            if self._account is not None:
                os.chown(path, self._account.pw_uid, self._account.pw_gid)
        return files

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except RuntimeError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        # Its children lead groups of their own, and may end at any time.
        first = psutil.Process(self._process.pid)
        for one in (first, *first.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _run(self, program: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            timeout=60,
            check=False,
            **self._as_account(),
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-2000:]}")
        return str(done.stdout).strip()


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server; skips where there is none to be had."""
    programs = _programs()
    if programs is None:
        pytest.skip(MISSING)
    # Not in pytest's folder, into which another account cannot look.
    with tempfile.TemporaryDirectory(prefix="hedgerow-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(programs, Path(folder))
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path | None:
    """The folder with its programs: on the PATH, or where Debian has them, the newest version first."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found is not None else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    needed = ("postgres", "initdb", "psql")
    return next((one for one in places if all((one / name).exists() for name in needed)), None)


def _account() -> pwd.struct_passwd | None:
    """Whom it runs as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no account but root's for PostgreSQL")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])

"""A real Redis on loopback, for tests."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MISSING = "Redis is not here: install the package redis-server, or run scripts/test as root on Debian"
"""How a test says why it is left out. CI does not take it."""
_START_S = 30.0


class RedisServer:
    """A running server without a password that keeps nothing on disk."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.host = "127.0.0.1"
        with socket.create_server((self.host, 0)) as one:
            self.port = int(one.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address, for clients."""
        return f"redis://{self.host}:{self.port}/0"

    def start(self) -> None:
        """Starts it, empty, on the port that it has always had, and waits until it answers."""
        options = {"bind": self.host, "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self._folder)}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._program, *arguments], stdout=log, stderr=log)
        deadline_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"Redis did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Ends it at once (SIGKILL): connections are reset, and what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_START_S)
            self._process = None

    def freeze(self) -> None:
        """Stops it as it is (SIGSTOP): connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self._signal(signal.SIGCONT)

    def empty(self, prefix: str = "hedgerow") -> None:
        """Holds nothing, as one that was there for long and never had any counts."""
        self.flush()
        self.ask("SET", f"{{{prefix}}}:since", "0")

    def flush(self) -> None:
        """Forgets all it holds."""
        answer = self.ask("FLUSHALL")
        if answer != "+OK":
            raise RuntimeError(f"Redis answered {answer!r}")

    def ask(self, *words: str) -> str:
        """The first line of the answer to a command, in Redis's own protocol (RESP2)."""
        command = f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        with socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall(command.encode())
            with connection.makefile("rb") as answer:
                return answer.readline().decode().rstrip("\r\n")

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.ask("PING") == "+PONG"
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@contextmanager
def running() -> Iterator[RedisServer]:
    """A server; skips where there is none to be had."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="hedgerow-redis-", ignore_cleanup_errors=True) as folder:
        server = RedisServer(program, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()

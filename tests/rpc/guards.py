"""Guards in processes of their own: the examples of the documentation."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "guardrails"


@dataclass
class RunningGuard:
    """A server of GuardrailService."""

    target: str
    """HOST:PORT."""
    popen: subprocess.Popen[str]

    def freeze(self) -> None:
        """It does nothing any more, and its connections stay open. Returns once all of its threads stand still."""
        self.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """It goes on."""
        self.popen.send_signal(signal.SIGCONT)


@contextmanager
def running(command: Sequence[str]) -> Iterator[RunningGuard]:
    """Starts a guard that says where it listens, and ends it in any case."""
    popen = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert popen.stdout is not None
        said = popen.stdout.readline()
        assert said.startswith("listening on "), said
        yield RunningGuard(said.removeprefix("listening on ").strip(), popen)
    finally:
        popen.kill()
        popen.communicate()


def words(*listed: str, listen: str = "127.0.0.1:0") -> list[str]:
    """The command of the example in Python that finds words."""
    return [sys.executable, str(EXAMPLES / "words.py"), "--listen", listen, *listed]


def presidio(analyzer: str, *more: str) -> list[str]:
    """The command of the example that asks Presidio."""
    return [sys.executable, str(EXAMPLES / "presidio.py"), "--listen", "127.0.0.1:0", "--analyzer", analyzer, *more]

"""The program that makes the load and plays the upstream, tests/bench/load, and what it says of a run."""

import itertools
import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness.machine import Cores

_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go, as tests/bench/load/call.go has it."""

    kind: str
    """grpc, openai or echo."""
    address: str
    """HOST:PORT, or a URL without a path."""
    token: str = ""
    tokens_file: str = ""
    headers: str = ""
    connections: int = 4
    retry: bool = False
    """Over gRPC: whether calls that are refused are made again when the gateway says."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call asks for."""

    kind: str
    """unary, stream or embed."""
    model: str
    models: int = 0
    prompt_bytes: int = 1024
    inputs: int = 0
    format: str = ""
    cancel_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How many calls, and how they come."""

    width: int = 16
    """How many at once, at most."""
    seconds: float = 0.0
    count: int = 0
    cap_per_s: float = 0.0
    """Of a closed loop: no more calls a second than these."""
    open_rate_per_s: float = 0.0
    """Of an open one: calls at random, so many a second."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a run."""

    ok: int
    failed: int
    pieces: int
    """Pieces of content in the streams that went well, as the upstream sent them."""
    messages: int
    seconds: float
    errors: Mapping[str, int]
    latency: Mapping[str, float]
    """Seconds by quantile: p50, p90, p99, p999 and max. Empty where nothing went well."""
    first: Mapping[str, float]
    """Until the first content of streams."""
    gap: Mapping[str, float]
    """Between a message with content and the next."""
    mock: Mapping[str, int]
    """What the upstream counted meanwhile."""


class Driver:
    """The running program. Commands run side by side; each waits for its own result."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self._ids = itertools.count(1)
        self._waiting: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        assert running.stdout is not None
        self.mock_url: str = json.loads(running.stdout.readline())["mock"]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Ends the program."""
        self._running.kill()
        self._running.wait()
        self._reader.join()
        for pipe in (self._running.stdin, self._running.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    @property
    def pid(self) -> int:
        """Of the program."""
        return self._running.pid

    def _read(self) -> None:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            answer = json.loads(line)
            self._waiting.pop(answer["id"]).put(answer)

    def _ask(self, op: str, patience_s: float = _PATIENCE_S, **more: Any) -> dict[str, Any]:
        assert self._running.stdin is not None
        with self._lock:
            number = next(self._ids)
            mine = self._waiting[number] = queue.Queue()
            self._running.stdin.write(json.dumps({"id": number, "op": op, **more}) + "\n")
            self._running.stdin.flush()
        try:
            return mine.get(timeout=patience_s)
        except queue.Empty:
            raise RuntimeError(f"the load did not end its {op} in {patience_s:g} s") from None

    def run(self, target: Target, ask: Ask, pace: Pace) -> Reading:
        """Makes calls and waits until they are over."""
        spec = {"target": asdict(target), "call": asdict(ask), **asdict(pace)}
        answer = self._ask("run", pace.seconds + _PATIENCE_S, run=spec)
        if "result" not in answer:
            raise RuntimeError(f"the load says: {answer.get('error')}")
        found = {key: value if value is not None else {} for key, value in answer["result"].items()}
        return Reading(**found)

    def hold(self, target: Target, ask: Ask, count: int) -> int:
        """Opens streams that stay open, and says how many did. Each has ten seconds for its first content."""
        spec = {"target": asdict(target), "call": asdict(ask), **asdict(Pace(width=64, count=count))}
        return int(self._ask("hold", _PATIENCE_S + count / 6, run=spec).get("opened", 0))

    def release(self) -> None:
        """Ends all streams that are held."""
        self._ask("release")


@contextmanager
def driver(cores: Cores) -> Iterator[Driver]:
    """Starts the program that HEDGEROW_BENCH_LOAD names."""
    program = os.environ.get("HEDGEROW_BENCH_LOAD", "")
    if not Path(program).is_file():
        raise SystemExit("The load generator is not here: start this by scripts/bench, which builds it (Go is needed).")
    # One thread of Go code: what it does costs least so, and its share of a core is what bounds it.
    environment = {**os.environ, "GOMAXPROCS": str(len(cores.load) if cores.load else 1), "GOGC": "400"}
    with cores.spawn(gateway=False):
        running = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1
        )
    made = Driver(running)
    try:
        yield made
    finally:
        made.close()

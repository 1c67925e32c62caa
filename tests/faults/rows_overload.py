"""Rows O3 to O5: a worker that crashes, machines that are short of something, and more calls than can be served."""

import os
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from faults.expect import check_answer
from faults.ground import Place
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from faults.rows_operation import own_router
from hedgerow.chat.v1 import event_pb2
from rpc.caller import Outcome, eventually, get
from rpc.crowd import all_serve, crowd, numbers, workers_of

LISTEN = {"listen": "127.0.0.1:0"}
SERVER: dict[str, Any] = dict.fromkeys(("grpc", "admin_grpc", "admin_http"), LISTEN)
OK, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE
OVERLOADED = "UNAVAILABLE OVERLOADED"
STEADY = Candidate("sim-tokens-4-50")
"""Takes some 200 ms, of which the router needs little."""
LONG = Candidate("sim-tokens-30-100")
BLOCKED_S = 2.0
FEW = 8
"""Calls that a router without memory still lets in."""
PLACES, QUIET_CALLS = 12, 10
TRIES = 40


def told(outcome: Outcome[Any]) -> str:
    """The code, and the reason of a refusal by the gateway."""
    known = outcome.trailer("grpc-status-details-bin") is not None
    return f"{outcome.code.name} {outcome.reason}" if known else outcome.code.name


def metric(place: Place, name: str) -> float:
    """The sum of a metric's samples."""
    return sum(numbers(place.ground.router, f"hedgerow_overload_{name}").values())


def ready(place: Place) -> bool:
    """Whether the router says so."""
    return get(f"http://{place.ground.router.addresses['admin_http']}/readyz")[0] == 200


def crashed(place: Place) -> Seen:
    """One of two workers is killed while calls are under way: those of its sibling go on, and it comes back. The log
    tells of it as a fault.
    """
    with own_router(place, ends=True, server={**SERVER, "workers": 2}) as own, crowd(own.ground.router, 2) as callers:
        with ThreadPoolExecutor(len(callers.callers)) as pool:
            calls = [pool.submit(own.chat, caller=one, grpc_only=True) for one in callers.callers]
            # The workers count their own.
            eventually(lambda: own.ground.book(own.names[0])["totals"]["open"] == len(calls), "all are under way")
            before = workers_of(own.ground.router)
            os.kill(before[0], signal.SIGKILL)
            ended = Counter(told(one.result()) for one in calls)
        assert set(ended) == {"OK", "UNAVAILABLE"}, ended
        eventually(lambda: workers_of(own.ground.router).get(0, before[0]) != before[0], "another has taken its place")
        all_serve(own.ground.router)
        assert workers_of(own.ground.router)[1] == before[1]
        outcome = own.chat(grpc_only=True)
        check_answer(own, outcome, event_pb2.FINISH_REASON_STOP)
    return Seen("UNAVAILABLE | OK", "a", note=f"of {len(calls)} calls {ended['OK']} were at the sibling, and went on")


def o3(mode: Mode) -> Iterator[Trial]:
    """A worker that ends without a word."""
    yield Trial("killed", (LONG,), crashed)


def short_of_memory(place: Place) -> Seen:
    """A router that has more than its limit lets a few calls in, refuses the others, and says that it is healthy."""
    memory = {"memory_bytes": 64 * 1024 * 1024}
    with own_router(place, server={**SERVER, "overload": memory}) as own:
        eventually(lambda: metric(own, "calls_limit") == FEW, "the router has looked at its memory")
        with ThreadPoolExecutor(3 * FEW) as pool:
            outcomes = list(pool.map(lambda _: own.chat(grpc_only=True), range(3 * FEW)))
        ended = Counter(told(one) for one in outcomes)
        assert set(ended) == {"OK", OVERLOADED}, ended
        assert ended["OK"] >= FEW - 1
        assert all(one.pushback_ms for one in outcomes if one.code is UNAVAILABLE)
        assert ready(own)
        assert metric(own, "grade") >= 2
    return Seen(OVERLOADED, "a | none", note=f"{ended['OK']} of {len(outcomes)} calls were let in at once")


def held_up(place: Place) -> Seen:
    """A process that stands still for 2 s, one that gets a third of the time, in pieces as a cgroup's quota gives it,
    and one that can open no further file: it refuses nothing, and serves again once it can, without a restart.
    """
    with own_router(place, server=SERVER) as own, ThreadPoolExecutor(20) as pool:
        check_answer(own, own.chat(grpc_only=True))
        process = own.ground.router.popen

        def call(times: int) -> list[Future[Outcome[Any]]]:
            return [pool.submit(own.chat, grpc_only=True) for _ in range(times)]

        process.send_signal(signal.SIGSTOP)
        try:
            calls = call(20)
            time.sleep(BLOCKED_S)
        finally:
            process.send_signal(signal.SIGCONT)
        _all_ok(calls)
        with _in_pieces(process.send_signal):
            _all_ok(call(20))
            assert ready(own)
        served = _out_of_files(own, process.pid)
        assert ready(own)
        assert metric(own, "refused_total") == 0
    return Seen("OK", "a", note=f"40 calls waited, none was refused; {served} of 10 without a file to open were served")


def _out_of_files(own: Place, pid: int) -> int:
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len([*Path(f"/proc/{pid}/fd").iterdir()]), before[1]))
    with ThreadPoolExecutor(10) as pool:
        ended = Counter(told(one) for one in pool.map(lambda _: own.chat(grpc_only=True), range(10)))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert set(ended) <= {"OK", "UNAVAILABLE PROVIDER_UNAVAILABLE"}, ended
    eventually(lambda: own.chat(grpc_only=True).code is OK, "calls are answered again")
    return ended["OK"]


@contextmanager
def _in_pieces(send: Callable[[int], None]) -> Iterator[None]:
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            send(signal.SIGSTOP)
            over.wait(0.06)
            send(signal.SIGCONT)
            over.wait(0.03)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _all_ok(calls: list[Future[Outcome[Any]]]) -> None:
    ended = Counter(told(one.result()) for one in calls)
    assert set(ended) == {"OK"}, ended


def o4(mode: Mode) -> Iterator[Trial]:
    """Short of memory, of time, of files."""
    yield Trial("memory", (STEADY,), short_of_memory)
    yield Trial("held-up", (HEALTHY,), held_up)


class Callers:
    """Callers that come back when they are told to, from somewhere."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.ended: Counter[str] = Counter()
        """Each try, by how it ended."""
        self.took_s: list[float] = []

    def call(self, host: str, over: threading.Event | None = None) -> bool:
        """Tries until it is answered, or until it is over."""
        for number in range(TRIES):
            metadata = [("x-forwarded-for", host)]
            if number:
                metadata.append(("grpc-previous-rpc-attempts", str(number)))
            since_s = time.monotonic()
            outcome = self._place.chat(grpc_only=True, metadata=metadata)
            self.ended[told(outcome)] += 1
            if outcome.code is OK:
                self.took_s.append(time.monotonic() - since_s)
                return True
            assert told(outcome) == OVERLOADED
            assert outcome.pushback_ms
            wait = over or threading.Event()
            if wait.wait(outcome.pushback_ms / 1000):
                break
        return False


def crowded(place: Place) -> Seen:
    """Callers for twice and five times the places that there are, all from different tenants, and then one tenant that
    has fifty calls for each of the others'.
    """
    proxies = {"networks": ["127.0.0.0/8"]}
    server = {**SERVER, "trusted_proxies": proxies, "overload": {"max_calls": PLACES}}
    with own_router(place, server=server) as own, ThreadPoolExecutor(5 * PLACES) as pool:
        told_all = [_too_many(own, pool, times) for times in (2, 5)]
        slower = _noisy(own, pool)
        eventually(lambda: metric(own, "grade") == 0, "it is over")
    note = f"{' and '.join(told_all)}; beside a noisy one the slowest quiet call took {slower:.2f} times as long"
    return Seen(f"{OVERLOADED} | OK", "a | none", note=note)


def _too_many(own: Place, pool: ThreadPoolExecutor, times: int) -> str:
    """All are answered in the end, and never more at once than there are places."""
    callers = Callers(own)
    calls = [pool.submit(callers.call, f"10.0.{number}.1") for number in range(times * PLACES)]
    eventually(lambda: callers.ended[OVERLOADED] or None, "as many have come as are let in, and more", 20)
    assert 0 < own.ground.running(own.names[0]) <= PLACES
    assert all(one.result() for one in calls), callers.ended
    return f"{len(calls)} calls after {callers.ended[OVERLOADED]} refusals"


def _noisy(own: Place, pool: ThreadPoolExecutor) -> float:
    """The others are never refused."""
    quiet, loud, over = Callers(own), Callers(own), threading.Event()

    def go_on() -> None:
        while not over.is_set():
            loud.call("10.0.0.1", over)

    for number in range(QUIET_CALLS // 2):
        assert quiet.call(f"10.0.1.{number % 2}")
    alone_s, quiet.took_s = max(quiet.took_s), []
    going = [pool.submit(go_on) for _ in range(50)]
    try:
        eventually(lambda: loud.ended[OVERLOADED] or None, "there are too many", 20)
        for number in range(QUIET_CALLS):
            assert quiet.call(f"10.0.1.{number % 2}")
    finally:
        over.set()
    for one in going:
        one.result()
    assert quiet.ended[OVERLOADED] == 0, quiet.ended
    return max(quiet.took_s) / alone_s


def o5(mode: Mode) -> Iterator[Trial]:
    """More calls than there are places."""
    yield Trial("crowded", (STEADY,), crowded)


CASES = [
    *row("O3", "a worker that crashes", o3, alone=True, modes=(Mode.STREAM,)),
    *row("O4", "short of memory, time or files", o4, alone=True, modes=(Mode.UNARY,)),
    *row("O5", "too many calls, a noisy tenant", o5, alone=True, modes=(Mode.STREAM,)),
]

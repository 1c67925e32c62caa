"""Rows O2 and O7: the end of a router with calls under way, and places for telemetry that take nothing."""

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from faults.expect import check_answer, check_told
from faults.ground import Place, waited, within
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from faults.rows_operation import own_router
from hedgerow.chat.v1 import event_pb2
from rpc.caller import eventually, get

OPEN = 40
"""Calls that are under way when the signal comes."""
CALLS = 10
GRACE_S = 1.0
DRAINED = "UNAVAILABLE DRAINING"
LOST, LINES_LOST = "hedgerow_spans_dropped_total", "hedgerow_log_lines_dropped_total"


def ending(place: Place, *, signals: int, grace_s: float, status: str) -> tuple[list[str], float]:
    """A router that gets SIGTERM, perhaps twice, while calls are under way; gives what each was told, and how long its
    end took.
    """
    server = {door: {"listen": "127.0.0.1:0"} for door in ("grpc", "admin_grpc", "admin_http")}
    with own_router(place, ends=True, server={**server, "drain_seconds": grace_s}) as own:
        with ThreadPoolExecutor(OPEN) as pool:
            calls = [pool.submit(own.chat, grpc_only=True) for _ in range(OPEN)]
            eventually(lambda: own.ground.running(own.names[0]) == OPEN, "all calls are under way")
            for number in range(signals):
                own.ground.router.popen.send_signal(signal.SIGTERM)
                if number == 0:
                    # Two signals at once are one.
                    eventually(lambda: "draining:" in own.ground.log(), "the router has heard of it")
            exit_status, seconds = waited(lambda: own.ground.router.popen.wait(30))
            outcomes = [one.result() for one in calls]
        assert exit_status == 0
        lines = own.ground.log().count("ChatService/")
        assert lines == OPEN, f"{lines} of {OPEN} calls have a line"
        told = [one.code.name if one.code.name == "OK" else f"{one.code.name} {one.reason}" for one in outcomes]
        assert set(told) == {status}, set(told)
        if status == "OK":
            for one in outcomes:
                check_answer(own, one, event_pb2.FINISH_REASON_STOP)
    return told, seconds


def finished(place: Place) -> Seen:
    """Calls that end within the grace are not touched."""
    told, _ = ending(place, signals=1, grace_s=30.0, status="OK")
    return Seen("OK", "a", note=f"{len(told)} calls were under way, none was cut")


def over(place: Place) -> Seen:
    """Those that do not are told to go elsewhere."""
    told, seconds = ending(place, signals=1, grace_s=GRACE_S, status=DRAINED)
    within(seconds, GRACE_S + 10, "the end of the router")
    return Seen(DRAINED, "a?", note=f"{len(told)} calls were told so after {GRACE_S:g} s")


def hurried(place: Place) -> Seen:
    """A second signal ends the grace at once."""
    told, seconds = ending(place, signals=2, grace_s=60.0, status=DRAINED)
    within(seconds, 15, "the end of the router")
    return Seen(DRAINED, "a?", note=f"{len(told)} calls were told so at the second signal")


def o2(mode: Mode) -> Iterator[Trial]:
    """SIGTERM while calls are under way."""
    yield Trial("finished", (Candidate("sim-tokens-30-100"),), finished)
    yield Trial("grace-over", (Candidate("sim-tokens-60-1000"),), over)
    yield Trial("second-signal", (Candidate("sim-tokens-60-1000"),), hurried)


@contextmanager
def collector_that(listens: bool) -> Iterator[str]:
    """The URL of a collector that lets connections in and says nothing, or that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/traces"
        if not listens:
            listening.close()
        yield url


def count(place: Place, name: str) -> float:
    """The sum of a counter's samples."""
    _, page = get(f"http://{place.ground.router.addresses['admin_http']}/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))


def untold(place: Place, *, listens: bool, disk_full: bool) -> Seen:
    """Calls while nobody takes what is told of them."""
    with collector_that(listens) as url:
        traces = {"endpoint": url, "sample_ratio": 1.0, "timeout_seconds": 0.2, "delay_seconds": 0.05}
        telemetry = {"traces": traces, **({"call_log_file": "/dev/full"} if disk_full else {})}
        with own_router(place, telemetry=telemetry) as own:
            outcomes = [own.chat(grpc_only=True) for _ in range(CALLS)]
            for one in outcomes:
                check_told(own, one, "a", "OK")
                check_answer(own, one, event_pb2.FINISH_REASON_STOP)
            eventually(lambda: count(own, LOST) > 0, "spans that were lost are counted")
            if disk_full:
                eventually(lambda: count(own, LINES_LOST) == CALLS, "lines that were lost are counted")
            seen = own.audit(*outcomes)
            own.check_clean()
    return Seen("OK", "a", seen.booked, seen.recorded, note=f"{CALLS} calls, none the worse for it")


def o7(mode: Mode) -> Iterator[Trial]:
    """Logs and traces that nobody takes."""
    yield Trial("dead", (HEALTHY,), lambda place: untold(place, listens=False, disk_full=False))
    yield Trial("frozen-and-disk-full", (HEALTHY,), lambda place: untold(place, listens=True, disk_full=True))


CASES = [
    *row("O2", "the end of a router with calls under way", o2, alone=True),
    *row("O7", "telemetry that nobody takes, a full disk", o7, alone=True),
]

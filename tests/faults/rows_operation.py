"""Rows O of reload and time. O2 and O7 are in `rows_ending`, O3 to O5 in `rows_overload`."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import yaml
from faults.expect import check_answer, check_told
from faults.ground import BAD_KEY, Ground, Place, configuration, waited, within
from faults.registry import HEALTHY, Candidate, Case, Mode, Seen, Trial, row
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from hedgerow.chat.v1 import event_pb2
from rpc.caller import Outcome, connected, eventually
from stack import router

RELOAD = "/hedgerow.admin.v1.AdminService/Reload"
LOAD = 4
"""Callers that go on while files are broken."""


def reload(ground: Ground) -> Outcome[admin_pb.ReloadResponse]:
    """Asks for a reload."""
    return ground.admin.unary(RELOAD, admin_pb.ReloadRequest(), admin_pb.ReloadResponse.FromString)


@contextmanager
def own_router(place: Place, *, ends: bool = False, **sections: object) -> Iterator[Place]:
    """The trial on a router of its own, whose file has its route and `sections` only. `ends`: the trial ends it."""
    case = Case(place.trial.name, "", place.mode, (place.trial,))
    folder = place.ground.folder / place.route
    folder.mkdir()
    config = {**configuration([case], {"sim": place.ground.sim_url}), **sections}
    with (
        router(folder, config, HEDGEROW_TEST_BAD_KEY=BAD_KEY) as running,
        connected(running.addresses["grpc"]) as caller,
        connected(running.addresses["admin_grpc"]) as admin,
    ):
        ground = replace(place.ground, router=running, caller=caller, admin=admin, folder=folder)
        yield ground.place(case, place.trial)
        if not ends:
            ground.check_alive(0)


@contextmanager
def calling(place: Place) -> Iterator[list[Outcome[Any]]]:
    """Callers that go on until the block ends; gives what they were told."""
    told: list[Outcome[Any]] = []
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            told.append(place.chat())

    with ThreadPoolExecutor(LOAD) as pool:
        going = [pool.submit(go_on) for _ in range(LOAD)]
        try:
            yield told
        finally:
            over.set()
    for one in going:
        one.result()


def spoilt(text: str) -> dict[str, str]:
    """The file as it should not be."""
    document: dict[str, Any] = yaml.safe_load(text)
    route = next(iter(document["routes"]))
    nobody = {"kind": "chat", "candidates": [{"provider": "nobody", "model": "m"}]}
    unknown = {**document, "routes": {**document["routes"], route: nobody}}
    return {
        "broken": text[: len(text) // 2] + "\n  ]:",
        "partial": yaml.safe_dump({"server": document["server"]}),
        "swapped": yaml.safe_dump({"providers": document["routes"], "routes": document["providers"]}),
        "empty": "",
        "unknown provider": yaml.safe_dump(unknown, sort_keys=False),
    }


def reloaded(place: Place) -> Seen:
    """The last good configuration stays, whatever the file has become; another good one takes its place at once."""
    with own_router(place) as own:
        path, good = own.ground.config, own.ground.config.read_text()
        first = reload(own.ground).message.config_hash
        with calling(own) as told:
            for name, text in spoilt(good).items():
                put(path, text)
                outcome = reload(own.ground)
                assert (outcome.code, outcome.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONFIG_INVALID"), name
            document: dict[str, Any] = yaml.safe_load(good)
            document["deadline"] = {"max_seconds": 3000.0}
            put(path, "# " + "x" * 1024 * 1024 + "\n" + yaml.safe_dump(document, sort_keys=False))
            assert reload(own.ground).message.config_hash != first
            put(path, good)
            assert reload(own.ground).message.config_hash == first
        assert {one.code for one in told} == {grpc.StatusCode.OK}, {(one.code.name, one.text) for one in told}
        seen = own.audit(*told)
        own.check_clean()
    note = f"{len(told)} calls while five files were refused and two put in force, none failed"
    return Seen("OK", "a", seen.booked, seen.recorded, note=note)


def put(path: Path, text: str) -> None:
    """Swaps the file in one step, as operators' tools do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def o1(mode: Mode) -> Iterator[Trial]:
    """A configuration file that cannot be used."""
    yield Trial("reload", (HEALTHY,), reloaded)


def steady(place: Place) -> Seen:
    """Delays that vary from event to event are no stall, and deadlines hold."""
    outcomes = [place.chat() for _ in range(3)]
    for outcome in outcomes:
        check_told(place, outcome, "a", "OK")
        check_answer(place, outcome, event_pb2.FINISH_REASON_STOP)
    return place.audit(*outcomes)


def moved(place: Place) -> Seen:
    """The provider's addresses change under connections that are kept: those die, and no call fails for it."""
    outcomes = [place.chat() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outcomes += pool.map(lambda _: place.chat(), range(8))
    place.ground.relay.move()
    outcomes += [place.chat() for _ in range(8)]
    assert {one.code for one in outcomes} == {grpc.StatusCode.OK}, {one.text for one in outcomes}
    return place.audit(*outcomes)


def jumped(place: Place) -> Seen:
    """The wall clock jumps while a call is under way: nothing is stuck and deadlines stay what they are."""
    outcomes = []
    try:
        for offset_s in (3600.0, -3600.0):
            with ThreadPoolExecutor(2) as pool:
                whole = pool.submit(place.chat, timeout=20.0)
                short = pool.submit(waited, lambda: place.chat(timeout=0.8))
                # gRPC tells deadlines by the machine's own clock, which stays: calls begin while the two agree.
                eventually(lambda: place.ground.running(place.names[0]) == 2, "both calls are under way")
                place.ground.move_clock(offset_s)
                check_told(place, whole.result(), "a", "OK")
                cut, seconds = short.result()
            place.ground.move_clock(0.0)
            marks = "a?~" if place.mode is Mode.STREAM else "a?"
            check_told(place, cut, marks, "DEADLINE_EXCEEDED DEADLINE_EXCEEDED")
            within(seconds, 1.2, "the call with a deadline")
            assert seconds > 0.7, seconds
            outcomes.append(whole.result())
            jumps = [line for line in place.ground.log().splitlines() if place.names[0] in line]
            written_s = [json.loads(line)["time_unix_s"] for line in jumps]
            assert any(abs(one - time.time() - offset_s) < 60 for one in written_s), "the clock did not move"
    finally:
        place.ground.move_clock(0.0)
    billed = sum(one.report.usage.output_tokens for one in outcomes)
    whole_ones = [entry for entry in place.entries() if entry["outcome"] == "completed"]
    booked = sum(int(entry["billed_output_tokens"]) for entry in whole_ones)
    assert billed == booked, (billed, booked)
    return Seen("OK", "a · a?", (0, booked), (0, billed), estimated=True, note="the clock went 1 h ahead and 1 h back")


def o6(mode: Mode) -> Iterator[Trial]:
    """Time and network are not what they were."""
    jitter = Candidate("sim-jitter-120.tokens-12-5", provider={"idle_timeout_seconds": 1.0})
    yield Trial("jitter", (jitter,), steady)
    yield Trial("moved", (Candidate("gpt-4o-mini", at="relay"),), moved)
    yield Trial("clock", (Candidate("sim-tokens-20-60"),), jumped)


CASES = [
    *row("O1", "a configuration that cannot be used", o1, alone=True),
    *row("O6", "clock jumps, jitter, addresses change", o6, alone=True),
]

"""Rows C: what callers do. C8 sits below the gateway's code: measured, not counted. C10 is in rows_idempotency."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from faults.expect import called, check_told
from faults.ground import LIST_CANDIDATES, Place, waited, within
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from faults.relay import relaying
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.common.v1.warning_pb2 import WARNING_CODE_DEADLINE_CLAMPED
from rpc.caller import Caller, Outcome, chat, connected, eventually, hello
from stack import DIALECTS

CANCELLED_WITHIN_S = 0.25
STREAMS, MOST_STREAMS = 250, 100
AGAIN = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 5,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
"""The policy of a client that tries again what was unavailable."""
VANISHED_WITHIN_S = 60.0
DEEP = 5_000


def sim(model: str) -> Candidate:
    """A candidate at the simulator."""
    return Candidate(f"sim-{model}")


# --- C1: cancel ---


def leaving(phase: str, model: str, *, after: int = 0) -> Trial:
    """The caller leaves in a phase: once the provider has the request, has begun to answer, or after so many events."""

    def run(place: Place) -> Seen:
        call = place.open()
        reached(place, answering=phase == "in-answer")
        for _ in range(after):
            next(call)
        left_unix = time.time()
        call.cancel()
        (entry,) = place.entries()
        assert entry["outcome"] == "cancelled", entry["outcome"]
        within(float(entry["closed_unix"]) - left_unix, CANCELLED_WITHIN_S, "closing the socket")
        eventually(lambda: f'"provider":"{place.names[0]}"' in place.ground.log(), "the line of the call")
        line = next(one for one in place.ground.log().splitlines() if f'"provider":"{place.names[0]}"' in one)
        assert '"code":"CANCELLED","reason":"CANCELLED"' in line, line
        billed = (int(entry["billed_input_tokens"]), int(entry["billed_output_tokens"]))
        assert ('"output_tokens"' in line) == bool(after), line
        return Seen("CANCELLED", "a?" + ("~" if after else ""), billed, estimated=bool(after))

    return Trial(phase, (sim(model),), run)


def reached(place: Place, *, answering: bool = False) -> None:
    """Until the provider has the request, or has begun to answer it."""

    def has() -> bool:
        calls = place.ground.book(place.names[0])["calls"]
        return bool(calls) and (not answering or calls[0]["first_byte_unix"] is not None)

    eventually(has, "the provider has the request")


def at_once(place: Place) -> Seen:
    """Whether the request was sent or not, nothing stays open."""
    for _ in range(20):
        place.open().cancel()
    entries = place.entries()
    assert all(entry["outcome"] == "cancelled" for entry in entries)
    return Seen("CANCELLED", "a?" if entries else "", note=f"{len(entries)} of 20 calls had reached the provider")


def too_late(place: Place) -> Seen:
    """A cancel after the last token: the answer is booked as the success that it is."""
    call = place.open()
    messages = list(call) if place.mode is Mode.STREAM else [chat_pb.CompleteResponse.FromString(call.result())]
    call.cancel()
    outcome: Outcome[Any] = Outcome(messages, call.code(), "", tuple(call.trailing_metadata()))
    check_told(place, outcome, "a", "OK")
    return place.audit(outcome)


def c1(mode: Mode) -> Iterator[Trial]:
    """The caller leaves."""
    yield Trial("at-once", (sim("silent"),), at_once)
    yield leaving("before-headers", "silent")
    if mode is Mode.STREAM:
        yield leaving("in-answer", "late-head-30000")
        yield leaving("mid", "slow", after=3)
    else:
        yield leaving("in-answer", "stall")
    yield Trial("too-late", (HEALTHY,), too_late)


# --- C2: deadlines ---


def hopeless(place: Place) -> Seen:
    """A millisecond is over before anything is sent, or the request is stopped at once."""
    outcome = place.chat(timeout=0.001)
    assert outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED, outcome.code
    assert all(entry["outcome"] == "cancelled" for entry in place.entries())
    return Seen("DEADLINE_EXCEEDED")


def clamped(place: Place) -> Seen:
    """More than the maximum is cut to it, with a warning."""
    outcome = place.chat(timeout=7200)
    check_told(place, outcome, "a", "OK")
    assert WARNING_CODE_DEADLINE_CLAMPED in [one.code for one in outcome.report.warnings]
    return place.audit(outcome)


def in_time(place: Place) -> Seen:
    """The caller hears of its deadline from the gateway, and the provider's connection closes with it."""
    began_unix = time.time()
    outcome, seconds = waited(lambda: place.chat(timeout=0.8))
    marks = "a?~" if place.mode is Mode.STREAM else "a?"
    check_told(place, outcome, marks, "DEADLINE_EXCEEDED DEADLINE_EXCEEDED")
    within(seconds, 1.0, "the call")
    (entry,) = place.entries()
    within(float(entry["closed_unix"]) - began_unix, 0.8 + CANCELLED_WITHIN_S, "closing the socket")
    if place.mode is Mode.STREAM:
        return place.audit(outcome)
    # In one piece nothing had come yet: what the provider had generated by then is known to it alone.
    return Seen("DEADLINE_EXCEEDED DEADLINE_EXCEEDED", marks)


def c2(mode: Mode) -> Iterator[Trial]:
    """Deadlines that are too short, in the middle, and too long."""
    yield Trial("hopeless", (HEALTHY,), hopeless)
    yield Trial("middle", (sim("slow"),), in_time)
    yield Trial("clamped", (HEALTHY,), clamped)


# --- C3: slow readers ---


def stopped(place: Place) -> Seen:
    """Who does not read holds the provider up, not the gateway's memory; then it leaves, or its deadline passes."""
    with connected(place.ground.router.addresses["grpc"], more=(("grpc.http2.bdp_probe", 0),)) as caller:
        request, answer = chat(place.route), chat_pb.StreamCompleteResponse.FromString
        call = caller.open("/hedgerow.chat.v1.ChatService/StreamComplete", request, answer, timeout=4.0)
        next(call)

        def sent() -> int:
            return int(place.ground.book(place.names[0])["calls"][0]["sent_chunks"])

        eventually(lambda: steady(sent), "the provider waits")
        held = sent()
        assert held < EVENTS // 2, f"{held} events were taken though nobody reads"
        with suppress(grpc.RpcError):
            for _ in call:  # so slowly that the deadline comes first: a message has whatever arrived together
                time.sleep(0.1)
        assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED, call.code()
    (entry,) = place.entries()
    assert entry["outcome"] == "cancelled"
    return Seen("DEADLINE_EXCEEDED", "a?~", estimated=True, note=f"{held} of {EVENTS} events taken while nobody read")


EVENTS = 200_000


def steady(count: Any) -> bool:
    """Whether a count stays what it is for a while."""
    before = count()
    time.sleep(0.4)
    return bool(count() == before)


def c3(mode: Mode) -> Iterator[Trial]:
    """A reader that stops."""
    yield Trial("stopped", (sim(f"tiny-events-{EVENTS}"),), stopped)


# --- C4 to C6: messages and metadata ---


def refused_request(name: str, request: bytes, told: str) -> Trial:
    """A request that no provider ever sees."""

    def run(place: Place) -> Seen:
        body = request.replace(b"ROUTE", place.route.encode()) if b"ROUTE" in request else request
        caller = place.ground.caller
        outcome = caller.complete(body) if place.mode is Mode.UNARY else caller.stream_complete(body)
        found = f"{outcome.code.name} {outcome.reason}"
        assert found == told, f"{found}: {outcome.text}"
        assert not place.entries()
        return Seen(found)

    return Trial(name, (HEALTHY,), run)


def nested(depth: int) -> bytes:
    """A message whose tool schema is JSON of that depth."""
    schema = '{"type":"array","items":' * depth + "{}" + "}" * depth
    return chat("fast", tools=[{"function": {"name": "deep", "parameters": schema}}]).SerializeToString()


def groups(depth: int) -> bytes:
    """Unknown groups (wire types 3 and 4) within each other, deeper than any parser goes."""
    return b"\xfb\x01" * depth + b"\xfc\x01" * depth


def c4(mode: Mode) -> Iterator[Trial]:
    """Too large, too deep, too many."""
    large = chat("fast", messages=[hello("x" * (17 * 1024 * 1024))]).SerializeToString()
    yield refused_request("large", large, "RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE")
    many = chat("fast", messages=[hello("x")] * 100_000).SerializeToString()
    yield refused_request("many", many, "INVALID_ARGUMENT REQUEST_INVALID")
    yield refused_request("deep", nested(DEEP), "INVALID_ARGUMENT REQUEST_INVALID")
    yield refused_request("groups", groups(DEEP), "INVALID_ARGUMENT REQUEST_MALFORMED")


def c5(mode: Mode) -> Iterator[Trial]:
    """Bytes that are no message."""
    broken = {
        "cut": chat("fast").SerializeToString()[:-3],
        "random": b"\xff" * 64,
        "utf8": chat("fast").SerializeToString().replace(b"hi", b"\xc3\x28"),
    }
    for name, body in broken.items():
        yield refused_request(name, body, "INVALID_ARGUMENT REQUEST_MALFORMED")


def heavy(place: Place) -> Seen:
    """Metadata above the limit ends the call below the gateway, with the code that gRPC has for it."""
    outcome = place.chat(metadata=[("x-heavy", "h" * 40_000)], grpc_only=True)
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED, outcome.code
    assert not place.entries()
    return Seen(outcome.code.name)


def binary(place: Place) -> Seen:
    """Binary metadata that is no base64, and names that come twice, are nobody's fault but the caller's."""
    for metadata in ([("x-bad-bin", os.urandom(64))], [("authorization", "Bearer a"), ("authorization", "Bearer b")]):
        outcome = place.chat(metadata=metadata)
        assert outcome.code is grpc.StatusCode.OK, outcome.text
    return Seen()


def c6(mode: Mode) -> Iterator[Trial]:
    """Metadata out of measure."""
    yield Trial("heavy", (HEALTHY,), heavy)
    yield Trial("binary", (HEALTHY,), binary)


# --- C7: many streams ---


def crowded(place: Place) -> Seen:
    """More calls on one new connection than it may have open: the client queues them, none is refused, and nobody tries
    anything again.
    """
    with connected(place.ground.router.addresses["grpc"]) as caller, ThreadPoolExecutor(STREAMS) as pool:
        outcomes = list(pool.map(lambda _: place.chat(caller=caller), range(STREAMS)))
    assert {outcome.code for outcome in outcomes} == {grpc.StatusCode.OK}
    entries = place.entries()
    assert len(entries) == STREAMS
    open_at_once = most_open(entries)
    assert open_at_once <= MOST_STREAMS, f"{open_at_once} were open at once"
    billed = [
        tuple(sum(int(entry[f"billed_{side}_tokens"]) for entry in entries) for side in ("input", "output")),
        tuple(sum(getattr(one.report.usage, f"{side}_tokens") for one in outcomes) for side in ("input", "output")),
    ]
    assert billed[0] == billed[1], billed
    return Seen("OK", "a", billed[0], billed[1], note=f"at most {open_at_once} of {STREAMS} open at once")


def most_open(entries: list[dict[str, Any]]) -> int:
    """How many calls were under way at the same time at most."""
    moments = [(float(entry["started_unix"]), 1) for entry in entries]
    moments += [(float(entry["ended_unix"]), -1) for entry in entries]
    now = most = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def c7(mode: Mode) -> Iterator[Trial]:
    """More streams than a connection may have."""
    yield Trial("crowd", (sim("tokens-4-50"),), crowded)


# --- C9: half-open connections ---


def vanished(place: Place) -> Seen:
    """A caller whose packets no longer come is noticed, and its provider's connection closed."""
    with relaying(place.ground.router.addresses["grpc"]) as relay, connected(relay.target) as caller:
        request = chat(place.route)
        if place.mode is Mode.STREAM:
            call = caller.open("/hedgerow.chat.v1.ChatService/StreamComplete", request, bytes, timeout=300)
            next(call)
        else:
            stub: Any = caller.channel.unary_unary("/hedgerow.chat.v1.ChatService/Complete")
            call = stub.future(request.SerializeToString(), timeout=300)
            reached(place)
        relay.freeze()
        began_s = time.monotonic()
        eventually(
            lambda: not place.ground.book(place.names[0])["totals"]["open"], "the provider's end", VANISHED_WITHIN_S
        )
        seconds = time.monotonic() - began_s
        call.cancel()
    return Seen("CANCELLED", "a?", estimated=True, note=f"noticed after {seconds:.0f} s")


def c9(mode: Mode) -> Iterator[Trial]:
    """A caller that vanishes without a word."""
    model = "tokens-100000-200" if mode is Mode.STREAM else "silent-300000"
    yield Trial("vanished", (sim(model),), vanished, early=True)


# --- C11: what is not there ---


def absent(place: Place) -> Seen:
    """An RPC that does not exist, or is for operators, does not exist at the callers' door."""
    caller: Caller = place.ground.caller
    for method in ("/hedgerow.chat.v1.ChatService/Destroy", "/no.such.Service/Call", LIST_CANDIDATES):
        call = caller.unary if place.mode is Mode.UNARY else caller.stream
        outcome = call(method, b"", bytes)
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN"), method
    return Seen("UNIMPLEMENTED RPC_UNKNOWN")


def c11(mode: Mode) -> Iterator[Trial]:
    """What is not there."""
    yield Trial("absent", (), absent)
    yield called("present", (HEALTHY,), "a")


def cancels(mode: Mode) -> Iterator[Trial]:
    """The phases of a call in every dialect; test_cancel_sockets.py makes many calls of each."""
    answering = "late-head-30000" if mode is Mode.STREAM else "stall"
    phases = {"headers": ("silent", False, 0), "first": (answering, True, 0)}
    if mode is Mode.STREAM:
        phases["middle"] = ("slow", True, 3)
    for dialect in ("openai", *DIALECTS):
        for phase, (model, begun, after) in phases.items():
            prefix = "claude-" if dialect == "vertex-claude" else ""
            fault = Candidate(f"{prefix}sim-{model}", dialect)
            yield Trial(f"{dialect}-{phase}", (fault,), partial(cancelled, begun=begun, after=after))


def cancelled(place: Place, *, begun: bool, after: int, calls: int = 4) -> Seen:
    """Several calls at once, cancelled in the phase; `note` has how long each socket stayed open, in seconds."""
    going = [place.open() for _ in range(calls)]

    def there() -> bool:
        entries = place.ground.book(place.names[0])["calls"]
        told = [entry for entry in entries if not begun or entry["first_byte_unix"] is not None]
        return len(told) == calls

    eventually(there, "the provider has the requests")
    left = []
    for call in going:
        for _ in range(after):
            next(call)
    for call in going:
        left.append(time.time())
        call.cancel()
    entries = place.entries()
    assert {entry["outcome"] for entry in entries} == {"cancelled"}
    # Calls that left first are closed first, within a millisecond or so of each other.
    took = [
        closed - left_unix for closed, left_unix in zip(sorted(e["closed_unix"] for e in entries), left, strict=True)
    ]
    return Seen("CANCELLED", "a?", note=json.dumps(took))


EXTRA = row("CX", "cancel in every phase and dialect", cancels)
CASES = [
    *row("C1", "the caller cancels", c1),
    *row("C2", "deadlines", c2),
    *row("C3", "a reader that stops", c3, modes=(Mode.STREAM,)),
    *row("C4", "message too large, deep, long", c4),
    *row("C5", "broken messages", c5),
    *row("C6", "metadata out of measure", c6),
    *row("C7", "more streams than allowed", c7, alone=True),
    *row("C9", "half-open connection", c9),
    *row("C11", "unknown and admin RPCs", c11),
]

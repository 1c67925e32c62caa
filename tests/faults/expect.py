"""Trials that are one call, and what is expected of it."""

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
from faults.ground import BAD_KEY, Place
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial
from hedgerow.chat.v1 import event_pb2
from hedgerow.common.v1 import attempt_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from rpc.caller import Outcome
from stack import KEY

PLAIN: Mapping[str, Any] = {}
IMPATIENT: Mapping[str, Any] = {"max_wait_seconds": 0}
"""Does not wait for a rate limit to end."""


def called(
    name: str,
    candidates: tuple[Candidate, ...],
    attempts: str,
    told: str = "OK",
    *,
    route: Mapping[str, Any] = PLAIN,
    pushback: str = "",
    policy: RoutePolicy | None = None,
    finish: int | None = event_pb2.FINISH_REASON_STOP,
    timeout: float = 30.0,
    more_on_record: bool = False,
    **spec: Any,
) -> Trial:
    """One call: `attempts` as `Place.attempts` writes them, `told` the code, or code and reason of a failure, and
    `pushback` what the caller is told of another try: `-1`, empty for nothing, or LOW-HIGH in milliseconds.
    """

    def run(place: Place) -> Seen:
        outcome = place.chat(route=policy, timeout=timeout, spec=dict(spec))
        check_told(place, outcome, attempts, told, pushback)
        if told == "OK":
            check_answer(place, outcome, finish)
        return place.audit(outcome, more_on_record=more_on_record)

    return Trial(name, candidates, run, route)


def check_told(place: Place, outcome: Outcome[Any], attempts: str, told: str, pushback: str = "") -> None:
    """The status, the attempts and the push-back are as expected, and nothing of it is secret."""
    found = "OK" if outcome.code is grpc.StatusCode.OK else f"{outcome.code.name} {outcome.reason}"
    story = place.attempts(outcome)
    assert found == told, f"{found}: {outcome.text} ({story})"
    assert story == attempts, f"{story}, expected {attempts}"
    assert outcome.request_id == outcome.report.request_id != ""
    check_pushback(outcome.pushback_ms, pushback)
    for secret in (KEY, BAD_KEY):
        assert secret.encode() not in outcome.everything


def check_pushback(found: int | None, expected: str) -> None:
    """`-1`, nothing, or LOW-HIGH."""
    if expected in ("", "-1"):
        assert found == (int(expected) if expected else None), f"push-back {found}, expected {expected or 'none'}"
        return
    low, high = (int(part) for part in expected.split("-"))
    assert found is not None
    assert low <= found <= high, f"push-back {found} ms, expected {expected}"


def check_answer(place: Place, outcome: Outcome[Any], finish: int | None = None) -> None:
    """The answer is whole, and of the candidate whose attempt succeeded last."""
    (served,) = (one for one in outcome.report.attempts if one.outcome == attempt_pb2.ATTEMPT_OUTCOME_SUCCEEDED)
    assert text_of(place, outcome) or finish != event_pb2.FINISH_REASON_STOP
    if place.mode is Mode.UNARY:
        answer = outcome.message
        assert (answer.provider, finish or answer.finish_reason) == (served.provider, answer.finish_reason)
        return
    kinds = [event.WhichOneof("event") for event in outcome.messages]
    assert (kinds[0], kinds[-1], kinds.count("started"), kinds.count("completed")) == ("started", "completed", 1, 1)
    completed = outcome.messages[-1].completed
    assert finish in (None, completed.finish_reason), completed.finish_reason
    if "route_change" not in kinds:
        assert outcome.messages[0].started.provider in (served.provider, outcome.report.attempts[-1].provider)
    assert [one.number for one in completed.attempts] == [one.number for one in reversed(outcome.report.attempts)]


def text_of(place: Place, outcome: Outcome[Any]) -> str:
    """The text that the caller ends up with."""
    if place.mode is Mode.UNARY:
        return "".join(part.text for part in outcome.message.message.content) if outcome.messages else ""
    text = ""
    for event in outcome.messages:
        text = "" if event.HasField("route_change") else text + event.text_delta.text
    return text


def before_the_answer(
    name: str,
    fault: Candidate,
    reason: str,
    *,
    told: str = "",
    again: bool = True,
    pushback: str = "-1",
    marks: str = "",
    route: Mapping[str, Any] = PLAIN,
) -> Iterator[Trial]:
    """A fault before the answer commits: another candidate takes over unseen; without one the caller is told, after
    one more try where that may help (`again`). `marks` stands behind each failed attempt.
    """
    failed = f"a!{reason}{marks}"
    yield called(f"{name}-over", (fault, HEALTHY), f"{failed} b", route=route)
    attempts = f"{failed} {failed}" if again else failed
    yield called(f"{name}-alone", (fault,), attempts, told or f"UNAVAILABLE {reason}", pushback=pushback, route=route)


def after_the_answer_began(
    name: str, fault: Candidate, reason: str, *, marks: str = "~", route: Mapping[str, Any] = PLAIN
) -> Iterator[Trial]:
    """A fault after the stream has committed: what was sent stands, and nobody else is asked. A caller that opted in
    sees the answer of the next candidate alone.
    """
    cut = f"UNAVAILABLE {reason}"
    yield called(f"{name}-cut", (fault, HEALTHY), f"a!{reason}{marks}", cut, pushback="-1", route=route)
    policy = RoutePolicy(allow_route_change=True)
    yield called(f"{name}-restart", (fault, HEALTHY), f"a%{marks} b", route=route, policy=policy)


def refused(name: str, fault: Candidate, told: str, *, calls: int = 1) -> Trial:
    """A fault of the request: back to the caller at once, whoever else could be asked. `calls` in a row show that the
    breaker does not hold it against the candidate.
    """
    reason = told.split()[1]

    def run(place: Place) -> Seen:
        outcomes = [place.chat() for _ in range(calls)]
        for outcome in outcomes:
            check_told(place, outcome, f"a!{reason}", told)
        return place.audit(*outcomes)

    return Trial(name, (fault, HEALTHY), run)


def answered(
    name: str, fault: Candidate, *, attempts: str = "a", finish: int = event_pb2.FINISH_REASON_STOP, **more: Any
) -> Trial:
    """A fault that costs the caller nothing."""
    return called(name, (fault, HEALTHY), attempts, finish=finish, **more)

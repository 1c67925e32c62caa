"""The newest calls are kept, a bounded number of them, and nothing of what they said."""

import gc

import pytest
from hedgerow_server.core.call import Call, Kind, Outcome, Principal
from hedgerow_server.core.error import HedgerowError, ProviderUnavailable
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord
from hedgerow_server.core.request import ChatRequest, ChatSpec, Message, Part, Role, Text
from hedgerow_server.telemetry.recent import RecentCalls
from unit.hedgerow_server.calls import method

METHOD = method(Kind.UNARY, "hedgerow.chat.v1.ChatService/Complete")


class Clock:
    """A clock that is set."""

    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(name="clock")
def clock_fixture() -> Clock:
    """A new one."""
    return Clock()


def call(request_id: str = "a", *providers: str, failed: str = "", model: str = "fast") -> Call:
    """A call with an attempt at each of some providers."""
    found = Call(METHOD, {"authorization": "Bearer key-canary"}, b"body-canary")
    found.request_id, found.call_id, found.principal = request_id, f"id-{request_id}", Principal("acme", user="ann")
    message = Message(Role.USER, (Part(Text("content-canary")),))
    found.request = ChatRequest(spec=ChatSpec(model=model, messages=(message,)), labels={"app": "x"})
    for number, name in enumerate(providers, 1):
        found.attempts.append(
            AttemptRecord(
                number=number,
                provider=name,
                model="m",
                region="",
                kind=AttemptKind.PRIMARY,
                start_unix_s=0,
                outcome=AttemptOutcome.FAILED if name == failed else AttemptOutcome.SUCCEEDED,
                cost_picos=5,
            )
        )
    return found


def settle(recent: RecentCalls, one: Call, error: HedgerowError | None = None) -> None:
    """The call comes and goes."""
    recent.began(one)
    recent.settled(one, Outcome(error=error), 0.5)


def test_a_call_is_open_until_it_is_settled(clock: Clock) -> None:
    recent, one = RecentCalls(10, clock), call()
    recent.began(one)
    assert recent.open_calls == (one,)
    assert list(recent.calls()) == []
    recent.settled(one, Outcome(), 0.5)
    assert recent.open_count == 0
    (kept,) = recent.calls()
    assert (kept.request_id, kept.model, kept.code, kept.duration_s) == ("a", "fast", "OK", 0.5)
    assert kept.started_unix_s == clock.now_s - 0.5


def test_the_newest_are_kept_and_the_first_comes_last(clock: Clock) -> None:
    recent = RecentCalls(3, clock)
    for number in range(5):
        settle(recent, call(str(number)))
    assert [one.request_id for one in recent.calls()] == ["4", "3", "2"]
    assert recent.ended == 5


def test_nothing_that_was_said_is_kept_alive(clock: Clock) -> None:
    """Neither the call, nor its request, its body, its metadata, nor an error with the frames that it came through."""
    recent, one = RecentCalls(3, clock), call("a", "p", failed="p")
    try:
        raise ProviderUnavailable("It is away.")
    except ProviderUnavailable as error:
        settle(recent, one, error)
    seen: set[int] = set()
    waiting: list[object] = [*recent.calls(), *recent.failures()["p"]]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, type):
            seen.add(id(thing))
            assert thing not in ("content-canary", b"body-canary", "Bearer key-canary")
            assert not isinstance(thing, Call | ChatRequest | Exception)
            waiting += gc.get_referents(thing)


def test_failures_stay_when_other_calls_have_pushed_them_out(clock: Clock) -> None:
    recent = RecentCalls(2, clock)
    settle(recent, call("bad", "p", "q", failed="p"), None)
    for number in range(5):
        settle(recent, call(str(number), "p"))
    assert {name: [one.request_id for one in calls] for name, calls in recent.failures().items()} == {"p": ["bad"]}
    assert [one.request_id for one in recent.find("id-bad")] == ["bad"]


def test_failures_of_each_provider_are_bounded_and_a_call_is_among_them_once(clock: Clock) -> None:
    recent = RecentCalls(2, clock)
    settle(recent, call("twice", "p", "p", failed="p"))
    assert len(recent.failures()["p"]) == 1
    for number in range(100):
        settle(recent, call(str(number), "p", failed="p"))
    assert len(recent.failures()["p"]) == 20
    for number in range(1_100):
        settle(recent, call("x", f"p{number}", failed=f"p{number}"))
    assert len(recent.failures()) == 1_000


def test_a_call_is_found_by_either_of_its_ids(clock: Clock) -> None:
    recent = RecentCalls(10, clock)
    settle(recent, call("a"))
    clock.now_s += 1
    settle(recent, call("a"))
    settle(recent, call("b"))
    assert [one.call_id for one in recent.find("a")] == ["id-a", "id-a"]
    assert [one.request_id for one in recent.find("id-b")] == ["b"]
    assert recent.find("c") == ()


def test_what_has_ended_is_counted_by_time_for_an_hour(clock: Clock) -> None:
    recent = RecentCalls(1, clock)
    settle(recent, call("a", "p"))
    settle(recent, call("b", "p"), ProviderUnavailable("It is away."))
    clock.now_s += 10
    settle(recent, call("c", "p", "q"))
    told = [(one.calls, one.failed, one.cost_picos) for one in recent.slots()]
    assert told == [(2, 1, 10), (1, 0, 10)]
    clock.now_s += 3_590
    assert len(recent.slots()) == 1
    clock.now_s += 10
    assert recent.slots() == ()


def test_a_call_whose_request_was_never_read_is_kept_without_a_model(clock: Clock) -> None:
    recent, one = RecentCalls(1, clock), Call(METHOD, {}, b"")
    settle(recent, one)
    (kept,) = recent.calls()
    assert (kept.model, kept.principal, kept.labels) == ("", None, {})

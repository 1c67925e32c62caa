"""Rows R1 (answers in Redis), R2 and R3: kept answers when their store ails, when somebody else writes to it, and when
many ask the same at once. On two routers of two tenants that share a Redis.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
from faults import rows_limits
from faults.front import Front, fronting
from faults.ground import BAD_KEY, Ground, Place, configuration
from faults.registry import HEALTHY, Candidate, Mode, Seen, Trial, row
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from redis import Redis
from redis_server import RedisServer, running
from rpc.caller import Caller, Outcome, chat, connected, eventually, get, hello, new_trace
from stack import Process, router

SLOW = Candidate("sim-tokens-20-50")
"""A second of tokens."""
ROUTE = {"cache": {"scope": "tenant"}}
CALLS = 1_000
SLOW_S = 2.0
_KEY = "a key of more than sixteen characters"
_AWAY, _BACK = "it is not asked until it is back", "answers again"


@dataclass(frozen=True)
class Caching:
    """The routers, their callers, and what is behind them."""

    routers: tuple[Process, Process]
    callers: tuple[Caller, Caller]
    """Of the tenants acme and other."""
    redis: RedisServer
    front: Front
    raw: "Redis"
    """Somebody else who writes there."""

    def logged(self, text: str) -> int:
        """How many lines of the first router's log have it."""
        return self.routers[0].log.read_text().count(text)

    def number(self, name: str, at: int = 0) -> float:
        """What the metrics of a router say."""
        _, page = get(f"http://{self.routers[at].addresses['admin_http']}/metrics")
        return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))

    def check_alive(self) -> None:
        """They are ready all the time, and met no fault of their own."""
        for one in self.routers:
            status, page = get(f"http://{one.addresses['admin_http']}/readyz")
            assert status == 200, page
            text = one.log.read_text()
            assert "Traceback" not in text
            assert [line for line in text.splitlines() if " ERROR " in line and "cache_poisoned" not in line] == []


def _configuration(ground: Ground, front: Front, tenant: str) -> dict[str, Any]:
    config = configuration(CASES, {"sim": ground.sim_url})
    mac = {"source": "env", "variable": "HEDGEROW_TEST_MAC"}
    config["server"]["grpc"]["max_streams_per_connection"] = 2 * CALLS
    return {
        **config,
        "credentials": {**config["credentials"], "mac": mac},
        "identity": {"allow_unauthenticated": True, "tenant": tenant},
        "cache": {
            "store": "redis",
            # Patient: what is tried is not how busy the machine is.
            "redis": {"url": f"redis://127.0.0.1:{front.port}/0", "timeout_seconds": 0.25},
            "mac_key": "mac",
        },
    }


@contextmanager
def _caching(ground: Ground) -> Iterator[Caching]:
    folder = ground.folder / "cache"
    folder.mkdir()
    environment = {"HEDGEROW_TEST_BAD_KEY": BAD_KEY, "HEDGEROW_TEST_MAC": _KEY}
    with ExitStack() as exits:
        redis = exits.enter_context(running())
        front = exits.enter_context(fronting(redis.host, redis.port))
        started = [
            exits.enter_context(router(folder, _configuration(ground, front, tenant), tenant, **environment))
            for tenant in ("acme", "other")
        ]
        callers = [exits.enter_context(connected(one.addresses["grpc"])) for one in started]
        for one in callers:
            grpc.channel_ready_future(one.channel).result(30)
        raw = exits.enter_context(Redis.from_url(redis.url))
        yield Caching((started[0], started[1]), (callers[0], callers[1]), redis, front, raw)


def world_of(place: Place) -> Caching:
    """What all of these trials share."""
    found: Caching = place.ground.keep("cache", lambda: _caching(place.ground))
    return found


def ask(place: Place, text: str, at: int = 0) -> Outcome[Any]:
    """Asks the router of a tenant."""
    outcome = place.chat(caller=world_of(place).callers[at], spec={"messages": [hello(text)]})
    assert outcome.code is grpc.StatusCode.OK, outcome.text
    return outcome


def kept(outcome: Outcome[Any]) -> bool:
    """Whether an answer was kept from an earlier call."""
    first = outcome.messages[0]
    from_cache: bool = (first if isinstance(first, chat_pb.CompleteResponse) else first.started).HasField(
        "cache_origin"
    )
    assert from_cache == (not outcome.report.attempts)
    return from_cache


def words(outcome: Outcome[Any]) -> str:
    """The text of an answer."""
    first = outcome.messages[0]
    if isinstance(first, chat_pb.CompleteResponse):
        return "".join(part.text for part in first.message.content)
    return "".join(one.text_delta.text for one in outcome.messages)


def ailing(ail: Callable[[Any], Callable[[], object]]) -> Callable[[Place], Seen]:
    """Redis ails while calls come: each is answered, and it is not asked at each of them."""

    def run(place: Place) -> Seen:
        world, outcomes, text = world_of(place), [], uuid.uuid4().hex
        outcomes.append(ask(place, text))
        eventually(lambda: _hit(place, text, outcomes), "the answer is kept")
        heal = ail(world)
        longest_s, asked = 0.0, world.front.commands
        try:
            for number in range(8):
                since_s = time.monotonic()
                outcomes.append(ask(place, f"{text} {number}"))
                longest_s = max(longest_s, time.monotonic() - since_s)
            assert not any(map(kept, outcomes[-8:]))
            # Each connection says what it is, too.
            assert world.front.commands - asked <= 8 * 2, world.front.commands - asked
            assert longest_s < SLOW_S
        finally:
            heal()
        fresh = f"{text} again"
        eventually(lambda: _hit(place, fresh, outcomes), "answers are kept again", 20)
        eventually(lambda: world.number("hedgerow_cache_up") == 1, "and the metrics say so")
        world.check_alive()
        return replace(place.audit(*outcomes), attempts="a", note=f"longest {longest_s * 1000:.0f} ms")

    return run


def _hit(place: Place, text: str, outcomes: list[Outcome[Any]]) -> bool:
    outcomes.append(ask(place, text))
    return kept(outcomes[-1])


def flushed(place: Place) -> Seen:
    """All is gone: a miss, and then it is there again."""
    world, text = world_of(place), uuid.uuid4().hex
    outcomes = [ask(place, text)]
    eventually(lambda: _hit(place, text, outcomes), "the answer is kept")
    world.redis.flush()
    outcomes.append(ask(place, text))
    assert not kept(outcomes[-1])
    eventually(lambda: _hit(place, text, outcomes), "and is again")
    world.check_alive()
    return replace(place.audit(*outcomes), attempts="a")


def r1(mode: Mode) -> Iterator[Trial]:
    """What may ail the Redis in which answers are."""
    kinds: dict[str, Callable[[Any], Callable[[], object]]] = {
        "refused": rows_limits.refused,
        "frozen": rows_limits.frozen,
        "slow": rows_limits.slow,
        "loading": rows_limits.loading,
        "read-only": rows_limits.read_only,
        "full": rows_limits.full,
        "restarted": rows_limits.dead,
    }
    for name, ail in kinds.items():
        yield Trial(f"answers-{name}", (HEALTHY,), ailing(ail), route=ROUTE)
    yield Trial("answers-flushed", (HEALTHY,), flushed, route=ROUTE)


Poison = Callable[[bytes, bytes], bytes]
"""Makes a value of the one that is there and of another tenant's."""


def poisoned(poison: Poison) -> Callable[[Place], Seen]:
    """Somebody else writes to the store: a miss, an alarm, and the right answer."""

    def run(place: Place) -> Seen:
        world, text = world_of(place), uuid.uuid4().hex
        before = set(_names(world))
        outcomes = [ask(place, text)]
        mine = eventually(lambda: set(_names(world)) - before, "it is kept")
        foreign = [ask(place, text, at=1)]
        (theirs,) = eventually(lambda: set(_names(world)) - before - mine, "the other tenant's is kept")
        (name,) = mine
        assert not kept(foreign[0]), "an answer has crossed to another tenant"
        alarms = world.number("hedgerow_cache_alarms_total")
        value, other = world.raw.get(name), world.raw.get(theirs)
        assert isinstance(value, bytes)
        assert isinstance(other, bytes)
        world.raw.set(name, poison(value, other))
        outcomes.append(ask(place, text))
        assert not kept(outcomes[-1])
        assert words(outcomes[-1]) == words(outcomes[0])
        assert world.number("hedgerow_cache_alarms_total") == alarms + 1
        assert text not in world.routers[0].log.read_text()
        assert world.logged("alarm event=cache_poisoned") == alarms + 1
        eventually(lambda: _hit(place, text, outcomes), "the right one is kept in its place")
        world.check_alive()
        return replace(place.audit(*outcomes, *foreign), attempts="a")

    return run


def _names(world: Caching) -> list[bytes]:
    found: Any = world.raw.keys("*:v:*")
    return sorted(found)


def r2(mode: Mode) -> Iterator[Trial]:
    """What may stand there."""
    kinds: dict[str, Poison] = {
        "changed": lambda value, _: value[:-1] + bytes([value[-1] ^ 1]),
        "cut": lambda value, _: value[: len(value) // 2],
        "empty": lambda _, __: b"",
        "stale-format": lambda value, _: value[:3] + b"\0\0" + value[5:],
        "no-format": lambda _, __: b'{"choices": []}',
        "wrong-tenant": lambda _, other: other,
    }
    for name, poison in kinds.items():
        yield Trial(name, (HEALTHY,), poisoned(poison), route=ROUTE)


def at_once(place: Place) -> Seen:
    """1,000 equal calls for each tenant: the provider is asked once for each."""
    world, text = world_of(place), uuid.uuid4().hex
    calls = [_begun(place, world.callers[number % 2], text) for number in range(2 * CALLS)]
    ended = [_end(place, call) for call in calls]
    asked = len(place.entries())
    assert asked == 2, f"the provider was asked {asked} times"
    assert len({words for words, _ in ended}) == 1
    assert sum(cached for _, cached in ended) == 2 * CALLS - 2
    world.check_alive()
    return Seen("OK", "a", note=f"{2 * CALLS} calls of 2 tenants, {asked} upstream")


def leader_leaves(place: Place) -> Seen:
    """The one that asks for all leaves: another one of them asks, and all are answered."""
    world, text = world_of(place), uuid.uuid4().hex
    leader = _begun(place, world.callers[0], text)
    eventually(lambda: place.ground.book(place.names[0])["calls"], "the provider is asked")
    others = [_begun(place, world.callers[0], text) for _ in range(20)]
    time.sleep(0.2)  # until they have come; those that come later find no leader, which is the same
    leader.cancel()
    ended = [_end(place, call) for call in others]
    assert sum(cached for _, cached in ended) == len(others) - 1
    assert len(place.entries()) == 2
    world.check_alive()
    return Seen("OK", "a? | a", estimated=True)


def _begun(place: Place, caller: Caller, text: str) -> Any:
    request, trace = chat(place.route, messages=[hello(text)]), [("traceparent", new_trace())]
    if place.mode is Mode.STREAM:
        kind: Any = chat_pb.StreamCompleteResponse.FromString
        return caller.open(place.grpc, request, kind, timeout=60, metadata=trace)
    stub: Any = caller.channel.unary_unary(place.grpc, response_deserializer=chat_pb.CompleteResponse.FromString)
    return stub.future(request.SerializeToString(), timeout=60, metadata=trace)


def _end(place: Place, call: Any) -> tuple[str, bool]:
    """What a call was told, and whether the answer was kept."""
    if place.mode is Mode.UNARY:
        answer = call.result()
        return "".join(part.text for part in answer.message.content), answer.HasField("cache_origin")
    told = list(call)
    assert told[-1].WhichOneof("event") == "completed"
    return "".join(one.text_delta.text for one in told), told[0].started.HasField("cache_origin")


def r3(mode: Mode) -> Iterator[Trial]:
    """Many at once, and one of them leaves."""
    yield Trial("at-once", (SLOW,), at_once, route=ROUTE)
    yield Trial("leader-leaves", (SLOW,), leader_leaves, route=ROUTE)


CASES = [
    *row("R1", "Redis is away, slow, or has lost its data", r1, alone=True),
    *row("R2", "a kept answer is poisoned, stale or another tenant's", r2, alone=True),
    *row("R3", "many equal calls at once", r3, alone=True),
]

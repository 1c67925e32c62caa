"""Row R1: Redis, in which routers share their limits, is away. On two routers of its own: the first goes on by its
share of a limit, the second one refuses.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from faults.expect import check_told
from faults.front import Front, fronting
from faults.ground import BAD_KEY, Ground, Place, configuration
from faults.registry import HEALTHY, Mode, Seen, Trial, row
from redis_server import RedisServer, running
from rpc.caller import Caller, Outcome, connected, eventually, get
from stack import FORGIVING, Process, router

AWAY = "UNAVAILABLE LIMITS_UNAVAILABLE"
FULL = "RESOURCE_EXHAUSTED QUOTA_EXCEEDED"
LIMIT = 20
SHARE = 10
SLOW_S = 2.0
TIMEOUT_S = 0.25
PROBES_S = 0.25
"""A server that is away is probed so often at most."""
GONE, BACK = "limits cannot be shared", "limits are shared again"


@dataclass(frozen=True)
class Shared:
    """Two routers, their callers, and what is behind them."""

    routers: tuple[Process, Process]
    sharing: Caller
    """Of the router that goes on by its share."""
    refusing: Caller
    """Of the one that refuses."""
    redis: RedisServer
    front: Front

    def logged(self, text: str) -> int:
        """How many lines of the first router's log have it."""
        return self.routers[0].log.read_text().count(text)

    def up(self) -> bool:
        """What the first router's metrics say of Redis."""
        _, page = get(f"http://{self.routers[0].addresses['admin_http']}/metrics")
        return "hedgerow_shared_limits_up 1.0" in page

    def check_alive(self) -> None:
        """They are ready all the time, and met no fault of their own."""
        for one in self.routers:
            status, page = get(f"http://{one.addresses['admin_http']}/readyz")
            assert status == 200, page
            text = one.log.read_text()
            assert "Traceback" not in text
            assert " ERROR " not in text


def _configuration(ground: Ground, front: Front, when_away: str) -> dict[str, Any]:
    config = configuration(CASES, {"sim": ground.sim_url})
    for name, route in tuple(config["routes"].items()):
        config["routes"][f"{name}-usd"] = route
    price = {"input": 1, "output": 2}
    return {
        **config,
        "pricing": {
            "overrides": [
                {"provider": name, "model": HEALTHY.model, "usd_per_million_tokens": price}
                for name in config["providers"]
            ]
        },
        "quotas": [{"name": "rate", "by": ["model"], "limits": [{"requests": LIMIT, "per": "day"}]}],
        "budgets": [{"name": "hard", "by": ["model"], "match": {"model": ["*-usd"]}, "usd": 1, "per": "day"}],
        "sharing": {
            # Patient: what is tried is not how busy the machine is.
            "redis": {"url": f"redis://127.0.0.1:{front.port}/0", "timeout_seconds": TIMEOUT_S},
            "replicas": 2,
            "when_away": when_away,
        },
        "breaker": FORGIVING,
    }


@contextmanager
def _shared(ground: Ground) -> Iterator[Shared]:
    folder = ground.folder / "limits"
    folder.mkdir()
    with ExitStack() as exits:
        redis = exits.enter_context(running())
        redis.empty()
        front = exits.enter_context(fronting(redis.host, redis.port))
        started = [
            exits.enter_context(
                router(folder, _configuration(ground, front, away), away, HEDGEROW_TEST_BAD_KEY=BAD_KEY)
            )
            for away in ("share", "refuse")
        ]
        sharing, refusing = (exits.enter_context(connected(one.addresses["grpc"])) for one in started)
        for one in (sharing, refusing):
            grpc.channel_ready_future(one.channel).result(30)
        yield Shared((started[0], started[1]), sharing, refusing, redis, front)


def _told(outcome: Outcome[Any]) -> str:
    return "OK" if outcome.code is grpc.StatusCode.OK else f"{outcome.code.name} {outcome.reason}"


def _ask_usd(place: Place, caller: Caller) -> Outcome[Any]:
    return caller.chat(
        place.rpc if caller.speaks_http else place.grpc, f"{place.route}-usd", spec={"max_output_tokens": 50}
    )


def _served(place: Place, caller: Caller, most: int) -> int:
    """How many calls in a row are served, until the limit is reached."""
    for count in range(most):
        outcome = place.chat(caller=caller)
        if (told := _told(outcome)) != "OK":
            assert told == FULL, f"{told}: {outcome.text}"
            return count
    return most


Ail = Callable[[Shared], Callable[[], object]]
"""Makes it ail; gives what makes it well."""


def ailing(ail: Ail) -> Callable[[Place], Seen]:
    """Redis ails while calls come and is back later, and then the limit holds to the last call."""

    def run(place: Place) -> Seen:
        world: Shared = place.ground.keep("limits", lambda: _shared(place.ground))
        eventually(lambda: world.logged(GONE) == world.logged(BACK), "it is well")
        before = world.logged(GONE)
        first = place.chat(caller=world.sharing)
        check_told(place, first, "a", "OK")
        heal = ail(world)
        try:
            _check_away(place, world)
            eventually(lambda: world.logged(GONE) > before, "it is said that it is away")
        finally:
            heal()
        # Without a restart. The one that was refused is told to come again after a second.
        eventually(lambda: _told(_ask_usd(place, world.refusing)) == "OK", "hard budgets are known again", 20)
        eventually(lambda: _told(_ask_usd(place, world.sharing)) == "OK", "and at the other router", 20)
        more = _served(place, world.refusing, LIMIT)
        assert _served(place, world.sharing, 1) == 0
        assert SHARE + more == LIMIT, f"{SHARE} by share and then {more} calls were served"
        # Not once a call; a machine that is busy may have made it late once more.
        eventually(lambda: world.logged(GONE) == world.logged(BACK), "what was said was taken back")
        assert world.logged(GONE) <= before + 2
        assert world.up()
        world.check_alive()
        return Seen(AWAY, "", note=f"{SHARE} by share, {more} afterwards")

    return run


def _check_away(place: Place, world: Shared) -> None:
    since_s, asked = time.monotonic(), world.front.scripts
    longest_s, served = 0.0, 1
    while True:
        before_s = time.monotonic()
        outcome = place.chat(caller=world.sharing)
        longest_s = max(longest_s, time.monotonic() - before_s)
        if _told(outcome) != "OK":
            break
        served += 1
    assert (_told(outcome), served) == (FULL, SHARE)
    refused = _ask_usd(place, world.sharing)
    assert (_told(refused), refused.pushback_ms) == (AWAY, 1000), refused.text
    check_told(place, place.chat(caller=world.refusing), "", AWAY, "1000-1000")
    # A call, or a round, has found out for each router; since then nobody but the rounds asks.
    probes = 2 * (3 + (time.monotonic() - since_s) / PROBES_S)
    assert world.front.scripts - asked <= probes
    assert longest_s < SLOW_S
    assert not world.up()
    world.check_alive()


def refused(world: Shared) -> Callable[[], object]:
    """Nobody listens."""
    world.front.refuse()
    return world.front.accept


def frozen(world: Shared) -> Callable[[], object]:
    """SIGSTOP."""
    world.redis.freeze()
    return world.redis.thaw


def slow(world: Shared) -> Callable[[], object]:
    """Each answer takes two seconds."""
    world.front.delay_s = SLOW_S

    def heal() -> None:
        world.front.delay_s = 0

    return heal


def loading(world: Shared) -> Callable[[], object]:
    """It reads its data first."""
    world.front.loading = True

    def heal() -> None:
        world.front.loading = False

    return heal


def read_only(world: Shared) -> Callable[[], object]:
    """It has become the replica of another one."""
    assert world.redis.ask("REPLICAOF", "127.0.0.1", "1") == "+OK"
    return lambda: world.redis.ask("REPLICAOF", "NO", "ONE")


def full(world: Shared) -> Callable[[], object]:
    """It has no memory left."""
    assert world.redis.ask("CONFIG", "SET", "maxmemory", "1") == "+OK"
    return lambda: world.redis.ask("CONFIG", "SET", "maxmemory", "0")


def dead(world: Shared) -> Callable[[], object]:
    """Killed, and empty when it is there again."""
    world.redis.kill()
    return world.redis.start


def flushed(place: Place) -> Seen:
    """All is gone, in a moment: it is told again, and no call gets in twice."""
    world: Shared = place.ground.keep("limits", lambda: _shared(place.ground))
    assert _served(place, world.sharing, 7) == 7
    assert _served(place, world.refusing, 8) == 8
    world.redis.flush()
    told: list[str] = []
    served = 15
    while not told or told[-1] != FULL:
        told.append(_told(place.chat(caller=world.refusing)))
        served += told[-1] == "OK"
        assert told[-1] in ("OK", AWAY, FULL)
        time.sleep(0.02)
    assert _served(place, world.sharing, 1) == 0
    assert served == LIMIT
    assert len(place.entries()) == LIMIT
    world.check_alive()
    return Seen(FULL, "", note=f"{told.count(AWAY)} refused meanwhile")


def r1(mode: Mode) -> Iterator[Trial]:
    """What may ail it."""
    kinds: dict[str, Ail] = {
        "refused": refused,
        "frozen": frozen,
        "slow": slow,
        "loading": loading,
        "read-only": read_only,
        "full": full,
        "restarted": dead,
    }
    for name, ail in kinds.items():
        yield Trial(name, (HEALTHY,), ailing(ail))
    yield Trial("flushed", (HEALTHY,), flushed)


CASES = row("R1", "Redis is away, slow, or has lost its data", r1, alone=True)

"""Rotation by policy over ninety days: every window is met or alarmed exactly once, and no call fails.

The world is drawn at random: a Vault that is away every now and then, a receiver of webhooks that fails, dawdles and
writes keys that are no good, and a provider whose probes tell nothing for a while. Time is virtual.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from unittest import mock

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import AlarmKind, Alarms
from hedgerow_server.credentials.lease import FedLease
from hedgerow_server.credentials.rotation.port import RETIRE, Notice, NotObtained, Probed, Verdict
from hedgerow_server.credentials.rotation.rotation import Means, Rotation
from hedgerow_server.credentials.rotation.section import RotationSection
from virtual import run

DAY_S = 86_400.0
HOUR_S = 3600.0
DAYS = 90
_log = logging.getLogger(__name__)


class Heard(Alarms):
    """Knows when each alarm was raised."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[float, AlarmKind, str]] = []

    def sound(self, kind: AlarmKind, credential: str, reason: str, provider: str = "") -> None:
        """Raises it, or has it raised already."""
        before = self.counts.total()
        super().sound(kind, credential, reason, provider)
        if self.counts.total() > before:
            self.heard.append((time.monotonic(), kind, credential))


@dataclass
class Chance:
    """What goes wrong, and how often."""

    lots: random.Random
    away: list[tuple[float, float]] = field(default_factory=list)
    """When Vault is away."""
    unsure: list[tuple[float, float]] = field(default_factory=list)
    """When the provider is."""
    deaf: float = 0.0
    """How often a webhook fails."""
    bad: float = 0.0
    """How often a new key is no good."""

    @classmethod
    def drawn(cls, lots: random.Random) -> "Chance":
        """A world, quiet or rough."""
        rough = lots.choice((0.0, 0.3, 1.0))

        def spans(most_s: float) -> list[tuple[float, float]]:
            begins = sorted(time.monotonic() + lots.uniform(0, DAYS * DAY_S) for _ in range(int(20 * rough)))
            return [(begin, begin + lots.uniform(60, most_s)) for begin in begins]

        return cls(lots, spans(3 * DAY_S), spans(6 * HOUR_S), 0.6 * rough, 0.4 * rough)

    def vault_is_away(self) -> bool:
        """Now."""
        return any(begin <= time.monotonic() < end for begin, end in self.away)

    def provider_is_away(self) -> bool:
        """Now."""
        return any(begin <= time.monotonic() < end for begin, end in self.unsure)


class World:
    """One credential with its provider, its source and its callers."""

    def __init__(self, name: str, chance: Chance, alarms: Heard, *, dynamic: bool) -> None:
        lots = chance.lots
        self.chance = chance
        self.alarms = alarms
        self.good: set[Secret] = set()
        self.held = FedLease(name)
        self.held.on_change = lambda _: self.changes.append(time.monotonic())
        self.changes: list[float] = []
        self.calls = Counter[str]()
        self.outcomes = Counter[str]()
        self.rotated: dict[str, Secret] = {}
        self.ids: set[str] = set()
        self.written: Secret | None = None
        self.section = RotationSection(
            max_age_seconds=lots.uniform(2, 20) * DAY_S,
            begin_before_seconds=lots.uniform(2, 40) * HOUR_S,
            overlap_seconds=lots.choice((0.0, 600.0, DAY_S)),
            probe_attempts=lots.choice((1, 3)),
            retry_seconds=lots.uniform(10, 600),
            max_retry_seconds=lots.uniform(900, 2 * HOUR_S),
        )
        send = None if dynamic else self.send
        self.means = Means(source="vault", dynamic=dynamic, provider="p", probe=self.probe, send=send)
        self.dynamic = dynamic
        self.tasks: list[asyncio.Task[None]] = []

    def key(self, *, sure: bool = False) -> Secret:
        """Another key, which the provider takes, or not."""
        secret = Secret(f"sk-{self.chance.lots.getrandbits(64):x}")
        if sure or self.chance.lots.random() >= self.chance.bad:
            self.good.add(secret)
        return secret

    # The source, as the thread of a Vault keeps it.

    def again(self) -> Future[None]:
        """Looks at once."""
        done: Future[None] = Future()
        if self.chance.vault_is_away():
            self.held.fail("Vault cannot be reached")
        elif self.dynamic:
            self.held.take(self.key())
        elif self.written is not None:
            self.held.take(self.written)
        done.set_result(None)
        return done

    def release(self, secret: Secret) -> None:
        """A lease is revoked, as soon as Vault is there; the rotation waits for that where it was in force."""
        if self.dynamic:
            self.good.discard(secret)

    def close(self) -> None:
        """Nothing is left."""

    async def poll(self) -> None:
        """Looks every half hour."""
        while True:
            await asyncio.sleep(1800)
            if self.chance.vault_is_away():
                self.held.fail("Vault cannot be reached")
            elif self.written is not None:
                self.held.take(self.written)
            else:
                self.held.confirm()

    # The receiver of webhooks.

    async def send(self, notice: Notice) -> None:
        """Fails, or does what it is asked, once for each id."""
        await asyncio.sleep(self.chance.lots.uniform(0, 10))
        if self.chance.lots.random() < self.chance.deaf:
            raise NotObtained("the webhook answers 503")
        if notice.id in self.ids:
            return
        self.ids.add(notice.id)
        if notice.type == RETIRE:
            self.good.discard(self.rotated.pop(notice.rotation))
            return
        self.rotated[notice.rotation] = self.held.current()
        self.tasks.append(asyncio.create_task(self.write()))

    async def write(self) -> None:
        """Takes a while."""
        await asyncio.sleep(self.chance.lots.choice((1.0, 60.0, HOUR_S, 8 * HOUR_S)))
        while self.chance.vault_is_away():  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(60)
        self.written = self.key()

    # The provider, and those who call it.

    async def probe(self, secret: Secret) -> Probed:
        """What it says of a key."""
        await asyncio.sleep(self.chance.lots.uniform(0, 10))
        if self.chance.provider_is_away():
            return Probed(Verdict.UNSURE, "p answers 503")
        return Probed(Verdict.GOOD) if secret in self.good else Probed(Verdict.REFUSED, "p refuses the key")

    async def call(self) -> None:
        """Calls, of which some last long. The key must be good from its beginning to its end."""
        while True:
            await asyncio.sleep(self.chance.lots.uniform(0, 2 * HOUR_S))
            secret = self.held.current()
            self.held.hold(secret)
            begun = secret in self.good
            await asyncio.sleep(self.chance.lots.choice((1.0, 600.0)))
            self.calls["OK" if begun and secret in self.good else "failed"] += 1
            self.held.let_go(secret)

    def check(self, ends_s: float) -> Counter[str]:
        """Each window had one end; how often each."""
        name, section = self.held.name, self.section
        found: Counter[str] = Counter()
        for taken_s, replaced_s in zip(self.changes, [*self.changes[1:], ends_s], strict=True):
            due_s = taken_s + section.max_age_seconds
            begins_s = due_s - section.begin_s
            alarms = [
                kind.value for at_s, kind, of in self.alarms.heard if of == name and begins_s <= at_s <= replaced_s
            ]
            if replaced_s < begins_s:
                assert alarms == []
            elif alarms:
                assert len(alarms) == 1, alarms
                found[alarms[0]] += 1
            elif replaced_s < ends_s:
                assert replaced_s <= due_s, "a key was too old, and nobody was told"
                found["met"] += 1
            else:
                assert ends_s < due_s, "a key is too old, and nobody was told"
        return found


async def live(seed: int) -> tuple[Counter[str], int]:
    """Ninety days of several credentials; returns how windows ended, and how many calls there were."""
    lots, alarms = random.Random(seed), Heard()
    worlds = [World(f"key-{number}", Chance.drawn(lots), alarms, dynamic=number % 2 == 1) for number in range(4)]
    rotations = []
    for world in worlds:
        world.held.take(world.key(sure=True))
        world.written = None if world.dynamic else world.held.current()
        world.held.feed_from(world) if not world.dynamic else setattr(world.held, "_feed", world)
        rotation = Rotation(world.section, world.held, world.means, alarms, world.outcomes)
        rotations.append(rotation)
        world.tasks += [asyncio.create_task(one) for one in (rotation.run(), world.poll(), world.call(), world.call())]
    await asyncio.sleep(DAYS * DAY_S)
    ends_s = time.monotonic()
    for world, rotation in zip(worlds, rotations, strict=True):
        for task in world.tasks:
            task.cancel()
        for task in world.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        rotation.detach()
        await rotation.close()
    total: Counter[str] = Counter()
    for world in worlds:
        assert world.calls["failed"] == 0, world.calls
        found = world.check(ends_s)
        told = {one: world.outcomes[one] for one in ("met", "rotation_overdue", "probe_failed")}
        assert {one: found[one] for one in told} == told
        total += found
    return total, sum(world.calls.total() for world in worlds)


def test_every_window_is_met_or_alarmed_once_and_no_call_fails(request: pytest.FixtureRequest) -> None:
    """In several worlds, in which there are windows of every kind, or it would show little."""
    total, calls = Counter[str](), 0
    began_s = time.time()
    for seed in range(30 if request.config.getoption("--long") else 3):
        with mock.patch.object(time, "time", side_effect=lambda: began_s + time.monotonic()):
            ended, called = run(live(seed))
        total, calls = total + ended, calls + called
    _log.info("%s in %d calls", dict(total), calls)
    assert calls > 10_000
    assert total["met"] > 20
    assert total["rotation_overdue"] > 0
    assert total["probe_failed"] > 0

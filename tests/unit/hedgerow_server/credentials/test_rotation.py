"""A credential's rotation, step by step, in virtual time."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import FedLease
from hedgerow_server.credentials.rotation.port import RETIRE, ROTATE, Notice, NotObtained, Probed, Verdict
from hedgerow_server.credentials.rotation.rotation import Means, Rotation
from hedgerow_server.credentials.rotation.section import RotationSection
from virtual import timed

OLD, NEW, NEWER = Secret("sk-old-canary"), Secret("sk-new-canary"), Secret("sk-newer-canary")
GOOD, UNSURE = Probed(Verdict.GOOD), Probed(Verdict.UNSURE, "p answers 503")
REFUSED = Probed(Verdict.REFUSED, "p refuses the key (status 401)")
WEBHOOK = {"url": "https://keys.example.com/", "secret": "signs", "answer_seconds": 40}
POLICY = {
    "max_age_seconds": 1000,
    "begin_before_seconds": 200,
    "overlap_seconds": 50,
    "retry_seconds": 10,
    "webhook": WEBHOOK,
}


class World:
    """A credential, with everybody whom its rotation asks."""

    def __init__(self, *, dynamic: bool = False, probes: bool = True, sends: bool = True, **policy: object) -> None:
        given = {**POLICY, **policy}
        self.next: list[Secret] = []
        self.held = FedLease("main")
        self.held.take(OLD)
        self.held.feed_from(self)
        self.alarms = Alarms()
        self.outcomes: Counter[str] = Counter()
        self.says: dict[Secret, Probed] = {}
        self.probed: list[Secret] = []
        self.sent: list[Notice] = []
        self.receiver: Callable[[Notice], object] = lambda _: None
        self.released: list[Secret] = []
        means = Means(
            source="vault",
            dynamic=dynamic,
            provider="p",
            probe=self.probe if probes else None,
            send=self.send if sends else None,
        )
        self.rotation = Rotation(RotationSection.model_validate(given), self.held, means, self.alarms, self.outcomes)

    async def probe(self, secret: Secret) -> Probed:
        self.probed.append(secret)
        return self.says.get(secret, GOOD)

    async def send(self, notice: Notice) -> None:
        self.sent.append(notice)
        self.receiver(notice)

    def again(self) -> Future[None]:
        done: Future[None] = Future()
        if self.next:
            self.held.take(self.next.pop(0))
        done.set_result(None)
        return done

    def release(self, secret: Secret) -> None:
        self.released.append(secret)

    def close(self) -> None:
        """Nothing is left."""

    @property
    def events(self) -> list[str]:
        return [one.kind.value for one in self.alarms.of("main")]


@contextlib.asynccontextmanager
async def living(world: World) -> AsyncIterator[World]:
    """While its rotation goes on."""
    task = asyncio.create_task(world.rotation.run())
    try:
        yield world
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        world.rotation.detach()
        await world.rotation.close()


@timed
async def test_a_key_is_asked_for_when_its_window_begins_probed_put_in_force_and_the_old_one_retired() -> None:
    world = World()
    world.receiver = lambda notice: world.held.take(NEW) if notice.type == ROTATE else None
    async with living(world):
        await asyncio.sleep(799)
        assert world.sent == []
        await asyncio.sleep(2)
        assert [one.type for one in world.sent] == [ROTATE]
        assert (world.held.current(), world.probed) == (NEW, [NEW])
        await asyncio.sleep(48)
        assert world.released == []
        await asyncio.sleep(2)
        assert world.released == [OLD]
    rotate, retire = world.sent
    assert (retire.type, retire.rotation) == (RETIRE, rotate.rotation)
    assert retire.id != rotate.id
    assert world.outcomes == {"met": 1}
    assert world.events == []


@timed
async def test_an_old_key_is_not_retired_while_a_call_uses_it() -> None:
    world = World()
    world.receiver = lambda notice: world.held.take(NEW) if notice.type == ROTATE else None
    async with living(world):
        world.held.hold(OLD)
        await asyncio.sleep(1000)
        assert (world.held.current(), world.released) == (NEW, [])
        world.held.let_go(OLD)
        await asyncio.sleep(31)
        assert world.released == [OLD]


@timed
async def test_no_key_is_retired_while_its_source_is_away() -> None:
    world = World()
    world.receiver = lambda notice: world.held.take(NEW) if notice.type == ROTATE else None
    async with living(world):
        await asyncio.sleep(810)
        world.held.fail("Vault is sealed")
        await asyncio.sleep(500)
        assert world.released == []
        world.held.confirm()
        await asyncio.sleep(31)
        assert world.released == [OLD]


@timed
async def test_the_same_request_has_the_same_id_until_it_is_answered() -> None:
    world = World()

    def refusing(notice: Notice) -> None:
        if len(world.sent) < 3:
            raise NotObtained("the webhook answers 503")

    world.receiver = refusing
    async with living(world):
        await asyncio.sleep(805)
        assert len(world.sent) == 1
        assert world.rotation.problem == "the webhook answers 503"
        await asyncio.sleep(45)
        assert len(world.sent) == 3
        assert world.rotation.problem == ""
        await asyncio.sleep(50)
    assert len(world.sent) == 4, "asked again, for nothing has come within answer_seconds"
    assert len({one.id for one in world.sent}) == 1


@timed
async def test_two_routers_give_the_same_version_the_same_id() -> None:
    one, other = World(), World()
    for world in (one, other):
        world.held.take(NEWER, 1_700_000_000.5, at_once=True)
        async with living(world):
            await asyncio.sleep(1)
    assert one.sent[0].id == other.sent[0].id


@timed
async def test_a_probe_that_fails_keeps_the_old_key_and_raises_one_alarm() -> None:
    world = World(probe_attempts=2, webhook={**WEBHOOK, "answer_seconds": 5000})
    bad = [Secret(f"sk-bad-canary-{number}") for number in range(20)]
    world.says.update(dict.fromkeys(bad, REFUSED))
    world.receiver = lambda notice: world.held.take(bad.pop()) if notice.type == ROTATE else None
    async with living(world):
        await asyncio.sleep(999)
        assert world.held.current() == OLD
        assert world.events == ["probe_failed"]
        assert world.alarms.of("main")[0].reason == "p refuses the key (status 401)"
        assert len({one.id for one in world.sent}) > 1, "another key is asked for"
        world.receiver = lambda notice: world.held.take(NEWER) if notice.type == ROTATE else None
        await asyncio.sleep(500)
        assert world.held.current() == NEWER
        assert world.events == []
    assert world.outcomes == {"probe_failed": 1, "late": 1}
    assert world.alarms.counts.total() == 1


@timed
async def test_a_provider_that_tells_nothing_is_asked_again_and_no_alarm_is_raised() -> None:
    world = World()
    world.says[NEW] = UNSURE
    world.receiver = lambda notice: world.held.take(NEW) if notice.type == ROTATE else None
    async with living(world):
        await asyncio.sleep(850)
        assert (world.held.current(), world.events, world.rotation.problem) == (OLD, [], "p answers 503")
        world.says[NEW] = GOOD
        await asyncio.sleep(100)
        assert world.held.current() == NEW
    assert world.outcomes == {"met": 1}


@timed
async def test_a_key_that_becomes_too_old_raises_one_alarm_in_time_and_is_gone_on_with() -> None:
    world = World()
    async with living(world):
        await asyncio.sleep(999)
        assert world.events == []
        await asyncio.sleep(2)
        assert world.events == ["rotation_overdue"]
        await asyncio.sleep(5000)
        assert world.alarms.counts.total() == 1
        world.held.take(NEW)
        await asyncio.sleep(1)
        assert (world.held.current(), world.events) == (NEW, [])
    assert world.outcomes == {"rotation_overdue": 1, "late": 1}


@timed
async def test_a_key_that_somebody_writes_before_the_window_is_probed_and_put_in_force() -> None:
    world = World()
    async with living(world):
        await asyncio.sleep(100)
        world.held.take(NEW)
        await asyncio.sleep(1)
        assert (world.held.current(), world.probed) == (NEW, [NEW])
        await asyncio.sleep(790)
        assert world.sent[1:] == [], "its own window begins later; the first notice retires the old key"
    assert world.outcomes == {"early": 1}


@timed
async def test_an_engine_gives_the_next_key_by_itself_and_takes_a_rejected_one_back() -> None:
    world = World(dynamic=True, sends=False, webhook=None, probe_attempts=1)
    world.says[NEW] = REFUSED
    world.next = [NEW, NEWER]
    async with living(world):
        await asyncio.sleep(805)
        assert (world.held.current(), world.released) == (OLD, [NEW])
        assert world.events == ["probe_failed"]
        await asyncio.sleep(20)
        assert (world.held.current(), world.events) == (NEWER, [])
        await asyncio.sleep(60)
    assert world.released == [NEW, OLD]


@timed
async def test_without_a_probe_another_key_is_in_force_at_once_and_the_old_one_retired() -> None:
    world = World(probes=False, probe=False)
    world.receiver = lambda notice: world.held.take(NEW) if notice.type == ROTATE else None
    async with living(world):
        await asyncio.sleep(801)
        assert world.held.current() == NEW
        await asyncio.sleep(60)
    assert (world.probed, world.released, world.outcomes) == ([], [OLD], {"met": 1})


@timed
async def test_nobody_to_ask_leaves_it_to_whoever_writes_keys_and_the_alarm() -> None:
    world = World(sends=False, webhook=None)
    async with living(world):
        await asyncio.sleep(1001)
        assert world.events == ["rotation_overdue"]


@timed
async def test_a_fault_of_ours_ends_no_rotation() -> None:
    world = World()

    def failing(notice: Notice) -> None:
        if len(world.sent) == 1:
            raise RuntimeError("sk-old-canary")
        world.held.take(NEW)

    world.receiver = failing
    async with living(world):
        await asyncio.sleep(850)
        assert world.held.current() == NEW


def test_an_alarm_is_a_line_of_fixed_shape_told_once(caplog: pytest.LogCaptureFixture) -> None:
    from hedgerow_server.credentials.alarm import AlarmKind

    alarms = Alarms()
    with caplog.at_level(logging.INFO, "hedgerow_server"):
        for _ in range(2):
            alarms.refused("openai", "main", "PROVIDER_AUTH")
        alarms.sound(AlarmKind.ROTATION_OVERDUE, "main", 'no "other" key\nhas come')
        alarms.accepted("openai", "main")
        alarms.accepted("openai", "main")
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("ERROR", 'alarm event=credential_set_aside credential=main provider=openai reason="PROVIDER_AUTH"'),
        (
            "ERROR",
            'alarm event=credential_rotation_overdue credential=main provider=- reason="no \\"other\\" key\\nhas come"',
        ),
        ("INFO", "alarm over event=credential_set_aside credential=main provider=openai"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"begin_before_seconds": 1000},
        {"overlap_seconds": 1001},
        {"probe": False, "probe_provider": "p"},
        {"max_age_seconds": 0},
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RotationSection.model_validate({**POLICY, **wrong})

"""Rotations from one configuration to the next."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.alarm import Alarms
from hedgerow_server.credentials.lease import HeldLease
from hedgerow_server.edition import Edition
from hedgerow_server.providers.http.web import HttpWeb
from hedgerow_server.rotations import Rotations
from hedgerow_server.settings import Settings

OLD, NEW = Secret("sk-old"), Secret("sk-new")


def edition(held: HeldLease | None, **policy: Any) -> Edition:
    """A configuration with one credential under a policy, or without any."""
    rotation = {"max_age_seconds": 1000, "overlap_seconds": 0, "probe": False, **policy}
    key = {"source": "file", "path": "/run/secrets/key", "rotation": rotation}
    settings = Settings.model_validate(
        {
            "credentials": {"key": key} if held is not None else {},
            "providers": {"openai": {"dialect": "openai"}},
            "routes": {"a": {"kind": "chat", "candidates": [{"provider": "openai", "model": "m"}]}},
        }
    )
    return cast("Edition", SimpleNamespace(settings=settings, leases={"key": held} if held is not None else {}))


def holding() -> HeldLease:
    """A lease on the old key."""
    held = HeldLease("key", None)
    held.take(OLD)
    return held


@pytest.fixture(name="alarms")
def alarms_fixture() -> Alarms:
    """What is wrong."""
    return Alarms()


def rotations(alarms: Alarms) -> Rotations:
    """None yet."""
    return Rotations(lambda: edition(None), alarms, HttpWeb())


async def until(what: Callable[[], object]) -> None:
    """Waits for it."""
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)


async def test_a_credential_that_is_as_it_was_goes_on(alarms: Alarms) -> None:
    ours, held = rotations(alarms), holding()
    ours.serve(edition(held))
    before = ours.of("key")
    ours.serve(edition(held))
    assert ours.of("key") is before is not None
    await ours.close()


async def test_another_lease_has_another_rotation_and_the_old_one_lets_go(alarms: Alarms) -> None:
    ours, held, other = rotations(alarms), holding(), holding()
    ours.serve(edition(held))
    before = ours.of("key")
    ours.serve(edition(other, max_age_seconds=2000))
    assert ours.of("key") is not before
    assert held.on_replaced is None
    assert other.on_replaced is not None
    await ours.close()
    assert other.on_replaced is None


async def test_one_that_is_not_there_any_more_ends_with_its_alarms(alarms: Alarms) -> None:
    ours, held = rotations(alarms), HeldLease("key", None)
    held.take(OLD, 1_700_000_000)
    ours.serve(edition(held))
    await until(lambda: alarms.of("key"))
    ours.serve(edition(None))
    assert (ours.of("key"), alarms.of("key")) == (None, ())
    await ours.close()


async def test_a_key_that_was_being_retired_is_retired_also_after_a_reload(alarms: Alarms) -> None:
    class Retired(HeldLease):
        retired: Secret | None = None

        def retire(self, secret: Secret) -> None:
            self.retired = secret

    ours, held = rotations(alarms), Retired("key", None)
    held.take(OLD)
    ours.serve(edition(held))
    held.take(NEW)
    ours.serve(edition(holding(), max_age_seconds=2000))
    await until(lambda: held.retired)
    assert held.retired == OLD
    await ours.close()

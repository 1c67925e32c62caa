"""Alerts of budgets: each once, signed, and sent until they arrive."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach, WebAnswer, WebError
from hedgerow_server.core.webhook import Receiver
from hedgerow_server.limits.alerts import Alerts
from money.limited import ANN, BOB, World

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
REACH = Reach(AddressRule.of("https://alerts.test/hook", allow=None))
USD = 10**12
BUDGET = {"name": "month", "by": ["team"], "usd": 10, "per": "month", "alert_percent": [50, 80, 100]}


class FakeReceiver:
    """A webhook that may be dead, and the web in which it is."""

    def __init__(self, *answers: int | str) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """The next answer: a status, or why there is none; 200 once all were given."""
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, str):
            raise WebError(answer)
        return WebAnswer(answer, {}, b"")

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        """Nobody asks it."""
        raise AssertionError

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies, each once."""
        return list({one.headers["webhook-id"]: json.loads(one.body) for one in self.requests}.values())


def hook(receiver: FakeReceiver, reveal: Callable[[], Secret]) -> Receiver:
    """The router's way to it."""
    return Receiver("https://alerts.test/hook", receiver, REACH, reveal, timeout_s=1)


@asynccontextmanager
async def alerting(receiver: FakeReceiver, secret: str | None = SECRET) -> AsyncIterator[Alerts]:
    """Alerts that go there."""

    def reveal() -> Secret:
        if secret is None:
            raise CredentialUnavailable("none")
        return Secret(secret)

    alerts = Alerts(first_pause_s=0.001)
    alerts.webhook = hook(receiver, reveal)
    try:
        yield alerts
    finally:
        await alerts.close(0)


async def all_arrived(alerts: Alerts) -> None:
    """Waits until nothing waits."""
    async with asyncio.timeout(20):
        while alerts.waiting:  # noqa: ASYNC110  (it has no event of its own)
            await asyncio.sleep(0.001)


def spend(world: World, picos: int, who: Any = ANN) -> None:
    """A call that costs so much."""
    world.settle(world.take(who, picos=picos), picos=picos)


def marks(world: World) -> list[tuple[str, float]]:
    """Type and percent of the alerts so far."""
    return [(one.type.partition(".")[2], one.percent) for one in world.alerts]


def test_each_mark_alerts_once_however_it_is_passed() -> None:
    world = World(budgets=[BUDGET])
    for picos in (4, 1, 0, 2, 1):
        spend(world, picos * USD)
    assert marks(world) == [("threshold", 50), ("threshold", 80)]
    spend(world, 2 * USD)
    spend(world, 0)
    assert marks(world)[2:] == [("threshold", 100)]


def test_several_marks_that_one_call_passes_alert_each() -> None:
    world = World(budgets=[BUDGET])
    spend(world, 9 * USD)
    assert marks(world) == [("threshold", 50), ("threshold", 80)]


def test_what_is_only_held_alerts_nobody() -> None:
    world = World(budgets=[BUDGET])
    held = world.take(picos=10 * USD)
    assert marks(world) == []
    world.settle(held, picos=1)
    assert marks(world) == []


def test_a_budget_that_begins_to_refuse_says_so_once() -> None:
    world = World(budgets=[BUDGET])
    spend(world, 7 * USD)
    for _ in range(3):
        assert world.refused(picos=4 * USD).reason == "BUDGET_SPENT"
    assert marks(world) == [("threshold", 50), ("refusing", 70)]


def test_each_bucket_and_each_window_alerts_for_itself() -> None:
    world = World(budgets=[BUDGET])
    spend(world, 5 * USD)
    spend(world, 5 * USD, BOB)
    world.counters.pass_s(31 * 86_400)
    spend(world, 5 * USD)
    assert [(one.scope["team"], one.percent) for one in world.alerts] == [("search", 50), ("ads", 50), ("search", 50)]
    assert len({one.id for one in world.alerts}) == 3


def test_a_reload_alerts_nobody_again() -> None:
    world = World(budgets=[BUDGET])
    spend(world, 8 * USD)
    world.reload(budgets=[BUDGET])
    spend(world, 1)
    assert len(world.alerts) == 2


def test_the_log_says_it_with_or_without_a_webhook(caplog: pytest.LogCaptureFixture) -> None:
    world = World(budgets=[BUDGET])
    with caplog.at_level(logging.WARNING):
        spend(world, 5 * USD)
    assert "budget month[team=search] has reached 50 %: 5 of 10 USD are spent" in caplog.text


async def test_a_webhook_that_is_dead_at_first_gets_every_alert_once_it_is_back() -> None:
    receiver = FakeReceiver("refused", 503, "refused", 500, 404)
    async with alerting(receiver) as alerts:
        world = World(budgets=[BUDGET])
        world.limiter._tell = alerts.tell
        spend(world, 10 * USD)
        await all_arrived(alerts)
    assert sorted(one["percent"] for one in receiver.told) == [50, 80, 100]
    assert len(receiver.requests) == 3 + 5
    first = receiver.told[0]
    assert {
        key: first[key] for key in ("type", "budget", "scope", "limit_usd", "spent_usd", "window", "time_zone")
    } == {
        "type": "budget.threshold",
        "budget": "month",
        "scope": {"team": "search"},
        "limit_usd": "10",
        "spent_usd": "10",
        "window": "month",
        "time_zone": "UTC",
    }


async def test_what_arrives_is_signed() -> None:
    receiver = FakeReceiver()
    async with alerting(receiver) as alerts:
        world = World(budgets=[BUDGET])
        world.limiter._tell = alerts.tell
        spend(world, 5 * USD)
        await all_arrived(alerts)
    (request,) = receiver.requests
    headers = request.headers
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    digest = base64.b64encode(hmac.digest(b"k" * 24, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert (request.method, request.url) == ("POST", "https://alerts.test/hook")


async def test_an_alert_waits_for_the_secret_that_signs_it() -> None:
    receiver = FakeReceiver()
    async with alerting(receiver, None) as alerts:
        world = World(budgets=[BUDGET])
        world.limiter._tell = alerts.tell
        spend(world, 5 * USD)
        await asyncio.sleep(0.01)
        assert (alerts.waiting, receiver.requests) == (1, [])
        alerts.webhook = hook(receiver, lambda: Secret(SECRET))
        await all_arrived(alerts)
    assert len(receiver.told) == 1


async def test_without_a_webhook_nothing_waits() -> None:
    alerts = Alerts()
    world = World(budgets=[BUDGET])
    world.limiter._tell = alerts.tell
    spend(world, 5 * USD)
    assert alerts.waiting == 0


async def test_the_end_does_not_wait_for_a_dead_webhook_and_says_what_was_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = FakeReceiver(*["dead"] * 1000)
    async with alerting(receiver) as alerts:
        world = World(budgets=[BUDGET])
        world.limiter._tell = alerts.tell
        spend(world, 5 * USD)
        await alerts.close(0.01)
        assert alerts.waiting == 0
    assert "was not delivered before the end" in caplog.text

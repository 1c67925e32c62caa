"""Every unit, whoever shares a limit, whatever its window: one below it, at it and over it."""

from typing import Any

import msgspec
import pytest
from hedgerow_server.core.call import Principal
from money.limited import ANN, World

UNITS = ("requests", "tokens", "concurrency", "usd")
WINDOWS = ("minute", "hour", "day", "week", "month", "total")
SCOPES: tuple[tuple[str, ...], ...] = (
    (),
    ("tenant",),
    ("team",),
    ("user",),
    ("service",),
    ("key",),
    ("model",),
    ("route",),
    ("tenant", "user"),
    ("service", "user", "model"),
    ("tenant", "team", "user", "service", "key", "model", "route"),
)
CELLS = [
    pytest.param(unit, window, by, id=f"{unit}-{window or 'at-once'}-{'+'.join(by) or 'all'}")
    for unit in UNITS
    for window in (WINDOWS if unit != "concurrency" else ("",))
    for by in SCOPES
]
PICO = 10**-12
LIMIT = 5
CALLER = {"tenant": "acme", "team": "search", "user": "ann", "service": "web", "key": "k1"}
_FIELDS = {"key": "key_id"}


def limit(unit: str, window: str) -> dict[str, Any]:
    """One limit of five units; of money, five of the smallest there are."""
    amount = "0.000000000005" if unit == "usd" else LIMIT
    return {unit: amount, **({"per": window} if window else {})}


def elsewhere(dimension: str) -> tuple[Principal, str, str]:
    """A call that differs in one dimension."""
    if dimension in ("model", "route"):
        return ANN, "slow" if dimension == "model" else "fast", "slow" if dimension == "route" else "fast"
    return msgspec.structs.replace(ANN, **{_FIELDS.get(dimension, dimension): "x"}), "fast", "fast"


def worlds(unit: str, window: str, by: tuple[str, ...]) -> World:
    """The limit, between two others that never are the reason."""
    wide = {"name": "wide", "by": ["tenant"], "limits": [{"requests": 10**6, "per": "day"}, {"concurrency": 10**6}]}
    quota = {"name": "the-one", "by": list(by), "limits": [limit(unit, window)]}
    return World([wide, quota], [{"name": "purse", "usd": 1000, "per": "month"}])


@pytest.mark.parametrize(("unit", "window", "by"), CELLS)
def test_the_last_unit_is_had_and_the_one_after_it_refused_by_the_right_bucket(
    unit: str, window: str, by: tuple[str, ...]
) -> None:
    world = worlds(unit, window, by)
    needs: dict[str, Any] = {"tokens": 1} if unit == "tokens" else {"picos": 1} if unit == "usd" else {}
    for _ in range(LIMIT - 1):
        world.take(**needs)
    world.take(**needs)  # at the limit
    before = world.counts()

    error = world.refused(**needs)

    word = "USD" if unit == "usd" else unit
    scope = ",".join(f"{name}={CALLER.get(name, 'fast')}" for name in by)
    expected = f"the-one[{scope}] " if scope else "the-one "
    assert error.subject == expected + (f"{unit}/{window}" if window else unit)
    assert (error.reason, error.code) == ("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED")
    assert error.metadata["quota"] == "the-one"
    full = "0.000000000005 USD" if unit == "usd" else f"{LIMIT} {word}"
    assert (error.metadata["limit"], error.metadata["used"]) == (full, full)
    assert world.counts() == before, "a refused call takes nothing of any bucket"
    assert (error.retry_delay_s is not None) is (window not in ("", "total"))


@pytest.mark.parametrize("by", [one for one in SCOPES if one], ids="+".join)
def test_whoever_differs_in_one_dimension_has_a_limit_of_its_own(by: tuple[str, ...]) -> None:
    world = worlds("requests", "day", by)
    for _ in range(LIMIT):
        world.take()
    assert world.refused().reason == "QUOTA_EXCEEDED"
    for dimension in by:
        world.take(*elsewhere(dimension))
    for dimension in {*CALLER, "model", "route"} - set(by):
        assert world.refused(*elsewhere(dimension)).subject.startswith("the-one")


@pytest.mark.parametrize("unit", ["tokens", "usd"])
def test_a_call_that_needs_more_than_is_left_is_refused_and_a_smaller_one_is_not(unit: str) -> None:
    world = worlds(unit, "day", ("tenant",))

    def needs(amount: int) -> dict[str, Any]:
        return {"tokens" if unit == "tokens" else "picos": amount}

    assert world.refused(**needs(LIMIT + 1)).retry_delay_s is None, "no window has room for it"
    world.take(**needs(LIMIT - 1))
    assert world.refused(**needs(2)).metadata["needed"].startswith("2" if unit == "tokens" else "0.000000000002")
    world.take(**needs(1))


def test_a_budget_is_told_apart_from_a_quota() -> None:
    world = World(budgets=[{"name": "team-month", "by": ["team"], "usd": 1, "per": "month"}])
    world.take(picos=10**12)
    error = world.refused(picos=1)
    assert (error.reason, error.subject) == ("BUDGET_SPENT", "team-month[team=search] usd/month")
    assert error.metadata["budget"] == "team-month"


def test_a_soft_budget_counts_and_refuses_nobody() -> None:
    world = World(budgets=[{"name": "soft", "usd": 1, "per": "day", "mode": "soft"}])
    for _ in range(3):
        world.settle(world.take(picos=0), picos=10**12)
    assert world.counts() == {("soft", "usd", "day"): (3 * 10**12, 0)}


def test_a_match_keeps_a_limit_to_some_calls() -> None:
    quota = {
        "name": "some",
        "match": {"tenant": ["acme"], "model": ["gpt-*", "fast"], "user": ["*"]},
        "limits": [{"requests": 1, "per": "day"}],
    }
    world = World([quota])
    nobody = msgspec.structs.replace(ANN, user="")
    for who, model in ((ANN, "slow"), (nobody, "fast"), (msgspec.structs.replace(ANN, tenant="x"), "fast")):
        assert not world.of(who, model).lines
    world.take()
    assert world.refused(ANN, "gpt-4o").subject == "some requests/day"


def test_of_several_buckets_that_are_full_the_one_that_is_full_the_longest_is_named() -> None:
    limits = [{"requests": 1, "per": one} for one in ("minute", "day", "hour")]
    world = World([{"name": "all", "limits": limits}])
    world.take()
    error = world.refused()
    assert error.subject == "all requests/day"
    assert error.retry_delay_s == 14 * 3600


def test_concurrency_is_there_again_when_a_call_ends() -> None:
    world = World([{"name": "at-once", "by": ["user"], "limits": [{"concurrency": 1}]}])
    one = world.take()
    assert world.refused().subject == "at-once[user=ann] concurrency"
    world.settle(one)
    world.take()


def test_a_call_that_was_turned_away_later_has_used_no_request() -> None:
    world = World([{"name": "q", "limits": [{"requests": 1, "per": "day"}]}])
    world.settle(world.take(), requests=0)
    world.take()


def test_a_hundred_thousand_users_of_one_service_are_limited_each_for_itself(request: pytest.FixtureRequest) -> None:
    """Fewer in the ordinary run."""
    users = 100_000 if request.config.getoption("--long") else 5_000
    world = World([{"name": "per-user", "by": ["service", "user"], "limits": [{"requests": 2, "per": "day"}]}])
    people = [msgspec.structs.replace(ANN, user=f"u{number}") for number in range(users)]
    for _ in range(2):
        for one in people:
            world.take(one)
    for one in people:
        assert world.refused(one).subject == f"per-user[service=web,user={one.user}] requests/day"
    assert set(world.counts().values()) == {(0, 2)}

"""Limiters of any configuration, on clocks that tests set."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.limits.alert import Alert
from hedgerow_server.limits.counters import LocalCounters, Reservation
from hedgerow_server.limits.hold import CallHold
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.rules import Resolved, groups
from hedgerow_server.limits.section import BudgetSection, QuotaSection
from hedgerow_server.limits.window import Moment

ANN = Principal(tenant="acme", team="search", user="ann", service="web", key_id="k1")
BOB = Principal(tenant="other", team="ads", user="bob", service="batch", key_id="k2")
START = dt.datetime(2026, 5, 13, 10, 0, tzinfo=dt.UTC).timestamp()
LATER_S = 1e9


class Clocked(LocalCounters):
    """Counts whose clocks stand still until somebody moves them."""

    def __init__(self) -> None:
        super().__init__()
        self.mono_s = 6_000.0
        self.unix_s = START

    def now(self) -> Moment:
        """As it was set."""
        return Moment(self.mono_s, self.unix_s)

    def pass_s(self, seconds: float) -> None:
        """Time goes on."""
        self.mono_s += seconds
        self.unix_s += seconds

    def set(self, moment: dt.datetime, zone: str) -> None:
        """It is a moment of a time zone, by the wall clock alone."""
        self.unix_s = moment.replace(tzinfo=ZoneInfo(zone)).timestamp()


class World:
    """A limiter with all that is behind it."""

    def __init__(self, quotas: Sequence[dict[str, Any]] = (), budgets: Sequence[dict[str, Any]] = ()) -> None:
        self.counters = Clocked()
        self.memory = LimitMemory(self.counters)
        self.alerts: list[Alert] = []
        self.reload(quotas, budgets)

    def reload(self, quotas: Sequence[dict[str, Any]] = (), budgets: Sequence[dict[str, Any]] = ()) -> None:
        """Another configuration."""
        sections = [QuotaSection.model_validate(one) for one in quotas]
        found = groups(sections, [BudgetSection.model_validate(one) for one in budgets])
        self.limiter = Limiter(found, self.memory, self.alerts.append)

    def of(self, who: Principal = ANN, model: str = "fast", route: str | None = None) -> Resolved:
        """What holds for a caller."""
        return self.limiter.of(who, model, route or model)

    def take(
        self,
        who: Principal = ANN,
        model: str = "fast",
        route: str | None = None,
        *,
        tokens: int = 0,
        picos: int = 0,
        until_s: float = LATER_S,
    ) -> Reservation:
        """A call's reservation. Raises what it is refused with."""

        def again() -> Resolved:
            return self.of(who, model, route)

        taken: Reservation = run(self.limiter.reserve(again(), again, [1, tokens, 1, picos, 0], until_s))
        return taken

    def refused(self, *args: Any, **more: Any) -> HedgerowError:
        """The error of a call that is refused."""
        try:
            self.take(*args, **more)
        except HedgerowError as error:
            return error
        raise AssertionError("the call was let in")

    def settle(self, one: Reservation, *, requests: int = 1, tokens: int = 0, picos: int = 0) -> None:
        """A call has come to that."""
        self.limiter.settle(one, [requests, tokens, 0, picos, 0])

    def hold(self, who: Principal = ANN, model: str = "fast") -> CallHold:
        """The hold of a call that has taken nothing yet."""
        return CallHold(self.limiter, self.of(who, model), model)

    def counts(self) -> dict[tuple[str, ...], tuple[int, int]]:
        """Used and held of all buckets."""
        return {
            (one.name, one.unit, one.window, *one.scope.values()): (one.used, one.held) for one in self.limiter.view()
        }


def run(step: Any) -> Any:
    """The result of what never waits in one process."""
    try:
        step.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


__all__ = ["ANN", "BOB", "Clocked", "World", "asyncio", "run"]

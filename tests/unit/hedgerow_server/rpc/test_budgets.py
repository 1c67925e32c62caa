"""Which limits a caller is told of, a page at a time."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.spend import ListBudgetsRequest
from hedgerow_server.limits.view import LimitView
from hedgerow_server.rpc.budgets import listed

ANN = Principal("acme", team="search", user="ann", key_id="k1")


def limit(name: str, scope: dict[str, str] | None = None, **fields: Any) -> LimitView:
    given = {"budget": True, "unit": "usd", "overhead": False, "window": "day", "time_zone": "UTC", "hard": True}
    given |= {"limit": 10, "used": 4, "held": 1, "reset_unix_s": None}
    return LimitView(name=name, scope=scope or {}, **{**given, **fields})


def names(found: list[LimitView], *, every: bool = False) -> list[str]:
    def budgets(keep: Callable[[Mapping[str, str]], bool]) -> Iterable[LimitView]:
        return [one for one in found if keep(one.scope)]

    told: list[str] = []
    token = ""
    while True:
        page = listed(budgets, ListBudgetsRequest(2, token), ANN, every=every)
        assert len(page.found) <= 2
        told += [one.name for one in page.found]
        token = page.next_page_token
        if not token:
            return told


LIMITS = [
    limit("z everybody's"),
    limit("own tenant's", {"tenant": "acme"}),
    limit("own tenant's team", {"tenant": "acme", "team": "shop"}),
    limit("other tenant's", {"tenant": "globex"}),
    limit("own team's", {"team": "search"}),
    limit("other team's", {"team": "shop"}),
    limit("own key's for a model", {"key": "k1", "model": "fast"}),
    limit("other key's", {"key": "k2"}),
    limit("a model's", {"model": "fast"}),
]


def test_a_caller_is_told_of_limits_that_are_its_tenants_its_own_or_everybodys() -> None:
    """What is kept apart by a team's name alone may be another tenant's team."""
    assert names(LIMITS) == [
        "a model's",
        "own key's for a model",
        "own team's",
        "own tenant's",
        "own tenant's team",
        "z everybody's",
    ]


def test_whoever_sees_all_tenants_is_told_of_all() -> None:
    assert names(LIMITS, every=True) == sorted(one.name for one in LIMITS)


def test_windows_of_one_limit_are_told_apart() -> None:
    both = [limit("one", window="day"), limit("one", window="month"), limit("one", unit="tokens")]
    assert names(both) == ["one"] * 3


@pytest.mark.parametrize("token", ["?", "Zm9v=", "//8="])
def test_a_page_token_of_nobodys_is_refused(token: str) -> None:
    with pytest.raises(RequestInvalid):
        listed(lambda keep: [one for one in LIMITS if keep(one.scope)], ListBudgetsRequest(2, token), ANN, every=True)

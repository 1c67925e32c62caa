"""What one configuration would change in another."""

from typing import Any

import pytest
from hedgerow_server.config.masked import MASK
from hedgerow_server.core.plan import PlannedChange
from hedgerow_server.core.slices import at_once
from hedgerow_server.planning import MOST_CHANGES, changes, named_files
from hedgerow_server.settings import Settings

OPENAI = {"dialect": "openai", "credential": "key"}
CANDIDATES = [{"provider": "a", "model": "m"}, {"provider": "b", "model": "m"}]


def settings(**sections: Any) -> Settings:
    """Settings with two providers and a route."""
    return Settings.model_validate(
        {
            "credentials": {"key": {"source": "env", "variable": "HEDGEROW_UNIT_KEY"}},
            "providers": {"a": OPENAI, "b": {**OPENAI, "base_url": "http://b/v1"}},
            "routes": {"fast": route()},
            **sections,
        }
    )


def route(**more: Any) -> dict[str, Any]:
    """A route with two candidates."""
    return {"kind": "chat", "candidates": CANDIDATES, **more}


def planned(old: Settings, new: Settings, *restart_keys: str) -> list[PlannedChange]:
    """The changes."""
    return list(at_once(changes(old, new, restart_keys))[0])


def values(change: PlannedChange) -> dict[str, tuple[str | None, str | None]]:
    """Its fields."""
    return {one.path: (one.before, one.after) for one in change.fields}


def only(**sections: Any) -> PlannedChange:
    """The one change that other sections make."""
    (found,) = planned(settings(), settings(**sections))
    return found


def test_equal_settings_have_no_changes() -> None:
    assert at_once(changes(settings(), settings(), ())) == ((), 0)


def test_a_route_tells_value_by_value_what_is_different_in_it() -> None:
    better = [{"provider": "a", "model": "m", "weight": 3}, {"provider": "b", "model": "n"}]
    found = only(routes={"fast": route(candidates=better, max_attempts=5, hedge={"max_extra_percent": 7})})
    assert (found.area, found.path, found.kind) == ("route", "routes.fast", "changed")
    told = values(found)
    assert told["candidates[a/m].weight"] == ("1", "3")
    assert told["max_attempts"] == ("3", "5")
    assert told["hedge"][0] is None
    assert '"max_extra_percent": 7.0' in (told["hedge"][1] or "")
    assert told["candidates[b/m]"][1] is None
    assert told["candidates[b/n]"][0] is None
    assert set(told) == {"candidates[a/m].weight", "candidates[b/m]", "candidates[b/n]", "max_attempts", "hedge"}


def test_another_order_of_candidates_is_a_change() -> None:
    found = only(routes={"fast": route(candidates=CANDIDATES[::-1])})
    assert values(found) == {"candidates (order)": ('["a/m", "b/m"]', '["b/m", "a/m"]')}


def test_of_a_new_route_all_that_it_sets_is_told_and_of_one_that_goes_all_that_it_has_set() -> None:
    found = planned(settings(), settings(routes={"slow": route(max_attempts=1)}))
    assert [(one.path, one.kind) for one in found] == [("routes.fast", "removed"), ("routes.slow", "added")]
    assert all(after is None for _, after in values(found[0]).values())
    assert values(found[1])["max_attempts"] == (None, "1")
    assert set(values(found[1])) == {"kind", "max_attempts", "candidates[a/m]", "candidates[b/m]"}


def test_quotas_and_budgets_are_told_by_their_names_and_limits_by_what_they_count() -> None:
    old = settings(
        quotas=[
            {"name": "per-team", "by": ["team"], "limits": [{"requests": 60, "per": "minute"}, {"concurrency": 4}]}
        ],
        budgets=[{"name": "month", "usd": "100", "per": "month"}],
    )
    new = settings(
        quotas=[
            {"name": "per-team", "by": ["team"], "limits": [{"requests": 90, "per": "minute"}, {"concurrency": 4}]}
        ],
        budgets=[{"name": "month", "usd": "250.5", "per": "month", "mode": "soft"}],
    )
    quota, budget = planned(old, new)
    assert (quota.area, quota.path) == ("quota", "quotas[per-team]")
    assert values(quota) == {"limits[requests per minute].requests": ("60", "90")}
    assert (budget.area, budget.path) == ("budget", "budgets[month]")
    assert values(budget) == {"usd": ("100", "250.5"), "mode": ("hard", "soft")}


def test_prices_are_told_by_provider_and_model() -> None:
    def priced(usd: str) -> Settings:
        return settings(
            pricing={"overrides": [{"provider": "a", "model": "m", "usd_per_million_tokens": {"input": usd}}]}
        )

    (found,) = planned(priced("2"), priced("3"))
    assert (found.area, found.path) == ("price", "pricing.overrides[a/m]")
    assert values(found) == {"usd_per_million_tokens.input": ("2", "3")}


def test_guards_and_roles_are_entries_of_their_own() -> None:
    guards = {"guards": {"secrets": {"type": "secrets", "action": "block"}}, "default": ["secrets"]}
    found = planned(settings(), settings(guardrails=guards, identity={"roles": {"app": {"models": ["fast"]}}}))
    assert [(one.area, one.path, one.kind) for one in found] == [
        ("guardrail", "guardrails", "changed"),
        ("guardrail", "guardrails.guards.secrets", "added"),
        ("identity", "identity.roles.app", "added"),
    ]


def test_of_a_credential_the_names_of_its_values_are_told_and_no_value() -> None:
    found = only(credentials={"key": {"source": "env", "variable": "SOME_OTHER_NAME"}})
    assert (found.area, found.path) == ("credential", "credentials.key")
    assert values(found) == {"variable": (None, None)}


def test_what_could_be_a_secret_is_left_out_of_addresses_and_headers() -> None:
    secret = "s3cr3t"
    webhook = {"url": f"https://hooks.example.com/services/{secret}?key={secret}", "secret": "key"}
    providers = {"a": {**OPENAI, "headers": {"x-team": secret}}, "b": {**OPENAI, "base_url": "http://c/v1"}}
    found = planned(settings(), settings(providers=providers, alerts={"webhook": webhook}))
    assert secret not in str(found)
    told = {f"{one.path}.{field.path}": field.after for one in found for field in one.fields}
    assert told["providers.b.base_url"] == "http://c/v1"
    assert told["providers.a.headers.x-team"] == MASK
    assert f'"url": "https://hooks.example.com/{MASK}?{MASK}"' in (told["alerts.webhook"] or "")


def test_sections_that_come_and_go_are_added_and_removed() -> None:
    vault = {"address": "https://vault:8200", "login": {"method": "kubernetes", "role": "hedgerow"}}
    with_vault = settings(vault=vault)
    (found,) = planned(settings(), with_vault)
    assert (found.area, found.path, found.kind) == ("other", "vault", "added")
    (found,) = planned(with_vault, settings())
    assert found.kind == "removed"


def test_what_needs_a_restart_is_marked() -> None:
    server = {"grpc": {"listen": "127.0.0.1:1"}, "drain_seconds": 3}
    (found,) = planned(settings(), settings(server=server), "server.grpc.listen")
    assert {one.path: one.needs_restart for one in found.fields} == {"grpc.listen": True, "drain_seconds": False}
    assert found.needs_restart


def test_changes_beyond_the_bound_are_counted() -> None:
    many = {f"r{number:05}": route() for number in range(MOST_CHANGES + 5)}
    told, total = at_once(changes(settings(), settings(routes={"fast": route(), **many}), ()))
    assert (len(told), total) == (MOST_CHANGES, MOST_CHANGES + 5)


@pytest.mark.parametrize("letters", [10, 1_000, 100_000])
def test_a_value_is_told_in_at_most_2_kib(letters: int) -> None:
    when = f"tenant == '{'x' * min(letters, 4000)}'"
    candidates = [{"provider": "a", "model": "m", "when": when}] if letters < 10_000 else CANDIDATES * 16
    found = only(routes={"fast": route(candidates=candidates)})
    assert found.fields
    assert all(len(one.after or "") <= 2_048 for one in found.fields)


def test_files_are_named_by_their_paths() -> None:
    made = settings(
        catalogue={"files": ["/etc/models.yaml"]},
        credentials={"key": {"source": "file", "path": "/run/key"}},
    )
    assert at_once(named_files(made)) == ("credentials.key.path", "catalogue.files[0]")

"""What the numbers tell of calls: each is counted once, wherever it ended, and nobody makes up a label."""

import random
import string

import pytest
from hedgerow_server.core.call import Outcome, Principal
from hedgerow_server.core.error import (
    BudgetSpent,
    Cancelled,
    HedgerowError,
    ModelNotFound,
    ProviderUnavailable,
    QuotaExceeded,
    Unauthenticated,
)
from hedgerow_server.core.event import AttemptOutcome
from hedgerow_server.telemetry import calls as module
from hedgerow_server.telemetry.calls import InnerCalls, OperatorCalls
from unit.hedgerow_server.telemetry.counted import EMBED, RELOAD, attempt, made, numbers, over, told

CALLS = "hedgerow_calls_total"
ACME = Principal(tenant="acme", team="search")
FAILED = AttemptOutcome.FAILED


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (None, "OK", ""),
        (ProviderUnavailable("down"), "UNAVAILABLE", "PROVIDER_UNAVAILABLE"),
        (Cancelled("left"), "CANCELLED", "CANCELLED"),
        (ModelNotFound("what"), "NOT_FOUND", "MODEL_NOT_FOUND"),
    ],
)
def test_a_call_is_counted_once_by_its_door_route_and_end(error: HedgerowError | None, code: str, reason: str) -> None:
    found = numbers()
    over(found, made("fast", who=ACME), error)
    assert told(found, CALLS) == {(CALLS, "grpc", "ChatService/Complete", "fast", code, reason): 1}
    assert told(found, "hedgerow_tenant_calls") == {("hedgerow_tenant_calls_total", "acme", "search", code): 1}


def test_a_call_that_was_refused_before_anything_was_known_of_it_has_neither_route_nor_tenant() -> None:
    found = numbers()
    over(found, made(""), Unauthenticated("who?"))
    assert told(found, CALLS) == {(CALLS, "grpc", "ChatService/Complete", "", "UNAUTHENTICATED", "UNAUTHENTICATED"): 1}
    assert told(found, "hedgerow_tenant_calls") == {("hedgerow_tenant_calls_total", "", "", "UNAUTHENTICATED"): 1}


def test_names_that_callers_make_up_are_unknown_and_those_behind_a_star_the_configured_one() -> None:
    found = numbers()
    over(found, made("../../etc/passwd"), ModelNotFound("what"))
    over(found, made("", name="made.up/Name"), Unauthenticated("who?"))
    over(found, made("all/theirs", attempt(model="theirs")))
    page = " ".join(" ".join(key) for key in told(found))
    assert all(one not in page for one in ("passwd", "made.up", "theirs"))
    assert told(found, CALLS, ["method", "route"]) == {
        (CALLS, "ChatService/Complete", "unknown"): 1,
        (CALLS, "unknown", ""): 1,
        (CALLS, "ChatService/Complete", "all/*"): 1,
    }
    assert told(found, "hedgerow_attempts", ["provider", "model"]) == {("hedgerow_attempts_total", "openai", "*"): 1}


def test_of_ten_thousand_tenants_the_first_are_told_apart_and_no_call_is_lost() -> None:
    dice, found = random.Random(3), numbers(max_tenants=20)
    for number in range(10_000):
        noise = "".join(dice.choices(string.printable, k=dice.randrange(300)))
        over(found, made("fast", who=Principal(tenant=f"{number % 7000}{noise}", team=noise)))
    calls = told(found, "hedgerow_tenant_calls")
    assert len(calls) == 21
    assert calls["hedgerow_tenant_calls_total", "other", "other", "OK"] == 10_000 - 20
    assert sum(calls.values()) == 10_000
    assert max(len(value) for key in calls for value in key[1:]) <= 128


def test_of_the_teams_of_one_tenant_the_first_are_told_apart() -> None:
    found = numbers(max_tenants=2)
    for number in range(100):
        over(found, made("fast", who=Principal(tenant="acme", team=f"t{number}")))
    calls = told(found, "hedgerow_tenant_calls", ["tenant", "team"])
    assert len(calls) == 11
    assert calls["hedgerow_tenant_calls_total", "acme", "other"] == 90


def test_a_raised_limit_lets_further_tenants_in() -> None:
    found = numbers(max_tenants=0)
    over(found, made("fast", who=ACME))
    found.tenants.most = 1
    over(found, made("fast", who=ACME))
    assert told(found, "hedgerow_tenant_calls", ["tenant"]) == {
        ("hedgerow_tenant_calls_total", "other"): 1,
        ("hedgerow_tenant_calls_total", "acme"): 1,
    }


def test_open_calls_are_those_that_have_begun_and_are_not_over() -> None:
    found = numbers()
    one, other = made(), made()
    other.door = "openai"
    for call in (one, other):
        found.began(call)
    assert told(found, "hedgerow_open_calls") == {
        ("hedgerow_open_calls", "grpc"): 1,
        ("hedgerow_open_calls", "openai"): 1,
    }
    found.settled(one, Outcome(), 0.1)
    assert told(found, "hedgerow_open_calls") == {("hedgerow_open_calls", "openai"): 1}


def test_operators_calls_are_counted_apart_and_are_no_tenants() -> None:
    found = numbers()
    operators = OperatorCalls(found)
    call = made("", who=ACME, name=RELOAD)
    operators.began(call)
    assert told(found, "hedgerow_open_calls") == {("hedgerow_open_calls", "admin"): 1}
    operators.settled(call, Outcome(), 0.1)
    assert told(found, CALLS) == {(CALLS, "admin", "AdminService/Reload", "", "OK", ""): 1}
    assert not told(found, "hedgerow_tenant") | told(found, "hedgerow_open_calls")


def test_what_the_gateway_asks_by_itself_is_no_call_but_its_caller_pays_for_it() -> None:
    found = numbers()
    inner = InnerCalls(found)
    call = made("small", attempt(model="e"), who=ACME, name=EMBED)
    inner.began(call)
    inner.settled(call, Outcome(), 0.1)
    assert not told(found, CALLS) | told(found, "hedgerow_open_calls")
    assert told(found, "hedgerow_tenant_cost") == {("hedgerow_tenant_cost_dollars_total", "acme", "search"): 0.001}
    assert told(found, "hedgerow_cost") == {("hedgerow_cost_dollars_total", "openai", "e"): 0.001}


def test_refusals_of_quotas_and_budgets_are_told_by_their_names() -> None:
    found = numbers()
    over(found, made(), QuotaExceeded("slow down", metadata={"quota": "per-user"}))
    over(found, made(), BudgetSpent("enough", metadata={"budget": "team"}))
    assert told(found, "hedgerow_quota_refusals") == {("hedgerow_quota_refusals_total", "per-user"): 1}
    assert told(found, "hedgerow_budget_refusals") == {("hedgerow_budget_refusals_total", "team"): 1}


def test_overhead_is_what_is_left_of_calls_that_asked_a_provider() -> None:
    found = numbers()
    over(found, made("fast", attempt(total_s=0.2)), duration_s=0.5)
    over(found, made("fast"), duration_s=9.0)
    own = told(found, "hedgerow_overhead_seconds", ["method"])
    assert own["hedgerow_overhead_seconds_count", "ChatService/Complete"] == 1
    assert own["hedgerow_overhead_seconds_sum", "ChatService/Complete"] == pytest.approx(0.3)


def test_the_time_to_the_first_token_counts_from_the_start_of_the_call_and_is_the_answers() -> None:
    found, call = numbers(), made()
    began_unix_s = attempt().start_unix_s - 10
    lost = attempt(FAILED, start_unix_s=began_unix_s, first_token_s=0.5)
    call.attempts = [lost, attempt(start_unix_s=began_unix_s + 4, first_token_s=2.0)]
    call.attempts_started = 2
    over(found, call, duration_s=10.0)
    first = told(found, "hedgerow_first_token_seconds_sum", ["route"])
    assert first["hedgerow_first_token_seconds_sum", "fast"] == pytest.approx(6.0, abs=0.2)


def test_attempts_that_a_long_call_has_dropped_are_counted_with_the_others() -> None:
    found, call = numbers(), made("small", name=EMBED, who=ACME)
    found.began(call)
    assert call.on_dropped is not None
    call.on_dropped(call, [attempt(), attempt(FAILED, error_reason="STREAM_CUT", usage=None, cost_picos=0)])
    call.attempts, call.attempts_started = [attempt()], 3
    found.settled(call, Outcome(), 1.0)
    assert told(found, "hedgerow_attempts", ["outcome"]) == {
        ("hedgerow_attempts_total", "succeeded"): 2,
        ("hedgerow_attempts_total", "failed"): 1,
    }
    assert told(found, "hedgerow_tenant_cost", ["tenant"]) == {("hedgerow_tenant_cost_dollars_total", "acme"): 0.002}
    # When the dropped ones ran is not known any more.
    assert not told(found, "hedgerow_overhead")


def test_every_family_is_told_of_before_there_is_anything_to_tell() -> None:
    families = {metric.name for metric in numbers()()}
    assert {"hedgerow_calls", "hedgerow_tenant_tokens", "hedgerow_hedge_cost_dollars", "hedgerow_quota_refusals"} <= (
        families
    )


def test_times_of_too_many_routes_are_told_together_and_their_calls_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    found = numbers(routes={("chat", f"r{number}"): f"r{number}" for number in range(10)})
    for number in range(10):
        over(found, made(f"r{number}"))
    assert len(told(found, CALLS, ["route"])) == 10
    name = "hedgerow_call_duration_seconds_count"
    times = told(found, name, ["route"])
    assert times == {(name, "r0"): 1, (name, "r1"): 1, (name, "r2"): 1, (name, "other"): 7}


def test_routes_that_reloads_have_added_without_end_are_told_together_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ROUTES", 2)
    found = numbers(routes={("chat", f"r{number}"): f"r{number}" for number in range(5)})
    for number in range(5):
        over(found, made(f"r{number}"))
    assert told(found, CALLS, ["route"]) == {(CALLS, "r0"): 1, (CALLS, "r1"): 1, (CALLS, "other"): 3}

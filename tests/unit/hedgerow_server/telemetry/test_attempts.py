"""What the numbers tell of attempts: how they ended and what they came to, to the last picodollar."""

import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.event import AttemptKind, AttemptOutcome, AttemptRecord, Usage
from hedgerow_server.telemetry import attempts as module
from hedgerow_server.telemetry.spending import CLASSES
from unit.hedgerow_server.telemetry.counted import COMPLETE, EMBED, attempt, made, numbers, over, told

ACME = Principal(tenant="acme", team="search")
PRIMARY, FAILOVER, HEDGE = AttemptKind.PRIMARY, AttemptKind.FAILOVER, AttemptKind.HEDGE
SUCCEEDED, FAILED, LOST = AttemptOutcome.SUCCEEDED, AttemptOutcome.FAILED, AttemptOutcome.HEDGE_LOST
CANCELLED, REPLACED = AttemptOutcome.CANCELLED, AttemptOutcome.REPLACED
SPENT = "hedgerow_cost_dollars_total"
CHARGED = "hedgerow_tenant_cost_dollars_total"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody waits for has its time already."""
    monkeypatch.setattr(module, "_SETTLES_S", 0.0)


def test_each_attempt_is_counted_by_kind_outcome_and_reason() -> None:
    found = numbers()
    failed = attempt(FAILED, error_reason="STREAM_CUT", usage=None, cost_picos=0)
    over(found, made("fast", failed, attempt(SUCCEEDED, FAILOVER, provider="azure")))
    over(found, made("fast", attempt()))
    name = "hedgerow_attempts_total"
    assert told(found, name) == {
        (name, "openai", "gpt", "primary", "failed", "STREAM_CUT"): 1,
        (name, "azure", "gpt", "failover", "succeeded", ""): 1,
        (name, "openai", "gpt", "primary", "succeeded", ""): 1,
    }


def test_tokens_are_told_by_their_classes_and_cache_writes_add_up() -> None:
    found = numbers()
    usage = Usage(
        input_uncached_tokens=1,
        input_cache_read_tokens=2,
        input_cache_writes=((300.0, 1), (3600.0, 2)),
        input_audio_tokens=4,
        input_image_tokens=5,
        output_visible_tokens=6,
        output_reasoning_tokens=7,
        output_audio_tokens=8,
        output_image_tokens=9,
    )
    over(found, made("fast", attempt(usage=usage), who=ACME))
    expected = {("hedgerow_tokens_total", name): count for count, name in enumerate(CLASSES, 1)}
    assert told(found, "hedgerow_tokens", ["type"]) == expected
    tenant = told(found, "hedgerow_tenant_tokens", ["type"])
    assert [count for _, count in tenant.items()] == list(range(1, 10))


def test_money_is_added_up_in_whole_picodollars() -> None:
    found = numbers()
    for _ in range(1000):
        over(found, made("fast", attempt(cost_picos=1), who=ACME))
    assert told(found, SPENT) == {(SPENT, "openai", "gpt"): 1e-9}


def test_the_caller_is_not_charged_for_what_a_race_has_cost(at_once: None) -> None:
    found = numbers()
    over(found, made("fast", attempt(LOST, cost_picos=3 * 10**9), attempt(SUCCEEDED, HEDGE, model="b"), who=ACME))
    assert told(found, SPENT, ["model"]) == {(SPENT, "gpt"): 0.003, (SPENT, "b"): 0.001}
    assert told(found, CHARGED, ["tenant"]) == {(CHARGED, "acme"): 0.001}
    name = "hedgerow_hedge_cost_dollars_total"
    assert told(found, name) == {(name, "fast"): 0.003}


def test_an_answer_that_another_one_replaced_is_nobodys_and_no_hedge() -> None:
    found = numbers()
    over(found, made("fast", attempt(REPLACED, error_reason="STREAM_CUT"), attempt(SUCCEEDED, FAILOVER), who=ACME))
    assert told(found, SPENT, ["model"]) == {(SPENT, "gpt"): 0.002}
    assert told(found, CHARGED, ["tenant"]) == {(CHARGED, "acme"): 0.001}
    assert not told(found, "hedgerow_hedge_cost")


def test_tokens_without_a_price_are_told_of_as_such() -> None:
    found = numbers()
    over(found, made("fast", attempt(cost_picos=None)))
    assert told(found, "hedgerow_unpriced") == {("hedgerow_unpriced_attempts_total", "openai", "gpt"): 1}
    assert not told(found, SPENT)


def test_what_is_read_on_counts_once_the_provider_has_counted_it(at_once: None) -> None:
    found, record = numbers(), attempt(CANCELLED, open_ended=True, cost_picos=10**9)
    over(found, made("fast", record, who=ACME))
    assert not told(found, SPENT)
    record.usage, record.cost_picos = Usage(input_uncached_tokens=100, final=True), 5 * 10**9
    record.open_ended = False
    for _ in range(2):
        assert told(found, SPENT, ["model"]) == {(SPENT, "gpt"): 0.005}
    assert told(found, CHARGED, ["tenant"]) == {(CHARGED, "acme"): 0.005}
    assert told(found, "hedgerow_tokens", ["type"]) == {("hedgerow_tokens_total", "input_uncached"): 100}


def test_what_nobody_waits_for_waits_until_it_is_known_whether_it_is_read_on() -> None:
    found = numbers()
    over(found, made("fast", attempt(CANCELLED)))
    assert not told(found, SPENT)
    assert told(found, "hedgerow_attempts", ["outcome"]) == {("hedgerow_attempts_total", "cancelled"): 1}


def test_answers_that_are_read_on_without_an_end_are_counted_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_LEFT", 10)
    found = numbers()
    for _ in range(25):
        over(found, made("fast", attempt(CANCELLED, open_ended=True)))
    assert told(found, SPENT, ["model"])[SPENT, "gpt"] == pytest.approx(0.015)


def shapes(record: AttemptRecord, model: str = "fast", name: str = COMPLETE) -> dict[tuple[str, ...], float]:
    found = numbers()
    over(found, made(model, record, name=name))
    return told(found, "gen_ai")


def test_the_names_of_opentelemetry_tell_the_same() -> None:
    found = shapes(attempt())
    who = ("chat", "openai", "gpt")
    assert found["gen_ai_client_operation_duration_seconds_count", *who, ""] == 1
    assert found["gen_ai_client_operation_duration_seconds_sum", *who, ""] == pytest.approx(0.2)
    assert found["gen_ai_client_token_usage_sum", *who, "input"] == 7
    assert found["gen_ai_client_token_usage_sum", *who, "output"] == 5
    assert found["gen_ai_server_time_to_first_token_seconds_sum", *who] == pytest.approx(0.1)


def test_an_attempt_that_failed_has_its_reason_as_the_error_type() -> None:
    found = shapes(attempt(FAILED, error_reason="PROVIDER_THROTTLED", usage=None, first_token_s=None))
    durations = {key[-1] for key in found if key[0].endswith("duration_seconds_count")}
    assert durations == {"PROVIDER_THROTTLED"}
    assert not [key for key in found if "first_token" in key[0] or "usage" in key[0]]


def test_vectors_are_an_operation_of_their_own() -> None:
    found = shapes(attempt(model="e"), "small", EMBED)
    assert {key[1] for key in found} == {"embeddings"}


def test_times_of_too_many_models_are_told_together_and_their_attempts_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    found = numbers()
    for number in range(10):
        over(found, made("fast", attempt(model=f"m{number}")))
    assert len(told(found, "hedgerow_attempts_total", ["model"])) == 10
    name = "gen_ai_client_operation_duration_seconds_count"
    times = told(found, name, ["gen_ai_request_model"])
    assert times == {(name, "m0"): 1, (name, "m1"): 1, (name, "m2"): 1, (name, "other"): 7}

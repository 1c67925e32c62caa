"""Conditions: what is refused when they are loaded, and what they say of a call."""

import logging

import pytest
from hedgerow_server.core.request import FunctionTool
from hedgerow_server.routing.conditions import Condition
from unit.hedgerow_server.routing.paper import ask, said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tenant ==", "Syntax error"),
        ("tenent == 'a'", "unknown variable 'tenent'; there are tenant, team, user, labels, metadata, request"),
        ("labels.exists(k, k == 'a') && key == 'b'", "unknown variable 'key'"),
        ("tenant.split('/')[0] == 'a'", "unknown function 'split'; there are contains"),
        ("tenant == 'a' || lower(team) == 'b'", "unknown function 'lower'"),
        ("tenant", "it gives str, not true or false"),
        ("request.messages + 1", "it gives int, not true or false"),
        ("tenant > 5", "No such overload"),
        ("request.length > 5", "unknown field 'length'; request has kind, model"),
        ("tenant.matches('[')", "not a valid regex"),
        ("budgets[tenant] >= 0.8", "expected the name of a budget in quotes"),
        ("budgets.month >= 0.8", "expected the name of a budget in quotes"),
        ("budgets['month'] > 'all'", "No such overload"),
    ],
)
def test_what_no_call_could_make_good_is_refused_at_load(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Condition(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tenant == 'acme'", True),
        ("team == 'search' && user == 'ann'", True),
        ("user in ['ann', 'bob']", True),
        ("tenant.startsWith('ac') && !tenant.endsWith('x')", True),
        ("tenant.matches('^ac.e$')", True),
        ("labels.feature == 'chat'", True),
        ("'other' in labels", False),
        ("has(labels.other)", False),
        ("labels.all(key, key != 'secret')", True),
        ("labels.exists(key, labels[key] == 'chat')", True),
        ("metadata['x-plan'] == 'gold'", True),
        ("request.kind == 'chat' && request.model == 'fast'", True),
        ("request.input_tokens >= 1 && request.input_tokens < 100", True),
        ("request.tools && request.stream", True),
        ("request.images || request.audio || request.files || request.json_schema || request.reasoning", False),
        ("request.max_output_tokens == 0 && request.messages == 1 && request.inputs == 0 && !request.prefill", True),
        ("size(user) == 3 ? true : false", True),
        ("false", False),
    ],
)
def test_a_condition_sees_the_call(text: str, expected: bool) -> None:
    asked = ask(
        said("hello", tools=(FunctionTool("f"),)),
        team="search",
        user="ann",
        labels={"feature": "chat"},
        metadata={"x-plan": "gold"},
        stream=True,
    )
    assert Condition(text).holds(asked, in_doubt=not expected) is expected


@pytest.mark.parametrize("in_doubt", [True, False])
@pytest.mark.parametrize("text", ["labels.missing == 'a'", "metadata['missing'] == 'a'", "int(team) > 5"])
def test_what_cannot_be_told_is_as_the_caller_of_the_condition_says(text: str, in_doubt: bool) -> None:
    assert Condition(text).holds(ask(), in_doubt=in_doubt) is in_doubt


def test_a_missing_label_is_no_doubt_where_the_rest_decides() -> None:
    assert Condition("labels.missing == 'a' || tenant == 'acme'").holds(ask(), in_doubt=False) is True


def test_the_callers_credential_is_not_among_the_metadata() -> None:
    asked = ask(metadata={"authorization": "Bearer secret", "x": "y"})
    assert Condition("'authorization' in metadata").holds(asked, in_doubt=True) is False


def test_a_caller_without_identity_is_nobody() -> None:
    asked = ask()
    asked.call.principal = None
    assert Condition("tenant == '' && team == '' && user == ''").holds(asked, in_doubt=False) is True


def test_a_condition_knows_what_it_looks_at() -> None:
    assert Condition("labels.exists(key, key == 'a') && tenant == 'b'").variables == {"labels", "tenant"}
    assert Condition("true").variables == frozenset()


def test_a_fault_of_a_condition_is_logged_once_and_a_missing_label_never(caplog: pytest.LogCaptureFixture) -> None:
    fault, missing = Condition("int(team) > 5"), Condition("labels.missing == 'a'")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            fault.holds(ask(), in_doubt=True)
            missing.holds(ask(), in_doubt=True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "int(team) > 5" in caplog.text


def test_a_condition_knows_the_budgets_that_it_looks_at() -> None:
    assert Condition("budgets['a'] >= 0.5 || budgets[ \"b\" ] > 1.0").budgets == ("a", "b")
    assert Condition("tenant == 'a'").budgets == ()


def test_a_budget_that_the_caller_does_not_have_is_not_spent() -> None:
    assert not Condition("budgets['month'] > 0.0").holds(ask(said("hello")), in_doubt=True)

"""How reasoning is asked of each kind of Claude."""

import json
from typing import Any

import pytest
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    FunctionTool,
    JsonSchemaFormat,
    Message,
    Part,
    ReasoningSpec,
    Role,
    Text,
    ToolChoice,
    ToolChoiceMode,
)
from hedgerow_server.providers.anthropic.models import traits
from providers.anthropic_run import anthropic

HI = (Message(Role.USER, (Part(Text("hi")),)),)
EFFORT, BUDGET, REASONING = "chat.reasoning.effort", "chat.reasoning.max_tokens", "chat.reasoning"
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
Warned = list[tuple[WarningCode, str]]


def asked(
    model: str, effort: str | None = None, budget: int | None = None, *, display: str | None = None, **fields: Any
) -> tuple[dict[str, Any], Warned]:
    """The body beside the messages, and the warnings."""
    reasoning = ReasoningSpec(Effort(effort) if effort else None, budget)
    spec = ChatSpec(model="fast", messages=HI, reasoning=reasoning, **fields)
    dialect = anthropic(thinking_display=display)
    prepared = dialect.build(spec, stream=False, model=model, secret=None)
    body = json.loads(prepared.request.body)
    kept = {name: value for name, value in body.items() if name not in ("model", "messages")}
    return kept, [(warning.code, warning.field) for warning in prepared.warnings]


def enabled(budget: int) -> dict[str, Any]:
    """Thinking with a budget."""
    return {"type": "enabled", "budget_tokens": budget}


@pytest.mark.parametrize(
    ("name", "budgets", "efforts", "least", "samples"),
    [
        ("claude-3-opus-20240229", False, 0, "disabled", True),
        ("claude-3-5-sonnet-latest", False, 0, "disabled", True),
        ("claude-3-7-sonnet-20250219", True, 0, "disabled", True),
        ("claude-3-7-sonnet@20250219", True, 0, "disabled", True),
        ("claude-sonnet-4-20250514", True, 0, "disabled", True),
        ("claude-4-opus-20250514", True, 0, "disabled", True),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", True, 0, "disabled", True),
        ("claude-haiku-4-5", True, 0, "disabled", True),
        ("claude-sonnet-4-6", True, 4, "disabled", True),
        ("anthropic/claude-opus-4.6", True, 4, "disabled", True),
        ("claude-opus-4-7", False, 5, "disabled", False),
        ("claude-opus-5", False, 5, "disabled", False),
        ("claude-sonnet-5-5", False, 5, "between_tools", False),
        ("claude-opus-5-5", False, 5, None, False),
        ("claude-fable-5", False, 5, None, False),
        ("claude-mythos-preview", False, 5, None, False),
        ("claude-next", False, 5, "disabled", False),
        ("glm-4.6", True, 0, "disabled", True),
    ],
)
def test_the_name_tells_what_a_model_takes(
    name: str, budgets: bool, efforts: int, least: str | None, samples: bool
) -> None:
    takes = traits(name)
    assert (takes.budgets, takes.adaptive, len(takes.efforts)) == (budgets, efforts > 0, efforts)
    assert (takes.least, takes.samples) == (least, samples)


def test_a_budget_is_taken_at_its_word() -> None:
    body, warnings = asked("claude-sonnet-4-5", budget=4000, max_output_tokens=6000)
    assert (body, warnings) == ({"max_tokens": 6000, "thinking": enabled(4000)}, [])


def test_a_budget_makes_room_for_the_answer_where_the_caller_sets_no_limit() -> None:
    body, warnings = asked("claude-sonnet-4-5", budget=10_000)
    assert (body, warnings) == ({"max_tokens": 18_192, "thinking": enabled(10_000)}, [])


@pytest.mark.parametrize(
    ("budget", "limit", "became"), [(1, 4000, 1024), (1023, 4000, 1024), (4000, 4000, 3999), (5000, 1025, 1024)]
)
def test_a_budget_out_of_range_is_changed_with_a_warning(budget: int, limit: int, became: int) -> None:
    """At least 1,024 and less than max_tokens."""
    body, warnings = asked("claude-sonnet-4-5", budget=budget, max_output_tokens=limit)
    assert body["thinking"] == enabled(became)
    assert warnings == [(CHANGED, BUDGET)]


def test_without_room_for_the_least_budget_there_is_no_thinking() -> None:
    assert asked("claude-sonnet-4-5", budget=2000, max_output_tokens=1024) == (
        {"max_tokens": 1024},
        [(IGNORED, BUDGET)],
    )
    assert asked("claude-sonnet-4-5", "high", max_output_tokens=1100) == ({"max_tokens": 1100}, [(IGNORED, EFFORT)])


def test_a_budget_above_what_the_model_writes_is_cut() -> None:
    body, warnings = asked("claude-opus-4-1", budget=50_000)
    assert (body["max_tokens"], body["thinking"]) == (32_000, enabled(31_999))
    assert warnings == [(CHANGED, BUDGET)]


def test_an_effort_is_a_budget_on_models_that_know_no_effort() -> None:
    budgets = []
    for effort in ("minimal", "low", "medium", "high", "xhigh", "max"):
        body, warnings = asked("claude-opus-4-1", effort)
        assert warnings == [(CHANGED, EFFORT)]
        budgets.append(body["thinking"]["budget_tokens"])
        assert budgets[-1] < body["max_tokens"] <= 32_000
    assert budgets == sorted(set(budgets))
    assert budgets[0] == 1024


def test_an_effort_leaves_a_fifth_of_the_callers_limit_to_the_answer() -> None:
    body, _ = asked("claude-sonnet-4-5", "high", max_output_tokens=5000)
    assert body == {"max_tokens": 5000, "thinking": enabled(4000)}


def test_an_effort_is_an_effort_on_models_that_know_it() -> None:
    body, warnings = asked("claude-opus-5", "medium")
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": "medium"}
    assert warnings == []


@pytest.mark.parametrize(
    ("model", "effort", "became"),
    [("claude-opus-5", "minimal", "low"), ("claude-sonnet-4-6", "xhigh", "high"), ("claude-opus-5", "max", "max")],
)
def test_an_effort_that_a_model_lacks_becomes_the_nearest(model: str, effort: str, became: str) -> None:
    body, warnings = asked(model, effort)
    assert body["output_config"] == {"effort": became}
    assert warnings == ([] if became == effort else [(CHANGED, EFFORT)])


def test_a_budget_on_models_that_decide_themselves_is_ignored_with_a_warning() -> None:
    body, warnings = asked("claude-opus-5", budget=3000)
    assert body == {"max_tokens": 32_000, "thinking": {"type": "adaptive"}}
    assert warnings == [(IGNORED, BUDGET)]


def test_effort_and_budget_go_together_where_the_model_takes_both() -> None:
    body, warnings = asked("claude-opus-4-6", "low", 3000)
    assert (body["thinking"], body["output_config"]) == (enabled(3000), {"effort": "low"})
    assert warnings == []


def test_of_effort_and_budget_the_budget_counts_where_the_model_knows_no_effort() -> None:
    body, warnings = asked("claude-sonnet-4-5", "low", 3000)
    assert body["thinking"] == enabled(3000)
    assert warnings == [(IGNORED, EFFORT)]


@pytest.mark.parametrize(("effort", "budget"), [("none", None), (None, 0)])
def test_no_reasoning_is_switched_off_as_the_model_can(effort: str | None, budget: int | None) -> None:
    assert asked("claude-opus-5", effort, budget)[0]["thinking"] == {"type": "disabled"}
    assert asked("claude-sonnet-5-5", effort, budget)[0]["thinking"] == {"type": "between_tools"}
    assert asked("claude-3-5-sonnet-20240620", effort, budget) == ({"max_tokens": 8192}, [])
    body, warnings = asked("claude-opus-5-5", effort, budget)
    assert (body.get("thinking"), body["output_config"]) == (None, {"effort": "low"})
    assert warnings == [(CHANGED, EFFORT if effort else BUDGET)]


def test_a_model_that_does_not_reason_is_not_asked_to() -> None:
    assert asked("claude-3-5-sonnet-20240620", "high") == ({"max_tokens": 8192}, [(IGNORED, REASONING)])


def test_reasoning_without_a_measure_is_left_to_the_model() -> None:
    assert asked("claude-opus-5") == ({"max_tokens": 32_000}, [])


def test_the_section_says_how_thoughts_are_shown() -> None:
    assert asked("claude-opus-5", "low", display="summarized")[0]["thinking"] == {
        "type": "adaptive",
        "display": "summarized",
    }
    assert asked("claude-sonnet-4-5", budget=2000, display="omitted")[0]["thinking"] == {
        **enabled(2000),
        "display": "omitted",
    }


def test_while_it_thinks_a_model_takes_no_sampling_parameters() -> None:
    body, warnings = asked("claude-sonnet-4-5", budget=2000, temperature=0.5)
    assert "temperature" not in body
    assert warnings == [(IGNORED, "chat.temperature")]


def test_a_call_that_is_forced_goes_before_thinking() -> None:
    """Claude refuses both at once."""
    forced: dict[str, Any] = {"tools": (FunctionTool("add"),), "tool_choice": ToolChoice(ToolChoiceMode.REQUIRED)}
    body, warnings = asked("claude-sonnet-4-5", budget=2000, temperature=0.5, **forced)
    assert ("thinking" in body, body["temperature"]) == (False, 0.5)
    assert warnings == [(IGNORED, REASONING)]
    body, warnings = asked("claude-opus-4-6", "low", **forced)
    assert ("thinking" in body, body["output_config"]) == (False, {"effort": "low"})
    assert warnings == [(IGNORED, REASONING)]


def test_effort_and_format_share_their_place() -> None:
    body, _ = asked("claude-opus-5", "low", response_format=JsonSchemaFormat("n", "{}"))
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {}}}

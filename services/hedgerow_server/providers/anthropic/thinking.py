"""How much to think, in the words that the model takes: a budget in tokens, or an effort, or both.

https://docs.claude.com/en/docs/build-with-claude/extended-thinking, .../adaptive-thinking and .../effort.
"""

from hedgerow_server.core.request import Effort, ReasoningSpec
from hedgerow_server.providers.anthropic.body import MessageBody, OutputConfig, Thinking
from hedgerow_server.providers.anthropic.models import Traits
from hedgerow_server.providers.draft import Draft

_LEAST_BUDGET = 1024
# Budgets that leave room for the answer on the models that have them.
_BUDGETS = {
    Effort.MINIMAL: 1_024,
    Effort.LOW: 2_048,
    Effort.MEDIUM: 6_144,
    Effort.HIGH: 12_288,
    Effort.XHIGH: 16_384,
    Effort.MAX: 23_552,
}
_STEPS = {Effort.MINIMAL: 0, Effort.LOW: 0, Effort.MEDIUM: 1, Effort.HIGH: 2, Effort.XHIGH: 3, Effort.MAX: 4}
_WORDS = ("low", "medium", "high", "xhigh", "max")
_EFFORT, _BUDGET, _REASONING = "chat.reasoning.effort", "chat.reasoning.max_tokens", "chat.reasoning"


def set_thinking(
    body: MessageBody, spec: ReasoningSpec, traits: Traits, draft: Draft, *, limited: bool, display: str | None
) -> None:
    """Sets `thinking`, `output_config.effort` and, where the caller gave no limit (`limited` is false), makes room in
    `max_tokens` for the budget.
    """
    if spec.effort is Effort.NONE or spec.max_tokens == 0:
        _set_least(body, traits, draft, _EFFORT if spec.effort is Effort.NONE else _BUDGET)
        return
    if spec.effort is None and spec.max_tokens is None:
        return
    if not traits.budgets and not traits.adaptive:
        draft.ignored(_REASONING, "The model does not reason.")
        return
    if traits.adaptive and spec.effort is not None:
        body.output_config = OutputConfig(effort=_effort(spec.effort, traits, draft))
    if traits.budgets and (spec.max_tokens is not None or not traits.adaptive):
        budget = _budget(body, spec, traits, draft, limited=limited)
        if budget is not None:
            body.thinking = Thinking("enabled", budget, display)
        return
    if spec.max_tokens is not None:
        draft.ignored(_BUDGET, "The model decides itself how much to think; it takes an effort.")
    body.thinking = Thinking("adaptive", display=display)


def _set_least(body: MessageBody, traits: Traits, draft: Draft, field: str) -> None:
    if traits.least is None:
        draft.changed(field, "The model always thinks; the least effort was asked for.")
        body.output_config = OutputConfig(effort=traits.efforts[0])
    elif traits.budgets or traits.adaptive:
        body.thinking = Thinking(traits.least)


def _effort(effort: Effort, traits: Traits, draft: Draft) -> str:
    """The model's own step that is nearest."""
    wanted = _WORDS[_STEPS[effort]]
    # The one step that some models lack is xhigh, and high is nearer to it than max in what it costs.
    word = wanted if wanted in traits.efforts else traits.efforts[2]
    if word != effort.value:
        draft.changed(_EFFORT, f"The model's nearest effort is {word}.")
    return word


def _budget(body: MessageBody, spec: ReasoningSpec, traits: Traits, draft: Draft, *, limited: bool) -> int | None:
    """The budget in tokens: at least 1,024 and below `max_tokens`. None where there is no room for one."""
    field = _BUDGET
    if spec.max_tokens is not None:
        wanted = budget = spec.max_tokens
        if spec.effort is not None and not traits.adaptive:
            draft.ignored(_EFFORT, "The model takes no effort beside max_tokens.")
    else:
        assert spec.effort is not None
        field = _EFFORT
        wanted, budget = 0, _BUDGETS[spec.effort]
    budget = max(budget, _LEAST_BUDGET)
    if not limited:
        body.max_tokens = min(body.max_tokens + budget, traits.max_tokens)
    # An effort leaves a fifth of the limit to the answer, a budget in tokens is taken at its word.
    room = body.max_tokens - 1 if spec.max_tokens is not None else body.max_tokens * 4 // 5
    budget = min(budget, room)
    if budget < _LEAST_BUDGET:
        draft.ignored(field, f"max_output_tokens leaves no room: the model thinks at least {_LEAST_BUDGET} tokens.")
        return None
    if budget != wanted:
        draft.changed(field, f"The model takes a budget; it is {budget} tokens.")
    return budget

"""What models want that Converse leaves to them: the members of `additionalModelRequestFields`, and which take cache
points. Models that are not known get nothing of their own, with a warning.
"""

import re

import msgspec

from hedgerow_server.core.request import ChatSpec, Effort
from hedgerow_server.providers.draft import Draft

Fields = dict[str, object]

_VERSION = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?!\d)", re.ASCII)
_ADAPTIVE_SINCE = (4, 6)
_XHIGH_SINCE = (4, 7)
_MIN_BUDGET = 1024
_BUDGETS = {
    Effort.MINIMAL: 1024,
    Effort.LOW: 2048,
    Effort.MEDIUM: 8192,
    Effort.HIGH: 16_384,
    Effort.XHIGH: 24_576,
    Effort.MAX: 32_000,
}
_EFFORT = "chat.reasoning.effort"
_BUDGET = "chat.reasoning.max_tokens"
_THREE_STEPS = {
    Effort.MINIMAL: Effort.LOW,
    Effort.LOW: Effort.LOW,
    Effort.MEDIUM: Effort.MEDIUM,
    Effort.HIGH: Effort.HIGH,
    Effort.XHIGH: Effort.HIGH,
    Effort.MAX: Effort.HIGH,
}


class Model(msgspec.Struct, frozen=True):
    """A chat model, as far as its name tells: an id such as `us.anthropic.claude-sonnet-4-6`, or an ARN."""

    name: str

    @property
    def claude(self) -> bool:
        """Whether it is one of Anthropic's."""
        return "anthropic.claude" in self.name

    @property
    def nova(self) -> bool:
        """Whether it is one of Amazon's Nova models."""
        return "amazon.nova" in self.name

    @property
    def caches(self) -> bool:
        """Whether it takes cache points. ARNs of profiles may stand for any model: the caller knows."""
        return self.claude or self.nova or self.name.startswith("arn:")

    @property
    def caches_tools(self) -> bool:
        """Whether it takes cache points among its tools."""
        return self.caches and not self.nova

    @property
    def version(self) -> tuple[int, int]:
        """Of a Claude 4 or later; (0, 0) for all others."""
        match = _VERSION.search(self.name)
        return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def model_fields(spec: ChatSpec, model: Model, draft: Draft) -> Fields:
    """The members for the model itself."""
    fields: Fields = {}
    if spec.top_k is not None:
        _add_top_k(fields, spec.top_k, model, draft)
    if spec.reasoning is not None:
        if model.claude:
            _add_claude_thinking(fields, spec, model, draft)
        else:
            _add_effort(fields, spec, model, draft)
    return fields


def _add_top_k(fields: Fields, top_k: int, model: Model, draft: Draft) -> None:
    if model.claude:
        fields["top_k"] = top_k
    elif model.nova:
        fields["inferenceConfig"] = {"topK": top_k}
    else:
        draft.ignored("chat.top_k", "The provider has no such parameter for this model.")


def _add_claude_thinking(fields: Fields, spec: ChatSpec, model: Model, draft: Draft) -> None:
    reasoning = spec.reasoning
    if reasoning is None:
        return
    effort, budget = reasoning.effort, reasoning.max_tokens
    if effort is Effort.NONE or budget == 0:
        fields["thinking"] = {"type": "disabled"}
    elif budget is None and effort is not None and model.version >= _ADAPTIVE_SINCE:
        fields["thinking"] = {"type": "adaptive"}
        fields["output_config"] = {"effort": _claude_effort(effort, model, draft)}
    elif budget is not None or effort is not None:
        _add_budget(fields, spec, budget, effort, draft)


def _claude_effort(effort: Effort, model: Model, draft: Draft) -> str:
    if effort is Effort.MINIMAL:
        draft.changed(_EFFORT, "The model's lowest effort is low.")
        return Effort.LOW.value
    if effort is Effort.XHIGH and model.version < _XHIGH_SINCE:
        draft.changed(_EFFORT, "The model has no effort between high and max; high was asked for.")
        return Effort.HIGH.value
    return str(effort.value)


def _add_budget(fields: Fields, spec: ChatSpec, budget: int | None, effort: Effort | None, draft: Draft) -> None:
    """A budget, which must be at least 1,024 tokens and less than the whole output."""
    asked = budget
    if budget is None:
        budget = _BUDGETS[effort] if effort is not None else _MIN_BUDGET
    most = spec.max_output_tokens - 1 if spec.max_output_tokens is not None else max(budget, _MIN_BUDGET)
    if most < _MIN_BUDGET:
        field = _EFFORT if asked is None else _BUDGET
        draft.ignored(field, f"The model reasons only with at least {_MIN_BUDGET} tokens below chat.max_output_tokens.")
        return
    budget = max(_MIN_BUDGET, min(budget, most))
    if asked is None:
        draft.changed(_EFFORT, f"The model knows only a budget; it was given {budget} tokens.")
    elif asked != budget:
        draft.changed(_BUDGET, f"The model was given {budget} tokens, the nearest that it takes.")
    fields["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _add_effort(fields: Fields, spec: ChatSpec, model: Model, draft: Draft) -> None:
    reasoning = spec.reasoning
    if reasoning is None:
        return
    nova = "amazon.nova-2" in model.name
    steps = nova or "gpt-oss" in model.name
    if reasoning.max_tokens is not None:
        what = "knows only an effort" if steps else "has no such parameter for this model"
        draft.ignored(_BUDGET, f"The provider {what}.")
    effort = reasoning.effort
    if effort is None:
        return
    if effort is Effort.NONE and nova:
        fields["reasoningConfig"] = {"type": "disabled"}
    elif not steps or effort is Effort.NONE:
        draft.ignored(_EFFORT, "The provider has no such parameter for this model.")
    else:
        step = _THREE_STEPS[effort]
        if step is not effort:
            draft.changed(_EFFORT, f"The model's nearest effort is {step.value}.")
        if nova:
            fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": step.value}
        else:
            fields["reasoning_effort"] = step.value

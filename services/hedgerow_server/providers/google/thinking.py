"""How much a model thinks: https://ai.google.dev/gemini-api/docs/thinking.

Gemini 2.5 takes a budget in tokens, later generations a level (and still a budget, but not both), earlier ones neither.
"""

import re

from hedgerow_server.core.request import Effort, ReasoningSpec
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.google.body import ThinkingConfig

_VERSION = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?![\d])", re.ASCII)
_LATEST = (3, 0)
_FIELD = "chat.reasoning"
# As https://ai.google.dev/gemini-api/docs/openai#thinking maps efforts to budgets.
_BUDGETS = {
    Effort.NONE: 0,
    Effort.MINIMAL: 1024,
    Effort.LOW: 1024,
    Effort.MEDIUM: 8192,
    Effort.HIGH: 24_576,
    Effort.XHIGH: 24_576,
    Effort.MAX: 24_576,
}
_MAX_PRO_BUDGET = 32_768
_MIN_PRO_BUDGET = 128
_LEVELS = {
    Effort.NONE: "MINIMAL",
    Effort.MINIMAL: "MINIMAL",
    Effort.LOW: "LOW",
    Effort.MEDIUM: "MEDIUM",
    Effort.HIGH: "HIGH",
    Effort.XHIGH: "HIGH",
    Effort.MAX: "HIGH",
}
_EXACT = (Effort.MINIMAL, Effort.LOW, Effort.MEDIUM, Effort.HIGH)


def generation(model: str) -> tuple[int, int] | None:
    """The generation of a Gemini model, such as (2, 5); of `-latest` names the newest; None for other models."""
    if match := _VERSION.search(model):
        return int(match[1]), int(match[2] or 0)
    return _LATEST if "gemini" in model and model.endswith("-latest") else None


def thinking_config(reasoning: ReasoningSpec, model: str, draft: Draft) -> ThinkingConfig | None:
    """The configuration for what is asked, thoughts shown unless there shall be none; None where the model has none."""
    version = generation(model)
    if version is not None and version < (2, 5):
        draft.ignored(_FIELD, "The model does not reason.")
        return None
    effort, budget = reasoning.effort, reasoning.max_tokens
    if effort is not None and version is not None and version >= _LATEST:
        if budget is not None:
            draft.ignored(f"{_FIELD}.max_tokens", "The model takes no limit beside an effort.")
        return ThinkingConfig(include_thoughts=True, thinking_level=_level(effort, model, draft))
    if budget is None:
        budget = _budget(effort, model, draft) if effort is not None else None
    elif effort is not None:
        draft.ignored(f"{_FIELD}.effort", "The model takes no effort beside a limit.")
    return ThinkingConfig(include_thoughts=True if budget != 0 else None, thinking_budget=budget)


def _level(effort: Effort, model: str, draft: Draft) -> str:
    level = _LEVELS[effort]
    if "-pro" in model:
        # The Pro models have no MINIMAL, the first of them no MEDIUM either.
        lacks_medium = "gemini-3-pro" in model
        level = {"MINIMAL": "LOW", "MEDIUM": "HIGH" if lacks_medium else "MEDIUM"}.get(level, level)
    if effort not in _EXACT or level != _LEVELS[effort]:
        draft.changed(f"{_FIELD}.effort", f"The model's nearest effort is {level}.")
    return level


def _budget(effort: Effort, model: str, draft: Draft) -> int:
    if "-pro" in model:
        if effort is Effort.NONE:
            draft.changed(f"{_FIELD}.effort", "The model cannot do without reasoning; it gets its smallest budget.")
            return _MIN_PRO_BUDGET
        if effort in (Effort.XHIGH, Effort.MAX):
            return _MAX_PRO_BUDGET
    return _BUDGETS[effort]

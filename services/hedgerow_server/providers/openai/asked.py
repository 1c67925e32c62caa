"""How much to reason, in the words of each vendor."""

from hedgerow_server.core.request import Effort, ReasoningSpec
from hedgerow_server.providers.draft import Draft
from hedgerow_server.providers.openai.body import ChatBody
from hedgerow_server.providers.openai.quirks import Quirks

_STEPS = tuple(Effort)


def set_reasoning(body: ChatBody, asked: ReasoningSpec, quirks: Quirks, draft: Draft) -> None:
    """Sets what the vendor has for it; says what it has not."""
    effort = _effort(asked.effort, quirks, draft)
    if asked.max_tokens is not None and quirks.reasoning not in ("object", "enable_thinking"):
        draft.ignored("chat.reasoning.max_tokens", "The provider knows only an effort.")
    match quirks.reasoning:
        case "effort":
            body.reasoning_effort = effort
        case "object":
            members = {"effort": effort, "max_tokens": asked.max_tokens}
            body.reasoning = {name: value for name, value in members.items() if value is not None} or None
        case "thinking" if asked.effort is not None:
            body.thinking = {"type": "disabled" if asked.effort is Effort.NONE else "enabled"}
            body.reasoning_effort = effort
            if asked.effort is not Effort.NONE and not quirks.efforts:
                draft.changed("chat.reasoning.effort", "The provider only switches reasoning on and off.")
        case "enable_thinking" if asked.effort is not None or asked.max_tokens is not None:
            body.enable_thinking = asked.effort is not Effort.NONE and asked.max_tokens != 0
            body.thinking_budget = asked.max_tokens or None
        case "none" if asked.effort is not None:
            draft.ignored("chat.reasoning.effort", "The provider has no such parameter.")


def _effort(asked: Effort | None, quirks: Quirks, draft: Draft) -> str | None:
    """The step that the vendor has, the nearest where it lacks the one that was asked; of two the lower. Who asks for
    some reasoning never gets none.
    """
    if asked is None or not quirks.efforts or quirks.reasoning not in ("effort", "object", "thinking"):
        return None
    if quirks.reasoning == "thinking" and asked is Effort.NONE:
        return None
    if asked.value in quirks.efforts:
        return asked.value
    steps = [step for step in quirks.efforts if step != Effort.NONE.value] or quirks.efforts
    nearest = min(steps, key=lambda step: abs(_STEPS.index(Effort(step)) - _STEPS.index(asked)))
    draft.changed("chat.reasoning.effort", f"The provider's nearest effort is {nearest}.")
    return nearest

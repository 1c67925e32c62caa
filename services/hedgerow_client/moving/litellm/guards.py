"""`guardrails`: those for which Hedgerow has a guard of its own."""

from typing import Any

from hedgerow_client.moving.draft import Draft, Section, plain_name
from hedgerow_client.moving.litellm.keys import GUARDRAIL, GUARDRAIL_PARAMS
from hedgerow_client.moving.report import Source

_GUARDS: dict[str, Section] = {
    "presidio": {"type": "pii", "action": "redact"},
    "hide-secrets": {"type": "secrets", "action": "redact"},
}
_SIDES = {"pre_call": "input", "during_call": "input", "post_call": "output"}


def read_guards(draft: Draft, top: Source) -> None:
    """The guards, and which of them every call passes."""
    for index, one in enumerate(top.items("guardrails")):
        entry = Source(one, f"guardrails[{index}]", GUARDRAIL, draft.report)
        params = Source(entry.take("litellm_params"), entry.at("litellm_params"), GUARDRAIL_PARAMS, draft.report)
        kind, name = params.text("guardrail"), plain_name(entry.text("guardrail_name"))
        on = params.take("default_on")
        sides = _sides(params.take("mode"))
        if kind not in _GUARDS:
            text = "Hedgerow has no such guard; write a service of `hedgerow.guardrail.v1`, or use its own"
            draft.report.left_out(params.at("guardrail"), f"{text} (docs/guardrails.md)")
            continue
        section = draft.section("guardrails")
        section.setdefault("guards", {})[name] = {**_GUARDS[kind], "sides": sides}
        if on:
            section.setdefault("default", []).append(name)
        else:
            text = "name it in `guardrails` of a route, or in `guardrails.tenants`: callers cannot ask for it"
            draft.report.partly(entry.at("guardrail_name"), text)
        params.rest()
        entry.rest()


def _sides(mode: Any) -> list[str]:
    modes = mode if isinstance(mode, list) else [mode]
    found = {_SIDES[one] for one in modes if one in _SIDES}
    return sorted(found) or ["input"]

"""Targets, however nested, as one list of candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hedgerow_client.moving.draft import Draft, Section, number, whole_weights
from hedgerow_client.moving.portkey.conditions import UnknownConditionError, condition
from hedgerow_client.moving.portkey.keys import NODE, STRATEGY
from hedgerow_client.moving.portkey.providers import Slugs, candidate_of
from hedgerow_client.moving.report import Source


@dataclass(frozen=True, slots=True)
class Leaf:
    """A candidate and what holds for it."""

    candidate: Section
    """Provider and model; without a model the caller's."""
    weight: float = 1.0
    """Its share."""
    conditions: tuple[str, ...] = ()
    """What must hold for it to be asked."""


@dataclass(slots=True)
class Plan:
    """The candidates of a node, and how one of them is chosen."""

    leaves: list[Leaf] = field(default_factory=list)
    """The candidates."""
    weighted: bool = False
    """Whether by weight; else in their order."""
    attempts: int = 0
    """How often the nodes would try again, the most of them."""


def snake(values: Any) -> Any:
    """A node with keys in snake case, as Portkey takes both; what goes to the provider stays as it is."""
    if not isinstance(values, Mapping):
        return values
    found = {}
    for key, value in values.items():
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in str(key))
        inner = name in ("strategy", "retry", "cache", "cb_config")
        found[name] = snake(value) if inner else value
    return found


def plan_of(draft: Draft, node: Source, slugs: Slugs) -> Plan:
    """The candidates of a node with targets, or of the target that it is itself."""
    strategy = Source(node.take("strategy"), node.at("strategy"), STRATEGY, draft.report)
    mode = strategy.text("mode") or "single"
    strategy.take("on_status_codes")
    targets = [
        Source(snake(one), f"{node.at('targets')}[{index}]", NODE, draft.report)
        for index, one in enumerate(node.items("targets"))
    ]
    if not targets:
        found = _leaf(draft, node, slugs)
    elif mode == "conditional":
        found = _conditional(draft, strategy, targets, slugs)
    else:
        wanted = targets[:1] if mode == "single" else targets
        if len(targets) > len(wanted):
            draft.report.left_out(node.at("targets"), "with the mode single only the first target is used")
        plans = [plan_of(draft, target, slugs) for target in wanted]
        found = _balanced(draft, node, targets, plans) if mode == "loadbalance" else _in_order(draft, node, plans)
    strategy.take("cb_config")
    strategy.rest()
    retry = node.take("retry") if node.path else None
    attempts = retry.get("attempts") if isinstance(retry, Mapping) else 0
    found.attempts = max(found.attempts, attempts if isinstance(attempts, int) else 0)
    if node.path:
        node.rest()
    return found


def _leaf(draft: Draft, node: Source, slugs: Slugs) -> Plan:
    node.take("weight")
    node.take("name")
    candidate = candidate_of(draft, node, slugs)
    timeout = node.number("request_timeout") if node.path else None
    if candidate and timeout:
        candidate["first_token_timeout_seconds"] = number(timeout / 1000)
    return Plan([Leaf(candidate)] if candidate else [])


def _in_order(draft: Draft, node: Source, plans: list[Plan]) -> Plan:
    plans = [plan for plan in plans if plan.leaves]
    attempts = max((plan.attempts for plan in plans), default=0)
    spread = [plan.weighted and len(plan.leaves) > 1 for plan in plans]
    if any(spread[1:]):
        draft.report.partly(node.at("targets"), "a loadbalance behind another target is asked in its order")
    leaves = [leaf for plan in plans for leaf in plan.leaves]
    if spread[:1] == [True]:
        first = len(plans[0].leaves)
        # Weight 0: only when none of the others can be asked.
        return Plan(leaves[:first] + [replace(leaf, weight=0.0) for leaf in leaves[first:]], True, attempts)
    return Plan(leaves, False, attempts)


def _balanced(draft: Draft, node: Source, targets: list[Source], plans: list[Plan]) -> Plan:
    leaves: list[Leaf] = []
    for target, plan in zip(targets, plans, strict=True):
        value = target.take("weight")
        weight = float(value) if isinstance(value, int | float) and value >= 0 else 1.0
        if plan.weighted:
            total = sum(leaf.weight for leaf in plan.leaves) or 1.0
            leaves += [replace(leaf, weight=weight * leaf.weight / total) for leaf in plan.leaves]
            continue
        leaves += [replace(leaf, weight=0.0 if index else weight) for index, leaf in enumerate(plan.leaves)]
        if len(plan.leaves) > 1:
            draft.report.partly(
                target.path, "its fallbacks are those of all targets: they are asked when no other can be"
            )
    return Plan(leaves, True, max((plan.attempts for plan in plans), default=0))


def _conditional(draft: Draft, strategy: Source, targets: list[Source], slugs: Slugs) -> Plan:
    named = {target.text("name"): target for target in targets}
    plans: dict[str, Plan] = {}
    found = Plan()
    before: list[str] = []
    for index, one in enumerate(strategy.items("conditions")):
        path = f"{strategy.at('conditions')}[{index}]"
        try:
            holds = condition(one.get("query") if isinstance(one, Mapping) else None)
        except UnknownConditionError as error:
            draft.report.left_out(path, f"{error}; its calls go on to the next condition")
            continue
        _guarded(draft, found, plans, named, str(one.get("then")), (holds, *before), path, slugs)
        before.append(f"!({holds})")
    default = strategy.text("default")
    if default:
        _guarded(draft, found, plans, named, default, tuple(before), strategy.at("default"), slugs)
    for name, target in named.items():
        if name not in plans:
            draft.report.left_out(target.path, "no condition names it")
    return found


def _guarded(  # noqa: PLR0917  the parts of one condition
    draft: Draft,
    found: Plan,
    plans: dict[str, Plan],
    named: Mapping[str, Source],
    then: str,
    conditions: tuple[str, ...],
    path: str,
    slugs: Slugs,
) -> None:
    """Adds the candidates of the target `then`, for the calls that meet the conditions."""
    if then not in named:
        draft.report.left_out(path, "it names no target")
        return
    if then not in plans:
        plans[then] = plan_of(draft, named[then], slugs)
    plan = plans[then]
    if len({one.weighted for one in plans.values() if len(one.leaves) > 1}) > 1:
        draft.report.partly(path, "a route has one strategy: `rules` with `strategy` may say another for such calls")
    found.weighted = found.weighted or plan.weighted
    found.attempts = max(found.attempts, plan.attempts)
    found.leaves += [replace(leaf, conditions=conditions + leaf.conditions) for leaf in plan.leaves]


def candidates_of(plan: Plan) -> list[Section]:
    """The candidates as the configuration has them."""
    weights = whole_weights([leaf.weight for leaf in plan.leaves])
    found = []
    for leaf, weight in zip(plan.leaves, weights, strict=True):
        candidate = dict(leaf.candidate)
        if plan.weighted:
            candidate["weight"] = weight
        if leaf.conditions:
            candidate["when"] = " && ".join(leaf.conditions)
        found.append(candidate)
    return found

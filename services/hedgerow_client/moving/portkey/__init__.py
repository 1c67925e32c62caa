"""A config of Portkey's as a configuration of Hedgerow."""

from collections.abc import Mapping
from typing import Any

from hedgerow_client.moving.draft import ATTEMPTS_DEFAULT, ATTEMPTS_MAX, ROUTE_CANDIDATES_MAX, Draft, Section, number
from hedgerow_client.moving.portkey.keys import BREAKER, CACHE, NODE, RETRY
from hedgerow_client.moving.portkey.providers import Slugs
from hedgerow_client.moving.portkey.targets import Plan, candidates_of, plan_of, snake
from hedgerow_client.moving.report import Report, Source

_KNOWN = ("strategy", "targets", "provider", "virtual_key", "virtualKey")


def translate(document: Any, route: str, slugs: Mapping[str, str] | None = None) -> tuple[Section, Report]:
    """The configuration, and what did not map. A config is one route, which is called `route`; targets that leave the
    model to the caller serve `route`/*. `slugs` says which provider is behind a slug of Portkey's vault, by slug.

    Raises ValueError where the document is no config of Portkey's at all.
    """
    if not isinstance(document, Mapping) or not any(key in document for key in _KNOWN):
        raise ValueError("expected an object with `strategy` and `targets`, or with `provider`")
    report = Report()
    draft = Draft(report)
    values = snake(document)
    node = Source(values, "", NODE, report)
    plan = plan_of(draft, node, Slugs({key.removeprefix("@"): value for key, value in (slugs or {}).items()}))
    settings = _settings(draft, node, plan)
    strategy = values.get("strategy")
    if isinstance(strategy, Mapping):
        _strategy(draft, strategy, settings)
    _routes(draft, plan, route, settings)
    node.rest()
    return draft.whole(), report


def _routes(draft: Draft, plan: Plan, route: str, settings: Section) -> None:
    """The route for the candidates with a model, and the one for those that take the caller's."""
    for starred in (False, True):
        leaves = [leaf for leaf in plan.leaves if ("model" not in leaf.candidate) == starred]
        candidates = candidates_of(Plan(leaves, plan.weighted))[:ROUTE_CANDIDATES_MAX]
        if not candidates:
            continue
        section: Section = {"kind": "any" if starred else "chat"}
        section["candidates"] = [one | {"model": "*"} for one in candidates] if starred else candidates
        if plan.weighted and len(candidates) > 1:
            section["strategy"] = "weighted"
        wanted = plan.attempts + 1 if plan.attempts else ATTEMPTS_DEFAULT
        attempts = min(ATTEMPTS_MAX, max(wanted, 1 if plan.attempts else len(candidates)))
        if attempts != ATTEMPTS_DEFAULT:
            section["max_attempts"] = attempts
        draft.routes[f"{route}/*" if starred else route] = section | settings
    if len(draft.routes) > 1:
        text = "targets without a model are in a route of their own, for calls that name one"
        draft.report.partly("targets", text)


def _settings(draft: Draft, node: Source, plan: Plan) -> Section:
    """What holds for the whole route."""
    settings: Section = {}
    retry = Source(node.take("retry"), "retry", RETRY, draft.report)
    attempts = retry.number("attempts")
    retry.take("on_status_codes")
    retry.take("use_retry_after_header")
    plan.attempts = max(plan.attempts, int(attempts or 0))
    retry.rest()
    cache = Source(node.take("cache"), "cache", CACHE, draft.report)
    mode, age = cache.text("mode"), cache.number("max_age")
    if mode:
        settings["cache"] = {"mode": "exact", "scope": "tenant"} | (
            {"ttl_seconds": number(min(age, 2_592_000))} if age else {}
        )
        if mode == "semantic":
            draft.report.partly("cache.mode", CACHE["mode"].text)
    cache.rest()
    timeout = node.number("request_timeout")
    if timeout:
        draft.section("deadline")["default_seconds"] = number(min(timeout / 1000, 3600))
    return settings


def _strategy(draft: Draft, strategy: Mapping[str, Any], settings: Section) -> None:
    """Circuit breaker and sticky sessions."""
    breaker = Source(strategy.get("cb_config"), "strategy.cb_config", BREAKER, draft.report)
    section: Section = {}
    for key, ours, share in (
        ("failure_threshold", "consecutive_failures", 1.0),
        ("failure_threshold_percentage", "failure_share", 0.01),
        ("minimum_requests", "min_calls", 1.0),
        ("cooldown_interval", "ejection_seconds", 0.001),
    ):
        value = breaker.number(key)
        if value:
            section[ours] = number(value * share)
    if "ejection_seconds" in section:
        section["max_ejection_seconds"] = max(section["ejection_seconds"], 30)
    if section:
        draft.others["breaker"] = section
    breaker.rest()
    if strategy.get("sticky") or strategy.get("sticky_session"):
        settings["affinity"] = {"ttl_seconds": 300}

"""The settings of LiteLLM's proxy that are not about single models."""

import re
from collections.abc import Iterator, Mapping

from hedgerow_client.moving.draft import Draft, Section, is_route, number
from hedgerow_client.moving.litellm.keys import CACHE
from hedgerow_client.moving.litellm.models import Group, groups_named
from hedgerow_client.moving.litellm.providers import ENV
from hedgerow_client.moving.report import Source

_STRATEGIES = {
    "simple-shuffle": "weighted",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
}
_NEAR = {"least-busy", "usage-based-routing", "usage-based-routing-v2"}
_WINDOWS = {"s": "", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month"}
_PREFIX = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_SECONDS_MAX = 86_400


def read_routing(draft: Draft, groups: dict[str, Group], router: Source, litellm: Source) -> None:
    """Strategy, retries, timeouts, fallbacks, aliases, cool-downs and the Redis that routers share."""
    _strategy(draft, groups, router)
    _retries(groups, router, litellm)
    _deadline(draft, router, litellm)
    # First all that is said of each group: a fallback's own fallbacks are not followed.
    for source in (router, litellm):
        _fallbacks(draft, groups, source)
    _breaker(draft, router, litellm)
    _aliases(draft, groups, router)
    redis = _redis(draft, router, "redis_")
    if redis:
        draft.section("sharing")["redis"] = redis


def _strategy(draft: Draft, groups: Mapping[str, Group], router: Source) -> None:
    wanted = router.text("routing_strategy") or "simple-shuffle"
    if wanted in _NEAR:
        text = "calls are drawn by weight; `rate_limits` keep each provider within its limits"
        draft.report.partly(router.at("routing_strategy"), text)
    elif wanted not in _STRATEGIES:
        draft.report.left_out(router.at("routing_strategy"), "there is no such strategy; calls are drawn by weight")
    strategy = _STRATEGIES.get(wanted, "weighted")
    router.take("enable_pre_call_checks")
    for group in groups.values():
        group.strategy = strategy
        if strategy != "weighted" and len(group.deployments) > 1 and not group.ordered:
            group.settings["strategy"] = strategy


def _retries(groups: Mapping[str, Group], router: Source, litellm: Source) -> None:
    values = [source.take("num_retries") for source in (router, litellm)]
    retries = next((value for value in values if isinstance(value, int) and value >= 0), None)
    for group in groups.values():
        if group.retries is None:
            group.retries = retries


def _deadline(draft: Draft, router: Source, litellm: Source) -> None:
    seconds = router.number("timeout")
    seconds = litellm.number("request_timeout") if seconds is None else seconds
    litellm.take("request_timeout")
    if seconds is not None:
        deadline = draft.section("deadline")
        deadline["default_seconds"] = min(number(seconds), _SECONDS_MAX)
        if deadline["default_seconds"] > 3600:
            deadline["max_seconds"] = deadline["default_seconds"]


def _fallbacks(draft: Draft, groups: dict[str, Group], source: Source) -> None:
    for group, fallbacks, path in _pairs(draft, groups, source, "fallbacks"):
        _add(draft, group, fallbacks, path)
    for group, fallbacks, path in _pairs(draft, groups, source, "context_window_fallbacks"):
        _add(draft, group, fallbacks, path)
        group.settings["larger_context"] = True
    defaults = groups_named(groups, source.items("default_fallbacks"))
    for group in groups.values():
        if group.kind == "chat" and group not in defaults and not group.fallbacks:
            _add(draft, group, defaults, source.at("default_fallbacks"))


def _pairs(
    draft: Draft, groups: dict[str, Group], source: Source, key: str
) -> Iterator[tuple[Group, list[Group], str]]:
    """Every group of `key` with its fallbacks; the ones that are not there are reported."""
    for index, one in enumerate(source.items(key)):
        for name, others in one.items() if isinstance(one, Mapping) else ():
            path = f"{source.at(key)}[{index}].{name}"
            wanted = [str(other) for other in others if isinstance(other, str)] if isinstance(others, list) else []
            found = groups_named(groups, wanted)
            if len(found) < len(wanted) or not wanted:
                draft.report.left_out(path, "it names models that are not in the file, or that could not be imported")
            if name in groups:
                yield groups[name], found, path
            elif name == "*":
                yield from ((group, [o for o in found if o is not group], path) for group in groups.values())
            else:
                draft.report.left_out(path, "there is no such model in the file, or it could not be imported")


def _add(draft: Draft, group: Group, fallbacks: list[Group], path: str) -> None:
    for other in fallbacks:
        if other is group or (other.kind == "embed") != (group.kind == "embed"):
            continue
        if group.name.endswith("/*") != other.name.endswith("/*"):
            draft.report.left_out(path, "a name with a star and one without cannot serve the same calls")
            continue
        if group.kind == "embed":
            text = "embeddings never change their model: only candidates with the same vectors follow"
            draft.report.partly(path, text)
        if group.strategy in ("fastest", "cheapest") and len(group.deployments) > 1:
            text = f"with `strategy: {group.strategy}` a fallback is a candidate like the others"
            draft.report.partly(path, text)
        group.fallbacks += [one.candidate for one in other.deployments if one.candidate not in group.fallbacks]


def _aliases(draft: Draft, groups: dict[str, Group], router: Source) -> None:
    aliases = router.take("model_group_alias")
    for alias, value in aliases.items() if isinstance(aliases, Mapping) else ():
        path = f"{router.at('model_group_alias')}.{alias}"
        hidden = isinstance(value, Mapping)
        target = groups.get(str(value.get("model") if hidden else value))
        if target is None or str(alias) in groups or not is_route(str(alias)) or "*" in f"{alias}{target.name}":
            draft.report.left_out(path, "it names no model of the file, or is a name that no route can have")
            continue
        if hidden and value.get("hidden"):
            draft.report.partly(path, "ListModels shows every route that a caller may use")
        groups[str(alias)] = Group(
            str(alias),
            target.kind,
            target.deployments,
            target.fallbacks,
            target.strategy,
            target.retries,
            target.settings,
        )


def _breaker(draft: Draft, router: Source, litellm: Source) -> None:
    for source in (litellm, router):
        fails, cooldown = source.number("allowed_fails"), source.number("cooldown_time")
        if fails is not None:
            draft.section("breaker")["consecutive_failures"] = int(fails) + 1
        if cooldown is not None:
            seconds = min(number(cooldown), _SECONDS_MAX)
            draft.section("breaker")["ejection_seconds"] = seconds
            draft.section("breaker")["max_ejection_seconds"] = max(seconds, 30)


def _redis(draft: Draft, source: Source, prefix: str) -> Section:
    """The address of a Redis and its password; empty, and reported, where the file does not say it."""
    host, port = source.text(f"{prefix}host"), source.text(f"{prefix}port") or "6379"
    url, password = source.text(f"{prefix}url"), source.text(f"{prefix}password")
    scheme = "rediss" if source.take("ssl") else "redis"
    if not host and not url:
        return {}
    if url and "@" not in url and ENV not in url:
        found: Section = {"url": url}
    elif host and ENV not in f"{host}{port}":
        found = {"url": f"{scheme}://{host}:{port}"}
    else:
        text = "expected an address that stands in the file, without a password in it: write it down here"
        draft.report.left_out(source.at(f"{prefix}url" if url else f"{prefix}host"), text)
        return {}
    if password:
        path = source.at(f"{prefix}password")
        found["password"] = draft.key_credential(password, ENV, "REDIS_PASSWORD", path)
    return found


def read_cache(draft: Draft, groups: Mapping[str, Group], litellm: Source) -> None:
    """The cache, which every route then has."""
    on = litellm.take("cache")
    params = Source(litellm.take("cache_params"), litellm.at("cache_params"), CACHE, draft.report)
    kind = params.text("type") or ("redis" if "host" in params else "local")
    if on is not True or str(params.take("mode") or "").startswith("default_off"):
        if on is True:
            draft.report.left_out(params.at("mode"), CACHE["mode"].text)
        elif "type" in params:
            draft.report.left_out(params.path, "the cache is off")
        return
    route: Section = {"mode": "exact", "scope": "tenant"}
    ttl = params.number("ttl")
    if ttl is not None:
        route["ttl_seconds"] = number(ttl)
    if kind in ("redis", "redis-semantic") and kind == "redis":
        _redis_cache(draft, params)
    elif "semantic" in kind:
        route |= _semantic(draft, groups, params)
    elif kind != "local":
        draft.report.partly(params.at("type"), "answers are kept in the memory of the router")
    types = params.take("supported_call_types")
    for group in groups.values():
        wanted = "aembedding" if group.kind == "embed" else "acompletion"
        if not isinstance(types, list) or wanted in types or wanted.removeprefix("a") in types:
            group.settings["cache"] = {**route, "mode": "exact"} if group.kind == "embed" else dict(route)
    params.rest()


def _redis_cache(draft: Draft, params: Source) -> None:
    redis = _redis(draft, params, "")
    if not redis:
        draft.report.partly(params.path, "answers are kept in the memory of the router")
        return
    namespace = params.text("namespace")
    if _PREFIX.fullmatch(namespace):
        redis["prefix"] = namespace
    mac_key = draft.env_credential("HEDGEROW_CACHE_MAC_KEY")
    draft.report.partly(
        params.at("type"),
        "put a secret of 16 characters or more, the same for all routers, into HEDGEROW_CACHE_MAC_KEY",
    )
    draft.others["cache"] = {"store": "redis", "redis": redis, "mac_key": mac_key}


def _semantic(draft: Draft, groups: Mapping[str, Group], params: Source) -> Section:
    model = params.text("redis_semantic_cache_embedding_model") or params.text("qdrant_semantic_cache_embedding_model")
    threshold = params.number("similarity_threshold")
    if model not in groups or groups[model].kind != "embed":
        draft.report.partly(
            params.at("type"), "only equal questions: `cache.semantic.model` must be a route for embeddings"
        )
        return {}
    draft.section("cache")["semantic"] = {"model": model}
    if threshold is not None and threshold <= 1:
        draft.section("cache")["semantic"]["min_similarity"] = threshold
    draft.report.partly(params.at("type"), "kept in the memory of the router; compare `min_similarity` with your model")
    return {"mode": "semantic"}


def read_general(draft: Draft, general: Source, litellm: Source) -> None:
    """Keys of callers, limits for all, a budget for all."""
    if any(general.take(key) is not None for key in ("master_key", "database_url")):
        general.take("database_url")
        draft.needs_keys()
    most = general.number("global_max_parallel_requests")
    if most is not None:
        draft.others["quotas"] = [{"name": "all-calls", "limits": [{"concurrency": int(most)}]}]
    usd = litellm.number("max_budget")
    if usd is not None:
        per = _window(draft, litellm)
        draft.others["budgets"] = [{"name": "all-calls-usd", "usd": number(usd), "per": per, "mode": "hard"}]
        draft.others.setdefault("store", {"path": "hedgerow.db"})
    for key in ("drop_params", "json_logs", "turn_off_message_logging", "redact_user_api_key_info"):
        litellm.take(key)


def _window(draft: Draft, litellm: Source) -> str:
    written = litellm.text("budget_duration")
    found = re.fullmatch(r"(\d+)(mo|[smhdw])", written)
    if not written:
        return "total"
    count, unit = (int(found[1]), _WINDOWS[found[2]]) if found else (0, "")
    if (count, unit) == (24, "hour"):
        count, unit = 1, "day"
    if unit == "day" and count in (7, 30, 31):
        return "week" if count == 7 else "month"
    if count == 1 and unit:
        return unit
    draft.report.partly(litellm.at("budget_duration"), "there is no such time; a month has been written")
    return "month"

"""`model_list`: deployments become candidates of providers, groups of one name become routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hedgerow_client.moving.draft import (
    ATTEMPTS_DEFAULT,
    ATTEMPTS_MAX,
    ROUTE_CANDIDATES_MAX,
    Draft,
    Section,
    is_route,
    whole_weights,
)
from hedgerow_client.moving.litellm.keys import INFO, MODEL, PARAMS
from hedgerow_client.moving.litellm.providers import ENV, provider_of
from hedgerow_client.moving.report import Source
from hedgerow_client.moving.vendors import LITELLM

_KINDS = {"chat": "chat", "completion": "chat", "responses": "chat", "embedding": "embed", "": ""}
# What models without a prefix are, by how their names begin.
_BARE = {
    "openai": ("gpt-", "chatgpt-", "o1", "o3", "o4", "text-embedding-", "ft:gpt-"),
    "anthropic": ("claude-",),
    "vertex_ai": ("gemini-",),
    "cohere": ("command-", "embed-english", "embed-multilingual"),
}
_PER_TOKEN = 1_000_000


@dataclass(slots=True)
class Deployment:
    """One entry of `model_list`."""

    candidate: Section
    """The candidate that it becomes."""
    weight: float | None
    """Its share, where it says one; else by its limits."""
    order: int | None
    """Its place, where it says one."""


@dataclass(slots=True)
class Group:
    """The deployments of one name, which become a route."""

    name: str
    """What callers say."""
    kind: str
    """The kind of the route."""
    deployments: list[Deployment] = field(default_factory=list)
    """Those that share the calls."""
    fallbacks: list[Section] = field(default_factory=list)
    """Candidates that are asked when the others fail."""
    strategy: str = "weighted"
    """The strategy of the group."""
    retries: int | None = None
    """How often more a call may be tried."""
    settings: Section = field(default_factory=dict)
    """Further keys of the route."""

    @property
    def candidates(self) -> list[Section]:
        """All candidates, the first ones first."""
        deployments = list(self.deployments)
        if self.ordered:
            deployments.sort(key=lambda one: one.order or 0)
        own = [dict(one.candidate) for one in deployments]
        share = self.strategy == "weighted" and len(own) > 1 and not self.ordered
        if share:
            weights = whole_weights([1.0 if one.weight is None else one.weight for one in deployments])
            own = [one | {"weight": weight} for one, weight in zip(own, weights, strict=True)]
        seen = [(one["provider"], one["model"]) for one in own]
        later = [one for one in self.fallbacks if (one["provider"], one["model"]) not in seen]
        found = own + [one | {"weight": 0} if share else dict(one) for one in later]
        return found[:ROUTE_CANDIDATES_MAX]

    @property
    def ordered(self) -> bool:
        """Whether the deployments say in which order they are asked."""
        return any(one.order is not None for one in self.deployments)

    def route(self) -> Section:
        """The route."""
        candidates = self.candidates
        route: Section = {"kind": self.kind, "candidates": candidates}
        if len(self.deployments) > 1 and not self.ordered:
            route["strategy"] = self.strategy
        wanted = ATTEMPTS_DEFAULT if self.retries is None else self.retries + 1
        attempts = min(ATTEMPTS_MAX, max(wanted, len(candidates) if self.fallbacks else 1))
        if attempts != ATTEMPTS_DEFAULT:
            route["max_attempts"] = attempts
        return route | self.settings


def read_models(draft: Draft, top: Source, credentials: Mapping[str, Mapping[str, Any]]) -> dict[str, Group]:
    """The groups, by name."""
    groups: dict[str, Group] = {}
    for index, one in enumerate(top.items("model_list")):
        entry = Source(one, f"model_list[{index}]", MODEL, draft.report)
        _read_entry(draft, entry, groups, credentials)
        entry.rest()
    return groups


def _read_entry(
    draft: Draft, entry: Source, groups: dict[str, Group], credentials: Mapping[str, Mapping[str, Any]]
) -> None:
    values = entry.take("litellm_params")
    if isinstance(values, Mapping):
        named = str(values.get("litellm_credential_name") or "")
        values = {**credentials.get(named, {}), **values}
    params = Source(values, entry.at("litellm_params"), PARAMS, draft.report)
    params.take("litellm_credential_name")
    info = Source(entry.take("model_info"), entry.at("model_info"), INFO, draft.report)
    info.take("id")
    name = entry.text("model_name")
    model, vendor = _model(draft, params)
    kind = _kind(info, model, name)
    usable = bool(vendor) and bool(kind) and _named(draft, entry, name, model)
    if usable:
        provider = provider_of(draft, LITELLM[vendor], params, _limits(entry, params))
        if provider:
            _prices(draft, provider, model, params, info)
            group = groups.setdefault(name, Group(name, "any" if name.endswith("/*") else kind))
            group.deployments.append(_deployment(provider, model, params))
            _retries(group, params)
    elif not kind:
        draft.report.left_out(info.at("mode"), "Hedgerow serves chats and embeddings only")
    params.take("drop_params")
    if usable:
        params.rest()
        info.rest()


def _model(draft: Draft, params: Source) -> tuple[str, str]:
    """The provider's name of the model, and LiteLLM's word for the provider, which is empty where it is unknown."""
    written, vendor = params.text("model"), params.text("custom_llm_provider")
    if written.startswith(ENV):
        draft.report.left_out(params.at("model"), "the name of the model is in the environment: write it down here")
        return "", ""
    if written == "*":
        draft.report.left_out(
            params.at("model"), "there is no route for every name: write one like `openai/*` for each"
        )
        return "", ""
    prefix, slash, rest = written.partition("/")
    if vendor in LITELLM:
        return (rest if slash and prefix == vendor else written), vendor
    if slash and prefix in LITELLM:
        # Words for the way to an API, not parts of a model's name.
        return rest.removeprefix("responses/").removeprefix("converse/").removeprefix("invoke/"), prefix
    if not slash:
        bare = next((name for name, starts in _BARE.items() if written.startswith(starts)), "")
        if bare or "api_base" in params:
            return written, bare or "openai"
    text = (
        f"Hedgerow knows no provider {vendor or prefix!r}; a server of OpenAI's API needs `dialect: openai`, `base_url`"
    )
    draft.report.left_out(params.at("model"), text)
    return "", ""


def _kind(info: Source, model: str, name: str) -> str:
    """The kind of the route; empty: none that there is."""
    mode = info.text("mode")
    if mode not in _KINDS:
        return ""
    guess = "embed" if "embed" in f"{model} {name}".lower() else "chat"
    return _KINDS[mode] or guess


def _named(draft: Draft, entry: Source, name: str, model: str) -> bool:
    """Whether there can be such a route; what keeps it from it is reported."""
    starred = name.endswith("/*")
    if not is_route(name) or ("*" in name and not starred):
        text = "expected a name of letters, digits and _ . / : @ -, or all names that begin like `openai/*`"
        draft.report.left_out(entry.at("model_name"), text)
        return False
    if starred != (model == "*") or ("*" in model and model != "*"):
        text = "what the caller says in the place of the star must be the provider's whole name of the model"
        draft.report.left_out(entry.at("model_name"), text)
        return False
    return True


def _limits(entry: Source, params: Source) -> Section:
    limits: Section = {}
    for key, name in (("rpm", "requests_per_minute"), ("tpm", "tokens_per_minute")):
        own, outer = params.number(key), entry.number(key)
        value = own or outer
        if value:
            limits[name] = max(1, int(value))
    return limits


def _deployment(provider: str, model: str, params: Source) -> Deployment:
    candidate: Section = {"provider": provider, "model": model}
    region = params.text("region_name")
    if region:
        candidate["region"] = region
    order = params.number("order")
    weight = params.take("weight")
    share = float(weight) if isinstance(weight, int | float) and weight >= 0 else None
    # As simple-shuffle does: who may do more is asked more often.
    limit = params.number("rpm") or params.number("tpm")
    return Deployment(candidate, share if share is not None else limit, None if order is None else int(order))


def _retries(group: Group, params: Source) -> None:
    for key in ("max_retries", "num_retries"):
        value = params.take(key)
        if isinstance(value, int) and value >= 0:
            group.retries = max(group.retries or 0, value)


def _prices(draft: Draft, provider: str, model: str, params: Source, info: Source) -> None:
    found: dict[str, float] = {}
    for key, name in (("input_cost_per_token", "input"), ("output_cost_per_token", "output")):
        values = [source.take(key) for source in (params, info)]
        price = next((value for value in values if isinstance(value, int | float)), None)
        if price is not None and 0 <= price * _PER_TOKEN <= 10_000:
            found[name] = round(price * _PER_TOKEN, 9)
    if "input" in found:
        override = {"provider": provider, "model": model, "usd_per_million_tokens": found}
        overrides = draft.section("pricing").setdefault("overrides", [])
        if override not in overrides:
            overrides.append(override)


def groups_named(groups: Mapping[str, Group], names: Sequence[Any]) -> list[Group]:
    """The groups of these names that there are, in their order."""
    return [groups[str(name)] for name in names if str(name) in groups]

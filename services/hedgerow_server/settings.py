"""The whole configuration: the sections of all rooms, and what must hold between them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

import pydantic

from hedgerow_server.caching.section import CacheSection
from hedgerow_server.catalogue.book import families
from hedgerow_server.catalogue.section import CatalogueSection
from hedgerow_server.config.credential import KeySection, keys_of
from hedgerow_server.config.load import Location
from hedgerow_server.config.model import Section, is_loopback
from hedgerow_server.console.section import ConsoleSection
from hedgerow_server.core.secret import Secret
from hedgerow_server.credentials.rotation.section import RotationSection
from hedgerow_server.credentials.sources import CredentialSection
from hedgerow_server.credentials.static import EnvironmentCredential, KeyFile
from hedgerow_server.credentials.vault.section import VaultCredential, VaultSection
from hedgerow_server.doors.section import ServerSection
from hedgerow_server.guardrails.section import GuardrailsSection
from hedgerow_server.identity.section import IdentitySection
from hedgerow_server.interceptors.section import DeadlineSection, IdempotencySection
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.limits.section import AlertsSection, BudgetSection, QuotaSection
from hedgerow_server.limits.sharing import SharingSection
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers.http.section import EgressSection
from hedgerow_server.providers.registry import Provider, dialect
from hedgerow_server.routing.breaker_section import BreakerSection
from hedgerow_server.routing.conditions import budgets_in
from hedgerow_server.routing.section import HedgingSection, RouteSection
from hedgerow_server.store.section import AnyStoreSection, PostgresStoreSection
from hedgerow_server.telemetry.section import TelemetrySection

Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
"""A name within the file: 1 to 63 lower-case letters, digits, underscores, dots and hyphens."""
ModelName = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,253}(/\*)?$")]
"""A model name for callers: 1 to 254 letters, digits and _ . / : @ -, and perhaps `/*` for all that begin so."""

# Without it the schema takes entries whose names have another pattern.
_NO_OTHER = MappingProxyType({"additionalProperties": False})


class Settings(Section):
    """The configuration of a router."""

    server: ServerSection = ServerSection()
    """Where and how calls come in."""
    deadline: DeadlineSection = DeadlineSection()
    """How long calls may take."""
    idempotency: IdempotencySection = IdempotencySection()
    """Answers that are kept for calls with an idempotency key."""
    guardrails: GuardrailsSection = GuardrailsSection()
    """What must not go in and what must not come out."""
    cache: CacheSection = CacheSection()
    """Where answers are kept that routes give again."""
    identity: IdentitySection = IdentitySection()
    """Who callers are, and what they may do."""
    egress: EgressSection = EgressSection()
    """What holds for all connections that the gateway makes."""
    store: AnyStoreSection | None = None
    """The database. None: there is none, and nothing that needs one."""
    ledger: LedgerSection = LedgerSection()
    """The books, which are in the store."""
    vault: VaultSection | None = None
    """The Vault that holds credentials. None: none of them is in one."""
    credentials: dict[Name, CredentialSection] = pydantic.Field(default={}, json_schema_extra={**_NO_OTHER})
    """Secrets for the providers, by name. The file says where they are, never what they are."""
    providers: dict[Name, Provider] = pydantic.Field(min_length=1, json_schema_extra={**_NO_OTHER})
    """The providers, by name."""
    catalogue: CatalogueSection = CatalogueSection()
    """What is known of the providers' models."""
    pricing: PricingSection = PricingSection()
    """What the models cost."""
    quotas: tuple[QuotaSection, ...] = ()
    """What callers may use."""
    budgets: tuple[BudgetSection, ...] = ()
    """What calls may cost."""
    alerts: AlertsSection = AlertsSection()
    """Who is told when budgets reach their marks."""
    sharing: SharingSection | None = None
    """Limits that hold for several routers together. None: each counts for itself. Read when the server starts."""
    routes: dict[ModelName, RouteSection] = pydantic.Field(min_length=1, json_schema_extra={**_NO_OTHER})
    """The model names that callers use."""
    hedging: HedgingSection = HedgingSection()
    """What all hedged routes share."""
    breaker: BreakerSection = BreakerSection()
    """When a candidate that fails is not asked for a while."""
    telemetry: TelemetrySection = TelemetrySection()
    """Numbers, traces and lines."""
    console: ConsoleSection | None = None
    """The admin page. None: there is none; `console: {}` has one as the defaults say."""


def json_schema() -> dict[str, object]:
    """The JSON Schema of the file, for editors. What must hold between several values it does not say."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def references(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Names that stand for nothing, and doors that stand open."""
    yield from exposed(settings)
    if settings.idempotency.kept_in == "store" and settings.store is None:
        yield ("idempotency", "kept_in"), "expected a `store`, or memory"
    if isinstance(settings.store, PostgresStoreSection) and settings.ledger.enabled and settings.ledger.spool is None:
        yield ("ledger", "spool"), "expected a folder on a local disk, since the store is on a server"
    yield from _callers(settings)
    yield from _console(settings)
    yield from _traced(settings)
    yield from _in_no_vault(settings)
    for name, provider in settings.providers.items():
        yield from _keys(("providers", name, "credential"), provider.credential, settings)
        # A file of the catalogue may add a family, and may come later than this check.
        if not settings.catalogue.files and provider.family is not None and provider.family not in families():
            yield ("providers", name, "catalogue"), f"expected none or one of {', '.join(sorted(families()))}"
    yield from _priced(settings)
    yield from _limits(settings)
    yield from _caching(settings)
    yield from _guarding(settings)
    yield from _rotating(settings)
    for name, route in settings.routes.items():
        for index, candidate in enumerate(route.candidates):
            if candidate.provider not in settings.providers:
                yield ("routes", name, "candidates", index, "provider"), _known("providers", settings.providers)
            at: Location = ("routes", name, "candidates", index, "credential")
            yield from _keys(at, candidate.credential, settings)
            if (candidate.model == "*") != name.endswith("/*"):
                at = ("routes", name, "candidates", index, "model")
                yield at, "expected * in a route whose name ends with /*, and only there"
        yield from _narrowing(("routes", name), route, settings.providers)
        yield from _downgrades(("routes", name), route, {one.name for one in settings.budgets})


def _keys(
    at: Location, credential: str | tuple[KeySection, ...] | None, settings: Settings
) -> Iterator[tuple[Location, str]]:
    """Credentials that a provider or a candidate names and that there are none of."""
    for index, key in enumerate(keys_of(credential)):
        if key.name not in settings.credentials:
            place: Location = at if isinstance(credential, str) else (*at, index, "name")
            yield place, _known("credentials", settings.credentials)


def policy_of(section: CredentialSection) -> RotationSection | None:
    """When and how a credential is rotated; None: not by the gateway."""
    return section.rotation if isinstance(section, KeyFile | VaultCredential) else None


def users_of(settings: Settings, credential: str) -> set[str]:
    """The providers that are called with a credential."""
    users = {name for name, one in settings.providers.items() if _has(one.credential, credential)}
    for route in settings.routes.values():
        users |= {one.provider for one in route.candidates if _has(one.credential, credential)}
    return users


def _has(credential: str | tuple[KeySection, ...] | None, name: str) -> bool:
    return any(key.name == name for key in keys_of(credential))


def probe_target(settings: Settings, credential: str) -> str:
    """The provider that says whether a new key is good; empty: the policy asks none, or there is none to ask."""
    policy = policy_of(settings.credentials[credential])
    if policy is None or not policy.probe:
        return ""
    names = [policy.probe_provider] if policy.probe_provider is not None else sorted(users_of(settings, credential))
    return next((one for one in names if one in settings.providers and _has_probe(one, settings.providers[one])), "")


def _has_probe(name: str, section: Provider) -> bool:
    return dialect(name, section).probe(Secret("-")) is not None


def _rotating(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Policies of rotation that name what is not there, or whose probe nobody can answer."""
    for name, section in settings.credentials.items():
        policy = policy_of(section)
        if policy is None:
            continue
        at: Location = ("credentials", name, "rotation")
        webhook = policy.webhook
        if webhook is not None:
            signs = settings.credentials.get(webhook.secret)
            if not isinstance(signs, EnvironmentCredential | KeyFile) or webhook.secret == name:
                yield (*at, "webhook", "secret"), "expected another entry of credentials, from env or file"
        target = policy.probe_provider
        if target is not None and target not in settings.providers:
            yield (*at, "probe_provider"), _known("providers", settings.providers)
        elif policy.probe and not probe_target(settings, name):
            yield (
                (*at, "probe_provider") if target is not None else (*at, "probe"),
                "expected false, or a provider whose keys can be probed at no cost (docs/vault.md says which)",
            )


def _priced(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Providers that `pricing` names and that there are none of."""
    pricing = settings.pricing
    priced = {
        "overrides": [one.provider for one in pricing.overrides],
        "discounts": [one.provider for one in pricing.discounts],
    }
    for key, names in priced.items():
        for index, named in enumerate(names):
            if named not in settings.providers:
                yield ("pricing", key, index, "provider"), _known("providers", settings.providers)


def _limits(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Quotas and budgets of one name, and an alert's secret that there is none of."""
    seen: set[str] = set()
    for section, entries in (("quotas", settings.quotas), ("budgets", settings.budgets)):
        for index, one in enumerate(entries):
            if one.name in seen:
                yield (section, index, "name"), "expected a name that no other quota or budget has"
            seen.add(one.name)
    webhook = settings.alerts.webhook
    if webhook is not None and webhook.secret not in settings.credentials:
        yield ("alerts", "webhook", "secret"), _known("credentials", settings.credentials)
    password = settings.sharing.redis.password if settings.sharing is not None else None
    if password is not None and password not in settings.credentials:
        yield ("sharing", "redis", "password"), _known("credentials", settings.credentials)


def _caching(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Credentials of the cache that there are none of."""
    cache = settings.cache
    password = cache.redis.password if cache.redis is not None else None
    for where, name in ((("cache", "mac_key"), cache.mac_key), (("cache", "redis", "password"), password)):
        if name is not None and name not in settings.credentials:
            yield where, _known("credentials", settings.credentials)
    yield from _similar(settings)


def _similar(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Routes that want similar questions found where nothing makes vectors, or no route of embeddings does."""
    rules = settings.cache.semantic
    if rules is None:
        for route, section in settings.routes.items():
            if section.cache is not None and section.cache.mode == "semantic":
                yield ("routes", route, "cache", "mode"), "expected `cache.semantic` where a route has mode: semantic"
        return
    embeds = [name for name, one in settings.routes.items() if one.kind != "chat"]
    if not any(rules.model == one or (one.endswith("/*") and rules.model.startswith(one[:-1])) for one in embeds):
        at: Location = ("cache", "semantic", "model")
        yield at, f"expected a route of kind embed ({', '.join(sorted(embeds)) or 'there is none'})"


def _guarding(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Guards that are named and not there, and what guards name that is not there."""
    guards = settings.guardrails.guards
    named: list[tuple[Location, str]] = [*settings.guardrails.names()]
    for route, section in settings.routes.items():
        named += [(("routes", route, "guardrails", at), name) for at, name in enumerate(section.guardrails or ())]
    for where, name in named:
        if name not in guards:
            yield where, f"expected an entry of guardrails.guards ({', '.join(sorted(guards)) or 'there is none'})"
    regions = {one.region for route in settings.routes.values() for one in route.candidates if one.region}
    for name, entry in guards.items():
        at: Location = ("guardrails", "guards", name)
        for index, provider in enumerate(entry.providers):
            if provider not in settings.providers:
                yield (*at, "providers", index), _known("providers", settings.providers)
        for index, region in enumerate(entry.regions):
            if region not in regions:
                there = ", ".join(sorted(regions)) or "none has one"
                yield (*at, "regions", index), f"expected the region of a candidate ({there})"
        credential = getattr(entry, "credential", None)
        if credential is not None and credential not in settings.credentials:
            yield (*at, "credential"), _known("credentials", settings.credentials)


def exposed(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Doors that anybody on the network could use, where nothing says that this is meant."""
    server, identity = settings.server, settings.identity
    asks = identity.authenticates or (server.grpc.tls is not None and server.grpc.tls.asks_callers)
    if not (asks or identity.allow_unauthenticated or is_loopback(server.grpc.listen)):
        yield (
            ("server", "grpc", "listen"),
            "expected an address on loopback, or identity.api_keys, .jwt, .mtls or .allow_unauthenticated",
        )
    http = server.http
    if http is not None:
        asks = identity.authenticates or (http.tls is not None and http.tls.asks_callers)
        if not (asks or identity.allow_unauthenticated or is_loopback(http.listen)):
            yield (
                ("server", "http", "listen"),
                "expected an address on loopback, or identity.api_keys, .jwt, .mtls or .allow_unauthenticated",
            )
    if identity.admin.access == "loopback" and not is_loopback(server.admin_grpc.listen):
        yield (
            ("server", "admin_grpc", "listen"),
            "expected an address on loopback, or roles as identity.admin.access: whoever gets here is an operator",
        )


def _callers(settings: Settings) -> Iterator[tuple[Location, str]]:
    """What `identity` names that is not there."""
    identity, at = settings.identity, "identity"
    named: list[tuple[Location, str]] = []
    if identity.api_keys is not None:
        named = [((at, "api_keys", "pepper"), identity.api_keys.pepper)]
        named += [((at, "api_keys", "old_peppers", i), name) for i, name in enumerate(identity.api_keys.old_peppers)]
        if settings.store is None:
            yield (at, "api_keys"), "expected a `store`, in which the keys are"
    if isinstance(settings.store, PostgresStoreSection) and settings.store.postgres.password is not None:
        named.append((("store", "postgres", "password"), settings.store.postgres.password))
    if identity.admin.token is not None:
        named.append(((at, "admin", "token"), identity.admin.token))
    for where, name in named:
        if name not in settings.credentials:
            yield where, _known("credentials", settings.credentials)
    server = settings.server
    doors = (server.grpc.tls, server.http.tls if server.http is not None else None)
    told = server.trusted_proxies.client_certificates
    if identity.mtls is not None and not told and not any(tls is not None and tls.asks_callers for tls in doors):
        yield (
            (at, "mtls"),
            "expected client_ca or spiffe in server.grpc.tls or server.http.tls, to verify callers' certificates by",
        )
    if identity.admin.access == "roles" and not identity.authenticates and identity.admin.token is None:
        yield (at, "admin", "access"), "expected api_keys, jwt, mtls or admin.token: nobody could use the door"
    for where, name in _roles(identity):
        if name not in identity.roles:
            yield where, f"expected an entry of identity.roles ({', '.join(sorted(identity.roles)) or 'there is none'})"


def _console(settings: Settings) -> Iterator[tuple[Location, str]]:
    """A console that nobody could log in to, and what it names that is not there."""
    console, identity = settings.console, settings.identity
    if console is None:
        return
    if identity.admin.access != "roles":
        yield ("console",), "expected roles as identity.admin.access, by which people log in"
    oidc = console.oidc
    if oidc is None:
        return
    issuers = [one.issuer for one in (identity.jwt.issuers if identity.jwt is not None else ())]
    if oidc.issuer not in issuers:
        known = ", ".join(issuers) or "there is none"
        yield ("console", "oidc", "issuer"), f"expected the issuer of an entry of identity.jwt.issuers ({known})"
    if oidc.client_secret is not None and oidc.client_secret not in settings.credentials:
        yield ("console", "oidc", "client_secret"), _known("credentials", settings.credentials)


def _roles(identity: IdentitySection) -> Iterator[tuple[Location, str]]:
    """Where roles are named."""
    yield from ((("identity", "default_roles", i), name) for i, name in enumerate(identity.default_roles))
    for place, issuer in enumerate(identity.jwt.issuers if identity.jwt is not None else ()):
        for i, name in enumerate(issuer.roles):
            yield ("identity", "jwt", "issuers", place, "roles", i), name
    for place, peer in enumerate(identity.mtls.principals if identity.mtls is not None else ()):
        for i, name in enumerate(peer.roles):
            yield ("identity", "mtls", "principals", place, "roles", i), name


def _in_no_vault(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Credentials in a Vault that is not there."""
    for name, one in settings.credentials.items():
        if isinstance(one, VaultCredential) and settings.vault is None:
            yield ("credentials", name, "source"), "expected another source, or the section vault"


def _narrowing(
    route: Location, section: RouteSection, providers: dict[str, Provider]
) -> Iterator[tuple[Location, str]]:
    """What a route or its rules name to narrow it: a name that stands for nothing would let nobody through."""
    regions = {one.region for one in section.candidates if one.region}
    elsewhere = f"expected the region of a candidate ({', '.join(sorted(regions)) or 'none has one'})"
    for index, region in enumerate(section.regions):
        if region not in regions:
            yield (*route, "regions", index), elsewhere
    for place, rule in enumerate(section.rules):
        for index, region in enumerate(rule.regions):
            if region not in regions:
                yield (*route, "rules", place, "regions", index), elsewhere
        for index, provider in enumerate(rule.providers):
            if provider not in providers:
                yield (*route, "rules", place, "providers", index), _known("providers", providers)


def _downgrades(route: Location, section: RouteSection, budgets: set[str]) -> Iterator[tuple[Location, str]]:
    """Budgets that conditions look at and models that rules leave, of which there are none."""
    conditions: list[tuple[Location, str | None]] = [
        *(((*route, "rules", place, "when"), rule.when) for place, rule in enumerate(section.rules)),
        *(((*route, "candidates", place, "when"), one.when) for place, one in enumerate(section.candidates)),
    ]
    for where, text in conditions:
        if any(name not in budgets for name in budgets_in(text or "")):
            yield where, f"expected a name of budgets ({', '.join(sorted(budgets)) or 'there is none'})"
    models = {one.model for one in section.candidates}
    for place, rule in enumerate(section.rules):
        for index, model in enumerate(rule.models):
            if model not in models and "*" not in models:
                expected = f"expected the model of a candidate ({', '.join(sorted(models))})"
                yield (*route, "rules", place, "models", index), expected


def _known(section: str, entries: dict[str, Provider] | dict[str, CredentialSection]) -> str:
    # Without the name that was given: it may be a secret in the wrong place.
    return f"expected an entry of {section} ({', '.join(sorted(entries)) or 'there is none'})"


def _traced(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Headers for the collector that stand for no secret, and spans that would be made twice."""
    traces = settings.telemetry.traces
    if traces is None:
        return
    for header, credential in traces.headers.items():
        if credential not in settings.credentials:
            yield ("telemetry", "traces", "headers", header), _known("credentials", settings.credentials)
    if settings.server.opentelemetry:
        yield ("server", "opentelemetry"), "expected false, since telemetry.traces records every call itself"

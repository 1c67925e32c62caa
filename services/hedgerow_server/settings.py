"""The whole configuration: the sections of all rooms, and what must hold between them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

import pydantic

from hedgerow_server.catalogue.book import families
from hedgerow_server.catalogue.section import CatalogueSection
from hedgerow_server.config.credential import KeySection, keys_of
from hedgerow_server.config.load import Location
from hedgerow_server.config.model import Section, is_loopback
from hedgerow_server.credentials.sources import CredentialSection
from hedgerow_server.credentials.vault.section import VaultCredential, VaultSection
from hedgerow_server.doors.section import ServerSection
from hedgerow_server.identity.section import IdentitySection
from hedgerow_server.interceptors.section import DeadlineSection
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers.registry import Provider
from hedgerow_server.routing.breaker_section import BreakerSection
from hedgerow_server.routing.section import HedgingSection, RouteSection
from hedgerow_server.store.section import StoreSection
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
    identity: IdentitySection = IdentitySection()
    """Who callers are, and what they may do."""
    store: StoreSection | None = None
    """The database. None: there is none, and nothing that needs one."""
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
    routes: dict[ModelName, RouteSection] = pydantic.Field(min_length=1, json_schema_extra={**_NO_OTHER})
    """The model names that callers use."""
    hedging: HedgingSection = HedgingSection()
    """What all hedged routes share."""
    breaker: BreakerSection = BreakerSection()
    """When a candidate that fails is not asked for a while."""
    telemetry: TelemetrySection = TelemetrySection()
    """Numbers, traces and lines."""


def json_schema() -> dict[str, object]:
    """The JSON Schema of the file, for editors. What must hold between several values it does not say."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def references(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Names that stand for nothing, and doors that stand open."""
    yield from exposed(settings)
    yield from _callers(settings)
    yield from _in_no_vault(settings)
    for name, provider in settings.providers.items():
        yield from _keys(("providers", name, "credential"), provider.credential, settings)
        # A file of the catalogue may add a family, and may come later than this check.
        if not settings.catalogue.files and provider.family is not None and provider.family not in families():
            yield ("providers", name, "catalogue"), f"expected none or one of {', '.join(sorted(families()))}"
    yield from _priced(settings)
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


def _keys(
    at: Location, credential: str | tuple[KeySection, ...] | None, settings: Settings
) -> Iterator[tuple[Location, str]]:
    """Credentials that a provider or a candidate names and that there are none of."""
    for index, key in enumerate(keys_of(credential)):
        if key.name not in settings.credentials:
            place: Location = at if isinstance(credential, str) else (*at, index, "name")
            yield place, _known("credentials", settings.credentials)


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


def exposed(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Doors that anybody on the network could use, where nothing says that this is meant."""
    server, identity = settings.server, settings.identity
    asks = identity.authenticates or (server.grpc.tls is not None and server.grpc.tls.client_ca is not None)
    if not (asks or identity.allow_unauthenticated or is_loopback(server.grpc.listen)):
        yield (
            ("server", "grpc", "listen"),
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
    if identity.admin.token is not None:
        named.append(((at, "admin", "token"), identity.admin.token))
    for where, name in named:
        if name not in settings.credentials:
            yield where, _known("credentials", settings.credentials)
    if identity.mtls is not None and (settings.server.grpc.tls is None or settings.server.grpc.tls.client_ca is None):
        yield (at, "mtls"), "expected server.grpc.tls.client_ca, against which callers' certificates are verified"
    if identity.admin.access == "roles" and not identity.authenticates and identity.admin.token is None:
        yield (at, "admin", "access"), "expected api_keys, jwt, mtls or admin.token: nobody could use the door"
    for where, name in _roles(identity):
        if name not in identity.roles:
            yield where, f"expected an entry of identity.roles ({', '.join(sorted(identity.roles)) or 'there is none'})"


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


def _known(section: str, entries: dict[str, Provider] | dict[str, CredentialSection]) -> str:
    # Without the name that was given: it may be a secret in the wrong place.
    return f"expected an entry of {section} ({', '.join(sorted(entries)) or 'there is none'})"

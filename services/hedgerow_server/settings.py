"""The whole configuration: the sections of all rooms, and what must hold between them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

import pydantic

from hedgerow_server.catalogue.book import families
from hedgerow_server.catalogue.section import CatalogueSection
from hedgerow_server.config.load import Location
from hedgerow_server.config.model import Section
from hedgerow_server.credentials.sources import CredentialSection
from hedgerow_server.doors.section import ServerSection
from hedgerow_server.identity.static import StaticIdentity
from hedgerow_server.interceptors.section import DeadlineSection
from hedgerow_server.pricing.section import PricingSection
from hedgerow_server.providers.registry import Provider
from hedgerow_server.routing.breaker_section import BreakerSection
from hedgerow_server.routing.section import RouteSection
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
    identity: StaticIdentity = StaticIdentity()
    """Who callers are."""
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
    breaker: BreakerSection = BreakerSection()
    """When a candidate that fails is not asked for a while."""
    telemetry: TelemetrySection = TelemetrySection()
    """Numbers, traces and lines."""


def json_schema() -> dict[str, object]:
    """The JSON Schema of the file, for editors. What must hold between several values it does not say."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def references(settings: Settings) -> Iterator[tuple[Location, str]]:
    """Names that stand for nothing."""
    for name, provider in settings.providers.items():
        if provider.credential is not None and provider.credential not in settings.credentials:
            yield ("providers", name, "credential"), _known("credentials", settings.credentials)
        # A file of the catalogue may add a family, and may come later than this check.
        if not settings.catalogue.files and provider.family is not None and provider.family not in families():
            yield ("providers", name, "catalogue"), f"expected none or one of {', '.join(sorted(families()))}"
    pricing = settings.pricing
    priced = {
        "overrides": [one.provider for one in pricing.overrides],
        "discounts": [one.provider for one in pricing.discounts],
    }
    for key, names in priced.items():
        for index, named in enumerate(names):
            if named not in settings.providers:
                yield ("pricing", key, index, "provider"), _known("providers", settings.providers)
    for name, route in settings.routes.items():
        for index, candidate in enumerate(route.candidates):
            if candidate.provider not in settings.providers:
                at: Location = ("routes", name, "candidates", index, "provider")
                yield at, _known("providers", settings.providers)
            if candidate.credential is not None and candidate.credential not in settings.credentials:
                yield ("routes", name, "candidates", index, "credential"), _known("credentials", settings.credentials)
            if (candidate.model == "*") != name.endswith("/*"):
                at = ("routes", name, "candidates", index, "model")
                yield at, "expected * in a route whose name ends with /*, and only there"
        yield from _narrowing(("routes", name), route, settings.providers)


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

"""What the configuration says of guardrails."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

import pydantic

from hedgerow_server.config.load import Location
from hedgerow_server.config.model import Section
from hedgerow_server.guardrails.registry import AnyGuard

GuardName = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
"""The name of a guard: 1 to 63 lower-case letters, digits, underscores, dots and hyphens."""
GuardNames = Annotated[tuple[GuardName, ...], pydantic.Field(max_length=32)]
"""Names of guards, in the order in which they look: each once."""
Tenant = Annotated[str, pydantic.Field(min_length=1, max_length=256)]


class GuardrailsSection(Section):
    """Section `guardrails`: what must not go in and what must not come out."""

    guards: dict[GuardName, AnyGuard] = pydantic.Field(
        default={}, json_schema_extra={**MappingProxyType({"additionalProperties": False})}
    )
    """The guards, by name. Those that no list names look at nothing."""
    default: GuardNames = ()
    """The guards of every route that has no list of its own."""
    tenants: dict[Tenant, GuardNames] = pydantic.Field(default={})
    """Further guards for the calls of tenants, after those of the route."""

    def names(self) -> Iterator[tuple[Location, str]]:
        """Where guards are named, and which."""
        for index, name in enumerate(self.default):
            yield ("guardrails", "default", index), name
        for tenant, names in self.tenants.items():
            for index, name in enumerate(names):
                yield ("guardrails", "tenants", tenant, index), name

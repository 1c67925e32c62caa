"""One principal for every caller: for machines where the network itself decides who may call."""

from typing import Annotated

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.call import Call, Principal


class StaticIdentity(Section):
    """Section `identity`: everybody who can connect is this principal."""

    tenant: str = pydantic.Field(default="default", min_length=1, max_length=128)
    """The tenant of every call."""
    team: str = pydantic.Field(default="", max_length=128)
    """The team of every call."""
    user: str = pydantic.Field(default="", max_length=128)
    """The user of every call."""
    regions: tuple[Annotated[str, pydantic.Field(min_length=1, max_length=64)], ...] = ()
    """Residency: every call is served in these regions only, as routes name them for their candidates. Empty: anywhere.
    """


def static_principal(section: StaticIdentity) -> Principal:
    """The principal of a section."""
    return Principal(tenant=section.tenant, team=section.team, user=section.user, regions=frozenset(section.regions))


class StaticAuthenticator:
    """Yields the configured principal, whoever calls."""

    def __init__(self, section: StaticIdentity) -> None:
        self._principal = static_principal(section)

    async def authenticate(self, call: Call) -> Principal:
        """The one principal."""
        return self._principal

"""Everybody is the configured principal."""

from hedgerow_server.core.call import Principal
from hedgerow_server.identity.static import StaticAuthenticator, StaticIdentity
from unit.hedgerow_server.calls import call


async def test_every_caller_is_the_configured_principal_whatever_it_claims() -> None:
    authenticator = StaticAuthenticator(StaticIdentity(tenant="acme", team="search", user="batch"))
    claims = {"authorization": "Bearer someone", "x-tenant": "other"}
    assert await authenticator.authenticate(call(claims)) == Principal("acme", "search", "batch")


async def test_without_configuration_the_tenant_is_the_default_one() -> None:
    assert await StaticAuthenticator(StaticIdentity()).authenticate(call()) == Principal("default")

"""People who have logged in are who they are now: what has changed since counts at once, and nothing secret is kept."""

import pytest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import (
    CredentialUnavailable,
    Forbidden,
    HedgerowError,
    IdentityUnavailable,
    Unauthenticated,
)
from hedgerow_server.core.keys import CreateKeyRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.identity.book import KeyBook
from hedgerow_server.identity.jwt import TokenCallers
from hedgerow_server.identity.keys import KeyCallers, Peppers
from hedgerow_server.identity.logins import ClaimsStanding, Logins, Standing
from hedgerow_server.identity.registry import Deed, KeyRegistry
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.section import RoleSection
from unit.hedgerow_server.identity.stores import MemoryStore

OPERATOR = Deed(Principal("", user="operator"), "r-1")
TOKEN = "operator-token-canary-0123456789"
RPC = "hedgerow.admin.v1.AdminService/ListKeys"


class Ground:
    """Logins with keys and an operator's token, and what changes them."""

    def __init__(self, roles: dict[str, RoleSection] | None = None) -> None:
        self.book = KeyBook(MemoryStore())
        self.token: str | None = TOKEN
        self._store = self.book._store
        self._peppers = Peppers([lambda: Secret("a pepper that is long enough")])
        self.configure({"boss": RoleSection(admin=("*",))} if roles is None else roles)

    def configure(self, roles: dict[str, RoleSection]) -> None:
        """Other roles, as after a reload."""
        found = Roles(roles)
        keys = KeyCallers(self.book, self._peppers, found)
        self.registry = KeyRegistry(self._store, self.book, self._peppers, found)
        self.logins = Logins(keys, TokenCallers([], found), self.reveal)

    def reveal(self) -> Secret:
        """The operator's token as it is now."""
        if self.token is None:
            raise CredentialUnavailable("There is none.")
        return Secret(self.token)

    async def key(self, *roles: str) -> tuple[str, str]:
        """A new key, and its id."""
        wish = CreateKeyRequest(tenant="acme", roles=roles)
        made, record = await self.registry.create(wish, OPERATOR)
        return made.text, record.key_id

    def refused(self, standing: Standing) -> type[HedgerowError]:
        """Why somebody is nobody any more."""
        with pytest.raises(HedgerowError) as caught:
            self.logins.principal(standing)
        return type(caught.value)


async def test_the_operator_s_token_opens_everything_of_every_tenant() -> None:
    ground = Ground()
    principal = ground.logins.principal(await ground.logins.with_secret(TOKEN))
    assert principal.method == "admin_token"
    assert principal.access is not None
    assert principal.access.allows(RPC)
    assert principal.access.sees_all_tenants("hedgerow.usage.v1.UsageService/QuerySpend")


async def test_a_token_that_was_replaced_is_good_no_more() -> None:
    ground = Ground()
    standing = await ground.logins.with_secret(TOKEN)
    for now in (f"{TOKEN}2", "", None):
        ground.token = now
        assert ground.refused(standing) is Unauthenticated
    ground.token = TOKEN
    assert ground.logins.principal(standing).user == "operator"


async def test_a_key_is_whose_it_is_with_the_roles_that_it_has_now() -> None:
    ground = Ground()
    text, key_id = await ground.key("boss")
    standing = await ground.logins.with_secret(text)
    principal = ground.logins.principal(standing)
    assert (principal.tenant, principal.key_id, principal.roles) == ("acme", key_id, ("boss",))
    ground.configure({"boss": RoleSection(admin=("ListCredentials",))})
    access = ground.logins.principal(standing).access
    assert access is not None
    assert not access.allows(RPC)


async def test_a_revoked_key_and_one_that_has_expired_are_good_no_more() -> None:
    ground = Ground()
    (revoked, revoked_id), (rotated, rotated_id) = await ground.key("boss"), await ground.key("boss")
    standings = [await ground.logins.with_secret(one) for one in (revoked, rotated)]
    await ground.registry.revoke(revoked_id, "", OPERATOR)
    await ground.registry.rotate(rotated_id, 0.0, OPERATOR)
    assert [ground.refused(one) for one in standings] == [Unauthenticated] * 2


async def test_a_key_of_a_configuration_without_roles_is_no_operator_s() -> None:
    """There a caller may do everything, which is meant of the callers' door."""
    ground = Ground({})
    text, _ = await ground.key()
    assert ground.refused(await ground.logins.with_secret(text)) is Forbidden


@pytest.mark.parametrize("text", ["", "wrong", "hk_wrong", TOKEN[:-1], f"{TOKEN} ", "ключ", "a.b.c"])
async def test_anything_else_is_no_key(text: str) -> None:
    with pytest.raises(Unauthenticated):
        await Ground().logins.with_secret(text)


async def test_a_token_that_is_not_available_is_no_wrong_one() -> None:
    ground = Ground()
    ground.token = None
    with pytest.raises(IdentityUnavailable):
        await ground.logins.with_secret(TOKEN)


async def test_a_token_that_is_too_short_opens_nothing() -> None:
    ground = Ground()
    ground.token = "short"
    with pytest.raises(Unauthenticated):
        await ground.logins.with_secret("short")


def test_an_issuer_that_is_not_configured_vouches_for_nobody() -> None:
    assert Ground().refused(ClaimsStanding("https://gone.example", {"tenant": "acme"})) is Unauthenticated


async def test_what_is_kept_of_a_login_is_no_secret() -> None:
    ground = Ground()
    text, _ = await ground.key("boss")
    for secret in (TOKEN, text):
        kept = repr(await ground.logins.with_secret(secret))
        assert secret not in kept
        assert text[20:] not in kept
    assert "ann" not in repr(ClaimsStanding("https://a.example", {"sub": "ann"}))

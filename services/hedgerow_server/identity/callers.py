"""Who calls, by every method that is configured, in a fixed order.

1. A certificate, where `mtls` is configured.
2. The metadata `authorization: Bearer …`: an API key if it begins with `hk_`, else a token.

Whatever a caller shows must be good: a bad credential is refused, though another one may be good or nobody asked for
it.
A caller that shows both a certificate and a bearer is who the latter says, called by the former's service.
"""

import hmac
from typing import TYPE_CHECKING

from hedgerow_server.core.call import Call, Principal
from hedgerow_server.core.error import CredentialUnavailable, Forbidden, Unauthenticated
from hedgerow_server.core.secret import Reveal
from hedgerow_server.identity.key import MIN_SECRET_BYTES, PREFIX
from hedgerow_server.identity.keys import KeyCallers, unavailable
from hedgerow_server.identity.mtls import PeerCallers
from hedgerow_server.identity.roles import ACT_FOR, acting, both

if TYPE_CHECKING:
    from hedgerow_server.identity.jwt import TokenCallers

_AUTHORIZATION = "authorization"


class Callers:
    """The authenticator of the callers' door."""

    def __init__(
        self,
        *,
        keys: KeyCallers | None = None,
        tokens: "TokenCallers | None" = None,
        peers: PeerCallers | None = None,
        anonymous: Principal | None = None,
    ) -> None:
        """`anonymous` is whoever shows nothing; None: such a caller is refused."""
        self._keys = keys
        self._tokens = tokens
        self._peers = peers
        self._anonymous = anonymous

    async def authenticate(self, call: Call) -> Principal:
        """The principal behind the call's metadata and peer. Raises Unauthenticated, Forbidden, IdentityUnavailable."""
        principal = self._peers.principal(call.peer_identities()) if self._peers is not None else None
        if _AUTHORIZATION in call.metadata:
            bearer = await self._bearer(bearer_of(call))
            principal = bearer if principal is None else both(principal, bearer)
        if principal is None:
            principal = self._anonymous
        if principal is None:
            raise Unauthenticated("The call has no credential.")
        return acting(principal, call) if ACT_FOR in call.metadata else principal

    async def _bearer(self, bearer: str) -> Principal:
        if bearer.startswith(PREFIX):
            if self._keys is not None:
                return await self._keys.principal(bearer)
        elif self._tokens is not None:
            return await self._tokens.principal(bearer)
        raise Unauthenticated("The authorization is of a kind that is not accepted.")


def bearer_of(call: Call) -> str:
    """What follows "Bearer" in the authorization. Raises Unauthenticated."""
    if _AUTHORIZATION in call.repeated:
        raise Unauthenticated("The authorization came more than once.")
    scheme, _, bearer = call.metadata[_AUTHORIZATION].partition(" ")
    bearer = bearer.lstrip(" ")
    if scheme.lower() != "bearer" or not bearer or not bearer.isascii():
        raise Unauthenticated("The authorization is not of the form: Bearer, a blank, and a key or a token.")
    return bearer


class AdminToken:
    """The operator's token, which opens all of the admin door."""

    def __init__(self, reveal: Reveal) -> None:
        self._reveal = reveal

    def is_it(self, text: str) -> bool:
        """Whether somebody has shown it. Raises CredentialUnavailable."""
        token = self._reveal().reveal().encode()
        return len(token) >= MIN_SECRET_BYTES and hmac.compare_digest(text.encode(), token)


class Operators:
    """The authenticator of the admin door, where roles say who may use it."""

    def __init__(self, callers: Callers | None, token: Reveal | None) -> None:
        """`callers` tells who others are, None where there are no methods; `token` opens everything."""
        self._callers = callers
        self._token = AdminToken(token) if token is not None else None

    async def authenticate(self, call: Call) -> Principal:
        """The operator. Raises Unauthenticated, Forbidden, IdentityUnavailable."""
        if self._token is not None and _AUTHORIZATION in call.metadata:
            bearer = bearer_of(call)
            if self._is_token(bearer):
                return Principal(tenant="", user="operator", method="admin_token")
        if self._callers is None:
            raise Unauthenticated("The call has no credential that is accepted here.")
        principal = await self._callers.authenticate(call)
        # Without roles a caller may do everything at the callers' door. That is not meant here.
        if principal.access is None:
            raise Forbidden("The caller has no role for the admin door.", metadata={"method": call.method.name})
        return principal

    def _is_token(self, bearer: str) -> bool:
        assert self._token is not None
        try:
            return self._token.is_it(bearer)
        except CredentialUnavailable:
            if self._callers is None:
                raise unavailable("admin_token", "The token of the admin door is not available.") from None
            return False

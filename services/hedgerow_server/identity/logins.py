"""People who log in to the console: the same checks as at the admin door, and a way to make them again.

A login leaves a `Standing`, which holds no secret. At each request it is looked at anew by the configuration in force:
a key that was revoked, a token of the operator's that was replaced, a role that allows less: all take effect at once.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from hedgerow_server.core.access import Access, Grant
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import CredentialUnavailable, Forbidden, Unauthenticated
from hedgerow_server.core.secret import Reveal
from hedgerow_server.identity.callers import AdminToken
from hedgerow_server.identity.key import PREFIX
from hedgerow_server.identity.keys import KeyCallers, unavailable

if TYPE_CHECKING:
    from hedgerow_server.identity.jwt import TokenCallers

_EVERYTHING = Access((Grant(all_tenants=True),))
"""Of the operator's token: it opens all of the admin door, and so all of the console."""
_SALT_BYTES = 32


class KeyStanding(msgspec.Struct, frozen=True):
    """Somebody who has shown an API key."""

    key_id: str


class OperatorStanding(msgspec.Struct, frozen=True):
    """Somebody who has shown the operator's token."""

    salt: bytes
    mark: bytes
    """The keyed hash of the token that it was."""


class ClaimsStanding(msgspec.Struct, frozen=True):
    """Somebody whom an OpenID provider has vouched for."""

    issuer: str
    claims: Mapping[str, object]

    def __repr__(self) -> str:
        return f"ClaimsStanding({self.issuer})"


Standing = KeyStanding | OperatorStanding | ClaimsStanding


class Logins:
    """Who may log in, as one configuration says."""

    def __init__(self, keys: KeyCallers | None, tokens: "TokenCallers | None", operator: Reveal | None) -> None:
        """`operator` is the token that opens everything; None: there is none."""
        self._keys = keys
        self._tokens = tokens
        self._reveal = operator
        self._operator = AdminToken(operator) if operator is not None else None

    async def with_secret(self, text: str) -> Standing:
        """Who has this API key, or the operator's token. Raises Unauthenticated, Forbidden, IdentityUnavailable."""
        if self._keys is not None and text.startswith(PREFIX):
            principal = await self._keys.principal(text)
            return KeyStanding(principal.key_id)
        if self._operator is not None:
            try:
                if self._operator.is_it(text):
                    salt = secrets.token_bytes(_SALT_BYTES)
                    return OperatorStanding(salt, _mark(salt, text))
            except CredentialUnavailable:
                raise unavailable("admin_token", "The token of the admin door is not available.") from None
        raise Unauthenticated("There is no such key.")

    async def with_id_token(self, token: str, *, issuer: str, client_id: str, nonce: str) -> Standing:
        """Whom an ID token is about. Raises Unauthenticated, IdentityUnavailable, Forbidden."""
        if self._tokens is None:
            raise Unauthenticated("The configuration has no issuers of tokens any more.")
        return ClaimsStanding(issuer, await self._tokens.id_token(token, issuer, client_id, nonce))

    def principal(self, standing: Standing) -> Principal:
        """Who that is now, with roles. Raises Unauthenticated where he would not be let in any more, Forbidden for one
        without a role.
        """
        if isinstance(standing, OperatorStanding):
            self._still(standing)
            return Principal(tenant="", user="operator", method="admin_token", access=_EVERYTHING)
        if isinstance(standing, KeyStanding):
            if self._keys is None:
                raise Unauthenticated("API keys are not accepted any more.")
            found = self._keys.again(standing.key_id)
        else:
            if self._tokens is None:
                raise Unauthenticated("Tokens are not accepted any more.")
            found = self._tokens.again(standing.issuer, standing.claims)
        # As at the admin door: without roles callers may do everything at the callers' door, which is not meant here.
        if found.access is None:
            raise Forbidden("The caller has no role for the admin door.")
        return found

    def _still(self, standing: OperatorStanding) -> None:
        try:
            token = self._reveal().reveal() if self._reveal is not None else ""
        except CredentialUnavailable:
            token = ""
        if not token or not hmac.compare_digest(_mark(standing.salt, token), standing.mark):
            raise Unauthenticated("The operator's token is another one now.")


def _mark(salt: bytes, token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=32, key=salt).digest()

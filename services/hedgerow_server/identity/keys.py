"""Callers with an API key."""

import hmac
import time
from collections.abc import Sequence

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import CredentialUnavailable, IdentityUnavailable, Unauthenticated
from hedgerow_server.core.secret import Reveal
from hedgerow_server.identity.book import Held, KeyBook
from hedgerow_server.identity.key import ID, digest, key_id_of, pepper, pepper_id
from hedgerow_server.identity.roles import Roles
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.record import KeyRecord

_AGAIN_S = 1.0
_LOOK_S = 0.2
"""How often the secrets are looked at, at most: they seldom change."""


class Peppers:
    """The peppers of a configuration, the first one for new keys."""

    def __init__(self, reveal: Sequence[Reveal]) -> None:
        self._reveal = tuple(reveal)
        self._by_id: dict[str, bytes] = {}
        self._first: tuple[str, bytes] | None = None
        self._look_again_s = float("-inf")

    def get(self, of: str) -> bytes | None:
        """A pepper by its id; None where it is not to be had."""
        if time.monotonic() >= self._look_again_s:
            self._look()
        return self._by_id.get(of)

    def first(self) -> tuple[str, bytes]:
        """The pepper for new keys, with its id. Raises IdentityUnavailable."""
        self._look()
        if self._first is None:
            raise unavailable("pepper", "The pepper of the API keys is not available.")
        return self._first

    def _look(self) -> None:
        self._look_again_s = time.monotonic() + _LOOK_S
        found = [_revealed(one) for one in self._reveal]
        self._by_id = {pepper_id(one): one for one in found if one is not None}
        self._first = (pepper_id(found[0]), found[0]) if found[0] is not None else None


def _revealed(reveal: Reveal) -> bytes | None:
    try:
        return pepper(reveal().reveal().encode())
    except CredentialUnavailable:
        return None


class KeyCallers:
    """Tells who has a key. Nothing is looked up but by the id of what has the form of a key."""

    def __init__(self, book: KeyBook, peppers: Peppers, roles: Roles) -> None:
        self._book = book
        self._peppers = peppers
        self._roles = roles

    async def principal(self, text: str) -> Principal:
        """Who has this key. Raises Unauthenticated, IdentityUnavailable where nobody can tell, and Forbidden."""
        # What follows the id is checked with the digest.
        held = self._book.get(text[ID]) or await self._look_for(key_id_of(text))
        found = self._peppers.get(held.pepper_id)
        if found is None:
            raise unavailable("pepper", "The API key was made under a pepper that is not available now.")
        if not hmac.compare_digest(digest(found, text), held.digest):
            raise Unauthenticated("The API key is not accepted.")
        now_unix_s = time.time()
        if held.ends_unix_s is not None and now_unix_s >= held.ends_unix_s:
            raise _ended(held)
        self._book.uses[text[ID]] = now_unix_s
        return self._principal(held)

    def again(self, key_id: str) -> Principal:
        """Who has the key of this id, for one who has shown it before. Raises Unauthenticated, Forbidden."""
        held = self._book.get(key_id)
        if held is None:
            raise Unauthenticated("The API key is not accepted.")
        if held.ends_unix_s is not None and time.time() >= held.ends_unix_s:
            raise _ended(held)
        return self._principal(held)

    def ended(self, principal: Principal) -> Unauthenticated | None:
        """Why a caller who was let in with a key would no longer be; None for everybody else."""
        held = self._book.get(principal.key_id) if principal.key_id else None
        if held is None or held.ends_unix_s is None or time.time() < held.ends_unix_s:
            return None
        return _ended(held)

    def _principal(self, held: Held) -> Principal:
        if held.principal is None or held.made_by is not self._roles:
            held.principal, held.made_by = _principal(held.record, self._roles), self._roles
        return held.principal

    async def _look_for(self, key_id: str | None) -> Held:
        try:
            held = await self._book.look_for(key_id) if key_id is not None else None
        except StoreUnavailable:
            raise unavailable("keys", "Whether the API key is good cannot be told now.") from None
        if held is None:
            raise Unauthenticated("The API key is not accepted.")
        return held


def _ended(held: Held) -> Unauthenticated:
    state = "revoked" if held.record.revoked_unix_s is not None else "expired"
    how = "was revoked" if state == "revoked" else "has expired"
    return Unauthenticated(f"The API key {how}.", metadata={"keyId": held.record.key_id, "keyState": state})


def unavailable(source: str, message: str) -> IdentityUnavailable:
    """The failure of a source, which may be there again in a moment."""
    return IdentityUnavailable(message, metadata={"source": source}, retry_delay_s=_AGAIN_S)


def _principal(record: KeyRecord, roles: Roles) -> Principal:
    granted = roles.granted(record.roles, record.rpcs, record.models, record.regions)
    return Principal(
        tenant=record.tenant,
        team=record.team,
        user=record.user,
        regions=granted.regions,
        service=record.service,
        method="api_key",
        key_id=record.key_id,
        roles=granted.roles,
        access=granted.access,
    )

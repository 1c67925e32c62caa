"""What tells callers apart, put together from the configuration, and what of it outlives a reload."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Unauthenticated
from hedgerow_server.core.secret import Reveal
from hedgerow_server.core.web import Web
from hedgerow_server.identity.book import KeyBook
from hedgerow_server.identity.callers import Callers, Operators
from hedgerow_server.identity.fetch import Fetch, IssuerFetch
from hedgerow_server.identity.keys import KeyCallers, Peppers
from hedgerow_server.identity.logins import Logins
from hedgerow_server.identity.mtls import PeerCallers
from hedgerow_server.identity.registry import KeyRegistry
from hedgerow_server.identity.roles import Roles
from hedgerow_server.identity.section import IdentitySection, IssuerSection, JwtSection
from hedgerow_server.identity.static import StaticAuthenticator, static_principal
from hedgerow_server.identity.upkeep import KeyUpkeep
from hedgerow_server.store.port import KeyStore

if TYPE_CHECKING:
    from hedgerow_server.identity.jwks import KeySet
    from hedgerow_server.identity.jwt import TokenCallers

_FIRST_ANSWERS_S = 3.0
"""How long the start waits for the store and the issuers; they may come later."""


class Desk(msgspec.Struct, frozen=True):
    """Who may call, as one configuration says."""

    callers: Callers | StaticAuthenticator
    """At the callers' door."""
    operators: Operators | StaticAuthenticator
    """At the admin door."""
    registry: KeyRegistry | None
    """Where operators make keys; None where there are none."""
    ended: Callable[[Principal], Unauthenticated | None] | None
    """Why the open calls of a caller have to end; None where none ever has to."""
    logins: Logins | None = None
    """Who may log in to the console; None where roles do not say who is an operator."""


class Sources:
    """The key store and the issuers, with what they have told. Goes on over reloads."""

    def __init__(self, store: KeyStore | None = None, fetch: Fetch | None = None, web: Web | None = None) -> None:
        """`store` is where API keys are, None without a database. Issuers are asked with `fetch`, or over `web`."""
        self._store = store
        self._fetch = fetch
        self._web = web
        self._book = KeyBook(store) if store is not None else None
        self._upkeep = KeyUpkeep(store, self._book) if store is not None and self._book is not None else None
        self._upkeeping: asyncio.Task[None] | None = None
        self._sets: dict[IssuerSection, KeySet] = {}
        self._keepers: dict[KeyBook | KeySet, asyncio.Task[None]] = {}

    @property
    def book(self) -> KeyBook | None:
        """What is known of API keys; None without a database."""
        return self._book

    def desk(self, section: IdentitySection, reveal: Callable[[str], Reveal]) -> Desk:
        """What a configuration comes to. `reveal` gives the secret of a credential by name."""
        roles = Roles(section.roles, section.default_roles)
        registry, keys = None, None
        if section.api_keys is not None and self._store is not None and self._book is not None:
            names = (section.api_keys.pepper, *section.api_keys.old_peppers)
            peppers = Peppers([reveal(name) for name in names])
            keys = KeyCallers(self._book, peppers, roles)
            registry = KeyRegistry(self._store, self._book, peppers, roles, upkeep=self._upkeep)
        tokens = self._tokens(section.jwt, roles) if section.jwt is not None else None
        callers = None
        if section.authenticates:
            callers = Callers(
                keys=keys,
                tokens=tokens,
                peers=PeerCallers(section.mtls, roles) if section.mtls is not None else None,
                anonymous=static_principal(section) if section.allow_unauthenticated else None,
            )
        ends = section.api_keys is not None and section.api_keys.revoked_streams == "end"
        ended = keys.ended if keys is not None and ends else None
        everybody = StaticAuthenticator(section)
        if section.admin.access == "loopback":
            return Desk(callers or everybody, everybody, registry, ended)
        token = reveal(section.admin.token) if section.admin.token is not None else None
        logins = Logins(keys, tokens, token)
        return Desk(callers or everybody, Operators(callers, token), registry, ended, logins)

    def serve(self, section: IdentitySection) -> None:
        """Keeps what this configuration needs fresh from now on, and nothing else."""
        needed: list[KeyBook | KeySet] = [*self._key_sets(section.jwt)] if section.jwt is not None else []
        if section.api_keys is not None and self._book is not None:
            self._book.refresh_s = section.api_keys.refresh_seconds
            needed.append(self._book)
        self._keep_up(section)
        for gone in [one for one in self._keepers if one not in needed]:
            self._keepers.pop(gone).cancel()
        issuers = section.jwt.issuers if section.jwt is not None else ()
        self._sets = {one: keys for one, keys in self._sets.items() if one in issuers}
        for one in needed:
            if one not in self._keepers:
                self._keepers[one] = asyncio.create_task(one.keep_fresh())

    def _keep_up(self, section: IdentitySection) -> None:
        """Looks after the keys from now on, if there are any."""
        if self._upkeep is not None and section.api_keys is not None:
            self._upkeep.keep_ended_s = section.api_keys.keep_ended_seconds
            self._upkeeping = self._upkeeping or asyncio.create_task(self._upkeep.keep())
        elif self._upkeeping is not None:
            self._upkeeping.cancel()
            self._upkeeping = None

    async def settle_in(self) -> None:
        """Waits for the first answers, for a while: whoever has not answered by then is asked again and again."""
        asking: list[Coroutine[object, object, object]] = [one.refresh() for one in self._keepers]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ANSWERS_S):
                await asyncio.gather(*asking)

    async def close(self) -> None:
        """Ends everything."""
        for task in self._keepers.values():
            task.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        for one in self._keepers:
            await one.close()
        if self._upkeep is not None and self._upkeeping is not None:
            self._upkeeping.cancel()
            await asyncio.wait({self._upkeeping})
            await self._upkeep.note()

    def _tokens(self, section: JwtSection, roles: Roles) -> "TokenCallers":
        from hedgerow_server.identity.jwt import Issuer, TokenCallers

        issuers = zip(section.issuers, self._key_sets(section), strict=True)
        return TokenCallers([Issuer(one, keys) for one, keys in issuers], roles)

    def _key_sets(self, section: JwtSection) -> "list[KeySet]":
        """The keys of the issuers; one whose section is what it was goes on with its own."""
        from hedgerow_server.identity.jwks import KeySet

        fetches = {one: self._fetch or IssuerFetch(one, self._web) for one in section.issuers}
        return [self._sets.setdefault(one, KeySet(one, fetches[one])) for one in section.issuers]

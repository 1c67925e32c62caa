"""Leases on secrets that expire: tokens and temporary keys that are obtained, and obtained again ahead of their end."""

import asyncio
import collections
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach
from hedgerow_server.credentials.lease import HeldLease, SecretUnavailable

_PART = 2 / 3
"""The part of its life after which a token is obtained anew, as with leases of Vault."""
_JITTER = 0.1
_FOREVER_S = 60.0
"""How often one that does not tell its end is looked at."""
_SOONEST_S = 1.0
_ANEW_WINDOW_S = 60.0
_ANEW_MOST = 20
"""How often within the window a refused token is obtained anew: a provider that refuses every call must not become a
flood at the token endpoint, which would then refuse what the next renewal needs."""


class TokenEndpointSection(Section):
    """What every section of a source says of the connections to the endpoint that it asks."""

    allow_private_addresses: bool | None = None
    """Whether the endpoint may have an address that is not public, as for a provider. None: only if its URL itself has
    that address in the place of a name, or is `localhost`, and never a link-local or metadata address.
    """
    proxy: str | None = pydantic.Field(default=None, pattern=r"^http://[^\s/?#@]+/?$", max_length=2048)
    """The HTTP proxy on the way to it, `http://HOST:PORT`; `allow_private_addresses` is about it then. None: no proxy,
    whatever the environment says.
    """
    ca_file: Path | None = None
    """The authorities, PEM, one of which must have issued its certificate. None: the public ones."""

    def reach(self, url: str, *, expected: bool = False) -> Reach:
        """The rules of a connection for this URL. `expected`: it is where the machine has its credentials from, which
        is allowed whatever its address.
        """
        if expected:
            return Reach(AddressRule.of(url, allow=True), None, self.ca_file)
        return Reach(AddressRule.of(self.proxy or url, allow=self.allow_private_addresses), self.proxy, self.ca_file)


class Token(msgspec.Struct, frozen=True):
    """What was obtained."""

    secret: Secret
    life_s: float | None
    """How long it is good from now on, in seconds. None: it does not tell."""


class TokenSource(Protocol):
    """Where tokens come from. All methods may block and are called by one thread at a time."""

    def obtain(self) -> Token:
        """A token that is fresh, so far as the source has one. Raises SecretUnavailable."""

    def changed(self) -> bool:
        """Whether what tokens are obtained with has changed since the last one. Asks nobody but the file system."""


class TokenLease(HeldLease):
    """The last good token, until its end. It is obtained anew at two thirds of its life, sooner where what it is
    obtained with has changed, and at once when the provider refuses it.
    """

    def __init__(self, name: str, source: TokenSource, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name, None)
        self._tokens = source
        self._clock = clock
        self._obtaining = threading.Lock()
        self._due_s = clock()
        self._anew: collections.deque[float] = collections.deque(maxlen=_ANEW_MOST)

    def refresh(self) -> bool:
        """Obtains a token where that is due, blocking; tells whether there is another one by that."""
        return self._refresh(anew=False)

    async def renew(self) -> bool:
        """`refresh` in a thread."""
        return await asyncio.to_thread(self.refresh)

    def _stale(self) -> bool:
        return self._good_until_s is not None and self._clock() > self._good_until_s

    async def _fetch_now(self) -> None:
        """The provider has refused the token, or somebody asks: one that is good for hours is obtained anew as well."""
        await asyncio.to_thread(self._refresh, anew=True)

    def _refresh(self, *, anew: bool) -> bool:
        with self._obtaining:
            if not (self._may_obtain_anew() if anew else self._due()):
                return False
            asked_s = self._clock()
            try:
                token = self._tokens.obtain()
            except SecretUnavailable as error:
                # Still due: whoever refreshes next tries again.
                self.fail(str(error))
                return False
            return self._take_token(token, asked_s)

    def _take_token(self, token: Token, asked_s: float) -> bool:
        life_s = token.life_s
        if life_s is not None and life_s <= 0:
            self.fail("the token that was obtained has expired already")
            return False
        # The end first: the old token, too, was good until now.
        self._good_until_s = None if life_s is None else asked_s + life_s
        share = _PART - random.uniform(0, _JITTER)  # noqa: S311  (jitter, no secret)
        self._due_s = asked_s + (_FOREVER_S if life_s is None else max(life_s * share, _SOONEST_S))
        # It stands for the same identity as the one before: there is nothing to try first.
        return self.take(token.secret, at_once=True)

    def _due(self) -> bool:
        return self._clock() >= self._due_s or bool(self.problem) or self._tokens.changed()

    def _may_obtain_anew(self) -> bool:
        now_s = self._clock()
        if len(self._anew) == _ANEW_MOST and now_s - self._anew[0] < _ANEW_WINDOW_S:
            return self._due()
        self._anew.append(now_s)
        return True

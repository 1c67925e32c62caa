"""The public keys of an issuer (RFC 7517): fetched ahead of need, kept while the issuer is away."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hedgerow_server.config.model import is_safe_url
from hedgerow_server.core.error import Unauthenticated
from hedgerow_server.identity.fetch import Fetch, FetchError
from hedgerow_server.identity.keys import unavailable
from hedgerow_server.identity.section import IssuerSection

_log = logging.getLogger(__name__)
_UNKNOWN_KEY_S = 30.0
"""How often an unknown key id may have the keys fetched, at most."""
_FIRST_RETRY_S = 1.0
_LAST_RETRY_S = 30.0
_MOST_KEYS = 100
_MIN_RSA_BITS = 2048
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "Ed448": "EdDSA"}


class Key(msgspec.Struct, eq=False):
    """One key of a set, for each algorithm that it may be used with."""

    kid: str
    by_algorithm: Mapping[str, jwt.PyJWK]
    retired: bool = False
    """Whether the set has it no more: what it has signed is not good any more either."""


class KeySet:
    """The keys of one issuer."""

    def __init__(self, section: IssuerSection, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._section = section
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Key] | None = None
        self._good_s = float("-inf")
        self._tried_s = float("-inf")
        self._asked_s = float("-inf")
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None
        self.fetches = 0
        """How often the keys were fetched, or that was tried."""
        self.problem = "its keys were not fetched yet"
        """Why the last fetch failed; empty when it did not."""

    async def keep_fresh(self) -> None:
        """Fetches the keys again and again, sooner after a failure."""
        while True:
            await self.refresh()
            retry_s = min(_FIRST_RETRY_S * 2.0 ** min(self._failures, 8), _LAST_RETRY_S)
            await asyncio.sleep(retry_s if self.problem else self._section.refresh_seconds)

    async def refresh(self) -> None:
        """Fetches the keys, or waits for whoever is doing so. Goes on when whoever waits for it leaves."""
        if self._fetching is None or self._fetching.done():
            self._tried_s = self._clock()
            self._fetching = asyncio.create_task(self._update())
        await asyncio.wait({self._fetching})

    async def key(self, kid: str | None, algorithm: str) -> tuple[Key, jwt.PyJWK]:
        """The key of an id (None: the only one) for an algorithm. Raises Unauthenticated, and IdentityUnavailable where
        the issuer would have to be asked and is away.
        """
        key = self._find(kid)
        if key is None and self._may_ask():
            await self.refresh()
            key = self._find(kid)
        if self._keys is None or self._clock() - self._good_s > self._section.stale_seconds:
            raise unavailable("jwks", "The keys of the token's issuer are not available now.")
        if key is None:
            if self.problem:
                raise unavailable("jwks", "The token's key may be new, and its issuer cannot be asked now.")
            raise Unauthenticated("The token's key is not known.")
        found = key.by_algorithm.get(algorithm)
        if found is None:
            raise Unauthenticated("The token's key is not for its algorithm.")
        return key, found

    async def close(self) -> None:
        """Nothing will be fetched any more."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})

    def _find(self, kid: str | None) -> Key | None:
        keys = self._keys or {}
        if kid is not None:
            return keys.get(kid)
        return next(iter(keys.values())) if len(keys) == 1 else None

    def _may_ask(self) -> bool:
        """Whether a caller may have the keys fetched: when that is under way, when there are none yet, and for an
        unknown key now and then, or whoever sends made-up ids would have us ask for ever.
        """
        if self._fetching is not None and not self._fetching.done():
            return True
        now_s = self._clock()
        if self._keys is None:
            return now_s - self._tried_s >= _FIRST_RETRY_S
        if now_s - self._asked_s < _UNKNOWN_KEY_S:
            return False
        self._asked_s = now_s
        return True

    async def _update(self) -> None:
        self.fetches += 1
        try:
            keys = parse(await self._fetch(await self._url()), self._section.algorithms)
        except FetchError as error:
            self._failures += 1
            if str(error) != self.problem:
                _log.error("issuer %s: the keys that are known stay good: %s", self._section.issuer, error)
            self.problem = str(error)
        except Exception as error:
            self._failures += 1
            _log.exception("issuer %s: fetching its keys failed by a fault of the gateway", self._section.issuer)
            self.problem = f"a fault of the gateway ({type(error).__name__})"
        else:
            self._failures, self.problem, self._good_s = 0, "", self._clock()
            self._adopt(keys)

    def _adopt(self, keys: dict[str, Key]) -> None:
        """Takes the keys over; one that is what it was stays the same, and with it what is known of its tokens."""
        before = self._keys or {}
        for kid, old in before.items():
            if kid in keys and _same(old, keys[kid]):
                keys[kid] = old
            else:
                old.retired = True
        self._keys = keys

    async def _url(self) -> str:
        section = self._section
        if section.jwks_url is not None:
            return section.jwks_url
        document = await self._fetch(f"{section.issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(document, dict) or document.get("issuer") != section.issuer:
            raise FetchError("its discovery document is of another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str) or not is_safe_url(url):
            raise FetchError("its discovery document names no safe place of keys")
        return url


def parse(document: object, algorithms: Sequence[str]) -> dict[str, Key]:
    """The keys of a set that can verify one of the algorithms, by their ids. Raises FetchError where there is none: a
    set without keys is more likely a mishap than a decision.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise FetchError("it answers no set of keys")
    found: dict[str, Key] = {}
    for entry in entries[:_MOST_KEYS]:
        kid = entry.get("kid", "") if isinstance(entry, dict) else None
        usable = _algorithms(entry, algorithms) if isinstance(kid, str) and kid not in found else {}
        if usable:
            found[str(kid)] = Key(str(kid), usable)
    if not found:
        raise FetchError("its set has no key for the configured algorithms")
    return found


def _algorithms(entry: dict[str, object], algorithms: Sequence[str]) -> dict[str, jwt.PyJWK]:
    """What a key may be used with: never more than it says itself, and never a secret one."""
    operations = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return {}
    told = entry.get("alg")
    match entry.get("kty"):
        case "RSA":
            fitting = [one for one in algorithms if one[:2] in ("RS", "PS")]
        case "EC" | "OKP":
            fitting = [one for one in algorithms if one == _CURVES.get(str(entry.get("crv")))]
        case _:
            return {}
    usable = {}
    for one in fitting:
        if told is None or told == one:
            try:
                key = jwt.PyJWK(entry, algorithm=one)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            if not isinstance(key.key, RSAPublicKey) or key.key.key_size >= _MIN_RSA_BITS:
                usable[one] = key
    return usable


def _same(one: Key, other: Key) -> bool:
    def material(key: Key) -> dict[str, object]:
        return {name: found._jwk_data for name, found in key.by_algorithm.items()}  # noqa: SLF001  # no public way

    return material(one) == material(other)

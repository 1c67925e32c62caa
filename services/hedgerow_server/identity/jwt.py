"""Callers with a token (RFC 7519, RFC 8725): who signed it, for whom, until when, and what its claims come to."""

import binascii
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import jwt
import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Unauthenticated
from hedgerow_server.identity.jwks import Key, KeySet
from hedgerow_server.identity.roles import Roles, is_word
from hedgerow_server.identity.section import IssuerSection

_MAX_CHARS = 8192
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
"""RFC 7515, 7.1. Decoders of base64 skip what does not belong there."""
_KID_CHARS = 256
_KEPT = 10_000
_MAX_LIST = 64
_MAX_ROLES = 1024
_MAX_WORD = 256
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""RFC 8725, 3.11: a token of another type was made for something else."""
_NOT_OURS = ("crit", "jku", "x5u", "jwk", "x5c", "b64", "zip", "enc")
"""Header fields that would have us take the sender's word for a key, or for a rule that we do not know."""


class Issuer:
    """One issuer, as it is configured."""

    def __init__(self, section: IssuerSection, keys: KeySet) -> None:
        self.section = section
        self.keys = keys


class _Verified(msgspec.Struct):
    """A token that was found good."""

    principal: Principal
    key: Key
    ends_unix_s: float


class TokenCallers:
    """Tells who has a token."""

    def __init__(self, issuers: Sequence[Issuer], roles: Roles, clock: Callable[[], float] = time.time) -> None:
        self._issuers = {one.section.issuer: one for one in issuers}
        self._roles = roles
        self._clock = clock
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def principal(self, token: str) -> Principal:
        """Who has this token. Raises Unauthenticated, IdentityUnavailable where the issuer's keys are not to be had,
        and Forbidden.
        """
        if len(token) > _MAX_CHARS:
            raise Unauthenticated(f"The token is longer than {_MAX_CHARS} characters.")
        # Not the token itself: it would stand in memory for longer than its call.
        mark = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(mark)
        if known is not None and not known.key.retired and self._clock() < known.ends_unix_s:
            return known.principal
        fresh = await self._verify(token)
        self._verified[mark] = fresh
        self._verified.move_to_end(mark)
        if len(self._verified) > _KEPT:
            self._verified.popitem(last=False)
        return fresh.principal

    async def id_token(self, token: str, issuer: str, client_id: str, nonce: str) -> dict[str, object]:
        """The claims of an ID token that an issuer has just given to a client of its own (OpenID Connect Core 1.0,
        3.1.3.7). Raises Unauthenticated, IdentityUnavailable.
        """
        if len(token) > _MAX_CHARS:
            raise Unauthenticated(f"The token is longer than {_MAX_CHARS} characters.")
        found, _, claims = await self._claims(token, (client_id,))
        if found.section.issuer != issuer:
            raise Unauthenticated("The token is of another issuer.")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp") != client_id and (several or "azp" in claims):
            raise Unauthenticated("The token was made for another client.")
        shown = claims.get("nonce")
        if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(), nonce.encode()):
            raise Unauthenticated("The token is not the answer to this login.")
        return claims

    def again(self, issuer: str, claims: Mapping[str, object]) -> Principal:
        """Who that is of whom claims were verified before. Raises Unauthenticated, Forbidden."""
        found = self._issuers.get(issuer)
        if found is None:
            raise Unauthenticated("The token's issuer is not one whose tokens are accepted.")
        return _principal(claims, found.section, self._roles)

    async def _verify(self, token: str) -> _Verified:
        issuer, key, claims = await self._claims(token)
        principal = _principal(claims, issuer.section, self._roles)
        return _Verified(principal, key, float(str(claims["exp"])) + issuer.section.leeway_seconds)

    async def _claims(
        self, token: str, audiences: tuple[str, ...] | None = None
    ) -> tuple[Issuer, Key, dict[str, object]]:
        """Who has signed a token, with what, and what it says. `audiences` are others than the issuer's."""
        header, claimed = _unverified(token)
        issuer = self._issuers.get(claimed) if isinstance(claimed, str) else None
        if issuer is None:
            raise Unauthenticated("The token's issuer is not one whose tokens are accepted.")
        algorithm = header.get("alg")
        if algorithm not in issuer.section.algorithms:
            raise Unauthenticated("The token's algorithm is not one that its issuer is configured with.")
        key, public = await issuer.keys.key(_kid(header), algorithm)
        return issuer, key, _checked(token, public, algorithm, issuer.section, audiences)


def _unverified(token: str) -> tuple[dict[str, object], object]:
    """The header and the issuer that the token claims: enough to choose the key that it must be good under."""
    if _FORM.fullmatch(token) is None:
        raise Unauthenticated("The authorization is no token.")
    try:
        whole = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError, binascii.Error):
        raise Unauthenticated("The authorization is no token.") from None
    header, claims = whole["header"], whole["payload"]
    if any(name in header for name in _NOT_OURS):
        raise Unauthenticated("The token's header has fields that are not accepted.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Unauthenticated("The token is of a type that is not accepted.")
    return header, claims.get("iss")


def _kid(header: dict[str, object]) -> str | None:
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= _KID_CHARS):
        raise Unauthenticated("The token's key id is not one.")
    return kid


def _checked(
    token: str, key: jwt.PyJWK, algorithm: str, section: IssuerSection, audiences: tuple[str, ...] | None
) -> dict[str, object]:
    try:
        claims: dict[str, object] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=section.audiences if audiences is None else audiences,
            issuer=section.issuer,
            leeway=section.leeway_seconds,
            options={"require": ["exp", "iss", "aud"]},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.") from None
    except jwt.ImmatureSignatureError:
        raise Unauthenticated("The token is not valid yet.") from None
    except jwt.InvalidAudienceError:
        raise Unauthenticated("The token is for another audience.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise Unauthenticated("The token is not accepted.") from None
    return claims


def _principal(claims: Mapping[str, object], section: IssuerSection, roles: Roles) -> Principal:
    names = section.claims
    tenant = _word(claims, names.tenant) or section.tenant
    if not tenant:
        raise Unauthenticated("The token names no tenant.")
    held = [
        one for one in (*section.roles, *(_listed(claims, names.roles, _MAX_ROLES) or ())) if not roles.unknown((one,))
    ]
    granted = roles.granted(held, (), _words(claims, names.models), _words(claims, names.regions))
    return Principal(
        tenant=tenant,
        team=_word(claims, names.team),
        user=_word(claims, names.user),
        regions=granted.regions,
        service=_word(claims, names.service),
        method="jwt",
        roles=granted.roles,
        access=granted.access,
    )


def _claim(claims: Mapping[str, object], path: str | None) -> object:
    if path is None:
        return None
    if path in claims:  # names of claims may have dots: "https://example.com/tenant"
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _word(claims: Mapping[str, object], path: str | None) -> str:
    value = _claim(claims, path)
    if value is None:
        return ""
    if not isinstance(value, str) or not is_word(value):
        raise Unauthenticated(f"The token's claim {path} is not 1 to 128 printable characters.")
    return value


def _words(claims: Mapping[str, object], path: str | None) -> tuple[str, ...]:
    """A list that narrows. One that is there and empty is no list that allows everything, so it is refused."""
    words = _listed(claims, path, _MAX_LIST)
    if words is not None and not words:
        raise Unauthenticated(f"The token's claim {path} is an empty list.")
    return words or ()


def _listed(claims: Mapping[str, object], path: str | None, most: int) -> tuple[str, ...] | None:
    """The words of a claim; None where it is not there."""
    value = _claim(claims, path)
    if value is None:
        return None
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or len(words) > most or not all(map(_is_short, words)):
        raise Unauthenticated(f"The token's claim {path} is no list of at most {most} words.")
    return tuple(words)


def _is_short(word: object) -> bool:
    return isinstance(word, str) and 0 < len(word) <= _MAX_WORD

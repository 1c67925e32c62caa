"""Credentials that are no good, each in a form of its own, and what they are made of."""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rpc.access import OPERATOR, Guarded, bearer
from rpc.issuer import Issuer, public, rsa_key

Metadata = list[tuple[str, str]]


@dataclass
class World:
    """A router, an issuer whose tokens it accepts and one whose tokens it does not, and keys."""

    guarded: Guarded
    issuer: Issuer
    stranger: Issuer
    good: str
    revoked: str
    expired: str
    rotated: str


def spoilt(ours: Issuer) -> None:
    """Gives an issuer's set entries that must be of no use to anybody."""
    ours.extra = [
        {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "alg": "HS256"},
        public("weak", rsa_key(1024)),
        {**public("enc", ours.keys["rsa"]), "kid": "enc", "use": "enc"},
        {**public("signer", ours.keys["rsa"]), "kid": "signer", "key_ops": ["sign"]},
        {**public("other-alg", ours.keys["rsa"]), "kid": "other-alg", "alg": "PS256"},
    ]


def peopled(running: Guarded, ours: Issuer, stranger: Issuer) -> World:
    """A router's world, with keys that have ended in every way."""
    good, _ = running.key()
    revoked, revoked_id = running.key()
    running.admin.revoke_key(revoked_id)
    expired, _ = running.key(lifetime={"seconds": 1})
    rotated, rotated_id = running.key()
    running.admin.rotate_key(rotated_id, overlap=0)
    time.sleep(1)  # the life of the shortest key there can be
    return World(running, ours, stranger, good, revoked, expired, rotated)


def _b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _pem(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _hmac_with_public_key(world: World) -> str:
    """RS256 told as HS256, the issuer's public key being the secret: PyJWT itself refuses to make this."""
    signed = f"{_b64({'alg': 'HS256', 'kid': 'rsa', 'typ': 'JWT'})}.{_b64(world.issuer.claims())}"
    mark = hmac.digest(_pem(world.issuer.keys["rsa"]), signed.encode(), hashlib.sha256)
    return f"{signed}.{_b64(mark)}"


def _unsigned(world: World, algorithm: str) -> str:
    return f"{_b64({'alg': algorithm, 'typ': 'JWT', 'kid': 'rsa'})}.{_b64(world.issuer.claims())}."


def _altered(world: World) -> str:
    head, _, mark = world.issuer.token().split(".")
    return f"{head}.{_b64(world.issuer.claims(tenant='victim'))}.{mark}"


def at(offset_s: float) -> int:
    """A moment from now, as tokens tell time."""
    return int(time.time() + offset_s)


TOKENS: dict[str, Callable[[World], str]] = {
    "alg none": lambda w: _unsigned(w, "none"),
    "alg None": lambda w: _unsigned(w, "None"),
    "alg empty": lambda w: _unsigned(w, ""),
    "hs256 under the public key": _hmac_with_public_key,
    "hs256 under a key of the set": lambda w: w.issuer.token("oct", key="s" * 32, alg="HS256"),
    "hs256 under a guessed secret": lambda w: w.issuer.token("rsa", key="secret" * 8, alg="HS256"),
    "an algorithm that is not configured": lambda w: w.issuer.token("rsa", alg="RS512"),
    "ps256 under an rs256 key": lambda w: w.issuer.token("rsa", alg="PS256"),
    "es256 naming the rsa key": lambda w: w.issuer.token("rsa", key=w.issuer.keys["ec"]),
    "rs256 naming the ec key": lambda w: w.issuer.token("ec", key=w.issuer.keys["rsa"]),
    "a key of another algorithm": lambda w: w.issuer.token("other-alg", key=w.issuer.keys["rsa"]),
    "a key for encryption": lambda w: w.issuer.token("enc", key=w.issuer.keys["rsa"]),
    "a key that only signs": lambda w: w.issuer.token("signer", key=w.issuer.keys["rsa"]),
    "another's key under our id": lambda w: w.issuer.token("rsa", key=rsa_key()),
    "another curve's key under our id": lambda w: w.issuer.token(
        "ec", key=ec.generate_private_key(ec.SECP256K1()), alg="ES256K"
    ),
    "an unknown key id": lambda w: w.issuer.token("nobody", key=rsa_key()),
    "no key id though there are several": lambda w: w.issuer.token(None, key=w.issuer.keys["rsa"]),
    "a path as key id": lambda w: w.issuer.token("../../../../dev/null", key=rsa_key()),
    "sql as key id": lambda w: w.issuer.token("' OR '1'='1", key=rsa_key()),
    "a url as key id": lambda w: w.issuer.token("http://127.0.0.1:9/keys", key=rsa_key()),
    "a long key id": lambda w: w.issuer.token("k" * 300, key=w.issuer.keys["rsa"]),
    "jku": lambda w: w.issuer.token(headers={"jku": f"{w.stranger.url}/keys"}),
    "x5u": lambda w: w.issuer.token(headers={"x5u": f"{w.stranger.url}/keys"}),
    "an embedded key": lambda w: w.issuer.token(headers={"jwk": public("rsa", w.issuer.keys["rsa"])}),
    "an embedded certificate": lambda w: w.issuer.token(headers={"x5c": ["MIIB"]}),
    "crit": lambda w: w.issuer.token(headers={"crit": ["exp"]}),
    "crit with an extension": lambda w: w.issuer.token(headers={"crit": ["b64"], "b64": True}),
    "another type": lambda w: w.issuer.token(headers={"typ": "dpop+jwt"}),
    "an unknown issuer": lambda w: w.stranger.token(),
    "another issuer's name under our key": lambda w: w.issuer.token(iss=w.stranger.url),
    "our issuer's name under another's key": lambda w: w.stranger.token(iss=w.issuer.url),
    "the issuer with a slash": lambda w: w.issuer.token(iss=f"{w.issuer.url}/"),
    "no issuer": lambda w: w.issuer.token(iss=None),
    "the issuer as a list": lambda w: jwt.api_jws.PyJWS().encode(
        json.dumps({**w.issuer.claims(), "iss": [w.issuer.url]}).encode(), w.issuer.keys["rsa"], "RS256", {"kid": "rsa"}
    ),
    "another audience": lambda w: w.issuer.token(aud="others"),
    "no audience": lambda w: w.issuer.token(aud=None),
    "expired": lambda w: w.issuer.token(exp=at(-90)),
    "no expiry": lambda w: w.issuer.token(exp=None),
    "an expiry that is text": lambda w: w.issuer.token(exp="tomorrow"),
    "not valid yet": lambda w: w.issuer.token(nbf=at(90)),
    "issued in the future": lambda w: w.issuer.token(iat=at(90)),
    "no tenant": lambda w: w.issuer.token(tenant=None),
    "an empty tenant": lambda w: w.issuer.token(tenant=""),
    "a tenant with a control": lambda w: w.issuer.token(tenant="acme\nadmin"),
    "a tenant that is a list": lambda w: w.issuer.token(tenant=["acme"]),
    "an empty list of models": lambda w: w.issuer.token(models=[]),
    "altered claims": _altered,
    "a cut signature": lambda w: w.issuer.token()[:-20],
    "a token without its signature": lambda w: w.issuer.token().rpartition(".")[0],
    "five parts": lambda w: w.issuer.token() + ".a.b",
    "a deep payload": lambda _: f"{_b64({'alg': 'RS256', 'kid': 'rsa'})}.{_b64(b'[' * 3000)}.{_b64(b'x')}",
    "a huge token": lambda w: w.issuer.token(padding="x" * 7000),
    "garbage": lambda _: base64.b64encode(os.urandom(60)).decode(),
    "sql": lambda _: "';DROP_TABLE_api_key;--",
}
"""Tokens that are UNAUTHENTICATED."""
KEYS: dict[str, Callable[[World], str]] = {
    "a revoked key": lambda w: w.revoked,
    "an expired key": lambda w: w.expired,
    "a key rotated without overlap": lambda w: w.rotated,
    "the prefix alone": lambda w: w.good[:20],
    "the id with another secret": lambda w: w.good[:20] + "a" * 52,
    "a key cut by one": lambda w: w.good[:-1],
    "a key with one more": lambda w: w.good + "a",
    "a key in capitals": lambda w: w.good.upper(),
    "an unknown key": lambda _: f"hk_{'b' * 16}_{'c' * 52}",
    "sql as id": lambda _: "hk_'_OR_1=1--_" + "a" * 52,
    "one key's id with another's secret": lambda w: w.good[:20] + w.revoked[20:],
    "hk_ alone": lambda _: "hk_",
}
"""API keys that are."""
HEADERS: dict[str, Callable[[World], Metadata]] = {
    "nothing": lambda _: [],
    "an empty authorization": lambda _: [("authorization", "")],
    "blanks": lambda _: [("authorization", "   ")],
    "Bearer alone": lambda _: [("authorization", "Bearer")],
    "no scheme": lambda w: [("authorization", w.good)],
    "Basic": lambda w: [("authorization", "Basic " + base64.b64encode(f"{w.good}:".encode()).decode())],
    "two keys in one": lambda w: [("authorization", f"Bearer {w.good} {w.good}")],
    "a comma behind": lambda w: [("authorization", f"Bearer {w.good},")],
    "the good one twice": lambda w: bearer(w.good) * 2,
    "a good one after a bad one": lambda w: [*bearer("hk_bad"), *bearer(w.good)],
    "a bad one after a good one": lambda w: [*bearer(w.good), *bearer("hk_bad")],
    "a key in another header": lambda w: [("x-api-key", w.good)],
    "the operator's token": lambda _: bearer(OPERATOR),
    "claims in metadata": lambda _: [("x-tenant", "acme"), ("x-forwarded-user", "ann")],
    "a certificate in metadata": lambda _: [("x-forwarded-client-cert", "URI=spiffe://acme/checkout")],
}
"""Metadata that is."""
CASES: dict[str, Callable[[World], Metadata]] = {
    **{name: lambda w, make=make: bearer(make(w)) for name, make in TOKENS.items()},  # type: ignore[misc]
    **{name: lambda w, make=make: bearer(make(w)) for name, make in KEYS.items()},  # type: ignore[misc]
    **HEADERS,
}
"""All of these, as metadata."""
FORBIDDEN: dict[str, Callable[[World], Metadata]] = {
    "act-for without the role": lambda w: [*bearer(w.good), ("hedgerow-act-for", "bob")],
    "act-for without the role, by token": lambda w: [*bearer(w.issuer.token()), ("hedgerow-act-for", "bob")],
    "act-for nobody": lambda w: [*bearer(w.issuer.token(roles=["agent"])), ("hedgerow-act-for", "")],
    "act-for somebody too long": lambda w: [*bearer(w.issuer.token(roles=["agent"])), ("hedgerow-act-for", "b" * 129)],
    "act-for twice": lambda w: [
        *bearer(w.issuer.token(roles=["agent"])),
        ("hedgerow-act-for", "bob"),
        ("hedgerow-act-for", "eve"),
    ],
    "no role": lambda w: bearer(w.issuer.token(roles=None)),
    "an empty list of roles": lambda w: bearer(w.issuer.token(roles=[])),
    "an unknown role": lambda w: bearer(w.issuer.token(roles=["root"])),
    "a role for other rpcs": lambda w: bearer(w.issuer.token(roles=["reader"])),
    "a role for the other door": lambda w: bearer(w.issuer.token(roles=["operator"])),
    "a list of other models": lambda w: bearer(w.issuer.token(models=["slow", "fast-*"])),
}
"""Good credentials of callers who go too far: PERMISSION_DENIED."""

"""The keys of an issuer, while it comes and goes, on a clock that the tests move."""

import asyncio
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hedgerow_server.core.error import IdentityUnavailable, Unauthenticated
from hedgerow_server.identity.fetch import FetchError
from hedgerow_server.identity.jwks import KeySet, parse
from hedgerow_server.identity.section import IssuerSection

ISSUER = "https://login.example.com"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def public(kid: str, **more: Any) -> dict[str, Any]:
    """An entry of a set."""
    return {**jwt.get_algorithm_by_name("RS256").to_jwk(RSA.public_key(), as_dict=True), "kid": kid, **more}


class World:
    """An issuer and a clock."""

    def __init__(self, **section: Any) -> None:
        self.now_s = 0.0
        self.kids = ["a", "b"]
        self.away = False
        self.urls: list[str] = []
        self.answers: dict[str, object] = {}
        given = {"issuer": ISSUER, "audiences": ("x",), "tenant": "acme", "jwks_url": f"{ISSUER}/keys", **section}
        self.keys = KeySet(IssuerSection(**given), self.fetch, lambda: self.now_s)

    async def fetch(self, url: str) -> object:
        """What the issuer answers."""
        self.urls.append(url)
        await asyncio.sleep(0)
        if self.away:
            raise FetchError("it is away")
        return self.answers.get(url, {"keys": [public(kid) for kid in self.kids]})


async def test_a_known_key_asks_nobody() -> None:
    world = World()
    await world.keys.refresh()
    for _ in range(100):
        await world.keys.key("a", "RS256")
    assert len(world.urls) == 1


async def test_callers_who_come_at_once_share_one_fetch() -> None:
    world = World()
    found = await asyncio.gather(*(world.keys.key("a", "RS256") for _ in range(100)))
    assert len({id(key) for key, _ in found}) == 1
    assert len(world.urls) == 1


async def test_unknown_ids_bring_one_fetch_in_30_s() -> None:
    world = World()
    await world.keys.refresh()
    for second in range(90):
        world.now_s = float(second)
        for number in range(20):
            with pytest.raises(Unauthenticated):
                await world.keys.key(f"made-up-{number}", "RS256")
    assert len(world.urls) == 1 + 3


async def test_a_key_that_is_new_is_found_at_once() -> None:
    world = World()
    await world.keys.refresh()
    world.kids.append("c")
    key, _ = await world.keys.key("c", "RS256")
    assert key.kid == "c"


async def test_known_keys_stay_good_while_the_issuer_is_away_and_unknown_ones_are_not_called_bad() -> None:
    world = World()
    await world.keys.refresh()
    world.away, world.now_s = True, 1000.0
    await world.keys.refresh()
    assert (await world.keys.key("a", "RS256"))[0].kid == "a"
    with pytest.raises(IdentityUnavailable):
        await world.keys.key("c", "RS256")


async def test_keys_are_good_no_longer_than_the_configuration_says() -> None:
    world = World(stale_seconds=3600)
    await world.keys.refresh()
    world.away, world.now_s = True, 3601.0
    with pytest.raises(IdentityUnavailable):
        await world.keys.key("a", "RS256")


async def test_before_the_first_answer_nobody_is_called_bad() -> None:
    world = World()
    world.away = True
    for _ in range(50):
        with pytest.raises(IdentityUnavailable):
            await world.keys.key("a", "RS256")
    assert len(world.urls) == 1
    world.away, world.now_s = False, 1.0
    assert (await world.keys.key("a", "RS256"))[0].kid == "a"


async def test_a_key_that_is_gone_is_retired_and_one_that_stays_is_the_same() -> None:
    world = World()
    (gone, _), (stays, _) = await world.keys.key("a", "RS256"), await world.keys.key("b", "RS256")
    world.kids = ["b"]
    await world.keys.refresh()
    assert (gone.retired, stays.retired) == (True, False)
    assert (await world.keys.key("b", "RS256"))[0] is stays


async def test_without_an_id_the_only_key_is_meant() -> None:
    world = World()
    world.kids = ["a"]
    await world.keys.refresh()
    assert (await world.keys.key(None, "RS256"))[0].kid == "a"
    world.kids = ["a", "b"]
    await world.keys.refresh()
    with pytest.raises(Unauthenticated):
        await world.keys.key(None, "RS256")


async def test_the_issuer_says_where_its_keys_are() -> None:
    world = World(jwks_url=None)
    place = f"{ISSUER}/.well-known/openid-configuration"
    world.answers[place] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/elsewhere"}
    await world.keys.refresh()
    assert world.urls == [place, f"{ISSUER}/elsewhere"]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": f"{ISSUER}/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://login.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://127.0.0.1@evil.example.com/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER},
        [],
    ],
)
async def test_a_discovery_document_that_leads_astray_is_not_followed(document: object) -> None:
    world = World(jwks_url=None)
    world.answers[f"{ISSUER}/.well-known/openid-configuration"] = document
    await world.keys.refresh()
    assert world.keys.problem
    assert len(world.urls) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "RS256"},
        public("x", use="enc"),
        public("x", key_ops=["sign"]),
        public("x", alg="HS256"),
        public("x", alg="RS512"),
        public("x", n="AQAB"),
        public("x", n=7),
        {**public("x"), "kid": 7},
        {**jwt.get_algorithm_by_name("ES256").to_jwk(EC.public_key(), as_dict=True)},
        "text",
        None,
    ],
)
def test_an_entry_that_can_verify_nothing_makes_no_key(entry: object) -> None:
    with pytest.raises(FetchError):
        parse({"keys": [entry]}, ("RS256",))


@pytest.mark.parametrize("document", [{}, [], None, "x", {"keys": {}}, {"keys": []}])
def test_what_is_no_set_of_keys_is_no_answer(document: object) -> None:
    with pytest.raises(FetchError):
        parse(document, ("RS256",))


def test_the_first_of_two_entries_with_one_id_counts() -> None:
    """Which one a provider means nobody can tell; that a later entry cannot replace an earlier one matters."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    second = {**jwt.get_algorithm_by_name("RS256").to_jwk(other.public_key(), as_dict=True), "kid": "x"}
    found = parse({"keys": [public("x"), second]}, ("RS256",))
    assert found["x"].by_algorithm["RS256"].key.public_numbers() == RSA.public_key().public_numbers()

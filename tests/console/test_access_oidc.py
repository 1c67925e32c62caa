"""Logging in to the console with an OpenID provider: over HTTP, with a real router and a provider on loopback."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from console.ground import Ground
from console.provider import CLIENT_ID, Provider
from console.visitor import Visitor, visiting
from rpc.issuer import rsa_key

CALLBACK = "/console/login/oidc/callback"


@pytest.fixture(name="honest", autouse=True)
def honest_fixture(idp: Provider) -> Iterator[None]:
    """Has the provider behave again."""
    yield
    idp.identity, idp.answer, idp.signing, idp.down = {}, {}, None, False
    idp.refused.clear()


def to_provider(visitor: Visitor, target: str = "") -> str:
    """Leaves for the provider; the URL that it sends the browser back to."""
    leaving = visitor.http.get("/console/login/oidc", params={"next": target} if target else {})
    assert leaving.status_code == 303
    answer = httpx.get(leaving.headers["location"])
    assert answer.status_code == 302
    return answer.headers["location"]


def come_back(visitor: Visitor, url: str) -> httpx.Response:
    """Follows the provider's redirect. The router is at another port than its public URL says."""
    split = urlsplit(url)
    assert (split.netloc, split.path) == ("localhost", CALLBACK)
    return visitor.get(f"{split.path}?{split.query}")


def log_in(visitor: Visitor, target: str = "") -> httpx.Response:
    """All of a login."""
    return come_back(visitor, to_provider(visitor, target))


def test_a_login_leads_to_the_page_that_was_asked_for(visitor: Visitor, idp: Provider) -> None:
    answer = log_in(visitor, "/console/keys?tenant=acme")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys?tenant=acme")
    assert visitor.get("/console/keys").status_code == 200
    assert "olga" in visitor.get("/console/").text
    assert not idp.refused


def test_the_login_page_names_the_provider(visitor: Visitor) -> None:
    assert "Acme login" in visitor.get("/console/login").text


def test_the_provider_is_asked_for_a_code_under_pkce_with_fresh_secrets(visitor: Visitor, idp: Provider) -> None:
    """RFC 7636 and OpenID Connect Core 1.0, 3.1.2.1: S256, and no state, nonce or challenge twice."""
    for _ in range(2):
        to_provider(visitor)
    one, other = idp.asked[-2:]
    assert one["response_type"] == "code"
    assert one["client_id"] == CLIENT_ID
    assert one["scope"].split() == ["openid", "profile"]
    assert one["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 43
        assert one[name] != other[name]


def test_roles_are_those_that_the_token_says(ground: Ground, visitor: Visitor, idp: Provider) -> None:
    idp.identity = {"roles": ["keys"]}
    assert log_in(visitor).status_code == 303
    assert visitor.get("/console/keys").status_code == 200
    assert visitor.get("/console/routes").status_code == 403


def test_a_user_without_an_operator_s_role_is_told_so(visitor: Visitor, idp: Provider) -> None:
    for roles in (["caller"], ["unheard-of"], None):
        idp.identity = {"roles": roles}
        assert log_in(visitor).status_code == 403
        assert visitor.get("/console/keys").status_code == 303


@pytest.mark.parametrize(
    "identity",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "hedgerow"},
        {"aud": [CLIENT_ID, "other"]},
        {"azp": "other"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
        {"tenant": None},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_the_answer_lets_nobody_in(
    identity: dict[str, object], visitor: Visitor, idp: Provider
) -> None:
    """Of another login, for another client or audience, by somebody else, too old. A token for callers is none."""
    idp.identity = identity
    assert log_in(visitor).status_code == 401
    assert visitor.get("/console/keys").status_code == 303


def test_an_id_token_under_a_key_that_is_not_the_provider_s_lets_nobody_in(visitor: Visitor, idp: Provider) -> None:
    idp.signing = rsa_key()
    assert log_in(visitor).status_code == 401


@pytest.mark.parametrize(
    "answer",
    [
        {"state": "made-up"},
        {"code": None},
        {"code": "made-up"},
        {"code": None, "error": "access_denied"},
        {"error": "access_denied"},
        {"iss": "https://evil.example"},
    ],
    ids=str,
)
def test_what_comes_back_otherwise_than_it_should_lets_nobody_in(
    answer: dict[str, object], visitor: Visitor, idp: Provider
) -> None:
    """Also the answer of another provider (RFC 9207)."""
    idp.answer = answer
    assert log_in(visitor).status_code == 401
    assert visitor.get("/console/keys").status_code == 303


def test_another_browser_cannot_finish_a_login(ground: Ground, visitor: Visitor) -> None:
    """Or somebody could be logged in as an attacker without noticing; and nobody can afterwards."""
    url = to_provider(visitor)
    with visiting(ground.url) as other:
        assert come_back(other, url).status_code == 401
        other.get("/console/login")
        assert come_back(other, url).status_code == 401
    assert come_back(visitor, url).status_code == 401


def test_an_answer_is_good_once(visitor: Visitor) -> None:
    url = to_provider(visitor)
    assert come_back(visitor, url).status_code == 303
    assert come_back(visitor, url).status_code == 401


def test_a_provider_that_is_away_is_told_of_and_lets_nobody_in(visitor: Visitor, idp: Provider) -> None:
    url = to_provider(visitor)
    idp.down = True
    assert come_back(visitor, url).status_code == 503
    assert visitor.get("/console/keys").status_code == 303


def test_the_code_leaves_the_address_with_the_answer(visitor: Visitor) -> None:
    """It must not stay where a browser remembers addresses, nor go on in a referrer."""
    answer = log_in(visitor)
    assert "code" not in parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_login_at_the_provider_counts_as_what_the_configuration_says_now(
    ground: Ground, visitor: Visitor, idp: Provider
) -> None:
    """An issuer that was taken out vouches for nobody any more."""
    assert log_in(visitor).status_code == 303
    identity, console = ground.config["identity"], ground.config["console"]
    without = {name: value for name, value in identity.items() if name != "jwt"}
    try:
        # The console's own section waits for a restart.
        ground.reload(identity=without, console={})
        assert visitor.get("/console/keys").status_code == 303
    finally:
        ground.reload(identity=identity, console=console)

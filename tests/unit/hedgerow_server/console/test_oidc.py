"""The way to an OpenID provider and back, where somebody is not as he should be; tests/console has a provider that
really answers.
"""

import base64
import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hedgerow_server.console.oidc import OidcLogin
from hedgerow_server.console.section import OidcSection
from hedgerow_server.core.error import CredentialUnavailable, IdentityUnavailable, Unauthenticated
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Reach, WebAnswer, WebError
from hedgerow_server.identity.logins import ClaimsStanding, Logins, Standing
from hedgerow_server.identity.section import IdentitySection

ISSUER = "https://login.example"
SECTION = OidcSection(issuer=ISSUER, client_id="con sole", client_secret="oidc")
IDENTITY = IdentitySection.model_validate(
    {"jwt": {"issuers": [{"issuer": ISSUER, "audiences": ["hedgerow"], "tenant": "acme"}]}}
)
STANDING = ClaimsStanding(ISSUER, {})
DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?realm=a",
    "token_endpoint": f"{ISSUER}/token",
}


class FakeWeb:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.discovery: object = DISCOVERY
        self.token: tuple[int, object] = (200, {"id_token": "a.b.c"})
        self.asked: list[HttpRequest] = []
        self.away = False

    async def send(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        self.asked.append(request)
        if self.away:
            raise WebError("no connection")
        status, document = (200, self.discovery) if request.method == "GET" else self.token
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return WebAnswer(status, {}, body)

    def send_blocking(self, request: HttpRequest, reach: Reach, *, timeout_s: float) -> WebAnswer:
        raise AssertionError("nobody blocks")


class FakeLogins(Logins):
    """Takes every ID token, and remembers what it had to be for."""

    def __init__(self) -> None:
        super().__init__(None, None, None)
        self.asked: list[dict[str, str]] = []

    async def with_id_token(self, token: str, *, issuer: str, client_id: str, nonce: str) -> Standing:
        self.asked.append({"token": token, "issuer": issuer, "client_id": client_id, "nonce": nonce})
        return STANDING


class Ground:
    """A login with all that is around it."""

    def __init__(self, section: OidcSection = SECTION) -> None:
        self.web, self.logins, self.now_s = FakeWeb(), FakeLogins(), 0.0
        self.secret: Callable[[str], Secret] = lambda name: Secret(f"p@ss of {name}")
        url = "https://console.example/"
        self.login = OidcLogin(section, url, self.web, self.reveal, lambda: self.now_s)

    def reveal(self, name: str) -> Secret:
        """The client's secret as it is now."""
        return self.secret(name)

    async def begin(self, login_id: str = "browser", target: str = "") -> dict[str, str]:
        """Leaves for the provider; what it is told."""
        url = await self.login.begin(IDENTITY, login_id, target)
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    async def finish(self, login_id: str = "browser", **query: str) -> str:
        """Comes back; where to go on."""
        found = await self.login.finish(IDENTITY, self.logins, login_id, query)
        assert found.standing is STANDING
        return found.next


async def test_the_provider_s_own_query_stays_and_the_answer_comes_to_the_public_url() -> None:
    asked = await Ground().begin()
    assert asked["realm"] == "a"
    assert asked["redirect_uri"] == "https://console.example/console/login/oidc/callback"
    assert asked["scope"] == "openid profile"


async def test_a_login_carries_its_nonce_and_its_target_to_the_end() -> None:
    ground = Ground()
    asked = await ground.begin(target="/console/keys")
    assert await ground.finish(state=asked["state"], code="c") == "/console/keys"
    assert ground.logins.asked == [
        {"token": "a.b.c", "issuer": ISSUER, "client_id": "con sole", "nonce": asked["nonce"]}
    ]


async def test_the_code_is_sent_with_the_verifier_and_the_client_s_secret_in_the_header() -> None:
    """Each half of the pair is encoded as in a form (RFC 6749, 2.3.1)."""
    ground = Ground()
    asked = await ground.begin()
    await ground.finish(state=asked["state"], code="c")
    request = ground.web.asked[-1]
    form = parse_qs(request.body.decode())
    assert request.url == f"{ISSUER}/token"
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert len(form["code_verifier"][0]) >= 43
    pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "con+sole:p%40ss+of+oidc"


async def test_a_provider_that_takes_secrets_in_the_body_alone_gets_it_there() -> None:
    ground = Ground()
    ground.web.discovery = {**DISCOVERY, "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    asked = await ground.begin()
    await ground.finish(state=asked["state"], code="c")
    form = parse_qs(ground.web.asked[-1].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["con sole"], ["p@ss of oidc"])
    assert "authorization" not in ground.web.asked[-1].headers


async def test_a_public_client_says_its_name_alone() -> None:
    ground = Ground(OidcSection(issuer=ISSUER, client_id="public"))
    asked = await ground.begin()
    await ground.finish(state=asked["state"], code="c")
    form = parse_qs(ground.web.asked[-1].body.decode())
    assert form["client_id"] == ["public"]
    assert "client_secret" not in form


@pytest.mark.parametrize(
    "query",
    [
        {"state": "made-up", "code": "c"},
        {"code": "c"},
        {"state": "", "code": "c"},
        {"state": "{state}"},
        {"state": "{state}", "code": ""},
        {"state": "{state}", "code": "x" * 5_000},
        {"state": "{state}", "error": "access_denied"},
        {"state": "{state}", "code": "c", "error": "access_denied"},
        {"state": "{state}", "code": "c", "iss": "https://evil.example"},
    ],
    ids=str,
)
async def test_an_answer_that_is_none_asks_nobody_for_a_token(query: dict[str, str]) -> None:
    ground = Ground()
    asked = await ground.begin()
    with pytest.raises(Unauthenticated):
        await ground.finish(**{name: value.format(state=asked["state"]) for name, value in query.items()})
    assert [one.method for one in ground.web.asked] == ["GET"]


@pytest.mark.parametrize("login_id", ["", "other", "browser2", "браузер"])
async def test_another_browser_s_answer_is_none(login_id: str) -> None:
    ground = Ground()
    asked = await ground.begin()
    with pytest.raises(Unauthenticated):
        await ground.finish(login_id, state=asked["state"], code="c")


async def test_a_login_that_takes_too_long_is_over() -> None:
    ground = Ground()
    asked = await ground.begin()
    ground.now_s = 600.0
    with pytest.raises(Unauthenticated):
        await ground.finish(state=asked["state"], code="c")


async def test_an_answer_is_good_once() -> None:
    ground = Ground()
    asked = await ground.begin()
    await ground.finish(state=asked["state"], code="c")
    with pytest.raises(Unauthenticated):
        await ground.finish(state=asked["state"], code="c")


async def test_logins_that_are_under_way_are_bounded() -> None:
    """The oldest one is forgotten, so whoever begins many takes no memory."""
    ground = Ground()
    first = await ground.begin()
    for _ in range(10_000):
        last = await ground.begin()
    with pytest.raises(Unauthenticated):
        await ground.finish(state=first["state"], code="c")
    await ground.finish(state=last["state"], code="c")


@pytest.mark.parametrize(
    "discovery",
    [
        {**DISCOVERY, "issuer": "https://evil.example"},
        {**DISCOVERY, "issuer": f"{ISSUER}/"},
        {**DISCOVERY, "token_endpoint": "http://login.example/token"},
        {**DISCOVERY, "authorization_endpoint": "javascript:alert(1)"},
        {**DISCOVERY, "authorization_endpoint": None},
        [],
        b"<html>",
    ],
    ids=str,
)
async def test_a_discovery_document_that_cannot_be_trusted_sends_nobody_anywhere(discovery: object) -> None:
    ground = Ground()
    ground.web.discovery = discovery
    with pytest.raises(IdentityUnavailable):
        await ground.begin()


@pytest.mark.parametrize(
    ("token", "failure"),
    [
        ((400, {"error": "invalid_grant"}), Unauthenticated),
        ((401, {"id_token": "a.b.c"}), Unauthenticated),
        ((200, {}), Unauthenticated),
        ((200, {"id_token": 7}), Unauthenticated),
        ((200, b"<html>"), Unauthenticated),
        ((200, []), Unauthenticated),
        ((503, {}), IdentityUnavailable),
    ],
    ids=str,
)
async def test_without_an_id_token_nobody_is_let_in(token: tuple[int, object], failure: type[Exception]) -> None:
    ground = Ground()
    asked = await ground.begin()
    ground.web.token = token
    with pytest.raises(failure):
        await ground.finish(state=asked["state"], code="c")
    assert not ground.logins.asked


async def test_a_provider_or_a_secret_that_is_away_is_no_wrong_login() -> None:
    ground = Ground()
    asked = [await ground.begin() for _ in range(2)]
    ground.web.away = True
    with pytest.raises(IdentityUnavailable):
        await ground.finish(state=asked[0]["state"], code="c")
    ground.web.away = False

    def missing(name: str) -> Secret:
        raise CredentialUnavailable("There is none.")

    ground.secret = missing
    with pytest.raises(IdentityUnavailable):
        await ground.finish(state=asked[1]["state"], code="c")


async def test_an_issuer_that_the_configuration_has_no_more_is_not_asked() -> None:
    ground = Ground()
    with pytest.raises(IdentityUnavailable):
        await ground.login.begin(IdentitySection(), "browser", "")
    assert not ground.web.asked


async def test_endpoints_are_asked_for_once_in_an_hour() -> None:
    ground = Ground()
    for _ in range(3):
        await ground.begin()
    assert len(ground.web.asked) == 1
    ground.now_s = 3600.0
    await ground.begin()
    assert len(ground.web.asked) == 2


def test_what_is_under_way_shows_no_secret() -> None:
    ground = Ground()
    assert "p@ss" not in repr(vars(ground.login))

"""Logging in with an OpenID provider: the authorization code flow (OpenID Connect Core 1.0, 3.1) with PKCE (RFC 7636),
and with a state, a nonce and a cookie that bind the answer to the browser that has asked for it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, urlencode, urlsplit

import msgspec

from hedgerow_server.config.model import is_safe_url
from hedgerow_server.console.login import LOGIN_S
from hedgerow_server.console.section import OidcSection
from hedgerow_server.core.error import CredentialUnavailable, HedgerowError, IdentityUnavailable, Unauthenticated
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.secret import Secret
from hedgerow_server.core.web import Web, WebError
from hedgerow_server.identity.fetch import FetchError, IssuerFetch, reach
from hedgerow_server.identity.logins import Logins, Standing
from hedgerow_server.identity.section import IdentitySection, IssuerSection

CALLBACK = "/console/login/oidc/callback"
_RANDOM_BYTES = 32
_MOST = 10_000
"""Logins that are under way at once; beyond, the oldest one is forgotten."""
_FRESH_S = 3600.0
"""How long endpoints are kept."""
_TIMEOUT_S = 10.0
_OK = 200
_MAX_CODE_CHARS = 4096


class _Endpoints(msgspec.Struct, frozen=True):
    authorization: str
    token: str
    in_body: bool
    """Whether the client's secret goes into the body of a request for a token, not into its header."""
    until_s: float


class _Pending(msgspec.Struct, frozen=True):
    """A login that is under way."""

    login_id: str
    nonce: str
    verifier: str
    next: str
    until_s: float

    def __repr__(self) -> str:
        return "_Pending()"


class Returned(msgspec.Struct, frozen=True):
    """Somebody whom the provider has sent back."""

    standing: Standing
    next: str
    """Where he wanted to go."""


class OidcLogin:
    """The way to an OpenID provider and back."""

    def __init__(
        self,
        section: OidcSection,
        public_url: str,
        web: Web,
        reveal: Callable[[str], Secret],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reveal` gives the secret of a credential."""
        self._section = section
        self._redirect = public_url.rstrip("/") + CALLBACK
        self._web = web
        self._reveal = reveal
        self._clock = clock
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._endpoints: tuple[IssuerSection, _Endpoints] | None = None

    async def begin(self, identity: IdentitySection, login_id: str, next_path: str) -> str:
        """The URL to send a browser to; `login_id` is in its cookie. Raises IdentityUnavailable."""
        endpoints = await self._found(self._issuer(identity))
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        while len(self._pending) >= _MOST:
            self._pending.popitem(last=False)
        self._pending[state] = _Pending(login_id, nonce, verifier, next_path, self._clock() + LOGIN_S)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._section.client_id,
                "redirect_uri": self._redirect,
                "scope": " ".join(dict.fromkeys(("openid", *self._section.scopes))),
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        return f"{endpoints.authorization}{'&' if urlsplit(endpoints.authorization).query else '?'}{query}"

    async def finish(
        self, identity: IdentitySection, logins: Logins, login_id: str, query: Mapping[str, str]
    ) -> Returned:
        """Who has come back. Raises Unauthenticated, Forbidden and IdentityUnavailable."""
        pending = self._pending.pop(query.get("state", ""), None)
        if pending is None or self._clock() >= pending.until_s:
            raise Unauthenticated("This login was not begun here, or took too long.")
        if not login_id or not hmac.compare_digest(login_id.encode(), pending.login_id.encode()):
            raise Unauthenticated("This login was begun by another browser.")
        # RFC 9207: a provider that says who it is must be the one that was asked.
        if query.get("iss", self._section.issuer) != self._section.issuer:
            raise Unauthenticated("Another provider has answered.")
        code = query.get("code", "")
        if "error" in query or not code or len(code) > _MAX_CODE_CHARS:
            raise Unauthenticated("The provider has not let you in.")
        issuer = self._issuer(identity)
        token = await self._token(issuer, code, pending.verifier)
        standing = await logins.with_id_token(
            token, issuer=issuer.issuer, client_id=self._section.client_id, nonce=pending.nonce
        )
        return Returned(standing, pending.next)

    def _issuer(self, identity: IdentitySection) -> IssuerSection:
        for one in identity.jwt.issuers if identity.jwt is not None else ():
            if one.issuer == self._section.issuer:
                return one
        raise _unavailable("The configuration does not have the issuer any more.")

    async def _found(self, issuer: IssuerSection) -> _Endpoints:
        known = self._endpoints
        if known is not None and known[0] == issuer and self._clock() < known[1].until_s:
            return known[1]
        url = f"{issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            document = await IssuerFetch(issuer, self._web)(url)
        except FetchError as error:
            raise _unavailable(f"The provider cannot be asked: {error}.") from None
        endpoints = self._read(document)
        self._endpoints = issuer, endpoints
        return endpoints

    def _read(self, document: object) -> _Endpoints:
        if not isinstance(document, dict) or document.get("issuer") != self._section.issuer:
            raise _unavailable("The discovery document is of another issuer.")
        urls = [document.get(name) for name in ("authorization_endpoint", "token_endpoint")]
        if not all(isinstance(url, str) and is_safe_url(url) for url in urls):
            raise _unavailable("The discovery document names no safe endpoints.")
        # Without a word of it, the header is what a client may use (OpenID Connect Discovery 1.0, 3).
        ways = document.get("token_endpoint_auth_methods_supported")
        in_body = isinstance(ways, list) and "client_secret_basic" not in ways and "client_secret_post" in ways
        return _Endpoints(str(urls[0]), str(urls[1]), in_body, self._clock() + _FRESH_S)

    async def _token(self, issuer: IssuerSection, code: str, verifier: str) -> str:
        """The ID token for a code."""
        endpoints = await self._found(issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
        }
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        self._authenticate(endpoints, form, headers)
        request = HttpRequest("POST", endpoints.token, headers, urlencode(form).encode())
        try:
            answer = await self._web.send(request, reach(issuer), timeout_s=_TIMEOUT_S)
        except WebError as error:
            raise _unavailable(f"The provider cannot be asked: {error}.") from None
        if answer.status >= 500:
            raise _unavailable(f"The provider answers {answer.status}.")
        try:
            document = json.loads(answer.body) if answer.status == _OK else None
        except (ValueError, RecursionError):
            document = None
        token = document.get("id_token") if isinstance(document, dict) else None
        if not isinstance(token, str):
            raise Unauthenticated("The provider gives no ID token for the code.")
        return token

    def _authenticate(self, endpoints: _Endpoints, form: dict[str, str], headers: dict[str, str]) -> None:
        """Says who the console is, as RFC 6749, 2.3.1 has it."""
        client_id, name = self._section.client_id, self._section.client_secret
        if name is None:
            form["client_id"] = client_id
            return
        try:
            secret = self._reveal(name).reveal()
        except CredentialUnavailable:
            raise _unavailable("The client's secret is not available.") from None
        if endpoints.in_body:
            form |= {"client_id": client_id, "client_secret": secret}
            return
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"


def _unavailable(message: str) -> HedgerowError:
    return IdentityUnavailable(message, metadata={"source": "oidc"}, retry_delay_s=1.0)

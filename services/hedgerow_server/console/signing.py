"""Logging in and out."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hedgerow_server.console.access import may_enter
from hedgerow_server.console.login import HOME, Attempts, Cookies, FormTokens, from_here, safe_next, same
from hedgerow_server.console.oidc import CALLBACK, OidcLogin
from hedgerow_server.console.render import Pages
from hedgerow_server.console.section import ConsoleSection
from hedgerow_server.console.session import Session, Sessions
from hedgerow_server.console.shown import Failure, Login
from hedgerow_server.console.source import Source
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Forbidden, HedgerowError, IdentityUnavailable, RequestInvalid, Unauthenticated
from hedgerow_server.core.secret import Secret
from hedgerow_server.identity.logins import Logins, Standing
from hedgerow_server.store.record import AuditEntry

_log = logging.getLogger(__name__)
_FORM_BYTES = 16_384
_FORM_FIELDS = 20
_FORM_TYPE = "application/x-www-form-urlencoded"
_WRONG = "That did not work."
_NO_ROLE = "Your roles do not open the console."
_AGAIN = "The page was too old. Try again."
Handler = Callable[[Request], Awaitable[Response]]


class Inside(msgspec.Struct, frozen=True):
    """Somebody who is logged in, as he is now."""

    session: Session
    principal: Principal
    ends_unix_s: float
    """When the session ends if nobody does anything more."""


class Entrance:
    """Lets people in, and out again."""

    def __init__(
        self, section: ConsoleSection, source: Source, pages: Pages, address: Callable[[Request], str]
    ) -> None:
        self._section = section
        self._source = source
        self._pages = pages
        self._address = address
        self._cookies = Cookies(section)
        self._tokens = FormTokens()
        self._attempts = Attempts(section.login_attempts_per_minute)
        self._sessions = Sessions(
            idle_s=section.idle_seconds, lifetime_s=section.lifetime_seconds, most=section.max_sessions
        )
        self._oidc: OidcLogin | None = None
        if section.oidc is not None and section.public_url is not None:
            self._oidc = OidcLogin(section.oidc, section.public_url, source.web, self._secret)
        self._paths: Mapping[str, Mapping[str, Handler]] = {
            "/console/login": {"GET": self._page, "POST": self._log_in},
            "/console/login/oidc": {"GET": self._leave_for_oidc},
            CALLBACK: {"GET": self._come_back},
            "/console/logout": {"POST": self._log_out},
        }
        self.from_here = from_here

    def at(self, path: str) -> Mapping[str, Handler] | None:
        """What answers at a path, by method; None: it is none of these."""
        return self._paths.get(path)

    def inside(self, request: Request, *, used: bool = True) -> Inside | None:
        """Who asks; None: nobody who is logged in, or whose login is good no more. Raises IdentityUnavailable."""
        session_id = self._cookies.session_id(request)
        session = self._sessions.find(session_id, used=used) if session_id else None
        if session is None:
            return None
        try:
            principal = self._logins().principal(session.standing)
            if not may_enter(principal):
                raise Forbidden(_NO_ROLE)
        except (Unauthenticated, Forbidden):
            self._sessions.end(session_id)
            return None
        return Inside(session, principal, self._sessions.ends_unix_s(session))

    async def _page(self, request: Request) -> Response:
        target = safe_next(request.query_params.get("next", ""))
        if self.inside(request) is not None:
            return _to(target or HOME)
        notice = "You are logged out." if "out" in request.query_params else ""
        return self._login_page(HTTPStatus.OK, target, notice=notice)

    def _login_page(self, status: int, target: str, *, error: str = "", notice: str = "") -> Response:
        """The page with a form of its own: the cookie of the form before it is worth nothing any more."""
        response = HTMLResponse(status_code=status)
        login_id = self._cookies.begin(response)
        page = Login(
            csrf=self._tokens.token(login_id),
            next=target,
            with_key=self._section.with_key,
            oidc_name=self._section.oidc.name if self._section.oidc is not None else "",
            error=error,
            notice=notice,
        )
        body = self._pages.plain(page).encode()
        response.body = body
        response.headers["content-length"] = str(len(body))
        return response

    async def _log_in(self, request: Request) -> Response:
        form = await form_of(request, _FORM_BYTES)
        target = safe_next(form.get("next", ""))
        if not self._section.with_key:
            return self._login_page(HTTPStatus.FORBIDDEN, target, error=_WRONG)
        address = self._address(request)
        refused = self._too_often(address)
        if refused is not None:
            return refused
        if not self._tokens.good(self._cookies.login_id(request), form.get("csrf", "")) or not from_here(request):
            return self._login_page(HTTPStatus.FORBIDDEN, target, error=_AGAIN)
        try:
            standing = await self._logins().with_secret(form.get("key", "").strip())
            return self._let_in(standing, target, address)
        except (Unauthenticated, Forbidden, IdentityUnavailable) as error:
            return self._kept_out(error, target, address)

    async def _leave_for_oidc(self, request: Request) -> Response:
        target = safe_next(request.query_params.get("next", ""))
        refused = self._too_often(self._address(request))
        if self._oidc is None:
            return self._failure(HTTPStatus.NOT_FOUND)
        if refused is not None:
            return refused
        response = _to(HOME)
        login_id = self._cookies.begin(response)
        identity = self._source.in_force().settings.identity
        response.headers["location"] = await self._oidc.begin(identity, login_id, target)
        return response

    async def _come_back(self, request: Request) -> Response:
        address = self._address(request)
        refused = self._too_often(address)
        if self._oidc is None:
            return self._failure(HTTPStatus.NOT_FOUND)
        if refused is not None:
            return refused
        identity, query = self._source.in_force().settings.identity, dict(request.query_params)
        try:
            found = await self._oidc.finish(identity, self._logins(), self._cookies.login_id(request), query)
            return self._let_in(found.standing, found.next, address)
        except (Unauthenticated, Forbidden, IdentityUnavailable) as error:
            return self._kept_out(error, "", address)

    def _let_in(self, standing: Standing, target: str, address: str) -> Response:
        """Raises Unauthenticated, and Forbidden for whoever is no operator."""
        principal = self._logins().principal(standing)
        if not may_enter(principal):
            self._note(principal, "ConsoleLogin", "PERMISSION_DENIED", address)
            raise Forbidden(_NO_ROLE)
        session_id, _ = self._sessions.open(standing)
        self._note(principal, "ConsoleLogin", "OK", address)
        response = _to(target or HOME)
        self._cookies.log_in(response, session_id)
        return response

    def _kept_out(self, error: HedgerowError, target: str, address: str) -> Response:
        if isinstance(error, IdentityUnavailable):
            return self._login_page(HTTPStatus.SERVICE_UNAVAILABLE, target, error=error.message)
        self._attempts.failed(address)
        _log.warning("a login to the console from %s failed: %s", address or "an unknown address", error.reason)
        if isinstance(error, Forbidden):
            return self._login_page(HTTPStatus.FORBIDDEN, target, error=_NO_ROLE)
        return self._login_page(HTTPStatus.UNAUTHORIZED, target, error=_WRONG)

    async def _log_out(self, request: Request) -> Response:
        form = await form_of(request, _FORM_BYTES)
        inside = self.inside(request)
        if inside is not None:
            if not same(form.get("csrf", ""), inside.session.csrf) or not from_here(request):
                return self._failure(HTTPStatus.FORBIDDEN, "The form is not of this session. Go back and try again.")
            self._sessions.end(self._cookies.session_id(request))
            self._note(inside.principal, "ConsoleLogout", "OK", self._address(request))
        response = _to("/console/login?out")
        self._cookies.log_out(response)
        return response

    def _note(self, principal: Principal, action: str, outcome: str, address: str) -> None:
        who = f"{principal.method}:{principal.label}"
        detail = msgspec.json.encode({"address": address}).decode()
        self._source.audit.note(
            AuditEntry(at_unix_s=time.time(), who=who, action=action, detail=detail, outcome=outcome)
        )

    def _too_often(self, address: str) -> Response | None:
        wait_s = self._attempts.wait_s(address)
        if not wait_s:
            return None
        response = self._failure(HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["retry-after"] = str(math.ceil(wait_s))
        return response

    def _failure(self, status: int, text: str = "") -> Response:
        return HTMLResponse(self._pages.plain(Failure(status=status, text=text)), status_code=status)

    def _logins(self) -> Logins:
        """Those of the configuration in force. A reload may have taken them away."""
        logins = self._source.in_force().desk.logins
        if logins is None:
            raise IdentityUnavailable(
                "The configuration does not say by roles who is an operator.", metadata={"source": "roles"}
            )
        return logins

    def _secret(self, credential: str) -> Secret:
        return self._source.in_force().leases[credential].current()


async def form_of(request: Request, most_bytes: int) -> Mapping[str, str]:
    """The fields of a form. Raises RequestInvalid for what is none, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise RequestInvalid("The request is no form.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise RequestInvalid("The form is too long.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError:
        raise RequestInvalid("The request is no form.") from None


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)

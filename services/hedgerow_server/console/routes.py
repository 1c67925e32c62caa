"""The console as an ASGI application: which path shows what, and what every answer has in common.

A request passes, in this order: the Host header, the path, the form's tokens, the session, who that is now, and whether
he may see the page. GET changes nothing; after a form that has changed something the browser asks for the page anew.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from hedgerow_server.console import access
from hedgerow_server.console.actions import Actions
from hedgerow_server.console.asking import Asking
from hedgerow_server.console.facts import CallFacts
from hedgerow_server.console.facts_config import ConfigFacts
from hedgerow_server.console.facts_routes import RouteFacts
from hedgerow_server.console.facts_spend import SpendFacts
from hedgerow_server.console.login import HOME, same
from hedgerow_server.console.masking import secrets_of, without
from hedgerow_server.console.render import NAVIGATION, Pages
from hedgerow_server.console.section import ConsoleSection
from hedgerow_server.console.shown import Failure, Page, Shell
from hedgerow_server.console.signing import Entrance, Inside, form_of
from hedgerow_server.console.source import Source
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import (
    CallNotFound,
    ConfigInvalid,
    Forbidden,
    HedgerowError,
    IdentityUnavailable,
    LedgerUnavailable,
    RequestInvalid,
    Unauthenticated,
)
from hedgerow_server.core.secret import Secret

_log = logging.getLogger(__name__)
_PAGE_S = 20.0
_MAX_QUERY_FIELDS = 50
_PROMPT_BYTES = 1_000_000
_REFRESH = "x-console-refresh"
"""The header of a page that brings itself up to date: it keeps no session alive."""
_STATIC = "/console/static/"
_STATUS: Mapping[type[HedgerowError], int] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    CallNotFound: HTTPStatus.NOT_FOUND,
    ConfigInvalid: HTTPStatus.CONFLICT,
    RequestInvalid: HTTPStatus.BAD_REQUEST,
    IdentityUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    LedgerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
Gather = Callable[[Principal, Mapping[str, str]], Awaitable[Page]]
"""Makes what a page shows, for somebody, of the query or the form."""

Change = Callable[[Principal, Mapping[str, str]], Awaitable[None]]
"""Does something for somebody, of a form."""


class Shows(msgspec.Struct, frozen=True):
    """What a path shows."""

    section: str
    gather: Gather
    posted: Gather | None = None
    """The same of a form; None: there is none."""
    changed: Change | None = None
    """Does what a form asks for, after which the page is shown anew; None: there is nothing to be done."""


class Console:
    """Serves /console."""

    def __init__(self, section: ConsoleSection, listen: str, source: Source, address: Callable[[Request], str]) -> None:
        """`listen` is where the door listens, `address` tells where a request comes from."""
        self._source = source
        self._pages = Pages()
        self._hosts = access.Hosts(listen, section)
        self._headers = access.headers(section)
        self._entrance = Entrance(section, source, self._pages, address)
        asking = Asking(source.rpcs, source.audit)
        actions = Actions(asking, read_only=section.read_only)
        calls, routes = CallFacts(source, asking), RouteFacts(source, asking, actions)
        spend, config = SpendFacts(asking), ConfigFacts(source, asking, actions)
        self._shows: Mapping[str, Shows] = {
            HOME: Shows("overview", calls.overview),
            "/console/calls": Shows("calls", calls.calls),
            "/console/call": Shows("calls", calls.call),
            "/console/routes": Shows("routes", routes.routes, changed=actions.switch),
            "/console/errors": Shows("errors", calls.errors),
            "/console/spend": Shows("spend", spend.spend),
            "/console/keys": Shows("keys", config.keys),
            "/console/credentials": Shows("credentials", config.credentials),
            "/console/configuration": Shows("configuration", config.configuration, changed=actions.reload),
            "/console/try": Shows("try", routes.question, routes.explained),
        }

    def routes(self) -> list[BaseRoute]:
        """For the door: everything below /console, and the way there from /."""
        return [Route("/", self), Route("/console{rest:path}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        try:
            async with asyncio.timeout(_PAGE_S):
                response = await self._answer(request)
        except HedgerowError as error:
            response = self._failure(_STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR), error.message)
        except ClientDisconnect:
            return
        except TimeoutError:
            response = self._failure(HTTPStatus.SERVICE_UNAVAILABLE, "The page took too long to make.")
        except Exception:
            _log.exception("a page of the console failed by a fault of the gateway")
            response = self._failure(HTTPStatus.INTERNAL_SERVER_ERROR)
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.knows(hosts[0]):
            return self._failure(HTTPStatus.BAD_REQUEST, "The console does not answer under this name.")
        path, reading = str(request.scope["path"]), request.method in ("GET", "HEAD")
        if path in ("/", "/console"):
            return _to(HOME) if reading else self._failure(HTTPStatus.METHOD_NOT_ALLOWED)
        if path.startswith(_STATIC):
            return self._file(path.removeprefix(_STATIC)) if reading else self._failure(HTTPStatus.METHOD_NOT_ALLOWED)
        entering = self._entrance.at(path)
        if entering is not None:
            handle = entering.get("GET" if reading else request.method)
            return await handle(request) if handle is not None else self._failure(HTTPStatus.METHOD_NOT_ALLOWED)
        shows = self._shows.get(path)
        if shows is None:
            return self._failure(HTTPStatus.NOT_FOUND)
        return await self._shown(request, path, shows, reading=reading)

    async def _shown(self, request: Request, path: str, shows: Shows, *, reading: bool) -> Response:
        refreshing = _REFRESH in request.headers
        inside = self._entrance.inside(request, used=not refreshing)
        if inside is None:
            if refreshing or not reading:
                return self._failure(HTTPStatus.UNAUTHORIZED)
            return _to(f"/console/login?next={quote(_target(request), safe='')}")
        hidden = access.hidden(inside.principal)
        if shows.section in hidden:
            first = next((href for section, _, href in NAVIGATION if section not in hidden), "")
            if path == HOME and first:
                return _to(first)
            return self._failure(HTTPStatus.FORBIDDEN)
        if reading:
            page = await shows.gather(inside.principal, _query(request))
        elif request.method == "POST" and (shows.posted is not None or shows.changed is not None):
            form = await form_of(request, _PROMPT_BYTES)
            if not same(form.get("csrf", ""), inside.session.csrf) or not self._entrance.from_here(request):
                return self._failure(HTTPStatus.FORBIDDEN, "The form is not of this session. Go back and try again.")
            if shows.posted is None:
                assert shows.changed is not None
                await shows.changed(inside.principal, form)
                return _to(path)
            page = await shows.posted(inside.principal, form)
        else:
            return self._failure(HTTPStatus.METHOD_NOT_ALLOWED)
        shell = self._shell(inside, hidden)
        return HTMLResponse(await asyncio.to_thread(self._made, page, shell, self._secrets()))

    def _shell(self, inside: Inside, hidden: frozenset[str]) -> Shell:
        return Shell(
            who=inside.principal.label,
            csrf=inside.session.csrf,
            version=self._source.version,
            config_hash=self._source.state().config_hash,
            ready=not self._source.problems(),
            now_unix_s=time.time(),
            session_ends_unix_s=inside.ends_unix_s,
            open_calls=self._source.recent.open_count,
            hidden=hidden,
            worker=self._source.worker,
        )

    def _file(self, name: str) -> Response:
        found = self._pages.static_file(name)
        if found is None:
            return self._failure(HTTPStatus.NOT_FOUND)
        content, media_type = found
        return Response(content, headers={"content-type": media_type, "cache-control": access.KEEP})

    def _failure(self, status: int, text: str = "") -> Response:
        page = self._pages.plain(Failure(status=status, text=text))
        return HTMLResponse(without(self._secrets(), page) if text else page, status_code=status)

    def _made(self, page: Page, shell: Shell, secrets: frozenset[Secret]) -> str:
        """For a thread: long lists take a while."""
        return without(secrets, self._pages.page(page, shell))

    def _secrets(self) -> frozenset[Secret]:
        return secrets_of(self._source.in_force().leases)


def _query(request: Request) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(_query_string(request), max_num_fields=_MAX_QUERY_FIELDS))
    except ValueError:
        return {}


def _target(request: Request) -> str:
    """The path and the query that were asked for."""
    query = _query_string(request)
    return str(request.scope["path"]) + (f"?{query}" if query else "")


def _query_string(request: Request) -> str:
    return bytes(request.scope["query_string"]).decode("latin-1")


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)

"""What the simulator serves about itself, below `/_sim`: the book, and switches for laws and outages."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from hedgerow_sim import laws
from hedgerow_sim.book import Book
from hedgerow_sim.grammar import Catalogue
from hedgerow_sim.limits import Limits
from hedgerow_sim.providers import Switch, Switchboard

_BOOK: Final = "/_sim/book"
_USAGE: Final = (
    "GET or DELETE /_sim/book[?last=N][&provider=NAME]; GET, PUT or DELETE /_sim/law[?provider=NAME] and "
    "/_sim/outage[?provider=NAME]; PUT or DELETE /_sim/limits[?provider=NAME]; PUT /_sim/keys; or a provider's path "
    "behind /_sim/as/NAME or /_sim/chunk-bytes/N\n"
)


class _Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    law: str | dict[str, Any]
    for_s: float | None = None


class _Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    for_s: float | None = None
    fault: str = "503"


class _Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: frozenset[str]


class Admin:
    """Answers what is asked of the simulator itself."""

    def __init__(self, book: Book, switchboard: Switchboard, catalogue: Catalogue) -> None:
        self._book = book
        self._switchboard = switchboard
        self._catalogue = catalogue
        self.sockets: Callable[[], int] = lambda: 1

    async def answer(self, request: web.BaseRequest, path: str, query: str) -> web.Response:
        """Status 400 for a body that does not fit, 404 for any other path or method."""
        asked = parse_qs(query)
        name = asked.get("provider", [""])[0]
        if path == _BOOK and request.method == "GET":
            return self._page(asked)
        try:
            match (path, request.method):
                case ("/_sim/book", "DELETE"):
                    self._book.empty()
                case ("/_sim/law", "PUT"):
                    self._set_law(name, await request.read())
                case ("/_sim/law", "DELETE"):
                    self._switchboard.clear_law(name)
                case ("/_sim/outage", "PUT"):
                    self._set_outage(name, await request.read())
                case ("/_sim/outage", "DELETE"):
                    self._switchboard.clear_outage(name)
                case ("/_sim/limits", "PUT" | "DELETE" as method):
                    self._set_limits(name, await request.read() if method == "PUT" else None)
                case ("/_sim/keys", "PUT"):
                    self._switchboard.keys = msgspec.json.decode(await request.read(), type=_Keys).keys
                case ("/_sim/law", "GET"):
                    return self._switch(self._switchboard.law(name))
                case ("/_sim/outage", "GET"):
                    return self._switch(self._switchboard.outage(name))
                case _:
                    return web.Response(status=HTTPStatus.NOT_FOUND, text=_USAGE)
        except (ValueError, msgspec.DecodeError) as exc:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text=f"{exc}\n")
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _page(self, asked: dict[str, list[str]]) -> web.Response:
        last = asked.get("last", [""])[0]
        page = self._book.page(int(last) if last.isdecimal() else None, asked.get("provider", [None])[0])
        page.totals.open_sockets = max(self.sockets() - 1, 0)
        return web.Response(body=msgspec.json.encode(page), content_type="application/json")

    def _set_law(self, name: str, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Law)
        said = asked.law if isinstance(asked.law, str) else msgspec.json.encode(asked.law).decode()
        self._switchboard.set_law(name, said, laws.parse(said), asked.for_s)

    def _set_outage(self, name: str, body: bytes) -> None:
        asked = msgspec.json.decode(body or b"{}", type=_Outage)
        fault = asked.fault.removeprefix("sim-")
        if self._catalogue.named(fault) is None:
            raise ValueError(f"no behaviour is called {asked.fault!r}")
        self._switchboard.set_outage(name, fault, asked.for_s)

    def _set_limits(self, name: str, body: bytes | None) -> None:
        if body is None:
            self._switchboard.clear_limits(name)
        else:
            self._switchboard.set_limits(name, msgspec.json.decode(body, type=Limits))

    def _switch(self, switch: Switch | None) -> web.Response:
        body: dict[str, Any] = {"on": switch is not None}
        if switch is not None:
            body |= {"law": switch.said} if switch.fault is None else {"fault": switch.fault}
            body["left_s"] = self._switchboard.left_s(switch)
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

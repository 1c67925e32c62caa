"""Documents of identity providers, over HTTP."""

import json
from collections.abc import Awaitable, Callable

from hedgerow_server.core.addresses import AddressRule
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import Reach, Web, WebError
from hedgerow_server.identity.section import IssuerSection

Fetch = Callable[[str], Awaitable[object]]
"""Fetches a JSON document. Raises FetchError."""
_TIMEOUT_S = 5.0
_OK = 200


class FetchError(Exception):
    """The document is not to be had; the text says why."""


def reach(section: IssuerSection) -> Reach:
    """Where requests to an issuer may go, and whom they trust."""
    # Of the URL in the configuration, for a discovery document may name another one: an address that only stands
    # there must not allow itself.
    named = section.proxy or section.jwks_url or section.issuer
    return Reach(AddressRule.of(named, allow=section.allow_private_addresses), section.proxy, section.ca_file)


class IssuerFetch:
    """Fetches the documents of one issuer. No redirect is followed and no proxy of the environment is used: what
    answers there decides who may call.
    """

    def __init__(self, section: IssuerSection, web: Web | None) -> None:
        self._reach = reach(section)
        self._web = web

    async def __call__(self, url: str) -> object:
        """The document at a URL. Raises FetchError."""
        if self._web is None:
            raise FetchError(f"{url} is out of reach here")
        request = HttpRequest("GET", url, {"accept": "application/json"}, b"")
        try:
            answer = await self._web.send(request, self._reach, timeout_s=_TIMEOUT_S)
        except WebError as error:
            raise FetchError(f"{url}: {error}") from None
        if answer.status != _OK:
            raise FetchError(f"{url} answers {answer.status}")
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise FetchError(f"{url} does not answer JSON") from None

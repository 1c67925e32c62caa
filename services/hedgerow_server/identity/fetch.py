"""Documents of identity providers, over HTTP."""

import json
from collections.abc import Awaitable, Callable

import httpx

Fetch = Callable[[str], Awaitable[object]]
"""Fetches a JSON document. Raises FetchError."""
_TIMEOUT_S = 5.0
_MAX_BYTES = 1024 * 1024


class FetchError(Exception):
    """The document is not to be had; the text says why."""


class HttpFetch:
    """One connection pool for all issuers, made when it is first needed. No redirect is followed and no proxy of the
    environment is used: what answers there decides who may call.
    """

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, url: str) -> object:
        """The document at a URL. Raises FetchError."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)
        body = bytearray()
        try:
            async with self._client.stream("GET", url, headers={"accept": "application/json"}) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise FetchError(f"{url} answers {answer.status_code}")
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _MAX_BYTES:
                        raise FetchError(f"{url} answers more than {_MAX_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(f"{url} does not answer ({type(error).__name__})") from None
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise FetchError(f"{url} does not answer JSON") from None

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

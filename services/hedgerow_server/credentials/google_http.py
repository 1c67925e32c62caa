"""What google-auth sends its requests with: the gateway's own HTTP, under its rules of addresses."""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.web import Reach, Web, WebError
from hedgerow_server.credentials.token import TokenEndpointSection

_TIMEOUT_S = 10.0
_METADATA = ("metadata.google.internal", "169.254.169.254")
# As google-auth reads them.
_METADATA_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")


class Answer(msgspec.Struct, frozen=True):
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class GoogleRequest:
    """Sends what google-auth asks for: see google.auth.transport.Request."""

    def __init__(self, section: TokenEndpointSection, web: Web, own_sources: Sequence[str]) -> None:
        """`own_sources` are the URLs at which the machine has the workload's own token."""
        self._section = section
        self._web = web
        found = [os.environ.get(variable) for variable in _METADATA_VARIABLES]
        self._metadata = {_host(f"//{one}") for one in (*_METADATA, *found) if one}
        self._expected = self._metadata | {_host(url) for url in own_sources}
        self.session: Any = None
        """Where Google's metadata server wants mutual TLS, google-auth puts the session here that has its keys."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: object,
    ) -> Answer:
        """The answer, whatever its status. Raises google.auth.exceptions.TransportError."""
        host, timeout_s = _host(url), min(timeout or _TIMEOUT_S, _TIMEOUT_S)
        content = body.encode() if isinstance(body, str) else body or b""
        if self.session is not None and host in self._metadata and url.startswith("https://"):
            return self._over_session(url, method, content, dict(headers or {}), timeout_s)
        request = HttpRequest(method, url, dict(headers or {}), content)
        try:
            answer = self._web.send_blocking(request, self.reach(url), timeout_s=timeout_s)
        except WebError as error:
            raise _transport_error(str(error)) from None
        return Answer(answer.status, answer.headers, answer.body)

    def reach(self, url: str) -> Reach:
        """The rules of a connection for this URL."""
        return self._section.reach(url, expected=_host(url) in self._expected)

    def _over_session(self, url: str, method: str, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer:
        try:
            got = self.session.request(
                method, url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False
            )
        except OSError as error:  # what `requests` raises
            raise _transport_error(f"no answer ({type(error).__name__})") from None
        return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _transport_error(text: str) -> Exception:
    # google-auth is an extra, and there when somebody calls this.
    error: Exception = importlib.import_module("google.auth.exceptions").TransportError(text)
    return error

"""How requests begin: what is the same for all requests to a URL is written once."""

import re
from urllib.parse import quote, urlsplit

from hedgerow_server.core.port import HttpRequest
from hedgerow_server.providers.http.inflate import ACCEPTED
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin.pool import Origin

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, section 5.6.2)."""
_OURS = frozenset(("connection", "content-length", "transfer-encoding"))
"""How a request is framed is not for others to say."""
_SAFE = "/%:=&?@!$'()*+,;~[]-._"
_WITH_BODY = ("POST", "PUT", "PATCH")
_MAX_STARTS = 16


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL. Raises UnreachableError for one that has none."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna" if not url.isascii() else "ascii").decode("ascii")
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, UnicodeError, ValueError):
        raise UnreachableError("its address is no URL of HTTP") from None
    if not host:
        raise UnreachableError("its address is no URL of HTTP")
    return parts.scheme, host, port


def authority(origin: Origin) -> str:
    """The host, and the port where it is not the scheme's own (RFC 9110, section 7.2)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == _PORTS[origin.scheme] else f"{host}:{origin.port}"


class Target:
    """Where requests with a method and a URL go."""

    __slots__ = ("_defaults", "_length", "_line", "_starts", "origin")

    def __init__(self, method: str, url: str, origin: Origin, before: str) -> None:
        """`before`: what stands before the path, for a proxy."""
        parts = urlsplit(url)
        path = quote(parts.path or "/", safe=_SAFE)
        query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
        self._line = f"{method} {before}{path}{query} HTTP/1.1\r\n"
        self._defaults = {"host": authority(origin), "accept": "*/*", "accept-encoding": ACCEPTED}
        self._length = method in _WITH_BODY
        self._starts: dict[tuple[str, ...], str] = {}
        self.origin = origin

    def message(self, request: HttpRequest, extra: tuple[tuple[str, str], ...]) -> bytes:
        """All that is sent. Raises UnreachableError where a header would become another one."""
        headers = request.headers
        if extra:
            headers = {**headers, **dict(extra)}
        names = tuple(headers)
        start = self._starts.get(names) or self._start(names)
        body = request.body
        text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if text.count("\n") != len(names) or text.count("\r") != len(names) or "\0" in text:
            raise UnreachableError("a header of the request cannot be sent")
        length = f"content-length: {len(body)}\r\n\r\n" if body or self._length else "\r\n"
        return f"{start}{text}{length}".encode() + body

    def _start(self, names: tuple[str, ...]) -> str:
        """The request line, and what a request with headers of these names leaves to us."""
        given = {name.lower() for name in names}
        if not all(map(_NAME.fullmatch, names)) or given & _OURS:
            raise UnreachableError("a header of the request cannot be sent")
        ours = [f"{name}: {value}\r\n" for name, value in self._defaults.items() if name not in given]
        if len(self._starts) >= _MAX_STARTS:
            self._starts.clear()
        start = self._starts[names] = self._line + "".join(ours)
        return start

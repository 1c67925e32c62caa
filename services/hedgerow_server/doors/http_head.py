"""What the head of an HTTP request says of how it is read: RFC 9112. The parser (llhttp) keeps to the grammar; what two
readers could understand in two ways is refused here, too, so that no second request hides in a first one.
"""

from urllib.parse import unquote

import httptools

from hedgerow_server.doors.http_exchange import Exchange
from hedgerow_server.doors.http_status import BadMessage

_ABSOLUTE = (b"http://", b"https://")


def read_head(exchange: Exchange, version: str, target: bytes) -> None:
    """Fills what the head says, once its headers and its verb are there. Raises BadMessage."""
    if version not in ("1.0", "1.1"):
        raise BadMessage(505, "http_version_not_supported", "HTTP/1.1 is spoken here.")
    exchange.http10 = version == "1.0"
    hosts = lengths = codings = 0
    for name, value in exchange.headers:
        match name:
            case b"host":
                hosts += 1
            case b"content-length":
                lengths += 1
                exchange.content_length = int(value)
            case b"transfer-encoding":
                codings += 1
                _check_coding(value, codings, http10=exchange.http10)
            case b"expect":
                if value.lower() != b"100-continue":
                    raise BadMessage(417, "expectation_failed", "Nothing can be expected but 100-continue.")
                exchange.expects = not exchange.http10
    if lengths > 1 or (lengths and codings):
        raise BadMessage(400, "bad_request", "The request says in two ways how long it is.")
    if hosts > 1 or not (hosts or exchange.http10):
        raise BadMessage(400, "bad_request", "A request has one header Host.")
    exchange.path, exchange.query = _target(target, exchange.verb)


def _check_coding(value: bytes, nth: int, *, http10: bool) -> None:
    if http10 or nth > 1:
        raise BadMessage(400, "bad_request", "The request has a Transfer-Encoding that nobody can rely on.")
    if value.strip().lower() != b"chunked":
        raise BadMessage(501, "not_implemented", "No Transfer-Encoding is known but chunked.")


def _target(target: bytes, verb: str) -> tuple[str, bytes]:
    """Path and query. Also of an absolute form, which any server has to take (section 3.2.2)."""
    if b"#" in target:
        raise BadMessage(400, "bad_request", "The target of a request has no fragment.")
    if target.lower().startswith(_ABSOLUTE):
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise BadMessage(400, "bad_request", "The target of the request is no URL.") from None
        path, query = url.path or b"/", url.query or b""
    else:
        path, _, query = target.partition(b"?")
        if not path.startswith(b"/") and not (path == b"*" and verb == "OPTIONS"):
            raise BadMessage(400, "bad_request", "The target of the request is no path.")
    text = path.decode("ascii", "replace")
    return unquote(text) if "%" in text else text, query

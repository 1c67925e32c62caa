"""Errors instead of an answer: every status, every way to say when to come back, and pages that are no API's."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim.dialects.port import Kind, Refusal, Refused
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Head, Script, Send
from hedgerow_sim.turn import Behaviour, Turn, answer, refuse, spoken

_HINT: Final = re.compile(r"retry-after|x-ms-retry-after|x-ratelimit-reset|anthropic-ratelimit-.*-reset", re.IGNORECASE)
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_ABSURD_S: Final = 1_000_000_000
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "429": Kind.RATE_LIMIT,
        "500": Kind.SERVER,
        "502": Kind.GATEWAY,
        "503": Kind.OVERLOADED,
        "504": Kind.TIMEOUT,
        "529": Kind.BUSY,
    }
)
_PORTAL: Final = b"""<!DOCTYPE html>
<html><head><title>Welcome to the guest network</title></head>
<body><h1>Please sign in</h1><p>Accept the terms of use to go online.</p></body></html>
"""
_FRONT: Final = """<html>
<head><title>%(status)s Service Temporarily Unavailable</title></head>
<body><center><h1>%(status)s Service Temporarily Unavailable</h1></center><hr><center>nginx</center></body>
</html>
"""


def refusing(kind: Kind, about: str = "") -> Behaviour:
    """The behaviour that refuses every request for this reason."""
    return lambda turn: refuse(turn.dialect, Refusal(kind, about=about or turn.job.model), turn.call, turn.incoming)


def _plain(kind: Kind, about: str = "") -> Play:
    behaviour = refusing(kind, about)
    return lambda turn, _given, _inner: behaviour(turn)


def _bare(turn: Turn, status: str) -> Refused:
    """An error of exactly that status, without any hint when to come back."""
    refused = turn.refused(KINDS[status], "The request cannot be served now.")
    headers = {name: value for name, value in refused.headers.items() if not _HINT.match(name)}
    body = _detailed(refused.body, lambda details: [one for one in details if one.get("@type") != _RETRY_INFO])
    return Refused(int(status), headers, body)


def _detailed(body: bytes, edit: Callable[[list[Any]], list[Any]]) -> bytes:
    """An error's body with other details, Google's way: within `error` where there is one."""
    fields: Any = msgspec.json.decode(body)
    outer = fields[0] if isinstance(fields, list) else fields
    place = outer["error"] if isinstance(outer.get("error"), dict) else outer
    if details := edit(place.get("details", [])):
        place["details"] = details
    else:
        place.pop("details", None)
    return msgspec.json.encode(fields)


def _saying(header: Callable[[Given], Mapping[str, str]]) -> Play:
    """Refuses with these headers and no other hint."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        refused = _bare(turn, given.word("STATUS"))
        return spoken(msgspec.structs.replace(refused, headers={**refused.headers, **header(given)}))

    return play


def _retry_info(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    refused = _bare(turn, given.word("STATUS"))
    info = {"@type": _RETRY_INFO, "retryDelay": f"{given.number('S')}s"}
    return spoken(msgspec.structs.replace(refused, body=_detailed(refused.body, lambda details: [*details, info])))


def _date(given: Given) -> Mapping[str, str]:
    # Rounded up: a date in whole seconds must not come too early.
    return {"retry-after": formatdate(int(time.time()) + 1 + given.number("S"), usegmt=True)}


def _page(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    body = (_FRONT % {"status": given.word("STATUS")}).encode()
    yield Head(int(given.word("STATUS")), {"content-type": "text/html", "server": "nginx"}, len(body))
    yield Send(body, failure=True)


def _nothing(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield Head(int(given.word("STATUS")), {}, 0)


def _html(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield Head(200, {"content-type": "text/html; charset=utf-8"}, len(_PORTAL))
    yield Send(_PORTAL, failure=True)


def _error_as_success(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    refused = turn.refused(KINDS[given.word("STATUS", "500")])
    return spoken(msgspec.structs.replace(refused, status=200))


def _redirect(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    # Another host as far as a client can tell, yet this process: the book shows who followed.
    port = turn.incoming.headers.get("host", "").rpartition(":")[2]
    query = f"?{turn.incoming.query}" if turn.incoming.query else ""
    where = f"http://localhost:{port}/_sim/as/elsewhere{turn.incoming.path}{query}"
    yield Head(int(given.word("CODE")), {"location": where, "content-type": "text/plain"}, 0)
    yield Send(b"", failure=True)


def _no_prefill(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    if _ends_with_assistant(turn.incoming.body):
        return spoken(turn.refused(Kind.PREFILL))
    return (inner or answer)(turn)


def _ends_with_assistant(body: bytes) -> bool:
    fields: Any = msgspec.json.decode(body)
    turns = (fields.get(name) for name in ("messages", "contents", "input"))
    said: list[Any] = next((one for one in turns if isinstance(one, list)), [])
    return bool(said) and said[-1].get("role") in ("assistant", "model")


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _statuses()
    yield from _hints()
    yield from _pages()


def _statuses() -> Iterator[Fault]:
    yield Fault("400", "Status 400: the request is not valid.", "P5", _plain(Kind.BAD_REQUEST))
    yield Fault("422", "Status 422: the request cannot be processed.", "P5", _plain(Kind.UNPROCESSABLE))
    yield Fault("context-length", "Status 400: the prompt is too long.", "P5, S12", _plain(Kind.CONTEXT_LENGTH))
    yield Fault(
        "filter",
        "The content policy refuses the prompt (400; 498 from Cohere, 200 and a block reason from Google).",
        "P5, S13",
        _plain(Kind.FILTER),
    )
    yield Fault("401", "Status 401: the key is wrong.", "P6", _plain(Kind.BAD_KEY, "sk-proj-********************wxyz"))
    yield Fault("403", "Status 403: not allowed.", "P6", _plain(Kind.PERMISSION))
    yield Fault("404", "Status 404: no such model.", "P5", _plain(Kind.NO_MODEL))
    yield Fault(
        "429", "Status 429: too many requests, come back in 2 s; the provider's own way.", "P1", _plain(Kind.RATE_LIMIT)
    )
    yield Fault("429-quota", "Status 429: no money left.", "P2", _plain(Kind.QUOTA))
    yield Fault("500", "Status 500: an internal error.", "P3, S03", _plain(Kind.SERVER))
    yield Fault("502", "Status 502: a bad gateway.", "P3", _plain(Kind.GATEWAY))
    yield Fault("503", "Status 503 (529 from Anthropic): overloaded.", "P3, P25, S04, S16", _plain(Kind.OVERLOADED))
    yield Fault("504", "Status 504: a gateway's time ran out.", "P3", _plain(Kind.TIMEOUT))
    yield Fault("529", "Status 529: overloaded.", "P4", _plain(Kind.BUSY))


def _hints() -> Iterator[Fault]:
    yield Fault(
        "STATUS-after-S",
        "That status with retry-after: S seconds and no other hint.",
        "P1, S01",
        _saying(lambda given: {"retry-after": str(given.number("S", most=9_999_999_999))}),
    )
    yield Fault(
        "STATUS-ms-MS",
        "That status with retry-after-ms.",
        "P1",
        _saying(lambda given: {"retry-after-ms": str(given.number("MS"))}),
    )
    yield Fault(
        "STATUS-xms-MS",
        "That status with x-ms-retry-after-ms, as Azure has it.",
        "P1",
        _saying(lambda given: {"x-ms-retry-after-ms": str(given.number("MS"))}),
    )
    yield Fault(
        "STATUS-date-S", "That status with retry-after: the HTTP date S seconds from now.", "P1", _saying(_date)
    )
    yield Fault("STATUS-info-S", "That status with Google's RetryInfo in the error's details.", "P1", _retry_info)
    yield Fault("STATUS-none", "That status without any hint when to come back.", "P2, S02", _saying(lambda _given: {}))
    yield Fault(
        "STATUS-absurd",
        "That status with retry-after: 1000000000.",
        "P2",
        _saying(lambda _given: {"retry-after": str(_ABSURD_S)}),
    )
    yield Fault(
        "STATUS-negative", "That status with retry-after: -5.", "P2", _saying(lambda _given: {"retry-after": "-5"})
    )
    yield Fault(
        "STATUS-garbage", "That status with retry-after: soon.", "P2", _saying(lambda _given: {"retry-after": "soon"})
    )


def _pages() -> Iterator[Fault]:
    yield Fault("STATUS-html", "That status with an HTML page.", "P4", _page)
    yield Fault("STATUS-empty", "That status without a body.", "P3", _nothing)
    yield Fault("html", "Status 200 and an HTML page, as a captive portal answers.", "P15", _html)
    yield Fault(
        "ok-error[-STATUS]", "Status 200 and the error's body (of 500, or of STATUS).", "P16", _error_as_success
    )
    yield Fault(
        "redirect-CODE", "A redirect to localhost, to the provider `elsewhere` of this process.", "P20", _redirect
    )
    yield Fault(
        "no-prefill",
        "Refuses (400) a conversation that ends with the assistant's words.",
        "S14",
        _no_prefill,
        wraps=True,
    )

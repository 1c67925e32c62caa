"""What an error of this dialect says, whatever its shape.

Vendors wrap their errors in ever other ways; all that were seen in real traffic are read.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.logprobs import objects_of
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.refusal import error_object

_MAX_WORD = 256
_NO_WORDS = ("None", "null")  # LiteLLM writes what it has not so
_REQUEST_FAULTS = (None, 400, 413, 422)
_FLAGGED = "content_policy_violation"


class Facts(msgspec.Struct, frozen=True):
    """What an error says. All may be empty; `status` is the number that it names itself."""

    status: int | None = None
    code: str = ""
    type: str = ""
    inner_code: str = ""
    param: str = ""
    text: str = ""


def read_facts(document: object) -> Facts:
    """What an error says: `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, `{"errors": [{…}]}`,
    and what a router of vendors has of the vendor behind it.
    """
    error = _object(document)
    code = error.get("code") or error.get("error_code")
    numbers = (*map(error.get, ("status_code", "statusCode", "raw_status_code")), code, error.get("status"))
    facts = Facts(
        status=next((number for number in map(_status, numbers) if number is not None), None),
        code=_word(code),
        type=_word(error.get("type")) or _word(error.get("error_type")),
        inner_code=_word(member(error.get("innererror"), "code")),
        param=_word(error.get("param")),
        text=next((text for name in ("message", "error", "detail", "msg") if (text := text_of(error.get(name)))), ""),
    )
    metadata = error.get("metadata")
    return _joined(facts, metadata) if isinstance(metadata, dict) else facts


def _object(document: object) -> dict[str, Any]:
    """The object that says what went wrong."""
    error = error_object(document)
    error = next(iter(objects_of(error.get("errors"))), error)  # Cloudflare
    told = error.get("message") if isinstance(error.get("message"), dict) else error  # Mistral
    detail = member(told, "detail")
    if details := objects_of(detail):
        # FastAPI, of which most servers of open models are made: the place of what is wrong, and why.
        place = details[0].get("loc")
        param = place[1] if isinstance(place, list) and len(place) > 1 else ""
        return {"type": details[0].get("type"), "message": details[0].get("msg"), "param": param}
    return error_object(detail) if isinstance(detail, dict) else error


def _joined(facts: Facts, metadata: dict[str, Any]) -> Facts:
    """OpenRouter's error with what the vendor had said. Of faults that are not the request's that would mislead: it is
    not our account at the vendor.
    """
    if "flagged_input" in metadata or metadata.get("reasons"):
        return msgspec.structs.replace(facts, type=_FLAGGED)
    if facts.status not in _REQUEST_FAULTS:
        return facts
    raw = metadata.get("raw")
    inner = read_facts((plain(raw.encode(errors="replace")) or raw) if isinstance(raw, str) else raw)
    return Facts(
        status=facts.status,
        code=facts.code or inner.code,
        type=facts.type or inner.type,
        inner_code=facts.inner_code or inner.inner_code,
        param=facts.param or inner.param,
        text=f"{facts.text} {inner.text}",
    )


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if type(value) is int and 400 <= value <= 599 else None


def _word(value: object) -> str:
    word = text_of(value)[:_MAX_WORD]
    return word if word not in _NO_WORDS else ""

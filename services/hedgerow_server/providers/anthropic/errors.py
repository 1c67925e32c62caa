"""What Claude's refusals mean, by status, type and code: https://docs.claude.com/en/api/errors.

Nothing of a provider's text goes into an error, only its short code. Where only the text tells a spent account or a
full context from other invalid requests, its words are looked at.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    UpstreamProtocol,
)
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.refusal import by_status, error_object, refusal
from hedgerow_server.providers.retry_after import MAX_DELAY_S, retry_delay_s

_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_BROAD = frozenset({"invalid_request_error", "api_error"})  # types that stand beside any status
# `error.details.error_code`, where it says more than the type.
_BY_CODE: dict[str, type[HedgerowError]] = {
    "enforced_spend_limit_reached": ProviderQuotaSpent,
    "contract_spend_limit_reached": ProviderQuotaSpent,
    "linked_organization_spend_limit_reached": ProviderQuotaSpent,
    "linked_organization_billing_unavailable": ProviderQuotaSpent,
    "user_profile_not_billable": ProviderQuotaSpent,
    "user_profile_billing_not_authorized": ProviderQuotaSpent,
    "organization_on_hold": ProviderAuth,
}
_TOO_LONG = (
    r"(prompt|input) is too long|too many (input )?tokens|maximum context length"
    r"|exceeds? (the )?(model('s)? )?(maximum )?context (limit|window|length)"
)
_BY_WORDS: tuple[tuple[re.Pattern[str], type[HedgerowError]], ...] = tuple(
    (re.compile(words, re.ASCII | re.IGNORECASE), kind)
    for words, kind in (
        (_TOO_LONG, ContextTooLong),
        (r"credit balance is too low|specified (workspace )?api usage limits", ProviderQuotaSpent),
        (r"content filtering policy|usage polic(y|ies)", ContentRefused),
        (r"organization has been disabled|invalid (x-)?api[- ]key", ProviderAuth),
    )
)
_NOT_THE_MODEL = re.compile(r"\b(file|container|skill)s?\b", re.ASCII | re.IGNORECASE)
_FIELD = re.compile(r"[`'\"]?([a-z_]+)", re.ASCII)
_FIELDS = {
    "model": "chat.model",
    "messages": "chat.messages",
    "system": "chat.messages",
    "tools": "chat.tools",
    "tool_choice": "chat.tool_choice",
    "thinking": "chat.reasoning",
    "output_config": "chat.response_format",
    "output_format": "chat.response_format",
    "max_tokens": "chat.max_output_tokens",
    "temperature": "chat.temperature",
    "top_p": "chat.top_p",
    "top_k": "chat.top_k",
    "stop_sequences": "chat.stop_sequences",
}
_LIMIT = re.compile(r"anthropic-ratelimit-([a-z-]+)-remaining", re.ASCII)


class Facts(msgspec.Struct, frozen=True):
    """What an error says. All may be empty."""

    type: str = ""
    code: str = ""
    text: str = ""
    status: int | None = None


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success."""
    facts = _facts(plain(body))
    delay_s = retry_delay_s(headers)
    return _error(_kind(status, facts), provider, status, facts, _reset_s(headers) if delay_s is None else delay_s)


def error_within(provider: str, error: object) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    facts = _facts(error)
    status = _STATUS_OF.get(facts.type) or facts.status or 500
    return _error(_kind(status, facts), provider, 200, facts)


def _error(
    kind: type[HedgerowError], provider: str, status: int, facts: Facts, delay_s: float | None = None
) -> HedgerowError:
    codes = (facts.code, facts.type)
    return refusal(kind, provider, status, codes=codes, fields=_fields(facts), retry_delay_s=delay_s)


def _facts(document: object) -> Facts:
    """What an error says, with or without its envelope `{"type": "error", "error": {…}}`."""
    error = error_object(document)
    number = error.get("code")  # of platforms before Claude that put their own errors into its stream
    return Facts(
        type=_word(error.get("type")),
        code=_word(member(error.get("details"), "error_code")),
        text=next((text for text in (error.get("message"), error.get("error")) if isinstance(text, str)), ""),
        status=number if type(number) is int and 400 <= number <= 599 else None,
    )


def _word(value: object) -> str:
    return text_of(value)[:256]


def _kind(status: int, facts: Facts) -> type[HedgerowError]:
    if status < 400:
        return UpstreamProtocol
    if kind := _BY_CODE.get(facts.code):
        return kind
    if facts.type not in _BROAD:
        status = _STATUS_OF.get(facts.type, status)
    if status < 500 and status != 429:
        by_words = next((kind for words, kind in _BY_WORDS if words.search(facts.text)), None)
        if by_words is not None:
            return by_words
    if status == 404 and _NOT_THE_MODEL.search(facts.text):
        return ProviderRejectedRequest
    return by_status(status)


def _fields(facts: Facts) -> tuple[str, ...]:
    head = _FIELD.match(facts.text)
    field = _FIELDS.get(head[1]) if head else None
    return (field,) if field else ()


def _reset_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until the last of the used-up limits is renewed; its time is in RFC 3339."""
    spent = [match[1] for name, left in headers.items() if left.strip() == "0" and (match := _LIMIT.fullmatch(name))]
    resets = [_unix_s(headers.get(f"anthropic-ratelimit-{limit}-reset", "")) for limit in spent]
    known = [reset for reset in resets if reset is not None]
    if not known:
        return None
    return min(max(max(known) - _now_s(headers), 0.0), MAX_DELAY_S)


def _unix_s(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _now_s(headers: Mapping[str, str]) -> float:
    # The provider's own clock, where it tells it: ours may differ.
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return time.time()

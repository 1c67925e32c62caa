"""What Google's refusals mean, by status and details: https://google.aip.dev/193 and
https://ai.google.dev/gemini-api/docs/troubleshooting. Nothing of Google's text goes into an error, only its short code.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from hedgerow_server.providers.loose import plain, text_of
from hedgerow_server.providers.refusal import by_status, error_object, refusal
from hedgerow_server.providers.retry_after import MAX_DELAY_S, duration_s, retry_delay_s

# Reasons of google.rpc.ErrorInfo (google/api/error_reason.proto) that say more than the status does.
_BY_REASON: dict[str, type[HedgerowError]] = {
    "API_KEY_INVALID": ProviderAuth,
    "API_KEY_SERVICE_BLOCKED": ProviderAuth,
    "API_KEY_HTTP_REFERRER_BLOCKED": ProviderAuth,
    "API_KEY_IP_ADDRESS_BLOCKED": ProviderAuth,
    "API_KEY_ANDROID_APP_BLOCKED": ProviderAuth,
    "API_KEY_IOS_APP_BLOCKED": ProviderAuth,
    "ACCESS_TOKEN_EXPIRED": ProviderAuth,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": ProviderAuth,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": ProviderAuth,
    "ACCOUNT_STATE_INVALID": ProviderAuth,
    "CONSUMER_INVALID": ProviderAuth,
    "CONSUMER_SUSPENDED": ProviderAuth,
    "CREDENTIALS_MISSING": ProviderAuth,
    "IAM_PERMISSION_DENIED": ProviderAuth,
    "SERVICE_DISABLED": ProviderAuth,
    "USER_PROJECT_DENIED": ProviderAuth,
    "BILLING_DISABLED": ProviderQuotaSpent,
    "RESOURCE_QUOTA_EXCEEDED": ProviderQuotaSpent,
}
# Canonical codes (google.rpc.Code), for errors inside a 200 that have no number.
_STATUS_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_CONTEXT_WORDS = re.compile(
    r"token count.{0,40}(exceeds|supports only|only supports)|(input|prompt|context)( is)? too long"
    r"|exceeds the maximum number of (input )?tokens|context (length|window)",
    re.ASCII | re.IGNORECASE,
)
_KEY_WORDS = re.compile(r"api.key (not valid|not found|expired|invalid)|(pass|provide) a valid api.key", re.IGNORECASE)
# Where the account and not the request is refused.
_ACCOUNT_WORDS = re.compile(
    r"(user )?location is not supported|enable billing|free tier is not available", re.IGNORECASE
)
_SPENT_WORDS = re.compile(
    r"credits? (are|is|has been|have been) (depleted|exhausted)|spend(ing)? (cap|limit)", re.IGNORECASE
)
_OWN_FILE_WORDS = re.compile(
    r"access (the|this) (file|cachedcontent|cached content|filesearchstore)|cachedcontent not found", re.IGNORECASE
)
# Vertex AI, of models that are not enabled for the project, not there in the region, or ruled out by the organisation.
_MODEL_WORDS = re.compile(
    r"not allowed to use publisher model|publisher model .{0,512}not servable|disallowed gen ai model", re.IGNORECASE
)
_POLICY_WORDS = re.compile(r"responsible ai practices", re.IGNORECASE)
_FIELDS = {
    "contents": "chat.messages",
    "systemInstruction": "chat.messages",
    "tools": "chat.tools",
    "toolConfig": "chat.tool_choice",
    "temperature": "chat.temperature",
    "topP": "chat.top_p",
    "topK": "chat.top_k",
    "maxOutputTokens": "chat.max_output_tokens",
    "stopSequences": "chat.stop_sequences",
    "frequencyPenalty": "chat.frequency_penalty",
    "presencePenalty": "chat.presence_penalty",
    "seed": "chat.seed",
    "thinkingConfig": "chat.reasoning",
    "responseMimeType": "chat.response_format",
    "responseJsonSchema": "chat.response_format",
    "outputDimensionality": "embed.dimensions",
    "taskType": "embed.purpose",
    "requests": "embed.inputs",
    "instances": "embed.inputs",
}
_TYPE = "type.googleapis.com/google.rpc."


class Facts(msgspec.Struct, frozen=True):
    """What an error says. All may be empty."""

    status: int | None = None
    word: str = ""
    reason: str = ""
    text: str = ""
    delay_s: float | None = None
    spent: bool = False
    fields: tuple[str, ...] = ()


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success."""
    facts = _facts(plain(body))
    delay_s = retry_delay_s(headers) if facts.delay_s is None else facts.delay_s
    return _error(_kind(status, facts), provider, status, facts, delay_s)


def error_within(provider: str, error: object) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    facts = _facts(error)
    status = facts.status or _STATUS_OF.get(facts.word, 500)
    return _error(_kind(status, facts), provider, 200, facts, facts.delay_s)


def _error(kind: type[HedgerowError], provider: str, status: int, facts: Facts, delay_s: float | None) -> HedgerowError:
    codes = (facts.reason or facts.word,)
    return refusal(kind, provider, status, codes=codes, fields=_fields(facts), retry_delay_s=delay_s)


def _facts(document: object) -> Facts:
    """What an error says: `{"error": {…}}`, its inside, or a list that holds it, as streams without SSE do."""
    error = error_object(document)
    details = error.get("details")
    found: dict[str, dict[str, Any]] = {}
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            found.setdefault(text_of(detail.get("@type")).removeprefix(_TYPE), detail)
    code = error.get("code")
    delay_s = duration_s(text_of(found.get("RetryInfo", {}).get("retryDelay")))
    return Facts(
        status=code if type(code) is int and 400 <= code <= 599 else None,
        word=text_of(error.get("status")),
        reason=text_of(found.get("ErrorInfo", {}).get("reason")),
        text=text_of(error.get("message")),
        delay_s=None if delay_s is None else min(delay_s, MAX_DELAY_S),
        spent=any(map(_spent, _violations_of(found.get("QuotaFailure"), "violations"))),
        fields=tuple(text_of(one.get("field")) for one in _violations_of(found.get("BadRequest"), "fieldViolations")),
    )


def _violations_of(detail: Any, member: str) -> list[dict[str, Any]]:
    entries = detail.get(member) if isinstance(detail, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _spent(violation: dict[str, Any]) -> bool:
    """Whether a quota is gone for longer than a burst: that of a day, or one of zero (a model without free tier)."""
    name = f"{text_of(violation.get('quotaId'))} {text_of(violation.get('quotaMetric'))}".lower()
    return "perday" in name or "per_day" in name or violation.get("quotaValue") == "0"


def _kind(status: int, facts: Facts) -> type[HedgerowError]:
    if kind := _BY_REASON.get(facts.reason):
        return kind
    if status == 429:
        spent = facts.spent or _SPENT_WORDS.search(facts.text)
        return ProviderQuotaSpent if spent else ProviderThrottled
    if status in (400, 413, 422):
        return _kind_of_bad_request(facts.text)
    if status == 403:
        return ProviderRejectedRequest if _OWN_FILE_WORDS.search(facts.text) else ProviderAuth
    if status == 499:  # cancelled on their side
        return ProviderUnavailable
    return by_status(status)


def _kind_of_bad_request(text: str) -> type[HedgerowError]:
    if _CONTEXT_WORDS.search(text):
        return ContextTooLong
    if _KEY_WORDS.search(text) or _ACCOUNT_WORDS.search(text):
        return ProviderAuth
    if _MODEL_WORDS.search(text):
        return ProviderModelUnavailable
    return ContentRefused if _POLICY_WORDS.search(text) else ProviderRejectedRequest


def _fields(facts: Facts) -> Iterable[str]:
    """The caller's fields behind Google's, such as `generation_config.top_k` or `contents[0].parts[1]`."""
    found: dict[str, None] = {}
    for path in facts.fields:
        names = [camel(step.partition("[")[0]) for step in path.split(".")]
        if field := next((_FIELDS[name] for name in reversed(names) if name in _FIELDS), None):
            found[field] = None
    return found


def camel(name: str) -> str:
    """A member's name as Google's JSON writes it; it also accepts the one with underscores."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)

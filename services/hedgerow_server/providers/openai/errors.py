"""What OpenAI's refusals mean, by status, code and type: https://platform.openai.com/docs/guides/error-codes.

Nothing of a provider's text goes into an error, only its short code.
"""

import re
from collections.abc import Mapping

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderThrottled,
    ProviderUnavailable,
)
from hedgerow_server.providers.loose import plain, repaired
from hedgerow_server.providers.openai.facts import Facts, read_facts
from hedgerow_server.providers.refusal import by_status, refusal
from hedgerow_server.providers.retry_after import retry_delay_s
from hedgerow_server.providers.sse import SseReader

# Codes and types that say more than the status does, lower case and without separators.
_BY_CODE: dict[str, type[HedgerowError]] = {
    "contextlengthexceeded": ContextTooLong,
    "contextwindowexceeded": ContextTooLong,
    "exceedcontextsizeerror": ContextTooLong,
    "tokenslimitreached": ContextTooLong,
    "stringtoolong": ContextTooLong,
    "1261": ContextTooLong,  # Z.ai, as the other numbers: https://docs.z.ai/api-reference/api-code
    "contentfilter": ContentRefused,
    "contentpolicyviolation": ContentRefused,
    "responsibleaipolicyviolation": ContentRefused,
    "moderationblocked": ContentRefused,
    "datainspectionfailed": ContentRefused,
    "invalidprompt": ContentRefused,
    "imagecontentpolicyviolation": ContentRefused,
    "biopolicy": ContentRefused,
    "misalignmentpolicyviolation": ContentRefused,
    "hooksfailed": ContentRefused,  # a guardrail of Portkey's
    "1301": ContentRefused,
    "insufficientquota": ProviderQuotaSpent,
    "insufficientbalance": ProviderQuotaSpent,
    "billinghardlimitreached": ProviderQuotaSpent,
    "billingnotactive": ProviderQuotaSpent,
    "insufficientfunds": ProviderQuotaSpent,
    "insufficientcredits": ProviderQuotaSpent,
    "budgetexceeded": ProviderQuotaSpent,
    "arrearage": ProviderQuotaSpent,
    "allocationquotafreetieronly": ProviderQuotaSpent,
    "1113": ProviderQuotaSpent,
    "accountdeactivated": ProviderAuth,
    "organizationrestricted": ProviderAuth,
    "invalidapikey": ProviderAuth,
    "apikeyinvalid": ProviderAuth,
    "modelnotfound": ProviderModelUnavailable,
    "modelnotavailable": ProviderModelUnavailable,
    "invalidmodel": ProviderModelUnavailable,
    "unknownmodel": ProviderModelUnavailable,
    "deploymentnotfound": ProviderModelUnavailable,
    "unavailablemodel": ProviderModelUnavailable,
    "modeldecommissioned": ProviderModelUnavailable,
    "modeltermsrequired": ProviderModelUnavailable,
    "modelnotsupported": ProviderModelUnavailable,
    "modelaccessdenied": ProviderModelUnavailable,
    "keymodelaccessdenied": ProviderModelUnavailable,
    "1211": ProviderModelUnavailable,
}
# The status that a code or type stands for, where none came with it: errors inside a 200.
_STATUS_OF = {
    "invalidrequest": 400,
    "invalidrequesterror": 400,
    "invalidparameter": 400,
    "invalidparametererror": 400,
    "badrequest": 400,
    "badrequesterror": 400,
    "toolusefailed": 400,
    "invalidimage": 400,
    "invalidimageformat": 400,
    "invalidbase64image": 400,
    "invalidimageurl": 400,
    "invalidimagemode": 400,
    "imagetoolarge": 400,
    "imagetoosmall": 400,
    "imageparseerror": 400,
    "imagefiletoolarge": 400,
    "imagefilenotfound": 400,
    "unsupportedimagemediatype": 400,
    "emptyimagefile": 400,
    "failedtodownloadimage": 400,
    "authenticationerror": 401,
    "permissionerror": 403,
    "permissiondeniederror": 403,
    "notfounderror": 404,
    "ratelimiterror": 429,
    "ratelimited": 429,
    "ratelimitexceeded": 429,
    "limitrequests": 429,
    "requestlimitexceeded": 429,
    "throttling": 429,
    "throttlingratequota": 429,
    "throttlingallocationquota": 429,
    "throttlingerror": 429,
    "servicetiercapacityexceeded": 429,
    "toomanyrequests": 429,
    "tokens": 429,
    "requests": 429,
}
# What a status means beside what it means everywhere.
_BY_STATUS = {498: ProviderUnavailable}  # Groq's flex tier has no capacity left
_MAX_BODY_BYTES = 256 << 10
_NO_CODES = (None, "", 0, 200, "200")
_SEPARATORS = str.maketrans("", "", "_-. ")


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.ASCII | re.IGNORECASE)


# Vendors' sentences, for the statuses under which they come. Those that say it with a code are not among them.
_CONTEXT_WORDS = _words(
    r"context ?(length|window|size)",
    r"(prompt|input) (is )?too long",
    r"too many (input )?tokens",
    r"maximum (prompt|model|input) length",  # xAI, vLLM
    r"prompt exceeds max length",  # Z.ai
    r"range of input length",  # DashScope
    r"`inputs` (tokens \+|must have less than)",  # text-generation-inference and -embeddings-inference
)
_SPENT_WORDS = _words(
    r"(used all|run out of|(does not|doesn't) have any) (available )?credits",  # xAI
    r"(insufficient|not enough) (credit|balance|funds)",
    r"spending limit",  # xAI, Fireworks
    r"credit balance is too low",
    r"free tier .{0,60}exhausted",  # DashScope
    r"used up your daily free allocation",  # Cloudflare
)
_REFUSED_WORDS = _words(
    r"violates usage guidelines",  # xAI
    r"content exists risk",  # DeepSeek
    r"content management policy",  # Azure
    r"ContentPolicyViolation",  # LiteLLM
)
_KEY_WORDS = _words(r"(incorrect|invalid) api key", r"api key (not valid|expired)")
_MODEL_WORDS = _words(
    r"\bmodel not exist\b",  # DeepSeek
    r"not a valid model\b",  # OpenRouter
    r"\bno such model\b",  # Cloudflare
    r"\bunknown model\b",
    r"\bmodel [`'\"]?[\w./:@-]{1,128}[`'\"]? (does not exist|not found)",
)
_RATE_WORDS = _words(r"rate.?limit", r"too many requests")
# Alibaba's quotas are rates, though it says `insufficient_quota` of them, too.
_RATE_QUOTA_WORDS = _words(r"allocated quota", r"aliyun\.com", r"alibabacloud\.com")
_BY_WORDS: tuple[tuple[frozenset[int], re.Pattern[str], type[HedgerowError]], ...] = (
    (frozenset({400, 403, 413, 422}), _CONTEXT_WORDS, ContextTooLong),
    (frozenset({400, 403, 412, 422, 429}), _SPENT_WORDS, ProviderQuotaSpent),
    (frozenset({400, 403, 422}), _REFUSED_WORDS, ContentRefused),
    (frozenset({400, 413, 422}), _KEY_WORDS, ProviderAuth),
    (frozenset({400, 422}), _MODEL_WORDS, ProviderModelUnavailable),
)
_FIELDS = {
    "model": "chat.model",
    "messages": "chat.messages",
    "tools": "chat.tools",
    "functions": "chat.tools",
    "tool_choice": "chat.tool_choice",
    "parallel_tool_calls": "chat.parallel_tool_calls",
    "response_format": "chat.response_format",
    "reasoning_effort": "chat.reasoning.effort",
    "max_tokens": "chat.max_output_tokens",
    "max_completion_tokens": "chat.max_output_tokens",
    "max_output_tokens": "chat.max_output_tokens",
    "text": "chat.response_format",
    "reasoning": "chat.reasoning",
    "temperature": "chat.temperature",
    "top_p": "chat.top_p",
    "frequency_penalty": "chat.frequency_penalty",
    "presence_penalty": "chat.presence_penalty",
    "seed": "chat.seed",
    "stop": "chat.stop_sequences",
    "prompt_cache_key": "chat.prompt_cache_key",
    "input": "embed.inputs",
    "input[": "chat.messages",  # of the Responses API
    "dimensions": "embed.dimensions",
}


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success."""
    facts = read_facts(_document(body))
    return _error(_kind(status, facts), provider, status, facts, retry_delay_s(headers))


def _document(body: bytes) -> object:
    """The JSON of a refusal, also where it is that of an event, as who asked for a stream may get it (DashScope), or is
    not strict; else the text, unless it is a page.
    """
    text = body[:_MAX_BODY_BYTES].strip()
    if text[:5] in (b"data:", b"event", b"error") or text[:3] == b"id:":
        reader = SseReader("")
        events = [*reader.feed(text), *reader.end()]
        text = next((data for _, data in events if data), b"")
    value = plain(text)
    if value is None and (strict := repaired(text)) is not None:
        value = plain(strict)
    if value is None and text[:1] not in (b"<", b"{", b"["):
        value = text.decode(errors="replace")
    return value


def error_within(provider: str, error: object) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    facts = read_facts(error)
    words = [_bare(facts.code), _bare(facts.type)]
    status = facts.status or next((_STATUS_OF[word] for word in words if word in _STATUS_OF), None)
    return _error(_kind(status or _guessed(facts.text), facts), provider, 200, facts)


def told_error(provider: str, error: object, payload: bytes) -> HedgerowError:
    """The meaning of the member `error` of JSON in a 200. Where it is bare text, what stands beside it tells more."""
    return error_within(provider, (plain(payload) if isinstance(error, str) else None) or error)


def check_bare_error(provider: str, payload: bytes) -> None:
    """Raises the error in JSON of a 200 that has no member for it: `{"object": "error", "message": …}` (older vLLM,
    Mistral), `{"code": …, "message": …}` (DashScope, Z.ai), `{"success": false, "errors": […]}` (Cloudflare).
    """
    event = plain(payload)
    if not isinstance(event, dict):
        return
    code = event.get("code") or event.get("error_code")
    coded = code not in _NO_CODES and ("message" in event or "msg" in event)
    if coded or event.get("success") is False or "error" in (event.get("object"), event.get("type")):
        raise error_within(provider, event)


def _guessed(text: str) -> int:
    """The status of an error that names neither one nor a code that stands for one."""
    if any(words.search(text) for _, words, _ in _BY_WORDS):
        return 400  # under which all of them mean something
    return 429 if _RATE_WORDS.search(text) else 500


def _error(
    kind: type[HedgerowError], provider: str, status: int, facts: Facts, delay_s: float | None = None
) -> HedgerowError:
    codes = (facts.code, facts.type)
    return refusal(kind, provider, status, codes=codes, fields=_fields(facts), retry_delay_s=delay_s)


def _bare(word: str) -> str:
    return word.lower().translate(_SEPARATORS)


def _kind(status: int, facts: Facts) -> type[HedgerowError]:
    for word in (facts.code, facts.inner_code, facts.type):
        if kind := _BY_CODE.get(_bare(word)):
            is_rate = kind is ProviderQuotaSpent and status == 429 and _RATE_QUOTA_WORDS.search(facts.text)
            return ProviderThrottled if is_rate else kind
    for statuses, words, kind in _BY_WORDS:
        if status in statuses and words.search(facts.text):
            return kind
    text_field = "content" in facts.param or "input" in facts.param
    if _bare(facts.code) == "stringabovemaxlength" and text_field:
        return ContextTooLong
    return _BY_STATUS.get(status) or by_status(status)


def _fields(facts: Facts) -> tuple[str, ...]:
    head = re.split(r"[.\[]", facts.param, maxsplit=1)[0]
    field = _FIELDS.get(facts.param[: len(head) + 1]) or _FIELDS.get(head)
    return (field,) if field else ()

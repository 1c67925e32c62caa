"""What OpenAI's refusals mean, by status, code and type: https://platform.openai.com/docs/guides/error-codes.

Vendors that speak the dialect wrap their errors in other shapes; all that were seen in real traffic are read. Nothing
of a provider's text goes into an error, only its short code.
"""

import re
from collections.abc import Mapping

import msgspec

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
)
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.refusal import by_status, error_object, refusal
from hedgerow_server.providers.retry_after import retry_delay_s

# Codes and types that say more than the status does, lower case and without separators.
_BY_CODE: dict[str, type[HedgerowError]] = {
    "contextlengthexceeded": ContextTooLong,
    "contextwindowexceeded": ContextTooLong,
    "exceedcontextsizeerror": ContextTooLong,
    "tokenslimitreached": ContextTooLong,
    "contentfilter": ContentRefused,
    "contentpolicyviolation": ContentRefused,
    "responsibleaipolicyviolation": ContentRefused,
    "moderationblocked": ContentRefused,
    "datainspectionfailed": ContentRefused,
    "invalidprompt": ContentRefused,
    "imagecontentpolicyviolation": ContentRefused,
    "biopolicy": ContentRefused,
    "misalignmentpolicyviolation": ContentRefused,
    "insufficientquota": ProviderQuotaSpent,
    "insufficientbalance": ProviderQuotaSpent,
    "billinghardlimitreached": ProviderQuotaSpent,
    "billingnotactive": ProviderQuotaSpent,
    "accountdeactivated": ProviderAuth,
    "invalidapikey": ProviderAuth,
    "apikeyinvalid": ProviderAuth,
    "modelnotfound": ProviderModelUnavailable,
    "modelnotavailable": ProviderModelUnavailable,
    "invalidmodel": ProviderModelUnavailable,
    "unknownmodel": ProviderModelUnavailable,
    "deploymentnotfound": ProviderModelUnavailable,
}
# The status that a code or type stands for, where none came with it: errors inside a 200.
_STATUS_OF = {
    "invalidrequesterror": 400,
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
    "ratelimitexceeded": 429,
    "tokens": 429,
    "requests": 429,
}
_CONTEXT_WORDS = re.compile(
    r"context (length|window|size)|(prompt|input) (is )?too long|too many (input )?tokens",
    re.ASCII | re.IGNORECASE,
)
_KEY_WORDS = re.compile(r"(incorrect|invalid) api key|api key not valid", re.ASCII | re.IGNORECASE)
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


class Facts(msgspec.Struct, frozen=True):
    """What an error says. All may be empty; `status` is the number that it names itself."""

    status: int | None = None
    code: str = ""
    type: str = ""
    inner_code: str = ""
    param: str = ""
    text: str = ""


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success."""
    facts = _facts(plain(body))
    return _error(_kind(status, facts), provider, status, facts, retry_delay_s(headers))


def error_within(provider: str, error: object) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    facts = _facts(error)
    words = [_bare(facts.code), _bare(facts.type)]
    status = facts.status or next((_STATUS_OF[word] for word in words if word in _STATUS_OF), 500)
    return _error(_kind(status, facts), provider, 200, facts)


def _error(
    kind: type[HedgerowError], provider: str, status: int, facts: Facts, delay_s: float | None = None
) -> HedgerowError:
    codes = (facts.code, facts.type)
    return refusal(kind, provider, status, codes=codes, fields=_fields(facts), retry_delay_s=delay_s)


def _facts(document: object) -> Facts:
    """What an error says, whatever its shape: `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`."""
    error = error_object(document)
    code = error.get("code")
    numbers = (error.get("status_code"), code, error.get("status"))
    texts = (error.get("message"), error.get("error"), error.get("detail"))
    return Facts(
        status=next((number for number in map(_status, numbers) if number is not None), None),
        code=_word(code),
        type=_word(error.get("type")) or _word(error.get("error_type")),
        inner_code=_word(member(error.get("innererror"), "code")),
        param=_word(error.get("param")),
        text=next((text for text in texts if isinstance(text, str)), ""),
    )


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if type(value) is int and 400 <= value <= 599 else None


def _word(value: object) -> str:
    return text_of(value)[:256]


def _bare(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


def _kind(status: int, facts: Facts) -> type[HedgerowError]:
    for word in (facts.code, facts.inner_code, facts.type):
        if kind := _BY_CODE.get(_bare(word)):
            return kind
    if status in (400, 413, 422):
        return _kind_of_bad_request(facts)
    return by_status(status)


def _kind_of_bad_request(facts: Facts) -> type[HedgerowError]:
    too_long = _bare(facts.code) == "stringabovemaxlength" and ("content" in facts.param or "input" in facts.param)
    if too_long or _CONTEXT_WORDS.search(facts.text):
        return ContextTooLong
    if _KEY_WORDS.search(facts.text):
        return ProviderAuth
    return ProviderRejectedRequest


def _fields(facts: Facts) -> tuple[str, ...]:
    head = re.split(r"[.\[]", facts.param, maxsplit=1)[0]
    field = _FIELDS.get(facts.param[: len(head) + 1]) or _FIELDS.get(head)
    return (field,) if field else ()

"""What Cohere's refusals mean, by `error_type` where there is one, else by status and a few words:
https://docs.cohere.com/reference/errors. Nothing of a provider's text goes into an error, only its short type.
"""

import re
from collections.abc import Mapping
from typing import Any

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
)
from hedgerow_server.providers.loose import plain_object, text_of
from hedgerow_server.providers.refusal import by_status, refusal
from hedgerow_server.providers.retry_after import retry_delay_s

_BY_TYPE: dict[str, type[HedgerowError]] = {
    "TOO_MANY_TOKENS": ContextTooLong,
    "BLOCKED_INPUT": ContentRefused,
    "BLOCKED_OUTPUT": ContentRefused,
}
_BY_STATUS: dict[int, type[HedgerowError]] = {
    498: ContentRefused,  # a deny-listed token in the request or the answer
    499: ProviderUnavailable,  # cancelled on their side
    501: ProviderRejectedRequest,  # a feature that is not there
}
_CONTEXT_WORDS = re.compile(r"too many tokens|context (length|window)|prompt is too long", re.ASCII | re.IGNORECASE)
# A limit of the output that was set too high, said with the same first words.
_OUTPUT_WORDS = re.compile(r"max[_ ]tokens must be", re.ASCII | re.IGNORECASE)
_KEY_WORDS = re.compile(r"(incorrect|invalid) api (key|token)", re.ASCII | re.IGNORECASE)
_POLICY_WORDS = re.compile(r"^blocked (input|output)", re.ASCII | re.IGNORECASE)
_SPENT_WORDS = re.compile(r"calls? ?/ ?month|monthly|billing|payment", re.ASCII | re.IGNORECASE)


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success. Header names are lower case."""
    document = plain_object(body)
    error_type = text_of(document.get("error_type"))
    kind = _kind(status, error_type, _message(document))
    return refusal(kind, provider, status, codes=(error_type,), retry_delay_s=retry_delay_s(headers))


def error_within(provider: str, error_type: str, text: str) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    kind = _BY_TYPE.get(error_type.upper()) or _by_words(text) or ProviderUnavailable
    return refusal(kind, provider, 200, codes=(error_type,))


def _kind(status: int, error_type: str, text: str) -> type[HedgerowError]:
    kind = _BY_TYPE.get(error_type.upper()) or _BY_STATUS.get(status)
    if kind is not None:
        return kind
    if status == 429:
        return ProviderQuotaSpent if _SPENT_WORDS.search(text) else ProviderThrottled
    kind = by_status(status)
    return (_by_words(text) or kind) if kind is ProviderRejectedRequest else kind


def _by_words(text: str) -> type[HedgerowError] | None:
    if _CONTEXT_WORDS.search(text):
        return ProviderRejectedRequest if _OUTPUT_WORDS.search(text) else ContextTooLong
    if _POLICY_WORDS.search(text):
        return ContentRefused
    return ProviderAuth if _KEY_WORDS.search(text) else None


def _message(document: dict[str, Any]) -> str:
    """The text, wherever it stands: private deployments put it into `data.error.message` or `detail`."""
    data = document.get("data")
    inner = data.get("error") if isinstance(data, dict) else document.get("error")
    texts = (
        document.get("message"),
        document.get("detail"),
        inner.get("message") if isinstance(inner, dict) else inner,
    )
    return next((text for text in texts if isinstance(text, str)), "")

"""What Cohere's refusals mean, by `error_type` where there is one, else by status and a few words:
https://docs.cohere.com/reference/errors. Nothing of a provider's text goes into an error, only its short type.
"""

import re
from collections.abc import Mapping
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
    UpstreamProtocol,
)
from hedgerow_server.providers.refusal import protocol_error, refusal
from hedgerow_server.providers.retry_after import retry_delay_s

_BY_TYPE: dict[str, type[HedgerowError]] = {
    "TOO_MANY_TOKENS": ContextTooLong,
    "BLOCKED_INPUT": ContentRefused,
    "BLOCKED_OUTPUT": ContentRefused,
}
_BY_STATUS: dict[int, type[HedgerowError]] = {
    401: ProviderAuth,
    402: ProviderQuotaSpent,
    403: ProviderAuth,
    404: ProviderModelUnavailable,
    408: ProviderUnavailable,
    409: ProviderUnavailable,
    498: ContentRefused,  # a deny-listed token in the request or the answer
    499: ProviderUnavailable,  # cancelled on their side
    501: ProviderRejectedRequest,  # a feature that is not there
}
_CONTEXT_WORDS = re.compile(r"too many tokens|context (length|window)|prompt is too long", re.ASCII | re.IGNORECASE)
# A limit of the output that was set too high, said with the same first words.
_OUTPUT_WORDS = re.compile(r"max[_ ]tokens must be", re.ASCII | re.IGNORECASE)
_KEY_WORDS = re.compile(r"(incorrect|invalid) api (key|token)", re.ASCII | re.IGNORECASE)
_SPENT_WORDS = re.compile(r"calls? ?/ ?month|monthly|billing|payment", re.ASCII | re.IGNORECASE)


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success. Header names are lower case."""
    document = _document(body)
    return _error(provider, status, _text(document.get("error_type")), _message(document), retry_delay_s(headers))


def error_within(provider: str, error_type: str, text: str) -> HedgerowError:
    """The meaning of an error in the body of a 200."""
    kind = _BY_TYPE.get(error_type.upper()) or _by_words(text) or ProviderUnavailable
    return refusal(kind, provider, 200, code=error_type)


def _error(provider: str, status: int, error_type: str, text: str, delay_s: float | None) -> HedgerowError:
    kind = _kind(status, error_type, text)
    if kind is UpstreamProtocol:
        return protocol_error(provider, f"status {status}")
    return refusal(kind, provider, status, code=error_type, retry_delay_s=delay_s)


def _kind(status: int, error_type: str, text: str) -> type[HedgerowError]:
    kind = _BY_TYPE.get(error_type.upper()) or _BY_STATUS.get(status)
    if kind is not None:
        return kind
    if status == 429:
        return ProviderQuotaSpent if _SPENT_WORDS.search(text) else ProviderThrottled
    if status < 400:
        return UpstreamProtocol
    if status >= 500:
        return ProviderUnavailable
    return _by_words(text) or ProviderRejectedRequest


def _by_words(text: str) -> type[HedgerowError] | None:
    if _CONTEXT_WORDS.search(text):
        return ProviderRejectedRequest if _OUTPUT_WORDS.search(text) else ContextTooLong
    return ProviderAuth if _KEY_WORDS.search(text) else None


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


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


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

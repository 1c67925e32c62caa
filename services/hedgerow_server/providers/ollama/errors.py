"""What Ollama's refusals mean, by status and a few words: https://docs.ollama.com/api/errors.

An error is `{"error": "text"}` and nothing more, in a stream as a line of its own. Nothing of the text goes into ours.
"""

import re
from collections.abc import Mapping

from hedgerow_server.core.error import (
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
from hedgerow_server.providers.retry_after import retry_delay_s

_CONTEXT_WORDS = re.compile(
    r"(exceeds?|exceeded) (the |max |maximum |available )*context (length|size|window)|prompt (is )?too long",
    re.ASCII | re.IGNORECASE,
)
_MODEL_WORDS = re.compile(r"^model .{0,512}not found|try pulling it first", re.ASCII | re.IGNORECASE | re.DOTALL)
_LIMIT_WORDS = re.compile(r"usage limit", re.ASCII | re.IGNORECASE)
_SPENT_WORDS = re.compile(r"usage limit|quota|upgrade|subscription|billing", re.ASCII | re.IGNORECASE)
_BUSY_WORDS = re.compile(
    r"server busy|maximum pending requests|too many (concurrent )?requests", re.ASCII | re.IGNORECASE
)
_UNABLE_WORDS = re.compile(r"does not support|is not supported", re.ASCII | re.IGNORECASE)
_KEY_WORDS = re.compile(r"^unauthorized", re.ASCII | re.IGNORECASE)
_RETIRED = 410  # https://docs.ollama.com/cloud#retirements


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success. Header names are lower case."""
    text = _text(plain(body))
    kind = ProviderModelUnavailable if status == _RETIRED else by_status(status)
    if kind is ProviderThrottled and _SPENT_WORDS.search(text):
        kind = ProviderQuotaSpent
    elif kind is ProviderRejectedRequest or status == 500:
        # What a runner says comes with 500, whatever it says.
        kind = _by_words(text) or kind
    return refusal(kind, provider, status, retry_delay_s=retry_delay_s(headers))


def error_within(provider: str, error: object) -> HedgerowError:
    """The meaning of the error in the body of a 200."""
    return refusal(_by_words(_text(error)) or ProviderUnavailable, provider, 200)


def _by_words(text: str) -> type[HedgerowError] | None:
    if _CONTEXT_WORDS.search(text):
        return ContextTooLong
    if _MODEL_WORDS.search(text):
        return ProviderModelUnavailable
    if _LIMIT_WORDS.search(text):
        return ProviderQuotaSpent
    if _BUSY_WORDS.search(text):
        return ProviderThrottled
    if _UNABLE_WORDS.search(text):
        return ProviderRejectedRequest
    return ProviderAuth if _KEY_WORDS.search(text) else None


def _text(document: object) -> str:
    """The text, wherever it stands: proxies wrap it as OpenAI does."""
    found = error_object(document)
    return text_of(found.get("error")) or text_of(found.get("message"))

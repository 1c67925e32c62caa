"""What Bedrock's refusals mean, by the name of the exception, else by status.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors and
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html. Nothing of a provider's text goes into an
error, only the exception's name.
"""

import re
from collections.abc import Mapping
from typing import Any

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
from hedgerow_server.providers.loose import plain_object, text_of
from hedgerow_server.providers.refusal import refusal
from hedgerow_server.providers.retry_after import retry_delay_s

# By lower-case name without "Exception". ValidationException is looked at further.
_BY_NAME: dict[str, type[HedgerowError]] = {
    "accessdenied": ProviderAuth,
    "expiredtoken": ProviderAuth,
    "incompletesignature": ProviderAuth,
    "invalidclienttokenid": ProviderAuth,
    "invalidsignature": ProviderAuth,
    "missingauthenticationtoken": ProviderAuth,
    "notauthorized": ProviderAuth,
    "optinrequired": ProviderAuth,
    "requestexpired": ProviderAuth,
    "signaturedoesnotmatch": ProviderAuth,
    "unauthorized": ProviderAuth,
    "unrecognizedclient": ProviderAuth,
    "throttling": ProviderThrottled,
    "toomanyrequests": ProviderThrottled,
    "servicequotaexceeded": ProviderQuotaSpent,
    "resourcenotfound": ProviderModelUnavailable,
    "internalfailure": ProviderUnavailable,
    "internalserver": ProviderUnavailable,
    "modelerror": ProviderUnavailable,
    "modelnotready": ProviderUnavailable,
    "modelstreamerror": ProviderUnavailable,
    "modeltimeout": ProviderUnavailable,
    "serviceunavailable": ProviderUnavailable,
}
_BY_STATUS: dict[int, type[HedgerowError]] = {
    401: ProviderAuth,
    403: ProviderAuth,
    404: ProviderModelUnavailable,
    408: ProviderUnavailable,
    409: ProviderUnavailable,
    424: ProviderUnavailable,
    429: ProviderThrottled,
}
# Each model's own words, handed through.
_CONTEXT_WORDS = re.compile(
    r"(input|prompt) is too long|too many input tokens|context (length|window|limit|size)|expected maxLength"
    r"|(maximum|max) (input (tokens|length)|prompt length)|input token count|input tokens exceed"
    r"|range of input length",
    re.ASCII | re.IGNORECASE,
)
_POLICY_WORDS = re.compile(r"content filtering policy", re.ASCII | re.IGNORECASE)
# What an account is told that may not use Bedrock at all.
_ACCOUNT_WORDS = re.compile(r"^operation not allowed", re.ASCII | re.IGNORECASE)
_MODEL_WORDS = re.compile(
    r"model identifier is invalid|on-demand throughput|isn.t supported in this region|end of its life"
    r"|model id .* (is not|isn.t) (supported|available)|marked by provider as legacy",
    re.ASCII | re.IGNORECASE,
)
_STATUS_OF_VALIDATION = 400


def classify(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> HedgerowError:
    """The meaning of an answer that is not a success. Header names are lower case."""
    document = plain_object(body)
    name = _name(headers.get("x-amzn-errortype")) or _name(document.get("__type")) or _name(document.get("code"))
    kind = _kind(name, status, _text(document))
    return refusal(kind, provider, status, codes=(name,), retry_delay_s=retry_delay_s(headers))


def error_within(provider: str, name: str, payload: bytes) -> HedgerowError:
    """The meaning of an exception in a stream."""
    name = _name(name)
    status = _STATUS_OF_VALIDATION if _bare(name) == "validation" else 500
    return refusal(_kind(name, status, _text(plain_object(payload))), provider, 200, codes=(name,))


def _kind(name: str, status: int, text: str) -> type[HedgerowError]:
    kind = _BY_NAME.get(_bare(name)) or _BY_STATUS.get(status)
    if kind is ProviderUnavailable and _CONTEXT_WORDS.search(text):
        return ContextTooLong  # the model's own refusal, handed through as a ModelErrorException
    if kind is not None:
        return kind
    if status < 400:
        return UpstreamProtocol
    if status >= 500:
        return ProviderUnavailable
    if _MODEL_WORDS.search(text):
        return ProviderModelUnavailable
    if _CONTEXT_WORDS.search(text):
        return ContextTooLong
    if _ACCOUNT_WORDS.search(text):
        return ProviderAuth
    return ContentRefused if _POLICY_WORDS.search(text) else ProviderRejectedRequest


def _text(document: dict[str, Any]) -> str:
    texts = (document.get("message"), document.get("Message"), document.get("originalMessage"))
    return " ".join(text for text in texts if isinstance(text, str))


def _name(value: object) -> str:
    """The bare name in `ThrottlingException:http://…` or `com.amazon.coral.service#ThrottlingException`."""
    name = text_of(value).partition(":")[0].rpartition("#")[2].strip()[:64]
    return name[:1].upper() + name[1:]


def _bare(name: str) -> str:
    return name.lower().removesuffix("exception")

"""What a provider's refusal becomes: our words, its short code, nothing of its text."""

import re
from collections.abc import Iterable
from typing import Any

from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    FieldViolation,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    StreamCut,
    UpstreamProtocol,
)

_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)  # what a code may look like to be told to callers
_NOT_OF_MEDIA_TYPE = re.compile(r"[^a-z0-9/+.-]", re.ASCII)
_BY_STATUS: dict[int, type[HedgerowError]] = {
    401: ProviderAuth,
    402: ProviderQuotaSpent,
    403: ProviderAuth,
    404: ProviderModelUnavailable,
    408: ProviderUnavailable,
    409: ProviderUnavailable,
    425: ProviderUnavailable,
    429: ProviderThrottled,
}
_PHRASES: dict[type[HedgerowError], str] = {
    ContextTooLong: "says that the conversation does not fit the model's context",
    ContentRefused: "refused the request under its content policy",
    ProviderRejectedRequest: "refused the request as invalid",
    ProviderAuth: "refused the gateway's credential",
    ProviderQuotaSpent: "says that the gateway's account has nothing left",
    ProviderModelUnavailable: "does not have the model",
    ProviderThrottled: "refuses for too many calls",
    ProviderUnavailable: "failed",
    UpstreamProtocol: "gave an answer that is not of its protocol",
}


def protocol_error(provider: str, detail: str) -> UpstreamProtocol:
    """The provider's answer is not what the dialect says; `detail` is a short phrase of our own."""
    return UpstreamProtocol(
        f"The provider {provider} {_PHRASES[UpstreamProtocol]}: {detail}.",
        metadata={"provider": provider, "detail": detail},
    )


def stream_cut(provider: str) -> StreamCut:
    """The provider's answer ended before its end."""
    return StreamCut(
        f"The answer of the provider {provider} ended without a finish reason.", metadata={"provider": provider}
    )


def failed_within(provider: str, word: str) -> ProviderUnavailable:
    """The provider's word in the place of a finish reason says that it failed."""
    return ProviderUnavailable(
        f"The provider {provider} failed while it answered ({word}).",
        metadata={"provider": provider, "upstreamStatus": "200", "upstreamCode": word},
    )


def wrong_content_type(provider: str, content_type: str) -> UpstreamProtocol:
    """The answer's content type is none of the dialect's."""
    return protocol_error(provider, f"content type {_NOT_OF_MEDIA_TYPE.sub('', content_type)[:64]}")


def refusal(
    kind: type[HedgerowError],
    provider: str,
    status: int,
    *,
    codes: Iterable[str] = (),
    fields: Iterable[str] = (),
    retry_delay_s: float | None = None,
) -> HedgerowError:
    """The error for a refusal of this kind. `status` is the HTTP status. Of the provider's `codes` the first one that
    may be told is shown. The caller's `fields` that were refused count for an invalid request only, the delay only
    where trying again may help.
    """
    if kind is UpstreamProtocol:
        return protocol_error(provider, f"status {status}")
    shown = next(filter(_CODE.fullmatch, codes), "")
    metadata = {"provider": provider, "upstreamStatus": str(status)}
    if shown:
        metadata["upstreamCode"] = shown
    violations = fields if kind is ProviderRejectedRequest else ()
    return kind(
        f"The provider {provider} {_PHRASES[kind]} ({' '.join(filter(None, (str(status), shown)))}).",
        metadata=metadata,
        violations=tuple(FieldViolation(field, "the provider refused it") for field in violations),
        retry_delay_s=retry_delay_s if kind in (ProviderThrottled, ProviderUnavailable) else None,
    )


def by_status(status: int) -> type[HedgerowError]:
    """What an HTTP status that is no success means where the provider says nothing more."""
    if status < 400:
        return UpstreamProtocol
    return _BY_STATUS.get(status, ProviderRejectedRequest if status < 500 else ProviderUnavailable)


def error_object(document: object) -> dict[str, Any]:
    """The object that says what went wrong, without its envelopes: a list that holds it, `{"error": {…}}`. A bare text
    becomes its `message`; of anything else it is empty.
    """
    if isinstance(document, list) and document:
        document = document[0]
    while isinstance(document, dict) and isinstance(inner := document.get("error"), dict):
        document = inner
    if isinstance(document, str):
        return {"message": document}
    return document if isinstance(document, dict) else {}

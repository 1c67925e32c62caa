"""What a provider's refusal becomes: our words, its short code, nothing of its text."""

import re

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
    UpstreamProtocol,
)

CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
"""What a provider's code or type may look like to be told to callers."""
_NOT_OF_MEDIA_TYPE = re.compile(r"[^a-z0-9/+.-]", re.ASCII)
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


def wrong_content_type(provider: str, content_type: str) -> UpstreamProtocol:
    """The answer's content type is none of the dialect's."""
    return protocol_error(provider, f"content type {_NOT_OF_MEDIA_TYPE.sub('', content_type)[:64]}")


def refusal(
    kind: type[HedgerowError],
    provider: str,
    status: int,
    *,
    code: str = "",
    violations: tuple[FieldViolation, ...] = (),
    retry_delay_s: float | None = None,
) -> HedgerowError:
    """The error for a refusal of this kind. `status` is the HTTP status; `code` is shown where it matches CODE."""
    shown = code if CODE.fullmatch(code) else ""
    metadata = {"provider": provider, "upstreamStatus": str(status)}
    if shown:
        metadata["upstreamCode"] = shown
    return kind(
        f"The provider {provider} {_PHRASES[kind]} ({' '.join(filter(None, (str(status), shown)))}).",
        metadata=metadata,
        violations=violations,
        retry_delay_s=retry_delay_s if kind in (ProviderThrottled, ProviderUnavailable) else None,
    )

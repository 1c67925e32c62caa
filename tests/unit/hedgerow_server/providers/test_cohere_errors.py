"""What Cohere's refusals mean."""

import json

import pytest
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
from providers.cohere_run import cohere


def classified(status: int, text: str = "secret words", error_type: str = "", **headers: str) -> HedgerowError:
    """The error for a refusal."""
    body = {"id": "x", "message": text, **({"error_type": error_type} if error_type else {})}
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return cohere().classify(status, said, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamProtocol),
        (400, ProviderRejectedRequest),
        (401, ProviderAuth),
        (402, ProviderQuotaSpent),
        (403, ProviderAuth),
        (404, ProviderModelUnavailable),
        (422, ProviderRejectedRequest),
        (429, ProviderThrottled),
        (498, ContentRefused),
        (499, ProviderUnavailable),
        (500, ProviderUnavailable),
        (501, ProviderRejectedRequest),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
    ],
)
def test_every_status_has_its_class(status: int, kind: type[HedgerowError]) -> None:
    error = classified(status)
    assert type(error) is kind
    assert "secret" not in f"{error.message} {error.metadata}"


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "too many tokens: size limit exceeded by 11326 tokens.", ContextTooLong),
        (400, "too many tokens: max tokens must be less than or equal to 4096", ProviderRejectedRequest),
        (400, "invalid api token", ProviderAuth),
        (400, "blocked output: please adjust your prompt and try again", ContentRefused),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", ProviderQuotaSpent),
        (429, "You are using a Trial key, which is limited to 20 API calls / minute.", ProviderThrottled),
    ],
)
def test_a_status_is_told_apart_by_the_words(status: int, text: str, kind: type[HedgerowError]) -> None:
    assert type(classified(status, text)) is kind


def test_the_type_of_an_error_counts_first_and_is_shown() -> None:
    error = classified(400, error_type="TOO_MANY_TOKENS")
    assert type(error) is ContextTooLong
    assert error.metadata["upstreamCode"] == "TOO_MANY_TOKENS"


def test_a_hint_when_to_come_back_is_kept() -> None:
    assert classified(429, retry_after="7").retry_delay_s == 7.0


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b'{"message": 7}', b'{"data": {"error": 7}}'])
def test_any_body_is_classified(body: bytes) -> None:
    assert type(cohere().classify(503, {}, body)) is ProviderUnavailable


def test_the_text_may_stand_elsewhere() -> None:
    body = b'{"data": {"error": {"message": "too many tokens: x"}}}'
    assert type(cohere().classify(400, {}, body)) is ContextTooLong

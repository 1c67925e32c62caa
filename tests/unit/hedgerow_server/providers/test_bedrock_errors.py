"""What Bedrock's refusals mean."""

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
from providers.bedrock_run import bedrock


def classified(status: int, name: str = "", text: str = "secret words", **headers: str) -> HedgerowError:
    """The error for a refusal; `name` goes into the header."""
    said = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"} if name else {}
    body = json.dumps({"message": text}).encode()
    return bedrock().classify(
        status, {**said, **{key.replace("_", "-"): value for key, value in headers.items()}}, body
    )


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ValidationException", ProviderRejectedRequest),
        (400, "ServiceQuotaExceededException", ProviderQuotaSpent),
        (403, "AccessDeniedException", ProviderAuth),
        (403, "ExpiredTokenException", ProviderAuth),
        (403, "InvalidSignatureException", ProviderAuth),
        (403, "UnrecognizedClientException", ProviderAuth),
        (404, "ResourceNotFoundException", ProviderModelUnavailable),
        (408, "ModelTimeoutException", ProviderUnavailable),
        (424, "ModelErrorException", ProviderUnavailable),
        (429, "ThrottlingException", ProviderThrottled),
        (429, "ModelNotReadyException", ProviderUnavailable),
        (500, "InternalServerException", ProviderUnavailable),
        (503, "ServiceUnavailableException", ProviderUnavailable),
    ],
)
def test_every_exception_has_its_class(status: int, name: str, kind: type[HedgerowError]) -> None:
    error = classified(status, name)
    assert type(error) is kind
    assert error.metadata == {"provider": "vendor", "upstreamStatus": str(status), "upstreamCode": name}
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamProtocol),
        (400, ProviderRejectedRequest),
        (401, ProviderAuth),
        (403, ProviderAuth),
        (404, ProviderModelUnavailable),
        (409, ProviderUnavailable),
        (418, ProviderRejectedRequest),
        (429, ProviderThrottled),
        (500, ProviderUnavailable),
        (599, ProviderUnavailable),
    ],
)
def test_without_an_exception_the_status_counts(status: int, kind: type[HedgerowError]) -> None:
    assert type(classified(status)) is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Input is too long for requested model.", ContextTooLong),
        ("The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum", ContextTooLong),
        ("Too many input tokens. Max input tokens: 8192, request input token count: 10001", ContextTooLong),
        ("input length and `max_tokens` exceed context limit: 197202 + 21333 > 200000", ContextTooLong),
        ("Input Tokens Exceeded: Number of input tokens exceeds maximum length.", ContextTooLong),
        ("This model's maximum prompt length is 256000 but the request contains 332986 tokens.", ContextTooLong),
        ("Range of input length should be [1, 258048]", ContextTooLong),
        ("The maximum tokens you requested exceeds the model limit of 4096.", ProviderRejectedRequest),
        ("Operation not allowed", ProviderAuth),
        ("The model returned the following errors: Output blocked by content filtering policy", ContentRefused),
        ("The provided model identifier is invalid.", ProviderModelUnavailable),
        (
            "Invocation of model ID amazon.nova-2 with on-demand throughput isn\u2019t supported.",
            ProviderModelUnavailable,
        ),
        ("messages: roles must alternate", ProviderRejectedRequest),
    ],
)
def test_a_validation_exception_is_told_apart_by_its_words(text: str, kind: type[HedgerowError]) -> None:
    error = classified(400, "ValidationException", text)
    assert type(error) is kind
    assert text not in f"{error.message} {error.metadata}"


def test_a_model_that_refuses_a_long_prompt_is_no_outage() -> None:
    assert type(classified(424, "ModelErrorException", "prompt is too long: 9 > 8")) is ContextTooLong


def test_the_type_may_stand_in_the_body() -> None:
    body = b'{"__type": "com.amazon.coral.service#ThrottlingException", "Message": "x"}'
    error = bedrock().classify(400, {}, body)
    assert type(error) is ProviderThrottled
    assert error.metadata["upstreamCode"] == "ThrottlingException"


def test_a_hint_when_to_come_back_is_kept() -> None:
    assert classified(429, "ThrottlingException", retry_after="7").retry_delay_s == 7.0
    assert classified(400, "ValidationException", retry_after="7").retry_delay_s is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"\xff", b'{"message": 7}'])
def test_any_body_is_classified(body: bytes) -> None:
    assert type(bedrock().classify(503, {}, body)) is ProviderUnavailable


def test_a_name_that_is_none_is_not_shown() -> None:
    assert "upstreamCode" not in classified(400, "Say <script>").metadata

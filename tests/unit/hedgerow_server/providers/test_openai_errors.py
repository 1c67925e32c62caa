"""What OpenAI's refusals mean, in every shape that vendors give them."""

from typing import Any

import pytest
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
from providers.openai_run import classify, stream


def said(message: str = "", **members: Any) -> dict[str, Any]:
    """An error in OpenAI's own shape."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | members}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, UpstreamProtocol),
        (400, ProviderRejectedRequest),
        (401, ProviderAuth),
        (402, ProviderQuotaSpent),
        (403, ProviderAuth),
        (404, ProviderModelUnavailable),
        (405, ProviderRejectedRequest),
        (408, ProviderUnavailable),
        (409, ProviderUnavailable),
        (413, ProviderRejectedRequest),
        (422, ProviderRejectedRequest),
        (429, ProviderThrottled),
        (500, ProviderUnavailable),
        (502, ProviderUnavailable),
        (503, ProviderUnavailable),
        (504, ProviderUnavailable),
        (529, ProviderUnavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"\xff\xfe", b"[]", b"null", b'{"error": 7}'])
def test_the_status_decides_where_the_body_says_nothing(status: int, kind: type[HedgerowError], body: bytes) -> None:
    assert type(classify(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "members", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ContextTooLong),
        (413, {"code": "tokens_limit_reached"}, ContextTooLong),
        (400, {"code": "string_above_max_length", "param": "messages[0].content"}, ContextTooLong),
        (400, {"code": "string_above_max_length", "param": "messages[0].tool_calls[0].id"}, ProviderRejectedRequest),
        (400, {"message": "This model's maximum context length is 8 tokens."}, ContextTooLong),
        (400, {"message": "prompt too long; exceeded"}, ContextTooLong),
        (400, {"type": "exceed_context_size_error", "code": 400}, ContextTooLong),
        (400, {"code": "content_policy_violation"}, ContentRefused),
        (400, {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}, ContentRefused),
        (400, {"innererror": {"code": "ResponsibleAIPolicyViolation"}}, ContentRefused),
        (400, {"code": "data_inspection_failed"}, ContentRefused),
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, ProviderQuotaSpent),
        (429, {"code": "billing_not_active"}, ProviderQuotaSpent),
        (400, {"code": "billing_hard_limit_reached"}, ProviderQuotaSpent),
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, ProviderThrottled),
        (403, {"code": "model_not_found"}, ProviderModelUnavailable),
        (403, {"code": "unsupported_country_region_territory"}, ProviderAuth),
        (400, {"code": "model_not_found"}, ProviderModelUnavailable),
        (400, {"code": "API_KEY_INVALID"}, ProviderAuth),
        (400, {"message": "Incorrect API key provided: xa***."}, ProviderAuth),
        (500, {"message": "maximum context length"}, ProviderUnavailable),
    ],
)
def test_a_code_says_more_than_the_status(status: int, members: dict[str, Any], kind: type[HedgerowError]) -> None:
    assert type(classify(status, said(**members))) is kind


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (said(code="invalid_value"), "invalid_value"),
        (said(), "invalid_request_error"),
        ({"error": "text", "code": "some_code"}, "some_code"),
        ({"code": "Throttling.User", "message": "slow down", "request_id": "x"}, "Throttling.User"),
        ({"message": "no", "error_type": "bad_thing"}, "bad_thing"),
        ([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], None),
        ({"error": {"code": 400, "message": "no"}}, None),
        ({"detail": "no"}, None),
        ({"error": {"code": "401"}}, None),
        ({"error": {"code": "Client specified an invalid argument"}}, None),
        ({"error": {"code": "x" * 65, "type": "fine"}}, "fine"),
        ({"error": {"code": "naïve", "type": ["list"]}}, None),
    ],
)
def test_the_short_code_is_kept_whatever_the_shape(body: object, code: str | None) -> None:
    assert classify(400, body).metadata.get("upstreamCode") == code


def test_nothing_of_the_text_is_kept() -> None:
    """Messages of providers hold prompts and parts of keys."""
    secret = "sk-live-1234 prompt text"
    error = classify(400, said(secret, code=f"code {secret}", param=f"param {secret}"))
    assert secret not in repr((error.message, error.metadata, error.violations))


def test_provider_status_and_code_stand_in_the_metadata() -> None:
    error = classify(400, said(code="invalid_value"))
    assert error.metadata == {"provider": "vendor", "upstreamStatus": "400", "upstreamCode": "invalid_value"}


@pytest.mark.parametrize(
    ("param", "field"),
    [
        ("messages[3].content[0]", "chat.messages"),
        ("temperature", "chat.temperature"),
        ("max_tokens", "chat.max_output_tokens"),
        ("tools[0].function.parameters", "chat.tools"),
        ("reasoning_effort", "chat.reasoning.effort"),
        ("response_format.json_schema", "chat.response_format"),
        ("dimensions", "embed.dimensions"),
        ("input", "embed.inputs"),
        ("logit_bias", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_the_parameter_is_named_in_our_words(param: object, field: str | None) -> None:
    wanted = (FieldViolation(field, "the provider refused it"),) if field else ()
    assert classify(400, said(param=param)).violations == wanted


@pytest.mark.parametrize(("status", "kept"), [(429, 7.0), (503, 7.0), (401, None), (400, None)])
def test_a_delay_is_kept_where_waiting_helps(status: int, kept: float | None) -> None:
    assert classify(status, said(), {"retry-after": "7"}).retry_delay_s == kept


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ('data: {"error": {"message": "x", "type": "server_error"}}', ProviderUnavailable),
        ('data: {"error": {"message": "x", "code": 429}}', ProviderThrottled),
        ('data: {"error": {"message": "x", "code": "rate_limit_exceeded"}}', ProviderThrottled),
        ('data: {"error": {"message": "x", "code": "context_length_exceeded"}}', ContextTooLong),
        ('data: {"error": {"message": "x", "type": "invalid_request_error"}}', ProviderRejectedRequest),
        ('data: {"error": "overloaded"}', ProviderUnavailable),
        ('data: {"choices": [], "error": {"code": 502}}', ProviderUnavailable),
        ('event: error\ndata: {"error": {"status_code": 400, "code": "tool_use_failed"}}', ProviderRejectedRequest),
        ('event: error\ndata: {"message": "x", "code": 401}', ProviderAuth),
        ("event: error\ndata: no JSON", ProviderUnavailable),
        ('data: {"object": "error", "message": "x", "type": "BadRequestError", "code": 400}', ProviderRejectedRequest),
    ],
)
def test_an_error_in_a_stream_is_classified_like_one_of_http(event: str, kind: type[HedgerowError]) -> None:
    with pytest.raises(HedgerowError) as caught:
        stream(f"{event}\n\n".encode())
    assert type(caught.value) is kind
    assert caught.value.metadata["upstreamStatus"] == "200"

"""What Google's refusals mean."""

import json
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
from providers.google_run import gemini, vertex

Json = dict[str, Any]

RPC = "type.googleapis.com/google.rpc."


def classified(
    status: int, word: str = "", message: str = "", *details: Json, headers: dict[str, str] | None = None
) -> HedgerowError:
    """What an error of Google's means."""
    error = {"code": status, "message": message, "status": word, "details": list(details)}
    return gemini().classify(status, headers or {}, json.dumps({"error": error}).encode())


def detail(kind: str, **members: Any) -> Json:
    """A detail of google.rpc."""
    return {"@type": f"{RPC}{kind}", **members}


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", ProviderRejectedRequest),
        (400, "FAILED_PRECONDITION", ProviderRejectedRequest),
        (401, "UNAUTHENTICATED", ProviderAuth),
        (402, "", ProviderQuotaSpent),
        (403, "PERMISSION_DENIED", ProviderAuth),
        (404, "NOT_FOUND", ProviderModelUnavailable),
        (409, "ABORTED", ProviderUnavailable),
        (413, "", ProviderRejectedRequest),
        (429, "RESOURCE_EXHAUSTED", ProviderThrottled),
        (499, "CANCELLED", ProviderUnavailable),
        (500, "INTERNAL", ProviderUnavailable),
        (503, "UNAVAILABLE", ProviderUnavailable),
        (504, "DEADLINE_EXCEEDED", ProviderUnavailable),
        (302, "", UpstreamProtocol),
    ],
)
def test_the_status_tells(status: int, word: str, kind: type[HedgerowError]) -> None:
    error = classified(status, word)
    assert type(error) is kind
    if kind is not UpstreamProtocol:
        assert error.metadata.get("upstreamCode", "") == word


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (
            400,
            "The input token count (1054016) exceeds the maximum number of tokens allowed (1048576).",
            ContextTooLong,
        ),
        (
            400,
            "Unable to submit request because the input token count is 2000000 but model only supports up to 1048576.",
            ContextTooLong,
        ),
        (400, "API key not valid. Please pass a valid API key.", ProviderAuth),
        (400, "API key expired. Please renew the API key.", ProviderAuth),
        (400, "User location is not supported for the API use.", ProviderAuth),
        (400, "Please ensure that function call turn comes immediately after a user turn.", ProviderRejectedRequest),
        (403, "You do not have permission to access the File abc or it may not exist.", ProviderRejectedRequest),
        (403, "CachedContent not found (or permission denied)", ProviderRejectedRequest),
        (400, "Project `p` is not allowed to use Publisher Model `projects/p/x`", ProviderModelUnavailable),
        (400, "Publisher Model `projects/p/x` is not servable in region us-central1.", ProviderModelUnavailable),
        (400, "Organization Policy violated: use of a disallowed Gen AI model x.", ProviderModelUnavailable),
        (400, "The prompt violates Google's Responsible AI practices.", ContentRefused),
        (429, "Your prepayment credits are depleted.", ProviderQuotaSpent),
    ],
)
def test_the_words_tell_where_the_status_does_not(status: int, message: str, kind: type[HedgerowError]) -> None:
    error = classified(status, "", message)
    assert type(error) is kind
    assert message not in error.message


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "API_KEY_INVALID", ProviderAuth),
        (403, "SERVICE_DISABLED", ProviderAuth),
        (403, "BILLING_DISABLED", ProviderQuotaSpent),
        (429, "RATE_LIMIT_EXCEEDED", ProviderThrottled),
    ],
)
def test_the_reason_tells_more_than_the_status(status: int, reason: str, kind: type[HedgerowError]) -> None:
    error = classified(status, "X", "", detail("ErrorInfo", reason=reason, domain="googleapis.com"))
    assert type(error) is kind
    assert error.metadata["upstreamCode"] == reason


@pytest.mark.parametrize(
    ("violation", "kind"),
    [
        ({"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}, ProviderThrottled),
        ({"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}, ProviderQuotaSpent),
        ({"quotaMetric": "x/generate_requests_per_model_per_day"}, ProviderQuotaSpent),
        ({"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "0"}, ProviderQuotaSpent),
        ({}, ProviderThrottled),
    ],
)
def test_a_quota_of_a_day_or_of_nothing_is_spent(violation: Json, kind: type[HedgerowError]) -> None:
    error = classified(429, "RESOURCE_EXHAUSTED", "", detail("QuotaFailure", violations=[violation, 7]))
    assert type(error) is kind


@pytest.mark.parametrize(
    ("delay", "headers", "seconds"),
    [("34s", {}, 34.0), ("45.578569677s", {}, 45.578569677), ("0s", {"retry-after": "9"}, 0.0), ("3600s", {}, 300.0)],
)
def test_retry_info_is_a_hint(delay: str, headers: dict[str, str], seconds: float) -> None:
    error = classified(429, "", "", detail("RetryInfo", retryDelay=delay), headers=headers)
    assert error.retry_delay_s == seconds


def test_without_retry_info_the_headers_hint() -> None:
    assert classified(503, headers={"retry-after": "9"}).retry_delay_s == 9.0
    assert classified(503).retry_delay_s is None


def test_fields_are_the_callers() -> None:
    paths = [
        "generation_config.top_k",
        "contents[2].parts[0].text",
        "tools[0].function_declarations[1].parameters",
        "x",
    ]
    fields = [{"field": path, "description": "secret"} for path in paths]
    error = classified(400, "INVALID_ARGUMENT", "", detail("BadRequest", fieldViolations=fields))
    assert error.violations == tuple(
        FieldViolation(field, "the provider refused it") for field in ("chat.top_k", "chat.messages", "chat.tools")
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"[7]", b'"x"', b'{"error":"x"}', b'{"error":{"details":{"a":1}}}']
)
def test_a_body_of_any_shape_is_classified(body: bytes) -> None:
    assert type(gemini().classify(503, {}, body)) is ProviderUnavailable


def test_a_list_of_one_error_is_that_error() -> None:
    body = b'[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]'
    assert gemini().classify(429, {}, body).metadata["upstreamCode"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', "overloaded_error"),
        (b'{"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}', "UNAVAILABLE"),
    ],
)
def test_claude_on_vertex_refuses_in_its_own_words_or_in_googles(body: bytes, code: str) -> None:
    error = vertex().classify(503, {}, body)
    assert type(error) is ProviderUnavailable
    assert error.metadata["upstreamCode"] == code

"""What Claude's refusals mean."""

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
from hedgerow_server.core.port import Operation
from providers.anthropic_run import anthropic, read, stream


def classify(status: int, body: object = None, headers: dict[str, str] | None = None) -> HedgerowError:
    """The error for an answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return anthropic().classify(status, headers or {}, data)


def said(kind: str, message: str = "no", **members: Any) -> dict[str, Any]:
    """An error in Claude's own shape."""
    return {"type": "error", "error": {"type": kind, "message": message, **members}, "request_id": "req_1"}


BY_TYPE: list[tuple[int, str, type[HedgerowError]]] = [
    (400, "invalid_request_error", ProviderRejectedRequest),
    (401, "authentication_error", ProviderAuth),
    (402, "billing_error", ProviderQuotaSpent),
    (403, "permission_error", ProviderAuth),
    (404, "not_found_error", ProviderModelUnavailable),
    (409, "conflict_error", ProviderUnavailable),
    (413, "request_too_large", ProviderRejectedRequest),
    (429, "rate_limit_error", ProviderThrottled),
    (500, "api_error", ProviderUnavailable),
    (504, "timeout_error", ProviderUnavailable),
    (529, "overloaded_error", ProviderUnavailable),
]


@pytest.mark.parametrize(("status", "kind", "error"), BY_TYPE)
def test_each_status_and_type_has_its_meaning(status: int, kind: str, error: type[HedgerowError]) -> None:
    told = classify(status, said(kind))
    assert type(told) is error
    assert told.metadata == {"provider": "vendor", "upstreamStatus": str(status), "upstreamCode": kind}


@pytest.mark.parametrize(("status", "kind", "error"), BY_TYPE)
def test_the_status_alone_means_the_same(status: int, kind: str, error: type[HedgerowError]) -> None:
    bodies: list[object] = [b"", b"<html>", [], {"error": None}]
    for body in bodies:
        assert type(classify(status, body)) is error


@pytest.mark.parametrize(("status", "kind", "error"), BY_TYPE)
def test_an_error_within_a_stream_means_the_same(status: int, kind: str, error: type[HedgerowError]) -> None:
    data = json.dumps(said(kind))
    for body in (
        f"event: error\ndata: {data}\n\n",
        f"data: {data}\n\n",
        f'data: {{"error": {{"type": "{kind}"}}}}\n\n',
    ):
        with pytest.raises(error) as caught:
            stream(body.encode())
        assert caught.value.metadata["upstreamStatus"] == "200"
        assert caught.value.metadata["upstreamCode"] == kind


def test_an_error_in_the_place_of_a_message_means_the_same() -> None:
    with pytest.raises(ProviderUnavailable):
        read([json.dumps(said("overloaded_error")).encode()], "application/json")


def test_an_error_within_a_stream_that_tells_nothing_is_the_providers() -> None:
    for body in (b"event: error\ndata: oops\n\n", b"event: error\ndata: {}\n\n"):
        with pytest.raises(ProviderUnavailable):
            stream(body)


def test_an_error_after_text_lets_the_text_go_out() -> None:
    reader = anthropic().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    text = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}\n\n'
    assert len(reader.feed(text + f"data: {json.dumps(said('overloaded_error'))}\n\n".encode())) == 2
    with pytest.raises(ProviderUnavailable):
        reader.finish()


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "overloaded_error", ProviderUnavailable),
        (500, "rate_limit_error", ProviderThrottled),
        (403, "invalid_request_error", ProviderAuth),
        (500, "invalid_request_error", ProviderUnavailable),
        (429, "api_error", ProviderThrottled),
        (418, "of_tomorrow", ProviderRejectedRequest),
        (599, "of_tomorrow", ProviderUnavailable),
        (302, "of_tomorrow", UpstreamProtocol),
    ],
)
def test_a_type_goes_before_the_status_unless_it_is_a_broad_one(
    status: int, kind: str, error: type[HedgerowError]
) -> None:
    assert type(classify(status, said(kind))) is error


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("prompt is too long: 3333404 tokens > 200000 maximum", ContextTooLong),
        ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", ContextTooLong),
        ("Input is too long for requested model.", ContextTooLong),
        ("The request exceeds model context window", ContextTooLong),
        ("Your credit balance is too low to access the Anthropic API.", ProviderQuotaSpent),
        ("You have reached your specified API usage limits. You will regain access on 2026-12-01.", ProviderQuotaSpent),
        ("You have reached your specified workspace API usage limits.", ProviderQuotaSpent),
        ("Output blocked by content filtering policy", ContentRefused),
        ("This organization has been disabled.", ProviderAuth),
        ("messages: text content blocks must be non-empty", ProviderRejectedRequest),
    ],
)
def test_the_words_of_an_invalid_request_tell_what_it_is(message: str, error: type[HedgerowError]) -> None:
    told = classify(400, said("invalid_request_error", message))
    assert type(told) is error
    assert message not in f"{told.message} {told.metadata} {told.violations}"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("enforced_spend_limit_reached", ProviderQuotaSpent),
        ("ramp_limit_exceeded", ProviderThrottled),
        ("of_tomorrow", ProviderThrottled),
    ],
)
def test_the_code_of_a_rate_limit_tells_a_spent_budget(code: str, error: type[HedgerowError]) -> None:
    told = classify(429, said("rate_limit_error", details={"error_code": code}))
    assert type(told) is error
    assert told.metadata["upstreamCode"] == code


@pytest.mark.parametrize(
    ("number", "error"), [(429, ProviderThrottled), (400, ProviderRejectedRequest), ("429", ProviderUnavailable)]
)
def test_a_platform_that_breaks_off_a_stream_says_a_number_instead_of_a_type(
    number: object, error: type[HedgerowError]
) -> None:
    with pytest.raises(error):
        stream(f"data: {json.dumps({'error': {'code': number, 'status': 'SOME'}})}\n\n".encode())


def test_an_error_may_stand_bare_behind_the_events() -> None:
    with pytest.raises(ProviderThrottled):
        stream(b"event: ping\ndata: {}\n\n" + json.dumps(said("rate_limit_error"), indent=1).encode())


def test_a_file_that_is_not_found_is_the_requests_fault() -> None:
    assert type(classify(404, said("not_found_error", "File not found: file_1"))) is ProviderRejectedRequest


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("messages.0: Input does not match the expected shape.", "chat.messages"),
        ("max_tokens: 999999 > 64000, which is the maximum", "chat.max_output_tokens"),
        ("`temperature` is deprecated for this model.", "chat.temperature"),
        ("tools.0.custom.input_schema: Field required", "chat.tools"),
        ("thinking.enabled.budget_tokens: Input should be at least 1024", "chat.reasoning"),
    ],
)
def test_the_field_at_fault_is_told(message: str, field: str) -> None:
    told = classify(400, said("invalid_request_error", message))
    assert told.violations == (FieldViolation(field, "the provider refused it"),)


def test_a_text_without_a_field_tells_none() -> None:
    assert classify(400, said("invalid_request_error", "metadata.user_id: too long")).violations == ()


def test_a_code_with_other_letters_is_not_shown() -> None:
    told = classify(400, said("sk-ant secret"))
    assert "upstreamCode" not in told.metadata
    assert "secret" not in told.message


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        ({}, None),
        ({"retry-after": "17"}, 17.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "9999"}, 300.0),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error")])
def test_the_provider_says_when_to_come_back(
    headers: dict[str, str], delay_s: float | None, status: int, kind: str
) -> None:
    assert classify(status, said(kind), headers).retry_delay_s == delay_s


def limits(date: str = "Thu, 26 Nov 2026 12:00:00 GMT", **resets: str) -> dict[str, str]:
    """The headers of limits; those named are used up until then."""
    headers = {"date": date, "anthropic-ratelimit-requests-remaining": "5"}
    headers["anthropic-ratelimit-requests-reset"] = "2026-11-26T12:09:00Z"
    for name, reset in resets.items():
        headers[f"anthropic-ratelimit-{name.replace('_', '-')}-remaining"] = "0"
        headers[f"anthropic-ratelimit-{name.replace('_', '-')}-reset"] = reset
    return headers


def test_without_a_time_to_come_back_it_is_when_the_last_used_up_limit_is_renewed() -> None:
    headers = limits(tokens="2026-11-26T12:00:20Z", input_tokens="2026-11-26T12:00:30Z")
    assert classify(429, said("rate_limit_error"), headers).retry_delay_s == 30.0


@pytest.mark.parametrize("reset", ["2026-11-26T11:00:00Z", "2026-11-26T11:00:00"])
def test_a_limit_that_is_renewed_already_means_at_once(reset: str) -> None:
    assert classify(429, said("rate_limit_error"), limits(tokens=reset)).retry_delay_s == 0.0


@pytest.mark.parametrize("headers", [limits(), limits(tokens="soon"), limits(tokens="")])
def test_limits_that_tell_nothing_give_no_delay(headers: dict[str, str]) -> None:
    assert classify(429, said("rate_limit_error"), headers).retry_delay_s is None


def test_a_limit_far_away_or_a_clock_that_is_none_is_bounded() -> None:
    headers = limits(date="yesterday", tokens="9999-01-01T00:00:00Z")
    assert classify(429, said("rate_limit_error"), headers).retry_delay_s == 300.0

"""How the HTTP doors tell failures: statuses that choose the SDKs' exceptions, and bodies in each API's words."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import (
    BudgetSpent,
    ContextTooLong,
    DeadlineExceeded,
    Draining,
    FieldViolation,
    HedgerowError,
    IdempotencyInFlight,
    Internal,
    ModelNotFound,
    Overloaded,
    ProviderThrottled,
    QuotaExceeded,
    RequestInvalid,
    StreamCut,
    Unauthenticated,
    every_error,
)
from hedgerow_server.core.hold import Left
from hedgerow_server.doors.anthropic import AnthropicForm
from hedgerow_server.doors.failure import retry_headers
from hedgerow_server.doors.http_status import HTTP_WORDS, VerbUnknown
from hedgerow_server.doors.openai import OpenAiForm
from hedgerow_server.doors.serving import Form

FORMS: list[Form] = [OpenAiForm(), OpenAiForm(named_events=True), AnthropicForm()]
ANTHROPIC_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
}
NOW = 1_800_000_000.0


def made(kind: type[HedgerowError], **more: Any) -> HedgerowError:
    """An error with a text."""
    return kind("a text", **more)


def test_every_error_has_its_words() -> None:
    assert HTTP_WORDS.keys() == every_error().keys()


def test_statuses_are_those_of_errors_and_the_types_anthropics_own() -> None:
    for words in HTTP_WORDS.values():
        assert 400 <= words.status < 600
        assert words.anthropic_type in ANTHROPIC_TYPES


@pytest.mark.parametrize(
    ("error", "status", "code", "anthropic"),
    [
        (made(Unauthenticated), 401, "invalid_api_key", (401, "authentication_error")),
        (made(ContextTooLong), 400, "context_length_exceeded", (400, "invalid_request_error")),
        (made(ModelNotFound), 404, "model_not_found", (404, "not_found_error")),
        (made(QuotaExceeded), 429, "rate_limit_exceeded", (429, "rate_limit_error")),
        (made(BudgetSpent), 429, "insufficient_quota", (429, "rate_limit_error")),
        (made(Overloaded), 503, "overloaded", (529, "overloaded_error")),
        (made(DeadlineExceeded), 504, "deadline_exceeded", (504, "timeout_error")),
        (VerbUnknown("GET", "/v1/x", b"POST"), 405, "method_not_supported", (405, "invalid_request_error")),
    ],
    ids=lambda value: value.reason if isinstance(value, HedgerowError) else "",
)
def test_an_error_is_told_as_each_api_tells_it(
    error: HedgerowError, status: int, code: str, anthropic: tuple[int, str]
) -> None:
    openai = OpenAiForm()
    assert (openai.status(error), json.loads(openai.body(error, "r"))["error"]["code"]) == (status, code)
    body = json.loads(AnthropicForm().body(error, "r"))
    assert (AnthropicForm().status(error), body["error"]["type"]) == anthropic
    assert (body["type"], body["request_id"]) == ("error", "r")


@pytest.mark.parametrize("form", FORMS)
def test_the_contracts_details_stand_in_every_body(form: Form) -> None:
    error = made(
        RequestInvalid,
        violations=(FieldViolation("messages[0].role", "expected a role"),),
        metadata={"a": "b"},
        resource=("model", "m"),
        subject="s",
        retry_delay_s=1.5,
    )
    told = json.loads(form.body(error, "r"))["error"]["hedgerow"]
    assert told == {
        "reason": "REQUEST_INVALID",
        "request_id": "r",
        "metadata": {"a": "b"},
        "violations": [{"field": "messages[0].role", "description": "expected a role"}],
        "resource": {"type": "model", "name": "m"},
        "subject": "s",
        "retry_after_seconds": 1.5,
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_body_is_small_whatever_the_error_says(form: Form) -> None:
    long = "ü" * 100_000
    error = RequestInvalid(
        long,
        violations=(FieldViolation(long, long),) * 1000,
        metadata={"a": long},
        resource=("model", long),
        subject=long,
    )
    assert len(form.body(error, "r")) < 64 * 1024


def test_the_first_field_is_the_param() -> None:
    error = made(RequestInvalid, violations=(FieldViolation("model", "expected one"),))
    assert json.loads(OpenAiForm().body(error, "r"))["error"]["param"] == "model"


def test_a_stream_ends_with_an_event_that_sdks_raise() -> None:
    error = made(StreamCut)
    chunk = OpenAiForm().event(error, "r")
    assert (chunk[:7], chunk[-3:]) == (b"data: {", b"}\n\n")
    assert json.loads(chunk[6:])["error"]["code"] == "stream_cut"
    for form in (OpenAiForm(named_events=True), AnthropicForm()):
        name, data = form.event(error, "r").split(b"\n", 1)
        told = json.loads(data[6:])
        assert (name, told["type"], told["error"]["hedgerow"]["reason"]) == (b"event: error", "error", "STREAM_CUT")


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (
            made(Draining, retry_delay_s=0.1),
            {b"retry-after-ms": b"100", b"retry-after": b"1", b"x-should-retry": b"true"},
        ),
        (
            made(ProviderThrottled, retry_delay_s=7.2),
            {b"retry-after-ms": b"7200", b"retry-after": b"8", b"x-should-retry": b"true"},
        ),
        (
            made(IdempotencyInFlight, retry_delay_s=1.0),
            {b"retry-after-ms": b"1000", b"retry-after": b"1", b"x-should-retry": b"true"},
        ),
        (
            made(QuotaExceeded, retry_delay_s=30.0),
            {b"retry-after-ms": b"30000", b"retry-after": b"30", b"x-should-retry": b"false"},
        ),
        (made(Internal), {b"x-should-retry": b"false"}),
        (made(StreamCut), {b"x-should-retry": b"false"}),
    ],
    ids=lambda value: value.reason if isinstance(value, HedgerowError) else "",
)
def test_clients_are_told_when_to_come_back_and_whether_by_themselves(
    error: HedgerowError, headers: dict[bytes, bytes]
) -> None:
    """Without a word they would after any 429 and 5xx."""
    assert dict(retry_headers(error)) == headers


LIMITS = [
    Left("money", "usd", "month", 100, 0, NOW + 5),
    Left("few", "requests", "minute", 10, 3, NOW + 0.35),
    Left("more", "requests", "day", 1000, 900, NOW + 50_000),
    Left("tokens", "tokens", "hour", 5000, 4000, None),
]


class Held:
    """The hold of a call, as far as it is told of."""

    def __init__(self, limits: list[Left], refused: Sequence[Left] = ()) -> None:
        self._limits, self._refused = limits, refused

    def tightest(self, most: int) -> list[Left]:
        """Limits, those of which less is left first."""
        return self._limits[:most]

    def refused(self, most: int) -> Sequence[Left]:
        """That which has turned the call away, and others."""
        return self._refused[:most]


def limited(limits: list[Left] = LIMITS, refused: Sequence[Left] = ()) -> Call:
    """A call with limits."""
    call = Call(Method("m", Kind.UNARY, lambda _: None, lambda _: None), {}, b"")  # type: ignore[arg-type, return-value]
    call.hold = Held(limits, refused)  # type: ignore[assignment]
    return call


def test_openais_headers_tell_the_tightest_limit_of_each_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert dict(OpenAiForm().headers(limited())) == {
        b"x-ratelimit-limit-requests": b"10",
        b"x-ratelimit-remaining-requests": b"3",
        b"x-ratelimit-reset-requests": b"350ms",
        b"x-ratelimit-limit-tokens": b"5000",
        b"x-ratelimit-remaining-tokens": b"4000",
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, b"0ms"), (-3, b"0ms"), (1, b"1s"), (59.2, b"1m0s"), (360, b"6m0s"), (90_061, b"25h1m1s")]
)
def test_openais_resets_are_durations(monkeypatch: pytest.MonkeyPatch, seconds: float, text: bytes) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    call = limited([Left("few", "requests", "minute", 10, 3, NOW + seconds)])
    assert dict(OpenAiForm().headers(call))[b"x-ratelimit-reset-requests"] == text


def test_anthropics_headers_tell_when_a_limit_begins_anew() -> None:
    assert dict(AnthropicForm().headers(limited())) == {
        b"anthropic-ratelimit-requests-limit": b"10",
        b"anthropic-ratelimit-requests-remaining": b"3",
        b"anthropic-ratelimit-requests-reset": b"2027-01-15T08:00:01Z",
        b"anthropic-ratelimit-tokens-limit": b"5000",
        b"anthropic-ratelimit-tokens-remaining": b"4000",
    }


REFUSED = [
    Left("tokens", "tokens", "minute", 5000, 200, NOW + 12.3),
    Left("few", "requests", "day", 10, 3, NOW + 90),
    Left("month", "tokens", "month", 90_000, 90, NOW + 9000),
]
"""The first has turned the call away, though less is left of the last."""


def test_openais_headers_of_a_refusal_tell_the_limit_that_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert dict(OpenAiForm().headers(limited(refused=REFUSED))) == {
        b"x-ratelimit-limit-requests": b"10",
        b"x-ratelimit-remaining-requests": b"3",
        b"x-ratelimit-reset-requests": b"1m30s",
        b"x-ratelimit-limit-tokens": b"5000",
        b"x-ratelimit-remaining-tokens": b"200",
        b"x-ratelimit-reset-tokens": b"13s",
    }


def test_anthropics_headers_of_a_refusal_tell_of_no_moment_that_is_too_early() -> None:
    assert dict(AnthropicForm().headers(limited(refused=REFUSED[:1]))) == {
        b"anthropic-ratelimit-tokens-limit": b"5000",
        b"anthropic-ratelimit-tokens-remaining": b"200",
        b"anthropic-ratelimit-tokens-reset": b"2027-01-15T08:00:13Z",
    }


def test_a_call_without_limits_tells_of_none() -> None:
    call = limited()
    call.hold = None
    assert [form.headers(call) for form in FORMS] == [[], [], []]


def test_each_sdk_finds_the_id_of_the_call() -> None:
    assert OpenAiForm().id_headers("r") == [(b"x-request-id", b"r")]
    assert dict(AnthropicForm().id_headers("r"))[b"request-id"] == b"r"

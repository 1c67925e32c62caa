"""What the refusals of OpenAI's imitators mean: by their own codes, by their envelopes, and where neither says it, by
their words.
"""

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
)
from providers.openai_run import classify, openai


def said(message: str = "x", **members: Any) -> dict[str, Any]:
    """An error in OpenAI's own shape."""
    return {"error": {"message": message, **members}}


def routed(status: int, raw: Any, **metadata: Any) -> dict[str, Any]:
    """OpenRouter's error, with what the vendor behind it had said."""
    return said("Provider returned error", code=status, metadata={"raw": raw, "provider_name": "P", **metadata})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(400, said(code="model_decommissioned"), ProviderModelUnavailable, id="Groq, a model of before"),
        pytest.param(400, said(code="model_terms_required"), ProviderModelUnavailable, id="Groq, terms"),
        pytest.param(400, said(code="organization_restricted"), ProviderAuth, id="Groq, an account"),
        pytest.param(498, said(type="capacity_exceeded"), ProviderUnavailable, id="Groq, flex"),
        pytest.param(400, said(code="Arrearage"), ProviderQuotaSpent, id="DashScope, arrears"),
        pytest.param(403, said(code="AllocationQuota.FreeTierOnly"), ProviderQuotaSpent, id="DashScope, free tier"),
        pytest.param(403, said(code="Model.AccessDenied"), ProviderModelUnavailable, id="DashScope, a model"),
        pytest.param(404, said(code="model_not_supported"), ProviderModelUnavailable, id="DashScope, another model"),
        pytest.param(429, said(code="1113"), ProviderQuotaSpent, id="Z.ai, balance"),
        pytest.param(400, said(code="1211"), ProviderModelUnavailable, id="Z.ai, a model"),
        pytest.param(400, said(code="1261"), ContextTooLong, id="Z.ai, length"),
        pytest.param(400, said(code="1301"), ContentRefused, id="Z.ai, content"),
        pytest.param(429, said(code="1302"), ProviderThrottled, id="Z.ai, rate"),
        pytest.param(429, said(type="budget_exceeded", code="400"), ProviderQuotaSpent, id="LiteLLM, budget"),
        pytest.param(401, said(type="key_model_access_denied"), ProviderModelUnavailable, id="LiteLLM, a model"),
        pytest.param(446, said(type="hooks_failed"), ContentRefused, id="Portkey, a guardrail"),
    ],
)
def test_a_vendors_own_code_is_known(status: int, body: Any, kind: type[HedgerowError]) -> None:
    assert type(classify(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "This model's maximum prompt length is 131072 but the request contains 200000 tokens.", ContextTooLong),
        (400, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", ContextTooLong),
        (400, "The decoder prompt (length 9) is longer than the maximum model length of 8.", ContextTooLong),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193.", ContextTooLong),
        (413, "Input validation error: `inputs` must have less than 512 tokens. Given: 600", ContextTooLong),
        (400, "litellm.ContextWindowExceededError: x", ContextTooLong),
        (403, "tokens + max_tokens must be less than the context length of the model", ContextTooLong),
        (
            403,
            "Your team t has either used all available credits or reached its monthly spending limit.",
            ProviderQuotaSpent,
        ),
        (
            429,
            "Your team t has either used all available credits or reached its monthly spending limit.",
            ProviderQuotaSpent,
        ),
        (403, "Your newly created teams doesn't have any credits yet.", ProviderQuotaSpent),
        (412, "Account a is suspended, possibly due to reaching the monthly spending limit", ProviderQuotaSpent),
        (403, "The free tier of the model has been exhausted.", ProviderQuotaSpent),
        (429, "you have used up your daily free allocation of 10,000 neurons", ProviderQuotaSpent),
        (400, "Your credit balance is too low to access the API.", ProviderQuotaSpent),
        (403, "Content violates usage guidelines.", ContentRefused),
        (400, "Content Exists Risk", ContentRefused),
        (400, "litellm.ContentPolicyViolationError: x", ContentRefused),
        (400, "Model Not Exist", ProviderModelUnavailable),
        (400, "foo/bar is not a valid model ID", ProviderModelUnavailable),
        (400, "AiError: No such model @cf/x or task", ProviderModelUnavailable),
        (400, "The model `foo` does not exist.", ProviderModelUnavailable),
        (400, "API key expired. Please renew the API key.", ProviderAuth),
        (400, "The tool that the message names does not exist.", ProviderRejectedRequest),
        (412, "The precondition is not met.", ProviderRejectedRequest),
        (403, "You may not do this.", ProviderAuth),
        (429, "Slow down.", ProviderThrottled),
        (500, "The model `foo` does not exist.", ProviderUnavailable),
    ],
)
def test_words_tell_what_neither_code_nor_status_do(status: int, message: str, kind: type[HedgerowError]) -> None:
    assert type(classify(status, said(message, type="invalid_request_error", code=None))) is kind


@pytest.mark.parametrize(
    "message", ["Allocated quota exceeded.", "See https://help.aliyun.com/zh/model-studio/x#token-limit"]
)
def test_alibabas_insufficient_quota_is_a_rate(message: str) -> None:
    """A key whose account has nothing left would rest for long; this one may be used again in a minute."""
    assert type(classify(429, said(message, code="insufficient_quota"))) is ProviderThrottled
    assert type(classify(403, said(message, code="insufficient_quota"))) is ProviderQuotaSpent


@pytest.mark.parametrize(
    ("body", "kind", "code", "field"),
    [
        pytest.param(
            {"error_code": "BAD_REQUEST", "message": "x"}, ProviderRejectedRequest, "BAD_REQUEST", None, id="Databricks"
        ),
        pytest.param(
            {"success": False, "errors": [{"code": 5007, "message": "No such model"}], "result": None},
            ProviderModelUnavailable,
            None,
            None,
            id="Cloudflare",
        ),
        pytest.param(
            {"detail": [{"type": "missing", "loc": ["body", "tools", 0], "msg": "x"}, {"type": "other"}]},
            ProviderRejectedRequest,
            "missing",
            "chat.tools",
            id="FastAPI",
        ),
        pytest.param(
            {
                "object": "error",
                "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "x"}]},
            },
            ProviderRejectedRequest,
            "extra_forbidden",
            "chat.seed",
            id="Mistral",
        ),
        pytest.param(
            {"detail": {"message": "x", "code": "model_not_found"}},
            ProviderModelUnavailable,
            "model_not_found",
            None,
            id="an object",
        ),
        pytest.param(
            {"detail": [{"loc": ["body"], "msg": "prompt is too long"}]}, ContextTooLong, None, None, id="no place"
        ),
        pytest.param({"detail": []}, ProviderRejectedRequest, None, None, id="no detail"),
        pytest.param(
            said(code="model_not_found", errors={"model": ["x"]}),
            ProviderModelUnavailable,
            "model_not_found",
            None,
            id="errors by field",
        ),
        pytest.param(said(type="None", param="None", code="400"), ProviderRejectedRequest, None, None, id="LiteLLM"),
        pytest.param({"errors": [7]}, ProviderRejectedRequest, None, None, id="errors that are none"),
    ],
)
def test_an_envelope_is_opened(body: Any, kind: type[HedgerowError], code: str | None, field: str | None) -> None:
    error = classify(422 if "detail" in body else 400, body)
    assert type(error) is kind
    assert error.metadata.get("upstreamCode") == code
    assert error.violations == ((FieldViolation(field, "the provider refused it"),) if field else ())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, routed(400, said(code="context_length_exceeded")), ContextTooLong),
        (400, routed(400, json.dumps(said(code="context_length_exceeded"))), ContextTooLong),
        (400, routed(400, "ERROR: prompt is too long"), ContextTooLong),
        (400, routed(400, json.dumps("prompt is too long")), ContextTooLong),
        (400, routed(400, json.dumps(said("no"))), ProviderRejectedRequest),
        (400, routed(400, 7), ProviderRejectedRequest),
        (429, routed(429, json.dumps(said(code="insufficient_quota"))), ProviderThrottled),
        (502, routed(502, json.dumps(said(code="invalid_api_key"))), ProviderUnavailable),
        (403, said(code=403, metadata={"reasons": ["violence"], "flagged_input": "x"}), ContentRefused),
        (403, said(code=403, metadata={"reasons": []}), ProviderAuth),
        (403, said(code=403, metadata=7), ProviderAuth),
    ],
)
def test_a_router_tells_what_its_vendor_said_of_the_request(status: int, body: Any, kind: type[HedgerowError]) -> None:
    """But not of the account there, which is not ours."""
    assert type(classify(status, body)) is kind


def test_the_parameter_that_the_vendor_behind_a_router_refused_is_named() -> None:
    raw = json.dumps(said(param="temperature", code="invalid_value"))
    error = classify(400, routed(400, raw))
    assert error.violations == (FieldViolation("chat.temperature", "the provider refused it"),)
    assert error.metadata["upstreamCode"] == "invalid_value"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'data: {"error": {"code": "context_length_exceeded"}}\n\n', id="an event"),
        pytest.param(
            b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"error":{"code":"context_length_exceeded"}}\n\n',
            id="an event of DashScope's",
        ),
        pytest.param(b'{"error": {"code": "context_length_exceeded", "message": "a\n\tb", "n": NaN}}', id="not strict"),
        pytest.param(b'\xef\xbb\xbf{"error": {"code": "context_length_exceeded"}}', id="byte order mark"),
        pytest.param(b"The prompt is too long.", id="text"),
        pytest.param(b'"The prompt is too long."', id="text in quotes"),
        pytest.param(b"\xff prompt is too long", id="not UTF-8"),
    ],
)
def test_a_refusal_is_read_whatever_it_is_written_as(body: bytes) -> None:
    assert type(openai().classify(400, {}, body)) is ContextTooLong


@pytest.mark.parametrize(
    "body", [b"<p>The prompt is too long.</p>", b"{The prompt is too long.", b"event: prompt too long"]
)
def test_what_is_neither_json_nor_text_says_nothing(body: bytes) -> None:
    assert type(openai().classify(400, {}, body)) is ProviderRejectedRequest

"""Azure OpenAI: addresses, credentials, and OpenAI's dialects behind them."""

import json
from typing import Any

import pydantic
import pytest
from hedgerow_server.core.error import ContentRefused, ProviderModelUnavailable, ProviderThrottled
from hedgerow_server.core.event import TextDelta
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    ChatSpec,
    EmbedSpec,
    Message,
    Part,
    ProviderState,
    Reasoning,
    ReasoningSpec,
    Role,
    Text,
)
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.azure_openai import AzureOpenAI, AzureOpenAISection

HOST = "https://res.openai.azure.com"
CHAT = ChatSpec(model="fast", messages=(Message(Role.USER, (Part(Text("hi")),)),))
EMBED = EmbedSpec(model="e", inputs=("a",))


def azure(**settings: Any) -> AzureOpenAI:
    """A provider of the dialect."""
    given = {"dialect": "azure_openai", "base_url": HOST, **settings}
    return AzureOpenAI("vendor", AzureOpenAISection.model_validate(given))


@pytest.mark.parametrize(
    ("settings", "spec", "path"),
    [
        ({}, CHAT, "v1/chat/completions"),
        ({}, EMBED, "v1/embeddings"),
        ({"api": "responses"}, CHAT, "v1/responses"),
        ({"api": "responses"}, EMBED, "v1/embeddings"),
        ({"api_version": "preview"}, CHAT, "v1/chat/completions?api-version=preview"),
        (
            {"urls": "deployments", "api_version": "2024-10-21"},
            CHAT,
            "deployments/my%20gpt/chat/completions?api-version=2024-10-21",
        ),
        (
            {"urls": "deployments", "api_version": "2024-10-21"},
            EMBED,
            "deployments/my%20gpt/embeddings?api-version=2024-10-21",
        ),
        (
            {"urls": "deployments", "api_version": "2025-03-01-preview", "api": "responses"},
            CHAT,
            "responses?api-version=2025-03-01-preview",
        ),
    ],
)
def test_both_styles_of_urls(settings: dict[str, Any], spec: ChatSpec | EmbedSpec, path: str) -> None:
    request = azure(**settings).build(spec, stream=False, model="my gpt", secret=None).request
    assert request.url == f"{HOST}/openai/{path}"
    assert json.loads(request.body)["model"] == "my gpt"


@pytest.mark.parametrize(
    ("auth", "name", "value"), [("api_key", "api-key", "sk-1"), ("bearer", "authorization", "Bearer sk-1")]
)
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("spec", [CHAT, EMBED])
def test_a_key_or_a_token(auth: str, name: str, value: str, api: str, spec: ChatSpec | EmbedSpec) -> None:
    request = azure(auth=auth, api=api).build(spec, stream=False, model="m", secret=Secret("sk-1")).request
    credentials = {key: text for key, text in request.headers.items() if key in ("api-key", "authorization")}
    assert credentials == {name: value}


def test_old_urls_need_an_api_version() -> None:
    with pytest.raises(pydantic.ValidationError, match="api_version"):
        azure(urls="deployments")


def test_chat_speaks_chat_completions_and_responses_speaks_responses() -> None:
    chat = json.loads(azure().build(CHAT, stream=True, model="m", secret=None).request.body)
    assert chat["messages"] == [{"role": "user", "content": "hi"}]
    responses = json.loads(azure(api="responses").build(CHAT, stream=True, model="m", secret=None).request.body)
    assert (responses["input"], responses["store"]) == ([{"role": "user", "content": "hi"}], False)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("name", ["vendor", "azure_openai", "openai"])
def test_options_are_addressed_by_any_name(api: str, name: str) -> None:
    spec = ChatSpec(model="fast", messages=CHAT.messages, provider_options={name: '{"user": "u"}'})
    assert json.loads(azure(api=api).build(spec, stream=False, model="m", secret=None).request.body)["user"] == "u"


def test_reasoning_goes_back_without_the_ids_that_azure_refuses() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"}
    state = ProviderState("openai_responses@res.openai.azure.com", json.dumps(item).encode())
    spec = ChatSpec(model="m", messages=(Message(Role.ASSISTANT, (Part(Reasoning(""), state=state),)), *CHAT.messages))
    sent = json.loads(azure(api="responses").build(spec, stream=False, model="m", secret=None).request.body)["input"]
    assert sent[0] == {"type": "reasoning", "summary": [], "encrypted_content": "e"}


def test_settings_reach_the_inner_dialects() -> None:
    limited = ChatSpec(model="fast", messages=CHAT.messages, max_output_tokens=5, reasoning=ReasoningSpec())
    chat = azure(max_tokens_field="max_tokens").build(limited, stream=False, model="m", secret=None).request.body
    assert json.loads(chat)["max_tokens"] == 5
    settings = {"api": "responses", "encrypted_reasoning": False, "reasoning_summary": "auto", "store": True}
    sent = json.loads(azure(**settings).build(limited, stream=False, model="m", secret=None).request.body)
    assert (sent["store"], sent["reasoning"], "include" in sent) == (True, {"summary": "auto"}, False)
    assert azure(embed_batch_limit=7).embed_batch_limit("any") == 7
    assert azure().default_dimensions("text-embedding-3-small") == 1536


def test_filter_results_are_skipped() -> None:
    """A first chunk that holds only them, a choice that holds only them, an annotation within a chunk."""
    chunks = [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {}}}]},
        {"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {"content": "a"}, "content_filter_results": {}}]},
        {"id": "", "choices": [{"index": 0, "content_filter_results": {"hate": {}}, "content_filter_offsets": {}}]},
        {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    reader = azure().reader(Operation.CHAT, stream=True, content_type="text/event-stream; charset=utf-8")
    assert [event for event in reader.feed(body.encode()) if isinstance(event, TextDelta)] == [TextDelta(0, "a")]
    assert reader.finish()


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
    ],
)
def test_when_to_come_back(headers: dict[str, str], delay_s: float) -> None:
    error = azure().classify(429, headers, b'{"error":{"code":"429","message":"x"}}')
    assert isinstance(error, ProviderThrottled)
    assert error.retry_delay_s == delay_s


def test_azures_own_refusals() -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"jailbreak": {"filtered": True}}}
    refused = {"error": {"code": "content_filter", "message": "x", "status": 400, "innererror": inner}}
    assert isinstance(azure().classify(400, {}, json.dumps(refused).encode()), ContentRefused)
    missing = b'{"error":{"code":"DeploymentNotFound","message":"x"}}'
    assert isinstance(azure().classify(404, {}, missing), ProviderModelUnavailable)

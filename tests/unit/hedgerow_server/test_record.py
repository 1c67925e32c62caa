"""Recordings: what is private goes, all else stays."""

import base64
import json
import struct
from typing import Any
from urllib.parse import quote
from zlib import crc32

import pytest
from hedgerow_server.core.port import HttpRequest, Operation
from hedgerow_server.core.secret import Secret
from hedgerow_server.providers.azure_openai import AzureOpenAISection
from hedgerow_server.providers.eventstream import EventStreamReader
from hedgerow_server.providers.google import VertexSection
from hedgerow_server.providers.openai import OpenAISection
from hedgerow_server.providers.section import ProviderSection
from hedgerow_server.record import Exchange, PrivateError, Scrubber, Tape, folder_name, recording, scrubber
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from unit.hedgerow_server.routing.scripted import SSE, Answer, ScriptedResponse, ScriptedTransport

Json = dict[str, Any]

KEY = 'zk/9+canary\\"0123456789'
ORDINARY = [
    "The hedge is 4.5 m high; see example.org, chapter 1.2.3.",
    '{"id":"chatcmpl-9xYz","model":"gpt-4o-mini-2024-07-18","usage":{"total_tokens":12}}',
    "claude-3-7-sonnet@20250219",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
    "http://127.0.0.1:11434/v1",
    "risk-averse and task-oriented; organization of work",
    '{"organization":null,"user_id":7}',
]
PRIVATE = [
    ("Incorrect API key provided: sk-proj-********wxyz.", "Incorrect API key provided: [redacted]."),
    ("sk-ant-api03-AbCdEf_123", "[redacted]"),
    ("gsk_abcdefgh12345678", "[redacted]"),
    ("AIzaSyA-0123456789abcdefghijklmnop", "[redacted]"),
    ("token ya29.a0AfB_byC-xyz", "token [redacted]"),
    ("key AKIAABCDEFGHIJKLMNOP in", "key [redacted] in"),
    ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted]"),
    ('"Authorization: Bearer abcdef0123456789"', '"Authorization: Bearer [redacted]"'),
    ("in organization org-AbC123xyz on", "in organization org-redacted on"),
    ("proj_AbC123xyz", "proj_redacted"),
    ('{"user_id":"user_2abcdefghijklmnopq"}', '{"user_id":"[redacted]"}'),
    ('{"organization_id": "7f0c"}', '{"organization_id": "[redacted]"}'),
    (r'{"raw":"{\"account_id\":\"7f0c\"}"}', r'{"raw":"{\"account_id\":\"[redacted]\"}"}'),
    ("ft:gpt-4o-mini:acme::A1b2", "ft:gpt-4o-mini:example-org::A1b2"),
    (
        "User: arn:aws:iam::123456789012:user/bob is not authorized",
        "User: arn:aws:iam::000000000000:user/redacted is not authorized",
    ),
    (
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
        "arn:aws:bedrock:us-east-1:000000000000:inference-profile/x",
    ),
    ("/model/arn%3Aaws%3Abedrock%3Aeu%3A123456789012%3Ax", "/model/arn%3Aaws%3Abedrock%3Aeu%3A000000000000%3Ax"),
    ("/client/v4/accounts/0123456789abcdef0123456789abcdef/ai", f"/client/v4/accounts/{'0' * 32}/ai"),
    ("projects/acme-prod-1/locations/eu", "projects/example-project/locations/eu"),
    ("in project 123456789 before", "in project [redacted] before"),
    ("ask jane.doe+x@mail.acme.co.uk.", "ask redacted@example.com."),
    (r"jane\u0040acme.com", "redacted@example.com"),
    ("Your IP: 203.0.113.77", "Your IP: 192.0.2.1"),
]


def openai(**settings: object) -> OpenAISection:
    """A provider of the OpenAI dialect."""
    return OpenAISection.model_validate({"dialect": "openai", **settings})


def exchange(
    body: bytes,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    asked: Json | None = None,
    url: str = "https://api.openai.com/v1/chat/completions",
    sent: dict[str, str] | None = None,
) -> Exchange:
    """A request and its answer."""
    request = HttpRequest("POST", url, sent or {"Content-Type": "application/json"}, json.dumps(asked or {}).encode())
    answer = Answer(status=status, headers=headers or {"content-type": "application/json"})
    made = Exchange(request, ScriptedResponse(answer, None))  # type: ignore[arg-type]
    made.body += body
    return made


def record(
    taped: Exchange,
    section: ProviderSection | None = None,
    *,
    operation: Operation = Operation.CHAT,
    model: str = "m",
    features: tuple[str, ...] = (),
) -> Json:
    """The recording of it, made with the key."""
    used = section or openai()
    scrub = scrubber(used, Secret(KEY))
    line = recording(taped, used, operation=operation, model=model, scrub=scrub, features=features)
    assert "\n" not in line
    return dict(json.loads(line))


@pytest.mark.parametrize(("text", "clean"), PRIVATE)
def test_what_looks_private_is_replaced(text: str, clean: str) -> None:
    assert Scrubber(None, {}).text(text) == clean


@pytest.mark.parametrize("text", [*ORDINARY, *(clean for _, clean in PRIVATE)])
def test_ordinary_text_and_what_is_clean_already_stay(text: str) -> None:
    assert Scrubber(None, {}).text(text) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_key_goes_however_it_is_written(before: str, after: str) -> None:
    scrub = Scrubber(Secret(KEY), {})
    for form in (KEY, json.dumps(KEY)[1:-1], quote(KEY, safe="")):
        assert form not in scrub.text(f"{before}{form}{after}")


def test_each_value_of_a_secret_that_is_an_object_is_a_secret() -> None:
    keys = {"access_key_id": "canary-id-0123", "secret_access_key": "canary/secret/0123"}
    scrub = Scrubber(Secret(json.dumps(keys)), {})
    assert scrub.text("canary-id-0123 canary/secret/0123") == "[redacted] [redacted]"


def test_a_placeholder_in_the_place_of_a_key_does_not_eat_the_text() -> None:
    assert Scrubber(Secret("none"), {}).text("none of it") == "none of it"


def test_names_of_the_configuration_go_but_not_as_parts_of_words() -> None:
    scrub = scrubber(openai(organization="acme", project="roses"), None)
    assert scrub.text("acme's roses, acmeology") == "org-redacted's example-project, acmeology"


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (None, "api.openai.com"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope.aliyuncs.com"),
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080"),
        ("https://llm.corp.acme.com/v1", "example-host"),
        ("http://10.1.2.3:8000/v1", "example-host:8000"),
    ],
)
def test_only_public_hosts_are_named(base_url: str | None, host: str) -> None:
    url = f"{base_url or 'https://api.openai.com/v1'}/chat/completions"
    assert record(exchange(b"{}", url=url), openai(base_url=base_url))["host"] == host


def test_of_an_accounts_host_only_the_cloud_stays() -> None:
    section = AzureOpenAISection.model_validate(
        {"dialect": "azure_openai", "base_url": "https://acme.openai.azure.com"}
    )
    taped = exchange(b'{"at":"acme.openai.azure.com"}', url="https://acme.openai.azure.com/openai/v1/chat/completions")
    found = record(taped, section)
    assert (found["provider"], found["host"]) == ("azure_openai", "example-resource.openai.azure.com")
    assert found["response"]["body"] == {"at": "example-resource.openai.azure.com"}


def test_credentials_and_unknown_headers_do_not_get_in() -> None:
    sent = {
        "Authorization": f"Bearer {KEY}",
        "api-key": KEY,
        "OpenAI-Organization": "org-abcdef",
        "cookie": "a=b",
        "x-portkey-api-key": "pk",
        "content-type": "application/json",
    }
    got = {
        "content-type": "application/json",
        "x-request-id": "req_1",
        "x-ratelimit-remaining-requests": "9",
        "retry-after-ms": "20",
        "set-cookie": "a=b",
        "openai-organization": "acme",
        "x-ratelimit-key": "abc",
        "content-encoding": "gzip",
    }
    found = record(exchange(b"{}", sent=sent, headers=got))
    assert found["request"]["headers"] == {
        "api-key": "[redacted]",
        "authorization": "Bearer [redacted]",
        "content-type": "application/json",
    }
    assert set(found["response"]["headers"]) == {
        "content-type",
        "x-request-id",
        "x-ratelimit-remaining-requests",
        "retry-after-ms",
    }


def test_a_document_is_recorded_as_its_value() -> None:
    body = {"choices": [{"message": {"content": "Grüße, 🌳"}}], "n": [1, 2.5, None]}
    response = record(exchange(json.dumps(body).encode()))["response"]
    assert (response["body_encoding"], response["stream_format"], response["body"]) == ("json", None, body)


def test_an_escape_in_a_document_hides_nothing() -> None:
    body = b'{"message":"\\u0073k-proj-abcdefgh1234 and jane\\u0040acme.com"}'
    assert record(exchange(body))["response"]["body"] == {"message": "[redacted] and redacted@example.com"}


@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b'"a word"', b'{"cut": ', b""])
def test_what_is_no_document_is_recorded_as_text(body: bytes) -> None:
    response = record(exchange(body))["response"]
    assert (response["body_encoding"], response["body"]) == ("text", body.decode())


def test_bytes_that_are_no_text_are_recorded_as_such() -> None:
    response = record(exchange(b"\xff\x00a"))["response"]
    assert (response["body_encoding"], base64.b64decode(response["body"])) == ("base64", b"\xff\x00a")


@given(st.text())
def test_a_stream_is_recorded_to_the_byte(text: str) -> None:
    body = f"data: {json.dumps(text)}\r\n\r\n: Grüße\n\n".encode()
    response = record(exchange(body, headers=dict(SSE)))["response"]
    assert (response["body_encoding"], response["stream_format"]) == ("text", "sse")
    assert response["body"].encode() == Scrubber(None, {}).body(body, "text/event-stream")


def frame(payload: bytes) -> bytes:
    """A frame of an event stream with one header."""
    name, value = b":event-type", b"chunk"
    headers = bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    data = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return data + struct.pack(">I", crc32(data))


def test_frames_stay_whole_when_what_they_hold_is_cleaned() -> None:
    private, plain = b'{"who":"jane@acme.com"}', b'{"who":"a hedge"}'
    body = frame(private) + frame(plain) + frame(private)[:40]
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    response = record(exchange(body, headers=headers))["response"]
    assert (response["body_encoding"], response["stream_format"]) == ("base64", "aws-eventstream")
    clean = base64.b64decode(response["body"])
    reader = EventStreamReader("vendor")
    assert [payload for _, _, payload in reader.feed(clean)] == [b'{"who":"redacted@example.com"}', plain]
    assert clean.endswith(frame(plain) + frame(private)[:40])


def test_a_line_that_still_holds_the_key_is_refused() -> None:
    with pytest.raises(PrivateError):
        Scrubber(Secret(KEY), {}).check(f'{{"a":{json.dumps(KEY)}}}')


@pytest.mark.parametrize(
    ("vendor", "path", "provider", "api"),
    [
        ("openai", "/v1/chat/completions", "openai", "openai_chat"),
        ("openai", "/v1/embeddings", "openai", "openai_embed"),
        ("mistral", "/v1/chat/completions", "mistral", "mistral_chat"),
        ("mistral", "/v1/embeddings", "mistral", "mistral_embed"),
        ("voyage", "/v1/embeddings", "voyage", "voyage_embed"),
        ("dashscope", "/compatible-mode/v1/chat/completions", "qwen", "openai_chat"),
        ("vercel", "/v1/chat/completions", "vercel_gateway", "openai_chat"),
        ("azure_ai", "/models/chat/completions", "azure_openai", "azure_ai_chat"),
    ],
)
def test_vendors_are_named_as_the_recordings_name_them(vendor: str, path: str, provider: str, api: str) -> None:
    section = openai(vendor=vendor, base_url="http://127.0.0.1:9")
    found = record(exchange(b"{}", url=f"http://127.0.0.1:9{path}"), section)
    assert (found["provider"], found["api"], found["path"]) == (provider, api, path)
    assert folder_name(section) == provider


def test_the_project_of_an_address_is_replaced() -> None:
    section = VertexSection.model_validate({"dialect": "vertex", "project": "acme-prod"})
    path = "/v1/projects/{}/locations/global/publishers/anthropic/models/claude-x:streamRawPredict"
    url = "https://aiplatform.googleapis.com" + path.format("acme-prod") + "?alt=sse"
    found = record(exchange(b"", url=url), section)
    assert (found["path"], found["query"]) == (path.format("example-project"), "alt=sse")
    assert (found["provider"], found["api"]) == ("vertex", "vertex_anthropic")


@pytest.mark.parametrize(
    ("status", "content_type", "operation", "kind"),
    [
        (200, "application/json", Operation.CHAT, "chat"),
        (200, "text/event-stream; charset=utf-8", Operation.CHAT, "chat_stream"),
        (200, "application/json", Operation.EMBED, "embed"),
        (429, "application/json", Operation.EMBED, "error"),
    ],
)
def test_kinds(status: int, content_type: str, operation: Operation, kind: str) -> None:
    found = record(exchange(b"{}", status=status, headers={"content-type": content_type}), operation=operation)
    assert found["kind"] == kind
    assert found["id"].startswith(f"openai-{kind}-")


def test_features_of_the_conversation_and_of_the_transport() -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    assert record(exchange(b"", asked=asked, headers=dict(SSE)), features=("tool_call",))["features"] == [
        "include_usage",
        "sse",
        "tool_call",
    ]
    assert record(exchange(b"{}", asked=asked))["features"] == ["include_usage", "stream_requested"]
    assert record(exchange(b"{}", status=401))["features"] == ["auth"]


def test_the_same_traffic_has_the_same_id_and_other_traffic_another() -> None:
    one, other = exchange(b'{"a":1}'), exchange(b'{"a":2}')
    assert record(one)["id"] == record(exchange(b'{"a": 1}'))["id"] != record(other)["id"]


async def test_a_tape_keeps_what_passes_and_changes_nothing() -> None:
    within = ScriptedTransport(Answer([b"one", b"two"], headers=CIMultiDict({"Content-Type": "text/plain; q=1"})))
    tape, request = Tape(within), HttpRequest("POST", "http://x/", {}, b"{}")
    response = await tape.send(request, (("traceparent", "t"),))
    assert [await response.read() for _ in range(3)] == [b"one", b"two", b""]
    response.release(finished=True)
    (taped,) = tape.exchanges
    assert (taped.request, taped.status, taped.content_type, bytes(taped.body)) == (
        request,
        200,
        "text/plain",
        b"onetwo",
    )
    assert within.extra_headers == [(("traceparent", "t"),)]
    assert within.responses[0].releases == [True]

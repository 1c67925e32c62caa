"""What is peculiar to single dialects: seals, caches, event streams, keys, embeddings."""

import base64
import json
import struct
from typing import Any

import pytest
from hedgerow_sim import tokens
from unit.hedgerow_sim.harness import KEY, Sim, running
from unit.hedgerow_sim.wires import CALL, HELLO, SCHEMA, WIRES, Wire, frames, sse

_BY_NAME = {wire.name: wire for wire in WIRES}
_ANTHROPIC = {"anthropic-version": "2023-06-01"}
_CLAUDE: dict[str, Any] = {"model": "claude", "max_tokens": 4000, "messages": [{"role": "user", "content": HELLO}]}
_LONG = "word " * 1500


async def test_anthropic_shows_redacted_reasoning_and_takes_it_back(sim: Sim) -> None:
    prompt = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9A13E193C177646C7398A98432ECCCE4C1253D5E2D82641AC"
    asked = _CLAUDE | {"thinking": {"type": "adaptive"}, "messages": [{"role": "user", "content": prompt}]}
    content = (await sim.post("/v1/messages", asked, **_ANTHROPIC)).json["content"]
    assert [block["type"] for block in content] == ["redacted_thinking", "text"]
    after = [*asked["messages"], {"role": "assistant", "content": content}, _CLAUDE["messages"][0]]
    assert (await sim.post("/v1/messages", asked | {"messages": after}, **_ANTHROPIC)).status == 200
    content[0]["data"] = base64.b64encode(b"something else").decode()
    answer = await sim.post("/v1/messages", asked | {"messages": after}, **_ANTHROPIC)
    assert "Invalid `data` in `redacted_thinking` block" in answer.json["error"]["message"]


async def test_anthropic_signs_reasoning_that_it_does_not_show(sim: Sim) -> None:
    asked = _CLAUDE | {"thinking": {"type": "adaptive", "display": "omitted"}}
    block = (await sim.post("/v1/messages", asked, **_ANTHROPIC)).json["content"][0]
    assert block["thinking"] == ""
    streamed = list(sse(await sim.post("/v1/messages", asked | {"stream": True}, **_ANTHROPIC)))
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]
    assert deltas[0] == {"type": "signature_delta", "signature": block["signature"]}


async def test_anthropic_names_the_stop_sequence(sim: Sim) -> None:
    answer = (await sim.post("/v1/messages", _CLAUDE | {"stop_sequences": ["about"]}, **_ANTHROPIC)).json
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "about")


async def test_anthropic_pings_after_the_first_block_began(sim: Sim) -> None:
    events = [event["type"] for event in sse(await sim.post("/v1/messages", _CLAUDE | {"stream": True}, **_ANTHROPIC))]
    assert events[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    assert events[-2:] == ["message_delta", "message_stop"]


def _cached_claude() -> tuple[str, dict[str, Any], dict[str, str]]:
    system = [{"type": "text", "text": _LONG, "cache_control": {"type": "ephemeral"}}]
    return "/v1/messages", _CLAUDE | {"system": system}, _ANTHROPIC


def _cached_bedrock() -> tuple[str, dict[str, Any], dict[str, str]]:
    body = {"system": [{"text": _LONG}, {"cachePoint": {"type": "default"}}], "messages": [_ask_bedrock()]}
    return "/model/m/converse", body, {}


def _ask_bedrock() -> dict[str, Any]:
    return {"role": "user", "content": [{"text": HELLO}]}


@pytest.mark.parametrize(
    ("request_of", "read", "written"),
    [
        (_cached_claude, "cache_read_input_tokens", "cache_creation_input_tokens"),
        (_cached_bedrock, "cacheReadInputTokens", "cacheWriteInputTokens"),
    ],
    ids=["anthropic", "bedrock"],
)
async def test_a_marked_prefix_is_written_once_and_then_read(
    sim: Sim, request_of: Any, read: str, written: str
) -> None:
    path, body, headers = request_of()
    first, second = [(await sim.post(path, body, **headers)).json["usage"] for _ in range(2)]
    assert first[written] == second[read] > 1024
    assert first[read] == second[written] == 0


@pytest.mark.parametrize("name", ["openai", "responses", "gemini"])
async def test_a_long_prompt_is_cached_unasked(sim: Sim, name: str) -> None:
    wire = _BY_NAME[name]
    first, second = [wire.told(await wire.ask(sim, "m", stream=False, prompt=_LONG), stream=False) for _ in range(2)]
    assert _cached(first.usage) == 0
    assert 1024 <= _cached(second.usage) <= tokens.count(_LONG) + 50


def _cached(usage: dict[str, Any]) -> int:
    if "promptTokenCount" in usage:
        return int(usage.get("cachedContentTokenCount", 0))
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return int(details["cached_tokens"])


@pytest.mark.parametrize("wire", [_BY_NAME["gemini"], _BY_NAME["gemini-array"]], ids=["sse", "array"])
async def test_gemini_ends_a_broken_stream_with_its_error(sim: Sim, wire: Wire) -> None:
    answer = await wire.ask(sim, "sim-error-in-stream", stream=True)
    last = list(sse(answer))[-1] if wire.name == "gemini" else answer.json[-1]
    assert last["error"]["status"] == "INTERNAL"


async def test_gemini_sends_events_with_crlf(sim: Sim) -> None:
    answer = await _BY_NAME["gemini"].ask(sim, "m", stream=True)
    assert answer.body.count(b"\r\n\r\n") == answer.body.count(b"data: ")


async def test_gemini_errors_for_an_array_are_an_array(sim: Sim) -> None:
    answer = await _BY_NAME["gemini-array"].ask(sim, "sim-429", stream=True)
    details = {one["@type"].rpartition(".")[2]: one for one in answer.json[0]["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == "2s"


async def test_bedrock_throws_inside_its_stream(sim: Sim) -> None:
    answer = await _BY_NAME["bedrock"].ask(sim, "sim-error-in-stream", stream=True)
    headers, data = list(frames(answer.body))[-1]
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", "internalServerException")
    assert data["message"]


_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260501/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, "
    "Signature=" + "0a" * 32
)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (_SIGNED, None),
        (_SIGNED.replace("/bedrock/", "/s3/"), "InvalidSignatureException"),
        (_SIGNED.replace("20260501", "20260502"), "InvalidSignatureException"),
        (_SIGNED.replace("host;", ""), "InvalidSignatureException"),
        (_SIGNED[:-1], "InvalidSignatureException"),
        (_SIGNED.replace("SignedHeaders=host;x-amz-date, ", ""), "IncompleteSignatureException"),
        (_SIGNED.replace("AKIDEXAMPLE/", ""), "IncompleteSignatureException"),
        (f"Bearer {KEY}", None),
        ("Bearer other", "UnrecognizedClientException"),
        ("", "MissingAuthenticationTokenException"),
    ],
)
async def test_bedrock_looks_at_the_form_of_a_signature(header: str, kind: str | None) -> None:
    async with running(key=KEY) as sim:
        headers = {"authorization": header, "x-amz-date": "20260501T063000Z"}
        answer = await sim.post("/model/m/converse", {"messages": [_ask_bedrock()]}, **headers)
    assert answer.status == (403 if kind else 200)
    assert answer.headers.get("x-amzn-errortype", "").partition(":")[0] == (kind or "")


async def test_azure_notes_its_content_filter(sim: Sim) -> None:
    wire = _BY_NAME["azure"]
    first, *rest = sse(await wire.ask(sim, "gpt", stream=True))
    assert (first["choices"], first["id"], first["model"]) == ([], "", "")
    assert first["prompt_filter_results"][0]["content_filter_results"]["hate"]["severity"] == "safe"
    assert {event["model"] for event in rest} == {"gpt"}
    whole = (await wire.ask(sim, "gpt", stream=False)).json
    assert whole["choices"][0]["content_filter_results"]["violence"]["filtered"] is False


async def test_azure_has_its_own_words_for_a_missing_deployment(sim: Sim) -> None:
    assert (await _BY_NAME["azure"].ask(sim, "sim-404", stream=False)).json["error"]["code"] == "DeploymentNotFound"


async def test_google_fronts_for_claude_on_vertex(sim: Sim) -> None:
    """What the front refuses is Google's, what the model refuses Anthropic's."""
    wire = _BY_NAME["vertex-claude"]
    assert (await wire.ask(sim, "sim-429", stream=False)).json["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert (await wire.ask(sim, "sim-503", stream=False)).json["error"]["type"] == "overloaded_error"


async def test_cohere_bills_less_than_it_counts(sim: Sim) -> None:
    wire = _BY_NAME["cohere"]
    usage = wire.told(await wire.ask(sim, "command", stream=True), stream=True).usage
    assert usage["tokens"]["input_tokens"] > usage["billed_units"]["input_tokens"]
    assert usage["tokens"]["reasoning_tokens"] > 0


async def test_ollama_streams_unless_told_not_to(sim: Sim) -> None:
    answer = await sim.post("/api/chat", {"model": "m", "messages": [{"role": "user", "content": HELLO}]})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert json.loads(answer.body.splitlines()[-1])["done"] is True


_SCHEMA_REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": ("/v1/messages", _CLAUDE | {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    "gemini": (
        "/v1beta/models/m:generateContent",
        {
            "contents": [{"parts": [{"text": HELLO}]}],
            "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        },
    ),
    "cohere": (
        "/v2/chat",
        {
            "model": "m",
            "messages": [{"role": "user", "content": HELLO}],
            "response_format": {"type": "json_object", "json_schema": SCHEMA},
        },
    ),
    "ollama": (
        "/api/chat",
        {"model": "m", "stream": False, "messages": [{"role": "user", "content": HELLO}], "format": SCHEMA},
    ),
    "responses": (
        "/v1/responses",
        {"model": "m", "input": HELLO, "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}},
    ),
}


@pytest.mark.parametrize("name", _SCHEMA_REQUESTS)
async def test_a_structured_answer_fits_its_schema(sim: Sim, name: str) -> None:
    path, body = _SCHEMA_REQUESTS[name]
    told = _BY_NAME[name].read((await sim.post(path, body, **_ANTHROPIC)).json)
    assert json.loads(told.text).keys() == {"city"}


async def test_cohere_embeds_in_every_number_format(sim: Sim) -> None:
    kinds = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    body = {"model": "embed-v4.0", "input_type": "search_query", "texts": ["a"], "output_dimension": 256}
    rows = (await sim.post("/v2/embed", body | {"embedding_types": kinds})).json["embeddings"]
    floats = rows["float"][0]
    assert len(floats) == len(rows["int8"][0]) == len(rows["uint8"][0]) == 256
    assert abs(sum(value * value for value in floats) - 1) < 1e-3
    packed = struct.unpack("<256f", base64.b64decode(rows["base64"][0]))
    assert all(abs(x - y) < 1e-6 for x, y in zip(floats, packed, strict=True))
    bits = "".join(f"{byte:08b}" for byte in rows["ubinary"][0])
    assert [bit == "1" for bit in bits] == [value > 0 for value in floats]
    assert [byte - 128 for byte in rows["ubinary"][0]] == rows["binary"][0]


_GOOGLE_VECTORS = "/v1/projects/p/locations/l/publishers/google/models"
_NOVA = {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "X", "text": {"value": "a"}}}


@pytest.mark.parametrize(
    ("path", "body", "where", "size"),
    [
        ("/v1beta/models/m:embedContent", {"content": {"parts": [{"text": "a"}]}}, ["embedding", "values"], 3072),
        (
            "/v1beta/models/m:batchEmbedContents",
            {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 64}]},
            ["embeddings", 0, "values"],
            64,
        ),
        (
            f"{_GOOGLE_VECTORS}/text-embedding-005:predict",
            {"instances": [{"content": "a", "task_type": "RETRIEVAL_QUERY"}]},
            ["predictions", 0, "embeddings", "values"],
            768,
        ),
        ("/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "a", "dimensions": 512}, ["embedding"], 512),
        ("/model/amazon.nova-2-multimodal-embeddings-v1:0/invoke", _NOVA, ["embeddings", 0, "embedding"], 3072),
        (
            "/model/cohere.embed-english-v3/invoke",
            {"texts": ["a"], "input_type": "search_query"},
            ["embeddings", 0],
            1024,
        ),
        ("/api/embed", {"model": "m", "input": ["a"]}, ["embeddings", 0], 768),
        ("/api/embeddings", {"model": "m", "prompt": "a"}, ["embedding"], 768),
        ("/openai/deployments/m/embeddings?api-version=1", {"input": "a"}, ["data", 0, "embedding"], 256),
    ],
)
async def test_embeddings_stand_where_the_provider_puts_them(
    sim: Sim, path: str, body: dict[str, Any], where: list[str | int], size: int
) -> None:
    found = (await sim.post(path, body)).json
    for step in where:
        found = found[step]
    assert len(found) == size


async def test_counted_tokens_are_those_of_the_answers_usage(sim: Sim) -> None:
    body = {"model": "claude", "messages": [{"role": "user", "content": CALL}]}
    counted = (await sim.post("/v1/messages/count_tokens", body, **_ANTHROPIC)).json["input_tokens"]
    used = (await sim.post("/v1/messages", body | {"max_tokens": 9}, **_ANTHROPIC)).json["usage"]["input_tokens"]
    assert counted == used
    contents = {"contents": [{"parts": [{"text": CALL}]}]}
    counted = (await sim.post("/v1beta/models/m:countTokens", contents)).json["totalTokens"]
    answer = (await sim.post("/v1beta/models/m:generateContent", contents)).json
    assert counted == answer["usageMetadata"]["promptTokenCount"]


async def test_openai_tells_how_likely_each_token_was(sim: Sim) -> None:
    """With a stream's pieces as with the whole answer; only where it is asked for, and the likeliest first."""
    path = "/v1/chat/completions"
    plain: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": HELLO}]}
    asked = plain | {"logprobs": True, "top_logprobs": 3}
    whole = (await sim.post(path, asked)).json["choices"][0]
    entries = whole["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == whole["message"]["content"]
    for entry in entries:
        assert bytes(entry["bytes"]).decode() == entry["token"]
        likeliest = [one["logprob"] for one in entry["top_logprobs"]]
        assert likeliest == sorted(likeliest, reverse=True)
        assert len({one["token"] for one in entry["top_logprobs"]}) == 3
        assert 0 >= entry["logprob"] == likeliest[0]
    streamed = await sim.post(path, {**asked, "stream": True})
    choices = [one for event in streamed.events if event != "[DONE]" for one in event["choices"]]
    assert [entry for one in choices for entry in (one["logprobs"] or {}).get("content", ())] == entries
    assert (await sim.post(path, plain)).json["choices"][0]["logprobs"] is None
    refused = await sim.post(path, plain | {"top_logprobs": 3})
    assert (refused.status, refused.json["error"]["param"]) == (400, "top_logprobs")

"""boto3 against the simulator: Bedrock's Converse and InvokeModel."""
# ruff: noqa: ANN001, ANN003, ANN201, ANN202, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import json
import sys

import boto3
import botocore.exceptions
from botocore.config import Config

URL = sys.argv[1]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SPECS = [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMA}}} for name in ("weather", "tides")]
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def chat(client):
    answer = client.converse(modelId=MODEL, messages=HELLO)
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"]
    return answer["output"]["message"]["content"][0]["text"]


def _folded(stream):
    """The blocks of a stream, its stop reason and its usage."""
    blocks, stop, usage = {}, None, None
    for event in stream:
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = {**start["start"]["toolUse"], "input": ""}
        elif delta := event.get("contentBlockDelta"):
            block, told = blocks.setdefault(delta["contentBlockIndex"], {}), delta["delta"]
            told = told.get("reasoningContent") or told.get("toolUse") or told
            for name, value in told.items():
                block[name] = block.get(name, "") + value
        elif "messageStop" in event:
            stop = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            usage = event["metadata"]["usage"]
    return list(blocks.values()), stop, usage


def stream(client):
    blocks, stop, usage = _folded(client.converse_stream(modelId=MODEL, messages=HELLO)["stream"])
    assert blocks[0]["text"] == chat(client)
    assert stop == "end_turn"
    assert usage["outputTokens"] > 0


def tool(client):
    messages = [{"role": "user", "content": [{"text": "Please call weather and tides."}]}]
    asked = {"modelId": MODEL, "toolConfig": {"tools": SPECS}, "additionalModelRequestFields": THINK}
    message = client.converse(messages=messages, **asked)["output"]["message"]
    assert [next(iter(block)) for block in message["content"]] == ["reasoningContent", "text", "toolUse", "toolUse"]
    blocks, stop, _ = _folded(client.converse_stream(messages=messages, **asked)["stream"])
    assert stop == "tool_use"
    assert blocks[0] == message["content"][0]["reasoningContent"]["reasoningText"]
    calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    assert [json.loads(block["input"]) for block in blocks[2:]] == [call["input"] for call in calls]
    results = [{"toolResult": {"toolUseId": one["toolUseId"], "content": [{"text": "Sunny"}]}} for one in calls]
    after = [*messages, message, {"role": "user", "content": results}]
    assert "Sunny" in client.converse(messages=after, **asked)["output"]["message"]["content"][1]["text"]
    message["content"][0]["reasoningContent"]["reasoningText"]["text"] += " No."
    _fails("ValidationException", 400, client.converse, messages=after, **asked)


def schema(client):
    written = {"schema": json.dumps(SCHEMA), "name": "place"}
    config = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": written}}}
    answer = client.converse(modelId=MODEL, messages=HELLO, outputConfig=config)
    assert json.loads(answer["output"]["message"]["content"][0]["text"])["city"]


def embed(client):
    body = json.dumps({"inputText": "a", "dimensions": 256})
    answer = client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)
    assert len(json.loads(answer["body"].read())["embedding"]) == 256
    for model, shape in (("cohere.embed-english-v3", list), ("cohere.embed-v4:0", dict)):
        body = json.dumps({"texts": ["a", "b"], "input_type": "search_query"})
        embeddings = json.loads(client.invoke_model(modelId=model, body=body)["body"].read())["embeddings"]
        assert isinstance(embeddings, shape)
        assert len(embeddings if shape is list else embeddings["float"]) == 2


def _fails(code, status, call, **asked):
    try:
        call(**asked)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert error.response["Error"]["Message"]
    else:
        raise AssertionError(code)


def errors(client):
    for model, code, status in (
        ("sim-400", "ValidationException", 400),
        ("sim-401", "UnrecognizedClientException", 403),
        ("sim-403", "AccessDeniedException", 403),
        ("sim-404", "ResourceNotFoundException", 404),
        ("sim-429", "ThrottlingException", 429),
        ("sim-500", "InternalServerException", 500),
        ("sim-503", "ServiceUnavailableException", 503),
    ):
        _fails(code, status, client.converse, modelId=model, messages=HELLO)
    answer = client.converse_stream(modelId="sim-error-in-stream", messages=HELLO)
    try:
        list(answer["stream"])
    except botocore.exceptions.EventStreamError as error:
        assert error.response["Error"]["Code"] == "internalServerException"
    else:
        raise AssertionError("no exception in the stream")


def main():
    config = Config(retries={"max_attempts": 1, "mode": "standard"})
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    signed = boto3.client("bedrock-runtime", endpoint_url=URL, config=config, **keys)
    done = (chat, stream, tool, schema, embed, errors)
    for one in done:
        one(signed)
    print(json.dumps([one.__name__ for one in done]))


main()

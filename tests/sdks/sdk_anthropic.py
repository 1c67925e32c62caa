"""The anthropic SDK against the simulator: Messages at Anthropic's, on Vertex AI and on Bedrock."""
# ruff: noqa: ANN001, ANN201, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import json
import sys

import anthropic

URL, KEY = sys.argv[1:3]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "tides")]
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [{"role": "user", "content": "Please call weather and tides."}]


def chat(client, model):
    answer = client.messages.create(model=model, max_tokens=500, system="Be brief", messages=HELLO)
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0
    return answer.content[0].text


def stream(client, model):
    with client.messages.stream(model=model, max_tokens=500, system="Be brief", messages=HELLO) as events:
        text = "".join(events.text_stream)
        final = events.get_final_message()
    assert text == final.content[0].text == chat(client, model)
    assert final.usage.input_tokens > 0
    assert final.stop_reason == "end_turn"


def tool(client, model):
    asked = {"model": model, "max_tokens": 4000, "tools": TOOLS, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    whole = client.messages.create(messages=CALL, **asked)
    with client.messages.stream(messages=CALL, **asked) as events:
        message = events.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.to_dict() for block in message.content] == [block.to_dict() for block in whole.content]
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert calls[0].input.keys() == {"city"}
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"} for call in calls]
    content = [block.to_dict() for block in message.content]
    after = [*CALL, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    assert "Sunny" in client.messages.create(messages=after, **asked).content[1].text
    content[0]["thinking"] += " No."
    try:
        client.messages.create(messages=after, **asked)
    except anthropic.BadRequestError as error:
        assert "Invalid `signature` in `thinking` block" in str(error)
    else:
        raise AssertionError("changed reasoning was accepted")


def schema(client, model):
    format_ = {"format": {"type": "json_schema", "schema": SCHEMA}}
    answer = client.messages.create(model=model, max_tokens=500, messages=HELLO, output_config=format_)
    assert json.loads(answer.content[0].text)["city"]


def cache(client, model):
    block = {"type": "text", "text": f"{model} " * 1200, "cache_control": {"type": "ephemeral"}}
    first, second = (
        client.messages.create(model=model, max_tokens=50, system=[block], messages=HELLO).usage for _ in range(2)
    )
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1024
    assert first.input_tokens == second.input_tokens < 1024


def count(client, model):
    counted = client.messages.count_tokens(model=model, messages=HELLO).input_tokens
    assert counted == client.messages.create(model=model, max_tokens=9, messages=HELLO).usage.input_tokens


def errors(client, _model):
    for model, status, kind in (
        ("sim-401", 401, "authentication_error"),
        ("sim-403", 403, "permission_error"),
        ("sim-404", 404, "not_found_error"),
        ("sim-429", 429, "rate_limit_error"),
        ("sim-503", 529, "overloaded_error"),
        ("sim-context-length", 400, "invalid_request_error"),
    ):
        try:
            client.messages.create(model=model, max_tokens=9, messages=HELLO)
        except anthropic.APIStatusError as error:
            assert (error.status_code, error.body["error"]["type"]) == (status, kind)
        else:
            raise AssertionError(model)
    try:
        with client.messages.stream(model="sim-error-in-stream", max_tokens=50, messages=HELLO) as events:
            events.get_final_message()
    except anthropic.APIStatusError as error:
        assert error.body["error"]["type"] == "api_error"
    else:
        raise AssertionError("no error in the stream")


def main():
    own = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    done = (chat, stream, tool, schema, cache, count, errors)
    for one in done:
        one(own, "claude-opus-4-6")
    vertex = anthropic.AnthropicVertex(
        base_url=f"{URL}/v1", access_token=KEY, region="us-east5", project_id="hedges", max_retries=0
    )
    for one in (chat, stream, tool, count):
        one(vertex, "claude-opus-4-6")
    bedrock = anthropic.AnthropicBedrock(
        base_url=URL, aws_access_key="AKIDEXAMPLE", aws_secret_key="secret", aws_region="us-east-1", max_retries=0
    )
    for one in (chat, stream, tool):
        one(bedrock, "us.anthropic.claude-opus-4-6-v1")
    print(json.dumps([*(one.__name__ for one in done), "vertex", "bedrock"]))


main()

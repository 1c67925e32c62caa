"""The cohere SDK against the simulator, version 2 of the API."""
# ruff: noqa: ANN001, ANN201, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import json
import sys

import cohere

URL, KEY = sys.argv[1:3]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "command-a-03-2025"
THINKER = "command-a-reasoning-08-2025"


def chat(client):
    answer = client.chat(model=MODEL, messages=HELLO)
    assert answer.finish_reason == "COMPLETE"
    assert answer.usage.tokens.input_tokens > answer.usage.billed_units.input_tokens > 0
    return answer.message.content[0].text


def stream(client):
    events = list(client.chat_stream(model=MODEL, messages=HELLO))
    text = "".join(event.delta.message.content.text for event in events if event.type == "content-delta")
    assert text == chat(client)
    assert events[-1].type == "message-end"
    assert events[-1].delta.finish_reason == "COMPLETE"


def thinking(client):
    content = client.chat(model=THINKER, messages=HELLO).message.content
    assert [block.type for block in content] == ["thinking", "text"]
    events = list(client.chat_stream(model=THINKER, messages=HELLO))
    deltas = [event.delta.message.content for event in events if event.type == "content-delta"]
    assert "".join(delta.thinking or "" for delta in deltas) == content[0].thinking


def tool(client):
    messages = [{"role": "user", "content": "Please call weather and tides."}]
    message = client.chat(model=MODEL, messages=messages, tools=TOOLS).message
    assert [call.function.name for call in message.tool_calls] == ["weather", "tides"]
    assert "city" in json.loads(message.tool_calls[0].function.arguments)
    assert message.tool_plan
    kinds = [event.type for event in client.chat_stream(model=MODEL, messages=messages, tools=TOOLS)]
    assert kinds.count("tool-call-start") == kinds.count("tool-call-end") == 2
    said = {"role": "assistant", "tool_plan": message.tool_plan, "tool_calls": message.tool_calls}
    results = [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in message.tool_calls]
    after = client.chat(model=MODEL, messages=[*messages, said, *results], tools=TOOLS)
    assert "Sunny" in after.message.content[0].text


def schema(client):
    wanted = {"type": "json_object", "json_schema": SCHEMA}
    assert json.loads(client.chat(model=MODEL, messages=HELLO, response_format=wanted).message.content[0].text)["city"]


def embed(client):
    kinds = ["float", "int8", "ubinary", "base64"]
    answer = client.embed(
        model="embed-v4.0", input_type="search_query", texts=["a", "b"], embedding_types=kinds, output_dimension=256
    )
    assert [len(row) for row in answer.embeddings.float_] == [256, 256]
    assert [len(row) for row in answer.embeddings.int8] == [256, 256]
    assert [len(row) for row in answer.embeddings.ubinary] == [32, 32]
    assert answer.meta.billed_units.input_tokens == 2


def errors(client):
    once = {"max_retries": 0}
    for model, kind in (
        ("sim-400", cohere.BadRequestError),
        ("sim-401", cohere.UnauthorizedError),
        ("sim-404", cohere.NotFoundError),
        ("sim-429", cohere.TooManyRequestsError),
        ("sim-500", cohere.InternalServerError),
    ):
        try:
            client.chat(model=model, messages=HELLO, request_options=once)
        except kind as error:
            assert error.body["message"], model
        else:
            raise AssertionError(model)


def main():
    client = cohere.ClientV2(api_key=KEY, base_url=URL)
    done = (chat, stream, thinking, tool, schema, embed, errors)
    for one in done:
        one(client)
    print(json.dumps([one.__name__ for one in done]))


main()

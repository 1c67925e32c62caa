"""The mistralai SDK against the simulator's OpenAI-compatible paths."""
# ruff: noqa: ANN001, ANN201, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import json
import sys

from mistralai.client import Mistral
from mistralai.client import errors as mistral_errors

URL, KEY = sys.argv[1:3]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
HELLO = [{"role": "user", "content": "Hello"}]
MODEL = "mistral-large-latest"


def chat(client):
    answer = client.chat.complete(model=MODEL, messages=HELLO)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 0
    return answer.choices[0].message.content


def stream(client):
    with client.chat.stream(model=MODEL, messages=HELLO) as events:
        choices = [event.data.choices[0] for event in events if event.data.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == chat(client)
    assert choices[-1].finish_reason == "stop"


def tool(client):
    messages = [{"role": "user", "content": "Please call weather and tides."}]
    message = client.chat.complete(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["weather", "tides"]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in message.tool_calls]
    after = client.chat.complete(model=MODEL, messages=[*messages, message, *results], tools=TOOLS)
    assert "Sunny" in after.choices[0].message.content


def embed(client):
    rows = client.embeddings.create(model="mistral-embed", inputs=["a", "b"]).data
    assert [len(row.embedding) > 0 for row in rows] == [True, True]


def errors(client):
    for model, status in (("sim-401", 401), ("sim-429", 429), ("sim-500", 500)):
        try:
            client.chat.complete(model=model, messages=HELLO)
        except mistral_errors.MistralError as error:
            assert error.status_code == status
        else:
            raise AssertionError(model)


def main():
    client = Mistral(api_key=KEY, server_url=URL)
    done = (chat, stream, tool, embed, errors)
    for one in done:
        one(client)
    print(json.dumps([one.__name__ for one in done]))


main()

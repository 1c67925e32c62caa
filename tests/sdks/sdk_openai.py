"""The openai SDK against the simulator: Chat Completions, Responses, embeddings, and all of it on Azure."""
# ruff: noqa: ANN001, ANN201, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import json
import sys

import openai

URL, KEY = sys.argv[1:3]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
FLAT = [{"type": "function", "name": name, "parameters": SCHEMA} for name in ("weather", "tides")]
CALL = "Please call weather and tides."


def chat(client, model="gpt-4o"):
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    return answer.choices[0].message.content


def stream(client, model="gpt-4o"):
    options = {"include_usage": True}
    messages = [{"role": "user", "content": "Hello"}]
    with client.chat.completions.stream(model=model, messages=messages, stream_options=options) as events:
        whole = events.get_final_completion()
    assert whole.choices[0].message.content == chat(client, model)
    assert whole.usage.completion_tokens > 0


def tool(client, model="gpt-4o"):
    messages = [{"role": "user", "content": CALL}]
    message = client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message
    assert [call.function.name for call in message.tool_calls] == ["weather", "tides"]
    assert "city" in json.loads(message.tool_calls[0].function.arguments)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in message.tool_calls]
    after = client.chat.completions.create(model=model, messages=[*messages, message, *results], tools=TOOLS)
    assert "Sunny" in after.choices[0].message.content


def embed(client, model="text-embedding-3-small"):
    rows = client.embeddings.create(model=model, input=["a", "b"], dimensions=64).data
    assert [len(row.embedding) for row in rows] == [64, 64]
    plain = client.embeddings.create(model=model, input="a", dimensions=64, encoding_format="float").data[0]
    assert all(abs(x - y) < 1e-6 for x, y in zip(plain.embedding, rows[0].embedding, strict=True))


def responses(client):
    answer = client.responses.create(model="gpt-5", input="Hello", reasoning={"effort": "low", "summary": "auto"})
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage.output_tokens_details.reasoning_tokens > 0
    with client.responses.stream(
        model="gpt-5", input="Hello", reasoning={"effort": "low", "summary": "auto"}
    ) as events:
        kinds = {event.type for event in events}
        assert events.get_final_response().output_text == answer.output_text
    assert "response.reasoning_summary_text.delta" in kinds
    wanted = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA}}
    assert json.loads(client.responses.create(model="gpt-5", input="Where?", text=wanted).output_text)["city"]


def responses_tool(client):
    items = [{"role": "user", "content": CALL}]
    asked = {"model": "gpt-5", "tools": FLAT, "reasoning": {"effort": "low"}, "store": False}
    asked["include"] = ["reasoning.encrypted_content"]
    first = client.responses.create(input=items, **asked)
    assert [item.type for item in first.output] == ["reasoning", "function_call", "function_call"]
    items += [item.model_dump(exclude_none=True) for item in first.output]
    calls = [item for item in first.output if item.type == "function_call"]
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in calls]
    assert "Sunny" in client.responses.create(input=items, **asked).output_text
    items[1]["encrypted_content"] = items[1]["encrypted_content"][:-8] + "AAAAAAA="
    try:
        client.responses.create(input=items, **asked)
    except openai.BadRequestError as error:
        assert error.code == "invalid_encrypted_content"
    else:
        raise AssertionError("changed reasoning was accepted")


def responses_go_on(client):
    first = client.responses.create(model="gpt-5", input="Hello")
    after = client.responses.create(model="gpt-5", input="And then?", previous_response_id=first.id)
    assert after.usage.input_tokens > first.usage.input_tokens


def errors(client):
    for model, kind, code in (
        ("sim-401", openai.AuthenticationError, "invalid_api_key"),
        ("sim-429", openai.RateLimitError, "rate_limit_exceeded"),
        ("sim-404", openai.NotFoundError, "model_not_found"),
        ("sim-context-length", openai.BadRequestError, "context_length_exceeded"),
        ("sim-500", openai.InternalServerError, None),
    ):
        for call in (
            lambda model: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}]),
            lambda model: client.responses.create(model=model, input="x", stream=True),
        ):
            try:
                call(model)
            except kind as error:
                assert error.code == code, (model, error.code)
            else:
                raise AssertionError(model)
    try:
        list(client.responses.create(model="sim-error-in-stream", input="x", stream=True))
    except openai.APIError as error:
        assert "error" in str(error)
    else:
        raise AssertionError("no error in the stream")


def azure():
    for key in ({"api_key": KEY}, {"azure_ad_token": KEY}):
        client = openai.AzureOpenAI(azure_endpoint=URL, api_version="2024-10-21", max_retries=0, **key)
        chat(client, "my-deployment")
        stream(client, "my-deployment")
        tool(client, "my-deployment")
        embed(client, "my-embeddings")
    try:
        chat(client, "sim-404")
    except openai.NotFoundError as error:
        assert error.code == "DeploymentNotFound"
    else:
        raise AssertionError("sim-404")


def main():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    done = (chat, stream, tool, embed, responses, responses_tool, responses_go_on, errors)
    for one in done:
        one(client)
    azure()
    print(json.dumps([one.__name__ for one in (*done, azure)]))


main()

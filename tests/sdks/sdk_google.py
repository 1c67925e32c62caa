"""The google-genai SDK against the simulator, as the Gemini API and as Vertex AI."""
# ruff: noqa: ANN001, ANN201, PT017, T201  (a script for an environment without pytest, which prints its result)
# mypy: ignore-errors

import base64
import json
import sys

from google import genai
from google.genai import errors as google_errors
from google.genai import types
from google.oauth2.credentials import Credentials

URL, KEY = sys.argv[1:3]
SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
TOOLS = [types.Tool(function_declarations=[{"name": name, "parameters": SCHEMA} for name in ("weather", "tides")])]
THINK = types.ThinkingConfig(include_thoughts=True)
MODEL = "gemini-3-pro-preview"


def chat(client):
    answer = client.models.generate_content(model=MODEL, contents="Hello")
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    total = usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    assert usage.total_token_count == total
    return answer.text


def stream(client):
    pieces = list(client.models.generate_content_stream(model=MODEL, contents="Hello"))
    assert "".join(piece.text or "" for piece in pieces) == chat(client)
    assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert pieces[-1].usage_metadata.candidates_token_count > pieces[0].usage_metadata.candidates_token_count


def thoughts(client):
    config = types.GenerateContentConfig(thinking_config=THINK)
    parts = client.models.generate_content(model=MODEL, contents="Hello", config=config).candidates[0].content.parts
    assert [bool(part.thought) for part in parts] == [True, False]


def tool(client):
    asked = [types.Content(role="user", parts=[types.Part(text="Please call weather and tides.")])]
    off = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=off)
    content = client.models.generate_content(model=MODEL, contents=asked, config=config).candidates[0].content
    calls = [part.function_call for part in content.parts]
    assert [call.name for call in calls] == ["weather", "tides"]
    assert calls[0].args.keys() == {"city"}
    assert content.parts[0].thought_signature
    assert not content.parts[1].thought_signature
    results = [types.Part.from_function_response(name=call.name, response={"result": "Sunny"}) for call in calls]
    after = [*asked, content, types.Content(role="user", parts=results)]
    assert "Sunny" in client.models.generate_content(model=MODEL, contents=after, config=config).text
    wrong, missing = content.model_copy(deep=True), content.model_copy(deep=True)
    wrong.parts[0].thought_signature = base64.b64decode("c29tZXRoaW5nIGVsc2U=")
    missing.parts[0].thought_signature = None
    for one, words in ((wrong, "Thought signature is not valid"), (missing, "missing a thought_signature")):
        try:
            client.models.generate_content(model=MODEL, contents=[*asked, one, after[-1]], config=config)
        except google_errors.ClientError as error:
            assert error.code == 400
            assert words in error.message
        else:
            raise AssertionError(words)


def automatic_tool(client):
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"Sunny in {city}"

    config = types.GenerateContentConfig(tools=[weather])
    assert "Sunny in" in client.models.generate_content(model=MODEL, contents="Call weather", config=config).text


def schema(client):
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=SCHEMA)
    assert json.loads(client.models.generate_content(model=MODEL, contents="Where?", config=config).text)["city"]


def embed(client):
    config = types.EmbedContentConfig(output_dimensionality=64)
    # On Vertex AI this model takes one text a request.
    contents = ["a"] if client.vertexai else ["a", "b"]
    rows = client.models.embed_content(model="gemini-embedding-001", contents=contents, config=config).embeddings
    assert [len(row.values) for row in rows] == [64] * len(contents)


def count(client):
    counted = client.models.count_tokens(model=MODEL, contents="Hello").total_tokens
    assert counted == client.models.generate_content(model=MODEL, contents="Hello").usage_metadata.prompt_token_count


def errors(client):
    bad_key = (401, "UNAUTHENTICATED") if client.vertexai else (400, "INVALID_ARGUMENT")
    for model, code, status in (
        ("sim-401", *bad_key),
        ("sim-403", 403, "PERMISSION_DENIED"),
        ("sim-404", 404, "NOT_FOUND"),
        ("sim-429", 429, "RESOURCE_EXHAUSTED"),
        ("sim-500", 500, "INTERNAL"),
        ("sim-503", 503, "UNAVAILABLE"),
    ):
        try:
            client.models.generate_content(model=model, contents="Hello")
        except google_errors.APIError as error:
            assert (error.code, error.status) == (code, status)
        else:
            raise AssertionError(model)


def main():
    options = types.HttpOptions(base_url=URL)
    own = genai.Client(api_key=KEY, http_options=options)
    vertex = genai.Client(
        vertexai=True, project="hedges", location="us-east5", credentials=Credentials(KEY), http_options=options
    )
    done = (chat, stream, thoughts, tool, automatic_tool, schema, embed, count, errors)
    for client in (own, vertex):
        for one in done:
            one(client)
    print(json.dumps([*(one.__name__ for one in done), "vertex"]))


main()

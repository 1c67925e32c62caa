"""Recorded traffic of Azure OpenAI through its own dialect: addresses as recorded, answers as recorded."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import ProviderAuth, ProviderModelUnavailable, ProviderRejectedRequest
from hedgerow_server.core.event import EmbeddingsAdded, Finished
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, EmbedSpec, Message, Part, Role, Text, ToolCall
from hedgerow_server.providers.azure_openai import AzureOpenAI, AzureOpenAISection
from providers import openai_expected, responses_expected
from providers.openai_run import folded
from stack import RECORDINGS

Json = dict[str, Any]

PATH = RECORDINGS / "azure_openai.jsonl"
if not PATH.exists():
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)
RECORDED: list[Json] = [
    record
    for record in map(json.loads, PATH.read_text(encoding="utf-8").splitlines())
    if record["api"] in ("openai_chat", "openai_embed", "openai_responses")
]
ERRORS = (ProviderAuth, ProviderModelUnavailable, ProviderRejectedRequest)


def about(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`."""
    found = [one for one in RECORDED if one["kind"] in kinds]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def azure(recording: Json) -> AzureOpenAI:
    """A provider with the recording's addresses. One record lacks the query that its address needs."""
    query = recording["query"].removeprefix("api-version=")
    old = "/deployments/" in recording["path"]
    settings = {
        "dialect": "azure_openai",
        "base_url": f"https://{recording['host']}",
        "api": "responses" if recording["api"] == "openai_responses" else "chat",
        "urls": "deployments" if old else "v1",
        "api_version": query or ("2024-10-21" if old else None),
    }
    return AzureOpenAI("vendor", AzureOpenAISection.model_validate(settings))


@about("chat", "chat_stream", "embed", "error")
def test_the_address_is_the_recorded_one(recorded: Json) -> None:
    path = recorded["path"].replace("//", "/")
    deployment = path.split("/")[3] if "/deployments/" in path else recorded["model"]
    hi = Message(Role.USER, (Part(Text("hi")),))
    spec = EmbedSpec(model="m", inputs=("a",)) if recorded["kind"] == "embed" else ChatSpec(model="m", messages=(hi,))
    url = azure(recorded).build(spec, stream=False, model=deployment, secret=None).request.url
    address, _, query = url.partition("?")
    assert address == f"https://{recorded['host']}{path}"
    assert not recorded["query"] or query == recorded["query"]


@about("chat", "chat_stream")
def test_an_answer_is_read_as_recorded(recorded: Json) -> None:
    """Text, calls and the sums of the usage, whatever filter results stand between."""
    kind = "text/event-stream" if recorded["response"].get("stream_format") else "application/json"
    reader = azure(recorded).reader(Operation.CHAT, stream=kind == "text/event-stream", content_type=kind)
    events = reader.feed(openai_expected.body_bytes(recorded)) + reader.finish()
    contents = [part.content for part in folded(events).message.content]
    text, calls, counts = wanted(recorded)
    assert "".join(one.text for one in contents if isinstance(one, Text)) == text
    assert [(one.id, one.name, one.arguments) for one in contents if isinstance(one, ToolCall)] == calls
    last = events[-1]
    assert isinstance(last, Finished)
    if counts is None:
        assert last.usage is None
    else:
        assert last.usage is not None
        assert (last.usage.input_tokens, last.usage.output_tokens) == counts


def wanted(recording: Json) -> tuple[str, list[Any], tuple[int, int] | None]:
    """The text, the calls, the input and output tokens of a recorded answer."""
    if recording["api"] == "openai_responses":
        said = responses_expected.expected(recording)
        usage = said.response["usage"]
        return said.text, said.calls, (usage["input_tokens"], usage["output_tokens"])
    answer = openai_expected.expected(recording)
    counts = answer.usage and (answer.usage["prompt_tokens"], answer.usage["completion_tokens"])
    return answer.text, answer.calls, counts or None


@about("embed")
def test_embeddings_are_read(recorded: Json) -> None:
    reader = azure(recorded).reader(Operation.EMBED, stream=False, content_type="application/json")
    reader.feed(openai_expected.body_bytes(recorded))
    added = [event for event in reader.finish() if isinstance(event, EmbeddingsAdded)]
    assert len(added[0].vectors) == len(recorded["response"]["body"]["data"])


@about("error")
def test_an_error_is_classified(recorded: Json) -> None:
    response = recorded["response"]
    error = azure(recorded).classify(response["status"], response["headers"], openai_expected.body_bytes(recorded))
    assert isinstance(error, ERRORS)
    assert error.metadata["upstreamStatus"] == str(response["status"])

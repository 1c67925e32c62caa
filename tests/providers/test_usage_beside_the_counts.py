"""What is billed and does not stand among an answer's token counts, in every recording that tells of it."""

import json

import pytest
from hedgerow_server.core.event import Finished, Usage
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from providers import bedrock_run, responses_run
from providers.replay import Json, body_bytes, media_type, recordings_of

TOKENS = "x-amzn-bedrock-input-token-count"


def ids(records: list[Json]) -> list[str]:
    """The ids of recordings."""
    return [str(record["id"]) for record in records]


COUNTED = [
    record
    for record in recordings_of("bedrock_invoke")
    if record["kind"] == "embed" and TOKENS in record["response"]["headers"]
]
SEARCHED = [
    record
    for record in recordings_of("openai_responses")
    if record["provider"] == "openai" and "web_search_call" in json.dumps(record["response"]["body"])
]
PERPLEXITYS = [
    record for record in recordings_of("openai_chat") if record["provider"] == "perplexity" and record["kind"] == "chat"
]


@pytest.mark.parametrize("record", COUNTED, ids=ids(COUNTED))
def test_the_tokens_of_bedrocks_embeddings_are_those_of_the_header(record: Json) -> None:
    headers = record["response"]["headers"]
    reader = bedrock_run.bedrock().reader(
        Operation.EMBED, stream=False, content_type="application/json", headers=headers
    )
    reader.feed(bedrock_run.body_bytes(record))
    last = reader.finish()[-1]
    assert isinstance(last, Finished)
    assert last.usage == Usage(input_uncached_tokens=int(headers[TOKENS]), final=True)


def searches(record: Json) -> int:
    """The finished web searches that the answer lists, each an item of its own."""
    body = record["response"]["body"]
    if isinstance(body, str):
        events = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
        (body,) = [event["response"] for event in events if event["type"] == "response.completed"]
    items = [item for item in body["output"] if item["type"] == "web_search_call"]
    return sum(item.get("action", {"type": "search"})["type"] == "search" for item in items)


@pytest.mark.parametrize("record", SEARCHED, ids=ids(SEARCHED))
def test_openais_web_searches_are_counted(record: Json) -> None:
    *_, last = responses_run.read([body_bytes(record)], media_type(record))
    assert isinstance(last, Finished)
    assert last.usage is not None
    assert last.usage.other_units == {"web_search.num_requests": searches(record)}


@pytest.mark.parametrize("record", PERPLEXITYS, ids=ids(PERPLEXITYS))
def test_perplexitys_fee_goes_by_the_size_of_the_search_context(record: Json) -> None:
    reader = OpenAI("one", OpenAISection(dialect="openai", vendor="perplexity")).reader(
        Operation.CHAT, stream=False, content_type="application/json"
    )
    reader.feed(body_bytes(record))
    last = reader.finish()[-1]
    assert isinstance(last, Finished)
    assert last.usage is not None
    size = record["response"]["body"]["usage"]["search_context_size"]
    assert last.usage.other_units[f"search_context_{size}"] == 1

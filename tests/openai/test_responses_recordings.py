"""Recorded traffic of the Responses API, of all vendors, through our own door to an upstream of that dialect.

What is not the same on both sides of the gateway stands in docs/responses.md, and nothing else may differ.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from door_events import ended
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Part, ProviderItem
from hedgerow_server.providers.openai_responses import OpenAIResponses
from providers.openai_expected import body_bytes
from providers.responses_expected import frames
from providers.responses_run import responses
from providers.responses_spec import canonical
from responses_door import asked, decoded, folded, sent_back, streamed, whole
from stack import RECORDINGS, ROOT

Json = dict[str, Any]
Rule = Callable[[Any, Any], bool]

RECORDED: list[Json] = [
    record
    for path in sorted(RECORDINGS.glob("*.jsonl"))
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    if record["api"] == "openai_responses"
]
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# Recorded to see it refused: a temperature below zero.
REFUSED = {"openai-error-4bb9d678153b": "chat.temperature"}
HOST = "api.openai.com"
# What an answer repeats of its request, and what it says where the request does not.
REPEATED: Json = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
STEPS = re.compile(r"response\.[a-z_]+_call\.(in_progress|searching|completed)")


def gone(_sent: Any, got: Any) -> bool:
    """The field is not told."""
    return got is None


def added(sent: Any, _got: Any) -> bool:
    """The provider had no such field."""
    return sent is None


def now(_sent: Any, got: Any) -> bool:
    """It is told by the gateway's own clock."""
    return abs(float(got) - time.time()) < 60


def ours(_sent: Any, got: Any) -> bool:
    """The gateway has made it."""
    return "_hg_" in got or got.startswith(("hg1.", "resp_"))


ANSWERS: dict[str, Rule] = {
    "billing": gone,
    "completed_at": now,
    "content_filters": gone,
    "created_at": now,
    "frequency_penalty": gone,
    "hedgerow": added,
    "id": ours,
    "output[].content": gone,
    "output[].encrypted_content": ours,
    "output[].hedgerow": added,
    "output[].id": ours,
    "output[].summary": lambda sent, got: sent == [] and all(one["type"] == "summary_text" for one in got),
    "presence_penalty": gone,
    "prompt_cache_retention": gone,
    "tool_usage": gone,
    "usage.context_details": gone,
    "usage.cost_in_usd_ticks": gone,
    "usage.input_tokens_details.cache_write_tokens": lambda sent, got: sent is None and got == 0,
    "usage.num_server_side_tools_used": gone,
    "usage.num_sources_used": gone,
    "usage.server_side_tool_usage_details": gone,
}
# Not so of OpenAI itself, or of answers in one piece: there these fields are the same, too.
OF_OTHERS = {"id", "output[].content", "output[].encrypted_content", "output[].summary"}
OF_STREAMS = {"output[].id"}
REQUESTS = {"instructions"}


def about(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`."""
    found = [one for one in RECORDED if one["kind"] in kinds]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def differences(sent: Any, got: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field that is not the same, with its value on both sides. One that is null is the same as none."""
    if isinstance(sent, dict) and isinstance(got, dict):
        for name in sorted(sent.keys() | got.keys()):
            yield from differences(sent.get(name), got.get(name), f"{path}.{name}" if path else name)
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        for one, other in zip(sent, got, strict=True):
            yield from differences(one, other, f"{path}[]")
    elif sent != got or isinstance(sent, bool) is not isinstance(got, bool):
        yield path, sent, got


def documented(name: str) -> set[str]:
    """The fields of a table of docs/responses.md."""
    text = (ROOT / "docs" / "responses.md").read_text(encoding="utf-8")
    (table,) = re.findall(rf"<!-- Recorded: {name} -->\n(.*?)<!-- End -->", text, re.DOTALL)
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


def upstream(recorded: Json, host: str) -> OpenAIResponses:
    """The provider that was recorded, configured as its request shows."""
    body = recorded["request"]["body"]
    encrypted = "reasoning.encrypted_content" in (body.get("include") or ())
    return responses(base_url=f"https://{host}/v1", store=body.get("store") is not False, encrypted_reasoning=encrypted)


def answered(recorded: Json) -> list[Event]:
    """The events of a recorded answer, as a caller gets them."""
    kind = "text/event-stream" if recorded["response"].get("stream_format") else "application/json"
    provider = upstream(recorded, recorded["host"])
    reader = provider.reader(Operation.CHAT, stream=kind == "text/event-stream", content_type=kind)
    return ended(coalesce([*reader.feed(body_bytes(recorded)), *reader.finish()]))


def provided(recorded: Json) -> Json:
    """The response that the provider sent, whole. The items of a stream are those that were done: what is encrypted,
    OpenAI encrypts anew for the last event.
    """
    body = recorded["response"]["body"]
    if isinstance(body, dict):
        return body
    events = frames(body)
    items = [one["item"] for one in events if one["type"] == "response.output_item.done"]
    return {**events[-1]["response"], "output": items}


def told(recorded: Json) -> Json:
    """The response that a caller of the gateway gets for it."""
    _, call = decoded(recorded["request"]["body"])
    events = answered(recorded)
    if recorded["kind"] == "chat":
        return whole(call, events)
    response: Json = streamed(call, events)[-1]["response"]
    return response


def check_repeated(asked: Json, got: Json) -> None:
    """What the answer says of its request is what the request said, on top of what it says of none."""
    for name, default in REPEATED.items():
        given = asked.get(name)
        if name in ("reasoning", "text"):
            given = default | (given or {})
        assert got[name] == (default if given is None else given), name


@about("chat", "chat_stream", "error")
def test_a_request_reaches_the_provider_as_it_came(recorded: Json) -> None:
    """But for instructions, which are the first message of the input there, and what the API has two ways to say."""
    body = recorded["request"]["body"]
    if (field := REFUSED.get(recorded["id"])) is not None:
        with pytest.raises(RequestInvalid) as refused:
            decoded(body)
        assert refused.value.violations[0].field == field
        return
    request, _ = decoded(body)
    stream = bool(body.get("stream"))
    prepared = upstream(recorded, HOST).build(request.spec, stream=stream, model=body["model"], secret=None)
    assert not prepared.warnings
    wanted = canonical(body)
    if "previous_response_id" not in wanted and (instructions := wanted.pop("instructions", None)):
        text = {"type": "input_text", "text": instructions}
        wanted["input"] = [{"role": "system", "content": [text]}, *wanted["input"]]
    sent = json.loads(prepared.request.body)
    assert bool(sent.get("stream")) == stream
    assert sent["store"] == (body.get("store") is not False)
    assert canonical(sent) == wanted


@about("chat", "chat_stream")
def test_an_answer_means_the_same_on_both_sides(recorded: Json) -> None:
    got, sent = told(recorded), provided(recorded)
    check_repeated(recorded["request"]["body"], got)
    for path, before, after in differences(sent, got):
        if path.partition(".")[0].partition("[")[0] in REPEATED:
            continue
        assert path in ANSWERS, f"{path} was {before!r} and is {after!r}"
        assert ANSWERS[path](before, after), f"{path} was {before!r} and is {after!r}"
        assert path not in OF_OTHERS or recorded["host"] != HOST, f"{path} was {before!r} and is {after!r}"
        assert path not in OF_STREAMS or recorded["kind"] == "chat_stream", f"{path} was {before!r} and is {after!r}"


@about("chat", "chat_stream")
def test_what_is_sent_back_is_what_the_provider_gave(recorded: Json) -> None:
    """Every part of the answer, with the state of whichever vendor it is from."""
    came, went = sent_back(told(recorded)["output"]).content, folded(answered(recorded)).content
    assert [meaning(part) for part in came] == [meaning(part) for part in went]


def meaning(part: Part) -> Any:
    """A part with its JSON parsed: how that is written means nothing."""
    state = part.state and (part.state.provider, telling(part.state.data))
    content: Any = part.content
    if isinstance(content, ProviderItem):
        content = (content.provider, content.type, json.loads(content.data))
    return content, state


def telling(data: bytes) -> Json:
    """The members of state that tell something: that it is the assistant who speaks, goes without saying."""
    return {name: value for name, value in json.loads(data).items() if value is not None and name != "role"}


@about("chat_stream")
def test_a_stream_has_the_events_that_the_provider_sent(recorded: Json) -> None:
    """In the same order, with the same words, but for the steps of the provider's own tools."""
    events = streamed(decoded(recorded["request"]["body"])[1], answered(recorded))
    sent = [one for one in frames(recorded["response"]["body"]) if not STEPS.fullmatch(one["type"])]
    assert steps(events) == steps(sent)
    for kind in {one["type"] for one in sent if one["type"].endswith(".done")}:
        for member in ("text", "arguments", "refusal", "output_index", "content_index", "summary_index"):
            wanted = [one.get(member) for one in sent if one["type"] == kind]
            assert [one.get(member) for one in events if one["type"] == kind] == wanted, (kind, member)
    notes = [one["annotation"] for one in sent if one["type"] == "response.output_text.annotation.added"]
    assert [one["annotation"] for one in events if "annotation" in one] == notes


def steps(events: list[Json]) -> list[tuple[str, str]]:
    """The kinds of events in their order; neighbouring deltas of one kind are one, with all of their words."""
    found: list[tuple[str, str]] = []
    for event in events:
        kind, words = event["type"], event.get("delta", "")
        if kind.endswith(".delta") and found and found[-1][0] == kind:
            found[-1] = kind, found[-1][1] + words
        else:
            found.append((kind, words))
    return found


def test_the_documentation_lists_what_differs_and_nothing_else() -> None:
    assert documented("answers") == set(ANSWERS)
    assert documented("requests") == REQUESTS
    assert documented("repeated") == set(REPEATED)


def test_every_difference_that_is_listed_occurs() -> None:
    """A row that nothing needs any more is taken out."""
    found = {path for one in RECORDED if one["kind"] != "error" for path, _, _ in differences(provided(one), told(one))}
    assert set(ANSWERS) <= found


def test_an_answer_to_the_least_request_has_every_repeated_field() -> None:
    answer = whole(asked(), answered(next(one for one in RECORDED if one["kind"] == "chat")))
    check_repeated({}, answer)

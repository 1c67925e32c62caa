"""The openai SDK as a user of the gateway's Responses API, in front of several dialects."""
# ruff: noqa: ANN001, ANN003, ANN201, ANN202  (a script for an environment without pytest)
# mypy: ignore-errors

import asyncio
import json
import time

import openai
import pydantic
from shown import check_left, new_trace, raised, run, shows

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "name": name, "parameters": SCHEMA} for name in ("weather", "tides")]
CALL = "Please call weather and tides."
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
THINKING = {"effort": "low", "summary": "auto"}
ENCRYPTED = ["reasoning.encrypted_content"]
MODELS = ("fast", "responses", "anthropic", "gemini")
"""Of four dialects."""
THINKERS = ("responses", "anthropic", "gemini")
"""Those whose reasoning has a state that goes back."""

client = openai.OpenAI(max_retries=0)


class City(pydantic.BaseModel):
    """What is asked for."""

    name: str
    people: int


@shows
def create():
    for model in MODELS:
        _create(model)


def _create(model):
    answer = client.responses.create(model=model, instructions="Be brief.", input="Hello", temperature=0.5)
    assert answer.id.startswith("resp_")
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert answer.output_text
    assert (answer.instructions, answer.temperature) == ("Be brief.", 0.5)
    assert answer.service_tier == ("default" if model in ("fast", "responses") else None)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    again = client.responses.create(model=model, input=[{"role": "user", "content": "Hello"}], instructions="Be brief.")
    assert again.output_text == answer.output_text
    assert client.responses.with_raw_response.create(model=model, input="Hi").headers["x-request-id"]


@shows
def stream():
    for model in MODELS:
        _stream(model)


def _stream(model):
    plain = client.responses.create(model=model, input="Hello").output_text
    with client.responses.stream(model=model, input="Hello") as events:
        told = list(events)
        whole = events.get_final_response()
    assert whole.output_text == plain
    assert "".join(event.delta for event in told if event.type == "response.output_text.delta") == plain
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert told[0].type == "response.created"
    assert told[-1].type == "response.completed"
    assert told[0].response.id == whole.id
    raw = list(client.responses.create(model=model, input="Hello", stream=True))
    assert list(dict.fromkeys(one.type for one in raw)) == list(dict.fromkeys(one.type for one in told))


@shows
def incomplete():
    for model in MODELS:
        _incomplete(model)


def _incomplete(model):
    # Enough to think and to begin: where the limit counts the thoughts, some vendors take no fewer.
    answer = client.responses.create(model=model, input="Hello", max_output_tokens=16)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    last = list(client.responses.create(model=model, input="Hello", max_output_tokens=16, stream=True))[-1]
    assert (last.type, last.response.incomplete_details.reason) == ("response.incomplete", "max_output_tokens")


@shows
def tools():
    for model in MODELS:
        _tools(model)


def _tools(model):
    """The loop that everybody writes: what came goes back as it is, with what the functions returned."""
    asked = [{"role": "user", "content": CALL}]
    answer = client.responses.create(model=model, input=asked, tools=TOOLS, parallel_tool_calls=True)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["weather", "tides"]
    assert all("city" in json.loads(call.arguments) for call in calls)
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in calls]
    for items in ([item.model_dump() for item in answer.output], answer.output):
        after = client.responses.create(model=model, input=[*asked, *items, *outputs], tools=TOOLS)
        assert "Sunny" in after.output_text
    forced = client.responses.create(
        model=model, input="Hi", tools=TOOLS, tool_choice={"type": "function", "name": "tides"}
    )
    assert [item.name for item in forced.output if item.type == "function_call"] == ["tides"]


@shows
def stream_tools():
    for model in MODELS:
        _stream_tools(model)


def _stream_tools(model):
    with client.responses.stream(model=model, input=CALL, tools=TOOLS) as events:
        done = [event.arguments for event in events if event.type == "response.function_call_arguments.done"]
        answer = events.get_final_response()
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [call.arguments for call in calls] == done
    assert len({call.id for call in calls}) == len({call.call_id for call in calls}) == 2
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in calls]
    asked = [{"role": "user", "content": CALL}]
    items = [item.model_dump() for item in answer.output]
    assert "Sunny" in client.responses.create(model=model, input=[*asked, *items, *outputs], tools=TOOLS).output_text


@shows
def reasoning():
    for model in THINKERS:
        _reasoning(model)


def _reasoning(model):
    """What the model thought goes back whole: its provider checks that it is its own."""
    asked = [{"role": "user", "content": CALL}]
    given = {"model": model, "tools": TOOLS, "reasoning": THINKING, "include": ENCRYPTED, "store": False}
    answer = client.responses.create(input=asked, **given)
    with client.responses.stream(input=asked, **given) as events:
        streamed = events.get_final_response()
    for one in (answer, streamed):
        thought = next(item for item in one.output if item.type == "reasoning")
        assert thought.summary[0].text
        calls = [item for item in one.output if item.type == "function_call"]
        outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in calls]
        after = client.responses.create(input=[*asked, *[item.model_dump() for item in one.output], *outputs], **given)
        assert "Sunny" in after.output_text
        dropped = [one for one in after.hedgerow.get("warnings", []) if one["code"] == "provider_state_dropped"]
        assert not dropped, dropped


@shows
def structured():
    for model in MODELS:
        _structured(model)


def _structured(model):
    answer = client.responses.parse(model=model, input="Where?", text_format=City)
    assert isinstance(answer.output_parsed, City)
    with client.responses.stream(model=model, input="Where?", text_format=City) as events:
        assert isinstance(events.get_final_response().output_parsed, City)


@shows
def images():
    for model in MODELS:
        _images(model)


def _images(model):
    dot = f"data:image/png;base64,{PIXEL}"
    content = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": dot, "detail": "auto"},
    ]
    answer = client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert answer.output_text


def asked(**given):
    """Asks, and reads the answer to its end."""
    answer = client.responses.create(**{"model": "fast", "input": "Hi", **given})
    return list(answer) if given.get("stream") else answer


@shows
def wrong_requests():
    wrong = raised(openai.BadRequestError, asked, temperature=9)
    assert (wrong.param, wrong.body["hedgerow"]["reason"]) == ("temperature", "REQUEST_INVALID")
    place = raised(openai.BadRequestError, asked, input=[{"role": "user", "content": [{"type": "input_text"}]}])
    assert place.param == "input[0].content[0].text"
    for stream_it in (False, True):
        raised(openai.NotFoundError, asked, model="nobody", stream=stream_it)
        raised(openai.AuthenticationError, client.with_options(api_key="hk_none").responses.create, stream=stream_it)
    assert raised(openai.BadRequestError, asked, background=True).param == "background"


@shows
def nothing_is_kept():
    """What names something that was kept is refused where nobody keeps anything, never ignored."""
    for model in ("fast", "anthropic"):
        for field in ("previous_response_id", "conversation"):
            assert raised(openai.BadRequestError, asked, model=model, **{field: "x_1"}).param == field
        assert raised(openai.BadRequestError, asked, model=model, store=True).param == "store"
        reference = [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": "msg_1"}]
        assert raised(openai.BadRequestError, asked, model=model, input=reference).param == "input[1]"
    assert raised(openai.BadRequestError, asked, model="responses", store=True).param == "store"


@shows
def upstream_trouble():
    for stream_it in (False, True):
        raised(openai.InternalServerError, asked, model="fault-500", stream=stream_it)
        raised(openai.InternalServerError, asked, model="fault-429", stream=stream_it)


@shows
def a_cut_stream_is_an_error():
    """Never a clean end, however the SDK reads it."""
    for model in ("fault-cut", "fault-nofinish", "fault-error-in-stream", "responses-cut", "anthropic-cut"):
        assert raised(openai.APIError, asked, model=model, stream=True).code, model
        with client.responses.stream(model=model, input="Hi") as events:
            raised(openai.APIError, events.get_final_response)


@shows
async def asynchronous():
    async with openai.AsyncOpenAI(max_retries=0) as other:
        async with other.responses.stream(model="fast", input="Hello") as events:
            whole = await events.get_final_response()
        answers = await asyncio.gather(*(other.responses.create(model="fast", input="Hello") for _ in range(3)))
        assert {answer.output_text for answer in answers} == {whole.output_text}


@shows
def leaving_ends_the_upstream():
    trace = new_trace()
    with client.responses.stream(model="paced", input="Hello", extra_headers={"traceparent": trace}) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                break
    check_left(trace, time.time())


run(globals())

"""The anthropic SDK as a user of the gateway's Messages API. Base URL and key are all it knows."""
# ruff: noqa: ANN001, ANN003, ANN201, ANN202, D413  (a script for an environment without pytest)
# mypy: ignore-errors

import asyncio
import json
import time

import anthropic
import pydantic
from shown import GIVEN, booked, check_left, eventually, new_trace, raised, run, shows

MODEL = "fast"
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [{"role": "user", "content": "Please call weather and tides."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": name, "input_schema": SCHEMA} for name in ("weather", "tides")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
THINKING = {"type": "enabled", "budget_tokens": 1024}
EVERYWHERE = ("fast", "thinker", "gemini", "responses")

client = anthropic.Anthropic()
hasty = client.with_options(max_retries=0)


class City(pydantic.BaseModel):
    """What is asked for."""

    name: str
    people: int


def create(of=client, **given):
    return of.messages.create(**{"model": MODEL, "max_tokens": 500, "messages": HELLO, **given})


def streamed(**given):
    return client.messages.stream(**{"model": MODEL, "max_tokens": 500, "messages": HELLO, **given})


def results(message):
    calls = [block for block in message.content if block.type == "tool_use"]
    return [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"} for call in calls]


def going_on(message, **given):
    """What the model says when the results of its calls come with its own message, unchanged."""
    more = [{"role": "assistant", "content": message.content}, {"role": "user", "content": results(message)}]
    return create(messages=[*CALL, *more], **given)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@shows
def message():
    answer = create(system="Be brief", metadata={"user_id": "ann"}, extra_body={"temperature": 0.5})
    assert (answer.type, answer.role, answer.stop_reason, answer.stop_sequence) == (
        "message", "assistant", "end_turn", None)  # fmt: skip
    assert answer.id.startswith("msg_")
    assert answer.content[0].text.startswith("You asked: “Hello”")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.model == "gpt-4o-mini"


@shows
def stop_reasons():
    short = create(max_tokens=3)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    stopped = create(model="thinker", stop_sequences=["Hello"])
    assert (stopped.stop_reason, stopped.stop_sequence, text_of(stopped)) == (
        "stop_sequence", "Hello", "You asked: “")  # fmt: skip


@shows
def text_stream():
    for model in EVERYWHERE:
        with streamed(model=model) as events:
            text = "".join(events.text_stream)
            final = events.get_final_message()
        assert text == text_of(final) == text_of(create(model=model)), model
        assert final.stop_reason == "end_turn"
        assert final.usage.input_tokens > 0
        assert final.usage.output_tokens > 0


@shows
def raw_stream():
    told = [event.type for event in create(stream=True)]
    assert told[:2] == ["message_start", "content_block_start"]
    assert told[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@shows
def tools():
    one = create(messages=CALL, tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert one.stop_reason == "tool_use"
    assert [block.name for block in one.content if block.type == "tool_use"] == ["weather"]
    assert "Sunny" in text_of(going_on(one, tools=TOOLS))
    forced = create(tools=TOOLS, tool_choice={"type": "tool", "name": "tides"})
    assert [block.name for block in forced.content if block.type == "tool_use"] == ["tides"]


@shows
def parallel_tools():
    for model in EVERYWHERE:
        whole = create(model=model, messages=CALL, tools=TOOLS)
        with streamed(model=model, messages=CALL, tools=TOOLS) as events:
            final = events.get_final_message()
        for answer in (whole, final):
            calls = [block for block in answer.content if block.type == "tool_use"]
            assert [call.name for call in calls] == ["weather", "tides"], model
            assert calls[0].input.keys() == {"city"}
            assert len({call.id for call in calls}) == 2
            assert answer.stop_reason == "tool_use"
            assert "Sunny" in text_of(going_on(answer, model=model, tools=TOOLS)), model


@shows
def tool_errors():
    whole = create(messages=CALL, tools=TOOLS)
    failed = [{**one, "content": "no such city", "is_error": True} for one in results(whole)]
    more = [{"role": "assistant", "content": whole.content}, {"role": "user", "content": failed}]
    for model in (MODEL, "thinker"):
        assert "no such city" in text_of(create(model=model, messages=[*CALL, *more], tools=TOOLS)), model
    forgotten = [more[0], {"role": "user", "content": failed[:1]}]
    error = raised(anthropic.BadRequestError, create, messages=[*CALL, *forgotten], tools=TOOLS)
    assert error.body["error"]["type"] == "invalid_request_error"


@shows
def tool_runner():
    """The SDK's own loop, with functions of the user."""
    asked = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Look the weather up.

        Args:
            city: Where.
        """
        asked.append(city)
        return "Sunny"

    messages = [{"role": "user", "content": "Please call weather."}]
    runner = client.beta.messages.tool_runner(model=MODEL, max_tokens=500, tools=[weather], messages=messages)
    assert "Sunny" in text_of(runner.until_done())
    assert len(asked) == 1


@shows
def thinking():
    """Its provider checks that what comes back is its own, with its signature."""
    given = {"model": "thinker", "tools": TOOLS, "thinking": THINKING, "max_tokens": 4000}
    whole = create(messages=CALL, **given)
    with streamed(messages=CALL, **given) as events:
        final = events.get_final_message()
    for answer in (whole, final):
        assert answer.content[0].type == "thinking"
        assert answer.content[0].thinking
        assert answer.content[0].signature
        assert "Sunny" in text_of(going_on(answer, **given))
    assert final.content[0].thinking == whole.content[0].thinking
    changed = [block.to_dict() for block in whole.content]
    changed[0]["thinking"] += " No."
    more = [{"role": "assistant", "content": changed}, {"role": "user", "content": results(whole)}]
    error = raised(anthropic.BadRequestError, create, messages=[*CALL, *more], **given)
    assert error.body["error"]["hedgerow"]["reason"] == "PROVIDER_REJECTED_REQUEST"


@shows
def thinking_of_others():
    """The thoughts of other providers come and go in the same place."""
    effort = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    for model, how in (("gemini", {"thinking": THINKING}), ("responses", effort)):
        given = {"model": model, "tools": TOOLS, "max_tokens": 4000, **how}
        whole = create(messages=CALL, **given)
        assert "thinking" in [block.type for block in whole.content], model
        after = going_on(whole, **given)
        assert "Sunny" in text_of(after), model
        assert "provider_state_dropped" not in json.dumps(after.hedgerow), (model, after.hedgerow)


@shows
def images():
    dot = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    asked = [{"role": "user", "content": [dot, {"type": "text", "text": "What is it?"}]}]
    for model in EVERYWHERE:
        assert text_of(create(model=model, messages=asked)), model


@shows
def json_schema():
    wanted = {"format": {"type": "json_schema", "schema": SCHEMA}}
    for model in EVERYWHERE:
        assert json.loads(text_of(create(model=model, output_config=wanted)))["city"], model


@shows
def parsed():
    answer = client.messages.parse(model=MODEL, max_tokens=500, messages=HELLO, output_format=City)
    assert isinstance(answer.parsed_output, City)


@shows
def count_tokens():
    """The gateway's own estimate."""
    counted = client.messages.count_tokens(model="thinker", messages=HELLO, system="Be brief")
    assert counted.input_tokens > 0
    assert counted.hedgerow["estimated"]
    longer = client.messages.count_tokens(model="thinker", messages=HELLO, system="Be brief. " * 100, tools=TOOLS)
    assert longer.input_tokens > counted.input_tokens + 100


@shows
def models():
    names = [model.id for model in client.models.list()]
    assert {"fast", "thinker"} <= set(names)
    page = client.models.list(limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    assert page.get_next_page().data[0].id not in [model.id for model in page.data]
    assert client.models.retrieve("fast").type == "model"
    raised(anthropic.NotFoundError, client.models.retrieve, "nobody")


@shows
async def asynchronous():
    async with anthropic.AsyncAnthropic() as many:
        answers = await asyncio.gather(
            *(many.messages.create(model=MODEL, max_tokens=500, messages=HELLO) for _ in range(5))
        )
        assert len({text_of(answer) for answer in answers}) == 1
        async with many.messages.stream(model=MODEL, max_tokens=500, messages=HELLO) as events:
            text = "".join([piece async for piece in events.text_stream])
        assert text == text_of(answers[0])


ERRORS = {
    "nobody": (anthropic.NotFoundError, 404, "not_found_error"),
    "fault-400": (anthropic.BadRequestError, 400, "invalid_request_error"),
    "fault-context": (anthropic.BadRequestError, 400, "invalid_request_error"),
    "fault-filter": (anthropic.BadRequestError, 400, "invalid_request_error"),
    "fault-throttled": (anthropic.OverloadedError, 529, "overloaded_error"),
    "fault-key": (anthropic.ServiceUnavailableError, 503, "api_error"),
    "fault-503": (anthropic.ServiceUnavailableError, 503, "api_error"),
    "fault-html": (anthropic.InternalServerError, 502, "api_error"),
}


@shows
def errors():
    for stream in (False, True):
        for model, (kind, status, word) in ERRORS.items():
            error = raised(kind, create, hasty, model=model, stream=stream)
            assert (error.status_code, error.body["error"]["type"]) == (status, word), model


@shows
def errors_of_the_request():
    error = raised(anthropic.BadRequestError, create, extra_body={"temperature": 9})
    assert error.body["error"]["type"] == "invalid_request_error"
    assert "temperature" in str(error)
    error = raised(anthropic.BadRequestError, create, messages=[])
    assert "messages" in str(error)


@shows
def errors_of_the_caller():
    wrong = client.with_options(api_key="sk-ant-wrong")
    error = raised(anthropic.AuthenticationError, create, wrong)
    assert error.body["error"]["type"] == "authentication_error"
    assert "sk-ant-wrong" not in str(error)
    narrow = client.with_options(api_key=GIVEN["narrow"])
    assert create(narrow).content
    error = raised(anthropic.PermissionDeniedError, create, narrow, model="two")
    assert error.body["error"]["type"] == "permission_error"


@shows
def limits():
    limited = client.with_options(api_key=GIVEN["limited"])
    answer = limited.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=HELLO)
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert answer.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    error = raised(anthropic.RateLimitError, create, limited)
    assert error.body["error"]["type"] == "rate_limit_error"
    assert error.response.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert error.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert error.response.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert int(error.response.headers["retry-after"]) > 0
    assert error.response.request.headers["x-stainless-retry-count"] == "0"


@shows
def retry_after():
    trace = new_trace()
    answer = create(model=f"throttled/sim-fb-s01-{trace[3:19]}", extra_headers={"traceparent": trace})
    assert answer.stop_reason == "end_turn"
    first, second = booked(trace)
    assert second["started_unix"] - first["started_unix"] > 1.9


@shows
def request_id():
    answer = create()
    assert answer._request_id == answer.hedgerow["request_id"]
    error = raised(anthropic.NotFoundError, create, model="nobody")
    assert error.request_id == error.body["request_id"]


@shows
def cancelled_stream():
    trace = new_trace()
    with streamed(model="slow", extra_headers={"traceparent": trace}) as events:
        text = iter(events.text_stream)
        for _ in range(3):
            next(text)
    check_left(trace, time.time())


@shows
async def cancelled_task():
    async with anthropic.AsyncAnthropic() as many:
        trace = new_trace()
        asked = many.messages.create(model="silent", max_tokens=9, messages=HELLO, extra_headers={"traceparent": trace})
        task = asyncio.create_task(asked)
        await asyncio.to_thread(eventually, lambda: booked(trace), "the provider has the request")
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(check_left, trace, time.time())


@shows
def cut_stream():
    """Whatever breaks on the way is an exception, after what came."""
    for model in ("fault-cut", "fault-nofinish", "fault-error-in-stream"):
        texts = []

        def read(model=model, texts=texts):
            with streamed(model=model) as events:
                texts.extend(events.text_stream)

        error = raised(anthropic.APIStatusError, read)
        assert error.body["error"]["type"] == "api_error", (model, error.body)
        assert error.body["error"]["hedgerow"]["reason"] == "STREAM_CUT"
        assert "".join(texts), model


@shows
def route_and_labels():
    own = {"route": {"providers": ["anthropic"]}, "labels": {"feature": "sdk-body"}}
    assert create(model="two", extra_body={"hedgerow": own}).model == "claude-opus-4-6"
    routed = anthropic.Anthropic(default_headers={"x-hedgerow-providers": "anthropic"})
    assert create(routed, model="two").hedgerow["provider"] == "anthropic"


@shows
def cached_prompt():
    """What the provider kept of the prompt is told apart."""
    block = {"type": "text", "text": f"{new_trace()} " * 300, "cache_control": {"type": "ephemeral"}}
    first, second = (create(model="thinker", system=[block]).usage for _ in range(2))
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1024
    assert first.input_tokens == second.input_tokens < 1024


run(globals())

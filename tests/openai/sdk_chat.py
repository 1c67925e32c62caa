"""The openai SDK as a user of Chat Completions, embeddings and models. Base URL and key are all it knows."""
# ruff: noqa: ANN001, ANN003, ANN201, ANN202  (a script for an environment without pytest)
# mypy: ignore-errors

import asyncio
import base64
import json
import time
from array import array

import openai
import pydantic
from shown import GIVEN, booked, check_left, eventually, new_trace, raised, run, shows

MODEL = "fast"
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [{"role": "user", "content": "Please call weather and tides."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("weather", "tides")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

client = openai.OpenAI()
hasty = client.with_options(max_retries=0)


class City(pydantic.BaseModel):
    """What is asked for."""

    name: str
    people: int


def create(**given):
    return client.chat.completions.create(**{"model": MODEL, "messages": HELLO, **given})


def results(message):
    return [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in message.tool_calls]


@shows
def chat():
    answer = create(temperature=0.5, max_completion_tokens=500, user="ann")
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.role, choice.message.refusal) == ("stop", "assistant", None)
    assert choice.message.content.startswith("You asked: “Hello”")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "gpt-4o-mini")
    assert abs(answer.created - time.time()) < 60


@shows
def finish_reasons():
    short = create(max_completion_tokens=3)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 3)
    assert create(max_tokens=3).choices[0].message.content == short.choices[0].message.content
    stopped = create(stop=["Hello"]).choices[0]
    assert (stopped.finish_reason, stopped.message.content) == ("stop", "You asked: “")
    assert create(model="all/sim-filter-finish").choices[0].finish_reason == "content_filter"


@shows
def stream():
    with create(stream=True, stream_options={"include_usage": True}) as chunks:
        told = list(chunks)
    assert {chunk.id for chunk in told} == {told[0].id}
    assert told[0].choices[0].delta.role == "assistant"
    assert (told[-1].choices, told[-1].usage.completion_tokens > 0) == ([], True)
    assert all(chunk.usage is None for chunk in told[:-1])
    text = "".join(chunk.choices[0].delta.content or "" for chunk in told[:-1])
    assert text == create().choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in told[:-1]][-1] == "stop"
    assert not any(chunk.usage for chunk in create(stream=True))


@shows
def stream_helper():
    with client.chat.completions.stream(model=MODEL, messages=HELLO, stream_options={"include_usage": True}) as events:
        told = [event for event in events if event.type == "content.delta"]
        whole = events.get_final_completion()
    assert whole.choices[0].message.content == "".join(event.delta for event in told)
    assert whole.usage.completion_tokens > 0


@shows
def tools():
    message = create(messages=CALL, tools=TOOLS, parallel_tool_calls=False).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments).keys() == {"city"}
    after = create(messages=[*CALL, message, *results(message)], tools=TOOLS)
    assert "Sunny" in after.choices[0].message.content
    forced = create(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "tides"}}).choices[0]
    assert [one.function.name for one in forced.message.tool_calls] == ["tides"]
    assert create(messages=CALL, tools=TOOLS, tool_choice="none").choices[0].message.tool_calls is None


@shows
def parallel_tools():
    for model in (MODEL, "anthropic", "gemini"):
        answer = create(model=model, messages=CALL, tools=TOOLS).choices[0]
        assert answer.finish_reason == "tool_calls", model
        assert [call.function.name for call in answer.message.tool_calls] == ["weather", "tides"], model
        assert len({call.id for call in answer.message.tool_calls}) == 2
        after = create(model=model, messages=[*CALL, answer.message, *results(answer.message)], tools=TOOLS)
        assert "Sunny" in after.choices[0].message.content, model


@shows
def parallel_tools_streamed():
    with client.chat.completions.stream(model=MODEL, messages=CALL, tools=TOOLS) as events:
        done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
        message = events.get_final_completion().choices[0].message
    assert [event.name for event in done] == ["weather", "tides"]
    whole = create(messages=CALL, tools=TOOLS).choices[0].message
    assert [call.function.arguments for call in message.tool_calls] == [
        call.function.arguments for call in whole.tool_calls
    ]
    after = create(messages=[*CALL, message, *results(message)], tools=TOOLS)
    assert "Sunny" in after.choices[0].message.content


@shows
def parsed():
    for model in (MODEL, "anthropic", "gemini"):
        answer = client.chat.completions.parse(model=model, messages=HELLO, response_format=City)
        assert isinstance(answer.choices[0].message.parsed, City), model
    with client.chat.completions.stream(model=MODEL, messages=HELLO, response_format=City) as events:
        assert isinstance(events.get_final_completion().choices[0].message.parsed, City)


@shows
def parsed_tool():
    tool = openai.pydantic_function_tool(City, name="city")
    asked = [{"role": "user", "content": "Please call city."}]
    answer = client.chat.completions.parse(model=MODEL, messages=asked, tools=[tool])
    assert isinstance(answer.choices[0].message.tool_calls[0].function.parsed_arguments, City)


@shows
def json_schema():
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": False}}
    assert json.loads(create(response_format=wanted).choices[0].message.content)["city"]
    raised(openai.LengthFinishReasonError, client.chat.completions.parse, model=MODEL, messages=HELLO,
           response_format=City, max_completion_tokens=2)  # fmt: skip


@shows
def logprobs():
    told = create(logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert "".join(one.token for one in told) == create().choices[0].message.content
    assert all(one.logprob <= 0 and len(one.top_logprobs) == 2 for one in told)


@shows
def embeddings():
    """By default the SDK asks for base64."""
    asked = {"model": "embed-small", "input": ["a", "b"], "dimensions": 64}
    rows = client.embeddings.create(**asked)
    plain = client.embeddings.create(encoding_format="float", **asked)
    raw = client.embeddings.create(encoding_format="base64", **asked)
    assert [(row.index, len(row.embedding)) for row in rows.data] == [(0, 64), (1, 64)]
    assert all(
        abs(x - y) < 1e-6
        for one, other in zip(rows.data, plain.data, strict=True)
        for x, y in zip(one.embedding, other.embedding, strict=True)
    )
    assert len(base64.b64decode(raw.data[0].embedding)) == 64 * 4
    assert rows.usage.prompt_tokens == rows.usage.total_tokens > 0


@shows
def many_embeddings():
    """So many floats come in chunks, while they are written."""
    asked = {"model": "embed-small", "input": [f"text {number}" for number in range(32)]}
    raw = client.embeddings.with_raw_response.create(encoding_format="float", **asked)
    assert raw.headers["transfer-encoding"] == "chunked"
    rows, packed = raw.parse().data, client.embeddings.create(**asked).data
    assert [row.index for row in rows] == list(range(32))
    assert [array("f", row.embedding) for row in rows] == [array("f", row.embedding) for row in packed]


@shows
def reasoning():
    """As vendors of such models tell it. With the message goes what its provider wants back, also from a stream."""
    given = {"model": "thinker", "messages": CALL, "tools": TOOLS, "reasoning_effort": "low"}
    whole = create(**given)
    assert whole.choices[0].message.reasoning_content
    with client.chat.completions.stream(**given) as events:
        streamed = events.get_final_completion()
    assert streamed.choices[0].message.reasoning_content == whole.choices[0].message.reasoning_content
    for answer in (whole, streamed):
        message = answer.choices[0].message
        after = create(**{**given, "messages": [*CALL, message, *results(message)]})
        assert "Sunny" in after.choices[0].message.content
        assert "warnings" not in after.hedgerow, after.hedgerow["warnings"]


@shows
def images():
    dot = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, dot]}]
    for model in (MODEL, "anthropic", "gemini"):
        assert create(model=model, messages=asked).choices[0].message.content, model
    wrong = {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%"}}
    error = raised(openai.BadRequestError, create, messages=[{"role": "user", "content": [wrong]}])
    assert error.param.startswith("messages[0].content"), error.param


@shows
def models():
    names = [model.id for model in client.models.list()]
    assert {"fast", "embed-small"} <= set(names)
    assert names == sorted(names)
    assert client.models.retrieve("fast").object == "model"
    assert raised(openai.NotFoundError, client.models.retrieve, "nobody").code == "model_not_found"


@shows
async def asynchronous():
    async with openai.AsyncOpenAI() as many:
        answers = await asyncio.gather(
            *(many.chat.completions.create(model=MODEL, messages=HELLO) for _ in range(5)),
        )
        assert len({answer.choices[0].message.content for answer in answers}) == 1
        async with many.chat.completions.stream(model=MODEL, messages=HELLO) as events:
            final = await events.get_final_completion()
        assert final.choices[0].message.content == answers[0].choices[0].message.content
        assert [model.id async for model in many.models.list()]


ERRORS = {
    "nobody": (openai.NotFoundError, "model_not_found"),
    "embed-small": (openai.NotFoundError, "model_not_found"),
    "fault-400": (openai.BadRequestError, "provider_rejected_request"),
    "fault-context": (openai.BadRequestError, "context_length_exceeded"),
    "fault-filter": (openai.BadRequestError, "content_policy_violation"),
    "fault-key": (openai.InternalServerError, "provider_auth"),
    "fault-404": (openai.InternalServerError, "provider_model_unavailable"),
    "fault-429-quota": (openai.InternalServerError, "provider_quota_spent"),
    "fault-throttled": (openai.InternalServerError, "provider_throttled"),
    "fault-500": (openai.InternalServerError, "provider_unavailable"),
    "fault-503": (openai.InternalServerError, "provider_unavailable"),
    "fault-html": (openai.InternalServerError, "upstream_protocol"),
    "fault-down": (openai.InternalServerError, "provider_unavailable"),
}


@shows
def errors():
    """The SDK chooses its exception by the status, and has `code` from the body."""
    for streamed in (False, True):
        for model, (kind, code) in ERRORS.items():
            error = raised(kind, hasty.chat.completions.create, model=model, messages=HELLO, stream=streamed)
            assert error.code == code, (model, error.code)
            assert error.body["hedgerow"]["reason"].lower() == (
                {"context_length_exceeded": "context_too_long", "content_policy_violation": "content_refused"}.get(
                    code, code
                )
            )


@shows
def errors_of_the_request():
    for field, value in (("temperature", 9), ("n", 2), ("top_logprobs", -1), ("max_completion_tokens", 0)):
        error = raised(openai.BadRequestError, create, **{field: value})
        assert error.param == field, (field, error.param, str(error))
        assert error.type == "invalid_request_error"
    error = raised(openai.BadRequestError, create, messages=[{"role": "user"}])
    assert error.param.startswith("messages[0]"), error.param
    error = raised(openai.BadRequestError, create, messages=[])
    assert error.param == "messages"


@shows
def errors_of_the_caller():
    for key in ("hk_wrong", "sk-wrong"):
        wrong = client.with_options(api_key=key)
        error = raised(openai.AuthenticationError, wrong.chat.completions.create, model=MODEL, messages=HELLO)
        assert error.code == "invalid_api_key"
        assert key not in str(error)
    narrow = client.with_options(api_key=GIVEN["narrow"])
    narrow.chat.completions.create(model=MODEL, messages=HELLO)
    error = raised(openai.PermissionDeniedError, narrow.chat.completions.create, model="two", messages=HELLO)
    assert error.code == "insufficient_permissions"
    assert [model.id for model in narrow.models.list()] == ["fast"]


@shows
def tier_and_fingerprint():
    """As the provider says them, also in what the SDK makes of a stream."""
    answer = create(service_tier="auto")
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as events:
        streamed = events.get_final_completion()
    for one in (answer, streamed):
        assert (one.service_tier, one.system_fingerprint) == ("default", "fp_hedgerow")


@shows
def limits():
    """Headers while there is room, then RateLimitError, for which the SDK does not come back."""
    limited = client.with_options(api_key=GIVEN["limited"])
    answer = limited.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"][-1] == "s"
    error = raised(openai.RateLimitError, limited.chat.completions.create, model=MODEL, messages=HELLO)
    assert error.code == "rate_limit_exceeded"
    assert error.response.headers["x-ratelimit-limit-requests"] == "1"
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert error.response.headers["x-ratelimit-reset-requests"][-1] == "s"
    assert error.response.headers["x-should-retry"] == "false"
    assert int(error.response.headers["retry-after"]) > 0
    assert error.response.request.headers["x-stainless-retry-count"] == "0"
    poor = client.with_options(api_key=GIVEN["poor"])
    error = raised(openai.RateLimitError, poor.chat.completions.create, model=MODEL, messages=HELLO)
    assert error.code == "insufficient_quota"


@shows
def rate_limit_headers():
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO)
    for unit in ("requests", "tokens"):
        left, limit = (int(answer.headers[f"x-ratelimit-{name}-{unit}"]) for name in ("remaining", "limit"))
        assert 0 < left < limit
    assert answer.parse().choices[0].message.content


@shows
def retry_after():
    """The SDK comes back by itself, after the time that the provider has said."""
    trace = new_trace()
    answer = create(model=f"throttled/sim-fb-s01-{trace[3:19]}", extra_headers={"traceparent": trace})
    assert answer.choices[0].finish_reason == "stop"
    first, second = booked(trace)
    assert second["started_unix"] - first["started_unix"] > 1.9


@shows
def request_id():
    answer = create()
    assert answer._request_id == answer.hedgerow["request_id"]
    error = raised(openai.NotFoundError, create, model="nobody")
    assert error.request_id == error.body["hedgerow"]["request_id"]


@shows
def cancelled_stream():
    trace = new_trace()
    chunks = create(model="slow", stream=True, extra_headers={"traceparent": trace})
    for _ in range(3):
        next(chunks)
    chunks.close()
    check_left(trace, time.time())


@shows
async def cancelled_task():
    async with openai.AsyncOpenAI() as many:
        trace = new_trace()
        asked = many.chat.completions.create(model="silent", messages=HELLO, extra_headers={"traceparent": trace})
        task = asyncio.create_task(asked)
        await asyncio.to_thread(eventually, lambda: booked(trace), "the provider has the request")
        task.cancel()
        await asyncio.wait([task])
        await asyncio.to_thread(check_left, trace, time.time())


@shows
def timed_out():
    """The SDK's own time limit, after which it leaves."""
    trace = new_trace()
    asked = hasty.with_options(timeout=1).chat.completions.create
    raised(openai.APITimeoutError, asked, model="silent", messages=HELLO, extra_headers={"traceparent": trace})
    ended = eventually(lambda: [call for call in booked(trace) if call["outcome"] != "open"], "the upstream ended")
    assert ended[0]["outcome"] == "cancelled"


@shows
def cut_stream():
    """Whatever breaks on the way is an exception, after what came of a stream."""
    whole = raised(openai.InternalServerError, hasty.chat.completions.create, model="fault-cut", messages=HELLO)
    assert whole.code in ("stream_cut", "provider_unavailable"), whole.code
    for model, code in (
        ("fault-cut", "stream_cut"),
        ("fault-nofinish", "stream_cut"),
        ("fault-error-in-stream", "stream_cut"),
    ):
        texts = []

        def read(model=model, texts=texts):
            for chunk in create(model=model, stream=True):
                assert chunk.choices[0].finish_reason is None
                texts.append(chunk.choices[0].delta.content or "")

        error = raised(openai.APIError, read)
        assert error.code == code, (model, error.code)
        assert "".join(texts), model

        def fold(model=model):
            with client.chat.completions.stream(model=model, messages=HELLO) as events:
                events.get_final_completion()

        raised(openai.APIError, fold)


@shows
def route_and_labels():
    """The gateway's own members of a request, and what it tells of the call."""
    own = {"route": {"providers": ["anthropic"]}, "labels": {"feature": "sdk-body"}}
    answer = create(model="two", extra_body={"hedgerow": own})
    assert answer.hedgerow["provider"] == "anthropic"
    assert answer.hedgerow["attempts"][0]["outcome"] == "succeeded"
    assert answer.hedgerow["charged_picos"] == answer.hedgerow["cost_picos"] > 0
    assert create(model="two").hedgerow["provider"] == "sim"
    error = raised(openai.BadRequestError, create, extra_body={"hedgerow": {"rout": {}}})
    assert error.param == "hedgerow.rout", error.param


@shows
def headers_for_all_calls():
    own = {"x-hedgerow-providers": "anthropic", "x-hedgerow-labels": "feature=sdk-header"}
    routed = openai.OpenAI(default_headers=own)
    assert routed.chat.completions.create(model="two", messages=HELLO).hedgerow["provider"] == "anthropic"
    with routed.chat.completions.stream(model="two", messages=HELLO) as events:
        assert events.get_final_completion().model.startswith("claude")


@shows
def passed_on():
    """What the gateway has no word for goes to providers of this API, and is told of where another answers."""
    assert "warnings" not in create(logit_bias={"50256": -100}, service_tier="auto", metadata={"a": "b"}).hedgerow
    told = create(model="thinker", logit_bias={"50256": -100}).hedgerow["warnings"]
    assert [(one["code"], one["field"]) for one in told] == [("parameter_ignored", "logit_bias")], told


run(globals())

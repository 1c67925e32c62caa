"""LangChain's clients of OpenAI and Anthropic as users of the gateway. Base URLs and keys are all they know."""
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202  (a script for an environment without pytest)
# mypy: ignore-errors

import math

import anthropic
import openai
import pydantic
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from shown import raised, run, shows

CALL = "Please call weather and tides."
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


class City(pydantic.BaseModel):
    """A city."""

    name: str
    people: int


@tool
def weather(city: str) -> str:
    """Look the weather up."""
    return f"Sunny in {city}"


@tool
def tides(city: str) -> str:
    """Look the tides up."""
    return f"Low in {city}"


def chat_models(*models, **more):
    """The same model asked through each of the APIs."""
    for model in models or ("fast",):
        yield ChatOpenAI(model=model, **more)
        yield ChatOpenAI(model=model, use_responses_api=True, **more)
        yield ChatAnthropic(model=model, **{"max_tokens": 4000, **more})


@shows
def invoke():
    for model in chat_models("fast", "thinker", "gemini"):
        answer = model.invoke("Hello")
        assert answer.text.startswith("You asked: “Hello”"), model
        assert answer.usage_metadata["output_tokens"] > 0
        assert answer.usage_metadata["total_tokens"] > answer.usage_metadata["input_tokens"] > 0


@shows
def stream():
    """ChatOpenAI asks for the usage by itself at OpenAI's own address only."""
    for model in chat_models("fast", "thinker", stream_usage=True):
        pieces = list(model.stream("Hello"))
        whole = pieces[0]
        for piece in pieces[1:]:
            whole += piece
        assert whole.text == model.invoke("Hello").text, model
        assert whole.usage_metadata["output_tokens"] > 0


@shows
def stream_as_it_comes():
    for model in chat_models("paced"):
        assert sum(bool(piece.text) for piece in model.stream("Hello")) > 3


@shows
async def asynchronous():
    for model in chat_models():
        answers = await model.abatch(["Hello", "Bye"])
        assert [answer.text[:12] for answer in answers] == ["You asked: “"] * 2
        text = "".join([piece.text async for piece in model.astream("Hello")])
        assert text == answers[0].text


@shows
def batch():
    for model in chat_models():
        answers = model.batch(["one", "two", "three"])
        assert ["one" in answers[0].text, "two" in answers[1].text, "three" in answers[2].text] == [True] * 3


@shows
def tools():
    """The loop that agents run: the calls of a message, then their results."""
    known = {one.name: one for one in (weather, tides)}
    for model in chat_models("fast", "thinker", "gemini", "responses"):
        bound = model.bind_tools(list(known.values()))
        said = [HumanMessage(CALL)]
        answer = bound.invoke(said)
        assert [call["name"] for call in answer.tool_calls] == ["weather", "tides"], model
        results = [known[call["name"]].invoke(call) for call in answer.tool_calls]
        assert all(isinstance(one, ToolMessage) for one in results)
        after = bound.invoke([*said, answer, *results])
        assert "Low in" in after.text or "Sunny in" in after.text, (model, after.text)


@shows
def tools_streamed():
    for model in chat_models("fast", "thinker"):
        whole = None
        for piece in model.bind_tools([weather, tides]).stream(CALL):
            whole = piece if whole is None else whole + piece
        assert [call["name"] for call in whole.tool_calls] == ["weather", "tides"], model
        assert all(call["args"].keys() == {"city"} for call in whole.tool_calls)


@shows
def structured_output():
    for model in chat_models("fast", "thinker"):
        for method in ("json_schema", "function_calling"):
            found = model.with_structured_output(City, method=method).invoke("Which city?")
            assert isinstance(found, City), (model, method)


@shows
def images():
    dot = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    for model in chat_models():
        answer = model.invoke([HumanMessage([{"type": "text", "text": "What is it?"}, dot])])
        assert answer.text, model


@shows
def reasoning():
    """What Claude thought goes back signed, over either API."""
    thinker = ChatAnthropic(model="thinker", max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024})
    bound = thinker.bind_tools([weather])
    said = [HumanMessage("Please call weather.")]
    answer = bound.invoke(said)
    assert answer.content_blocks[0]["type"] == "reasoning", answer.content_blocks
    assert bound.invoke([*said, answer, weather.invoke(answer.tool_calls[0])]).text
    other = ChatOpenAI(model="thinker", use_responses_api=True, reasoning={"effort": "low", "summary": "auto"})
    answer = other.invoke("Hello")
    assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"], answer.content_blocks


@shows
def embeddings():
    """Without the check of lengths, for which it would fetch OpenAI's tokenizer."""
    embedder = OpenAIEmbeddings(model="embed-small", dimensions=64, check_embedding_ctx_length=False)
    one, other = embedder.embed_documents(["a", "b"])
    assert (len(one), len(other)) == (64, 64)
    assert all(math.isclose(x, y, abs_tol=1e-6) for x, y in zip(embedder.embed_query("a"), one, strict=True))


@shows
def errors():
    """Those of the SDKs below."""
    kinds = (openai.NotFoundError, openai.NotFoundError, anthropic.NotFoundError)
    for model, kind in zip(chat_models("nobody", max_retries=0), kinds, strict=True):
        try:
            model.invoke("Hello")
        except kind:
            continue
        raise AssertionError(f"no {kind}")


@shows
def cut_stream():
    def read(model):
        return [piece.text for piece in model.stream("Hello")]

    for model, kind in zip(
        chat_models("fault-cut"), (openai.APIError, openai.APIError, anthropic.APIStatusError), strict=True
    ):
        raised(kind, read, model)


@shows
def route_and_labels():
    own = {"route": {"providers": ["anthropic"]}, "labels": {"feature": "sdk-langchain"}}
    answer = ChatOpenAI(model="two", extra_body={"hedgerow": own}).invoke("Hello")
    assert answer.response_metadata["model_name"] == "claude-opus-4-6"
    routed = ChatAnthropic(model="two", default_headers={"x-hedgerow-providers": "anthropic"})
    assert routed.invoke("Hello").response_metadata["model_name"] == "claude-opus-4-6"


run(globals())

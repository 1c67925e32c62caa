"""Every dialect through the whole router: the same calls, another line of configuration."""

import json

import pytest
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1 import message_pb2 as pb
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Door,
    Way,
    chat,
    embed,
    hello,
)
from stack import DIALECTS

EMBEDDING = [name for name, (_, _, model) in DIALECTS.items() if model is not None]
WEATHER = pb.Tool(
    function=pb.FunctionTool(
        name="get_weather",
        description="Tells the weather.",
        parameters='{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}',
    )
)
MUST_CALL = pb.ToolChoice(mode=pb.TOOL_CHOICE_MODE_REQUIRED, function_names=["get_weather"])

each = pytest.mark.parametrize("model", DIALECTS)


def text_of(message: pb.Message) -> str:
    """The text of an answer."""
    return "".join(part.text for part in message.content)


@each
def test_the_unary_answer_is_what_the_stream_folds_to(either: Door, model: str) -> None:
    whole = either.caller.chat(COMPLETE, model).message
    events = either.caller.chat(STREAM_COMPLETE, model).messages
    assert text_of(whole.message)
    assert "".join(event.text_delta.text for event in events) == text_of(whole.message)
    assert events[0].started.provider == whole.provider == model
    completed = events[-1].completed
    assert completed.finish_reason == whole.finish_reason == event_pb2.FINISH_REASON_STOP
    assert completed.usage.final
    assert not completed.usage.estimated
    assert (completed.usage.input_tokens, completed.usage.output_tokens) == (
        whole.usage.input_tokens,
        whole.usage.output_tokens,
    )


@each
@pytest.mark.parametrize("rpc", WAYS)
def test_a_tool_call_and_its_result_go_round(door: Door, model: str, rpc: Way) -> None:
    # Said as well as demanded: Ollama's models cannot be made to call a tool.
    asked = hello("What is the weather in Oslo? call get_weather")
    spec = chat(model, messages=[asked], tools=[WEATHER], tool_choice=MUST_CALL).chat
    if not rpc.stream:
        answer = door.caller.complete(chat_pb.CompleteRequest(chat=spec)).message
        message, reason = answer.message, answer.finish_reason
    else:
        events = door.caller.stream_complete(chat_pb.StreamCompleteRequest(chat=spec)).messages
        message, reason = folded(events), events[-1].completed.finish_reason
    assert reason == event_pb2.FINISH_REASON_TOOL_CALLS
    calls = [part.tool_call for part in message.content if part.HasField("tool_call")]
    assert [call.name for call in calls] == ["get_weather"]
    assert "city" in json.loads(calls[0].arguments)
    result = pb.ToolResult(tool_call_id=calls[0].id, content=[pb.Part(text="4 degrees, rain")])
    spec.messages.append(message)
    spec.messages.append(pb.Message(role=pb.ROLE_TOOL, content=[pb.Part(tool_result=result)]))
    spec.ClearField("tool_choice")
    assert text_of(door.caller.complete(chat_pb.CompleteRequest(chat=spec)).message.message)


def folded(events: list[chat_pb.StreamCompleteResponse]) -> pb.Message:
    """The message of a stream, by hand: enough for text, reasoning, calls and state."""
    parts: dict[int, pb.Part] = {}
    for event in events:
        match event.WhichOneof("event"):
            case "text_delta":
                parts.setdefault(event.text_delta.part_index, pb.Part()).text += event.text_delta.text
            case "reasoning_delta":
                delta = event.reasoning_delta
                parts.setdefault(delta.part_index, pb.Part(reasoning=pb.Reasoning())).reasoning.text += delta.text
            case "tool_call_started":
                started = event.tool_call_started
                parts[started.part_index] = pb.Part(tool_call=pb.ToolCall(id=started.id, name=started.name))
            case "tool_call_arguments_delta":
                more = event.tool_call_arguments_delta
                parts[more.part_index].tool_call.arguments += more.arguments
            case "provider_state_attached":
                attached = event.provider_state_attached
                parts[attached.part_index].provider_state.CopyFrom(attached.state)
            case "provider_item_added":
                added = event.provider_item_added
                parts[added.part_index] = pb.Part(provider_item=added.item)
    return pb.Message(role=pb.ROLE_ASSISTANT, content=[parts[index] for index in sorted(parts)])


@pytest.mark.parametrize("model", EMBEDDING)
def test_a_batch_is_embedded_in_order(either: Door, model: str) -> None:
    texts = [f"hedge number {number}" for number in range(5)]
    batch = either.caller.embed(embed(f"{model}-embed", *texts)).message
    assert len(batch.embeddings) == len(texts)
    for text, found in zip(texts, batch.embeddings, strict=True):
        (alone,) = either.caller.embed(embed(f"{model}-embed", text)).message.embeddings
        assert list(alone.values) == list(found.values)


@each
@pytest.mark.parametrize("rpc", WAYS)
def test_a_refusal_for_too_many_calls_has_its_delay(either: Door, model: str, rpc: Way) -> None:
    outcome = either.caller.chat(rpc, f"{model}-throttled")
    assert outcome.reason == "PROVIDER_THROTTLED"
    assert outcome.info.metadata["provider"] == model


@each
def test_a_refused_key_is_the_operators_matter(either: Door, model: str) -> None:
    assert either.caller.chat(COMPLETE, f"{model}-refused-key").reason == "PROVIDER_AUTH"


def test_a_whole_provider_needs_no_list_of_its_models(door: Door) -> None:
    whole = door.caller.chat(COMPLETE, "all/some-model-of-2031").message
    assert (whole.provider, whole.model) == ("sim", "some-model-of-2031")
    assert len(door.caller.embed(embed("all/some-embedding", "a hedge")).message.embeddings) == 1


@each
def test_a_cut_stream_is_no_answer(either: Door, model: str) -> None:
    outcome = either.caller.chat(STREAM_COMPLETE, f"{model}-cut")
    assert outcome.reason == "STREAM_CUT"
    assert any(event.HasField("text_delta") for event in outcome.messages)

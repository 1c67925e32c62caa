"""Embedding calls on the wire."""

import struct
from collections.abc import AsyncIterator

import pytest
from google.protobuf import json_format
from hedgerow.embed.v1 import embed_service_pb2 as pb
from hedgerow_server.core.call import Call, Kind
from hedgerow_server.core.error import HedgerowError, ProviderRejectedRequest, RequestInvalid, RequestMalformed
from hedgerow_server.core.event import (
    EmbedCompleted,
    EmbeddingsAdded,
    Event,
    ItemFailed,
    Started,
    TextDelta,
    Usage,
    Warning,
    WarningCode,
)
from hedgerow_server.core.request import EmbedItem, EmbedPurpose, EmbedRequest, EmbedSpec, RoutePolicy
from hedgerow_server.doors.status import status
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.embed import EmbedAnswer, EmbedDecoder, EmbedEventEncoder
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.wire.test_chat_encode import RECORD, RECORD_JSON, USAGE, USAGE_JSON

DECODER = EmbedDecoder(Checker(1 << 16))
Fields = dict[str, object]
WARNING = Warning(WarningCode.PARAMETER_IGNORED, "embed.purpose", "not sent")


def embed(fields: Fields) -> EmbedRequest:
    """The core request of an EmbedRequest (protobuf JSON)."""
    return DECODER.embed(call(body=json_format.ParseDict(fields, pb.EmbedRequest()).SerializeToString()))


def body(fields: Fields) -> bytes:
    """A message of a stream."""
    return json_format.ParseDict(fields, pb.StreamEmbedRequest()).SerializeToString()


def stream_call(first: bytes, *more: bytes) -> Call:
    """A call of StreamEmbed with these messages, the first one read."""

    async def bodies() -> AsyncIterator[bytes]:
        for one in more:
            yield one

    one = call(kind=Kind.BIDI_STREAM, body=first)
    one.bodies = bodies()
    return one


async def items(*messages: bytes) -> list[EmbedItem | ItemFailed]:
    """The items of a stream with these messages after its options."""
    one = stream_call(body({"options": {"model": "m"}}), *messages)
    DECODER.stream_embed(one)
    assert one.items is not None
    return [item async for item in one.items]


def field_of(error: HedgerowError) -> str:
    """The one field that is wrong."""
    (violation,) = error.violations
    return violation.field


def test_the_shortest_request_sets_nothing_else() -> None:
    fields: Fields = {"embed": {"model": "m", "inputs": [{"text": "a"}]}}
    assert embed(fields) == EmbedRequest(spec=EmbedSpec(model="m", inputs=("a",)))


def test_a_request_with_every_field_set_reaches_the_core_whole() -> None:
    assert embed(
        {
            "embed": {
                "model": "m",
                "inputs": [{"text": "a"}, {"tokenIds": {"ids": [1, 0]}}, {"text": "é"}],
                "dimensions": 256,
                "purpose": "EMBED_PURPOSE_QUERY",
                "providerOptions": {"openai": '{"user": "u"}'},
            },
            "route": {"providers": ["one"]},
            "labels": {"feature": "search"},
        }
    ) == EmbedRequest(
        spec=EmbedSpec(
            model="m",
            inputs=("a", (1, 0), "é"),
            dimensions=256,
            purpose=EmbedPurpose.QUERY,
            provider_options={"openai": '{"user": "u"}'},
        ),
        policy=RoutePolicy(providers=("one",)),
        labels={"feature": "search"},
    )


def test_no_field_of_the_spec_is_forgotten() -> None:
    """What only the HTTP doors know is theirs."""
    known = set(EmbedSpec.__struct_fields__) - {"for_any"}
    assert {field.name for field in pb.EmbedSpec.DESCRIPTOR.fields} == known
    options = {field.name for field in pb.StreamEmbedOptions.DESCRIPTOR.fields}
    assert options == {*known, "route", "labels"} - {"inputs"}


@pytest.mark.parametrize("purpose", list(EmbedPurpose))
def test_every_purpose_has_its_twin(purpose: EmbedPurpose) -> None:
    name = f"EMBED_PURPOSE_{purpose.name}"
    assert embed({"embed": {"model": "m", "inputs": [{"text": "a"}], "purpose": name}}).spec.purpose is purpose


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "embed"),
        ({"embed": {"model": "m"}}, "embed.inputs"),
        ({"embed": {"model": "m", "inputs": [{"text": "a"}, {}]}}, "embed.inputs[1].input"),
        ({"embed": {"model": "m", "inputs": [{"text": ""}]}}, "embed.inputs[0].text"),
        ({"embed": {"model": "m", "inputs": [{"tokenIds": {}}]}}, "embed.inputs[0].token_ids.ids"),
        ({"embed": {"model": "m", "inputs": [{"text": "a"}], "dimensions": 0}}, "embed.dimensions"),
        (
            {"embed": {"model": "m", "inputs": [{"text": "a"}], "providerOptions": {"p": "[]"}}},
            "embed.provider_options['p']",
        ),
    ],
)
def test_what_breaks_a_rule_names_its_field(fields: Fields, field: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        embed(fields)
    assert field_of(caught.value) == field


def test_an_idempotency_key_stands_for_the_batch() -> None:
    def asked(text: str) -> tuple[str, bytes]:
        once = embed({"embed": {"model": "m", "inputs": [{"text": text}]}, "idempotencyKey": "k"}).once
        assert once is not None
        return once.key, once.asked

    assert asked("a") == asked("a")
    assert asked("a") != asked("b")
    assert embed({"embed": {"model": "m", "inputs": [{"text": "a"}]}}).once is None


def test_the_options_of_a_stream_reach_the_core_whole() -> None:
    one = stream_call(
        body(
            {
                "options": {
                    "model": "m",
                    "dimensions": 8,
                    "purpose": "EMBED_PURPOSE_DOCUMENT",
                    "providerOptions": {"openai": "{}"},
                    "route": {"requireParameters": True},
                    "labels": {"a": "b"},
                }
            }
        )
    )
    assert DECODER.stream_embed(one) == EmbedRequest(
        spec=EmbedSpec(model="m", dimensions=8, purpose=EmbedPurpose.DOCUMENT, provider_options={"openai": "{}"}),
        policy=RoutePolicy(require_parameters=True),
        labels={"a": "b"},
    )


@pytest.mark.parametrize("first", [b"", body({"item": {"id": "1", "input": {"text": "a"}}})])
def test_a_stream_begins_with_its_options(first: bytes) -> None:
    with pytest.raises(RequestInvalid) as caught:
        DECODER.stream_embed(stream_call(first))
    assert field_of(caught.value) == "options"


def test_options_that_break_a_rule_name_the_field() -> None:
    with pytest.raises(RequestInvalid) as caught:
        DECODER.stream_embed(stream_call(body({"options": {"model": "m", "providerOptions": {"p": "[]"}}})))
    assert field_of(caught.value) == "options.provider_options['p']"


async def test_items_are_decoded_in_order() -> None:
    assert await items(
        body({"item": {"id": "a", "input": {"text": "x"}}}),
        body({"item": {"id": "b", "input": {"tokenIds": {"ids": [1, 2]}}}}),
    ) == [EmbedItem("a", "x"), EmbedItem("b", (1, 2))]


@pytest.mark.parametrize(
    ("item", "field"),
    [({"id": "a"}, "item.input"), ({"id": "a", "input": {"text": ""}}, "item.input.text")],
)
async def test_an_item_that_breaks_a_rule_fails_alone(item: Fields, field: str) -> None:
    failed, good = await items(body({"item": item}), body({"item": {"id": "b", "input": {"text": "x"}}}))
    assert isinstance(failed, ItemFailed)
    assert isinstance(failed.error, RequestInvalid)
    assert (failed.id, field_of(failed.error)) == ("a", field)
    assert good == EmbedItem("b", "x")


async def test_an_item_above_the_size_limit_fails_alone() -> None:
    failed, good = await items(
        body({"item": {"id": "a", "input": {"text": "x" * 70_000}}}),
        body({"item": {"id": "b", "input": {"text": "x"}}}),
    )
    assert isinstance(failed, ItemFailed)
    assert failed.id == "a"
    assert good == EmbedItem("b", "x")


async def test_an_item_with_too_long_an_id_is_answered_by_what_fits_of_it() -> None:
    (failed,) = await items(body({"item": {"id": "i" * 200, "input": {"text": "x"}}}))
    assert isinstance(failed, ItemFailed)
    assert failed.id == "i" * 128


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (body({"item": {"input": {"text": "x"}}}), RequestInvalid),
        (b"", RequestInvalid),
        (b"\xff\xff", RequestMalformed),
        (body({"options": {"model": "m"}}), RequestInvalid),
    ],
    ids=["no id", "empty", "no protobuf", "options again"],
)
async def test_a_message_that_nobody_can_be_answered_for_ends_the_stream(
    message: bytes, kind: type[HedgerowError]
) -> None:
    with pytest.raises(kind):
        await items(message)


def packed(*values: float) -> bytes:
    """Packed floats."""
    return struct.pack(f"<{len(values)}f", *values)


def test_the_answer_of_embed_is_written_whole() -> None:
    answer = EmbedAnswer()
    for event in (
        Started("sim", "vec", (WARNING,)),
        EmbeddingsAdded([packed(1.5, -2.0), packed(0.25, 0.0)]),
        EmbeddingsAdded([packed(3.0, 4.0)]),
        EmbedCompleted(USAGE, (RECORD,), 1, 3),
    ):
        answer.add(event)
    assert json_format.MessageToDict(pb.EmbedResponse.FromString(answer.encode())) == {
        "embeddings": [{"values": [1.5, -2.0]}, {"values": [0.25, 0.0]}, {"values": [3.0, 4.0]}],
        "usage": USAGE_JSON,
        "provider": "sim",
        "model": "vec",
        "warnings": [
            {"code": "WARNING_CODE_PARAMETER_IGNORED", "field": "embed.purpose", "message": "not sent"},
        ],
        "attempts": [RECORD_JSON],
    }


def streamed(*events: Event) -> list[pb.StreamEmbedResponse]:
    """The messages of these events."""
    encoder = EmbedEventEncoder(lambda error: bytes(status(error).SerializeToString()))
    return [pb.StreamEmbedResponse.FromString(one) for event in events for one in encoder.encode(event)]


def test_the_messages_of_a_stream_are_written_whole_and_numbered() -> None:
    messages = streamed(
        Started("sim", "vec", (WARNING,)),
        EmbeddingsAdded([packed(1.5), packed(2.5)], ("a", "b")),
        ItemFailed("c", ProviderRejectedRequest("The provider refused it.")),
        EmbedCompleted(USAGE, (RECORD,), 7, 2, 1),
    )
    assert [message.sequence for message in messages] == [1, 2, 3, 4, 5]
    assert [message.id for message in messages] == ["", "a", "b", "c", ""]
    assert [message.WhichOneof("result") for message in messages] == [
        *("started", "embedding", "embedding", "item_error", "completed")
    ]
    started, first, second, failed, completed = messages
    assert (started.started.provider, started.started.model, len(started.started.warnings)) == ("sim", "vec", 1)
    assert (list(first.embedding.values), list(second.embedding.values)) == ([1.5], [2.5])
    assert failed.item_error.code == 3
    assert failed.item_error.message == "The provider refused it."
    assert json_format.MessageToDict(completed.completed) == {
        "usage": USAGE_JSON,
        "embeddedItemsCount": "2",
        "failedItemsCount": "1",
        "attemptsCount": "7",
    }


def test_an_unknown_failure_of_an_item_shows_nothing_of_itself() -> None:
    (message,) = streamed(ItemFailed("a", ValueError("canary")))
    assert message.item_error.code == 13
    assert "canary" not in str(message)


def test_events_of_nothing_but_defaults_are_still_those_events() -> None:
    started, completed = streamed(Started(), EmbedCompleted(Usage()))
    assert (started.WhichOneof("result"), completed.WhichOneof("result")) == ("started", "completed")


def test_what_is_no_event_of_the_stream_is_a_fault() -> None:
    with pytest.raises(TypeError):
        streamed(TextDelta(0, "x"))

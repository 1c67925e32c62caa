"""`decode`: answers as values of types, and what an answer that is none becomes."""

import json
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

import msgspec
import pydantic
import pytest
from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest
from hedgerow.chat.v1.event_pb2 import (
    FINISH_REASON_CONTENT_FILTER,
    FINISH_REASON_CONTEXT_LENGTH,
    FINISH_REASON_LENGTH,
    FINISH_REASON_MALFORMED_OUTPUT,
    FinishReason,
)
from hedgerow.chat.v1.message_pb2 import JsonObjectFormat, ResponseFormat
from hedgerow_client import (
    AsyncClient,
    Client,
    InvalidOutputError,
    OutputError,
    RefusedOutputError,
    TruncatedOutputError,
    chat,
)
from hedgerow_client.output import Asking
from hedgerow_client.testing import Answer, FakeGateway

T = TypeVar("T")
ASK = chat("fast", "Who wrote it?")
ADA = {"name": "Ada", "born": {"year": 1815}}


@dataclass
class Birth:
    year: int


@dataclass
class Person:
    name: str
    born: Birth


class BirthDict(TypedDict):
    year: int


class PersonDict(TypedDict):
    name: str
    born: BirthDict


class BirthStruct(msgspec.Struct):
    year: int


class PersonStruct(msgspec.Struct):
    name: str
    born: BirthStruct


class BirthModel(pydantic.BaseModel):
    year: int


class PersonModel(pydantic.BaseModel):
    name: str
    born: BirthModel


VALUES: list[tuple[type, Any]] = [
    (Person, Person("Ada", Birth(1815))),
    (PersonDict, ADA),
    (PersonStruct, PersonStruct("Ada", BirthStruct(1815))),
    (PersonModel, PersonModel(name="Ada", born=BirthModel(year=1815))),
]


def schema_of(kind: type) -> tuple[dict[str, Any], bool | None, str]:
    form = Asking(ASK, kind).request.chat.response_format.json_schema
    return json.loads(form.schema), form.strict if form.HasField("strict") else None, form.name


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=["dataclass", "typeddict", "struct", "model"])
def test_every_kind_of_type_is_read(kind: type[Any], value: object) -> None:
    with FakeGateway(Answer.json(ADA)) as gateway, Client(gateway.target) as client:
        decoded = client.decode(ASK, kind)
    assert decoded.value == value
    assert decoded.response.usage.output_tokens > 0


async def test_asyncio_reads_alike() -> None:
    async with FakeGateway(Answer.json(ADA)) as gateway, AsyncClient(gateway.target) as client:
        assert (await client.decode(ASK, Person)).value == Person("Ada", Birth(1815))


@pytest.mark.parametrize("kind", [kind for kind, _ in VALUES])
def test_the_schema_is_an_object_closed_and_strict(kind: type) -> None:
    schema, strict, name = schema_of(kind)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"name", "born"}
    (below,) = schema["$defs"].values()
    assert below["additionalProperties"] is False
    assert (strict, name) == (True, kind.__name__)


def test_a_type_with_defaults_is_not_asked_for_strictly() -> None:
    @dataclass
    class Loose:
        name: str = "nobody"

    assert schema_of(Loose)[1] is None


def test_what_is_no_object_is_wrapped_and_unwrapped() -> None:
    schema, strict, _ = schema_of(list[Person])
    assert list(schema["properties"]) == ["value"]
    assert strict is True
    with FakeGateway(Answer.json({"value": [ADA, ADA]})) as gateway, Client(gateway.target) as client:
        assert client.decode(ASK, list[Person]).value == [Person("Ada", Birth(1815))] * 2


def test_a_wrapped_value_without_its_wrapping_is_invalid() -> None:
    answer = Answer.json([ADA])
    invalid = pytest.raises(InvalidOutputError, match="'value'")
    with FakeGateway(answer) as gateway, Client(gateway.target) as client, invalid:
        client.decode(ASK, list[Person])


def test_names_of_properties_are_no_words_of_the_schema() -> None:
    @dataclass
    class Words:
        default: str
        enum: int

    schema, strict, _ = schema_of(Words)
    assert set(schema["properties"]) == {"default", "enum"}
    assert strict is True


def test_a_type_that_contains_itself_keeps_its_definition() -> None:
    schema, _, _ = schema_of(Tree)
    assert schema["$defs"]["Tree"]["properties"]["leaves"]["items"] == {"$ref": "#/$defs/Tree"}


@dataclass
class Tree:
    leaves: list["Tree"]


@dataclass
class Box(Generic[T]):
    inside: T


def test_the_name_of_a_generic_type_is_one_that_providers_take() -> None:
    assert schema_of(Box[int])[2] == "Box"


REASONS = [
    (Answer("{", finish_reason=FINISH_REASON_LENGTH), TruncatedOutputError, "FINISH_REASON_LENGTH"),
    (Answer.json(ADA, finish_reason=FINISH_REASON_CONTEXT_LENGTH), TruncatedOutputError, "CONTEXT_LENGTH"),
    (Answer(refusal="I will not."), RefusedOutputError, "I will not."),
    (Answer("", finish_reason=FINISH_REASON_CONTENT_FILTER), RefusedOutputError, "CONTENT_FILTER"),
    (Answer('{"name": "Ada"'), InvalidOutputError, "does not fit"),
    (Answer.json({"name": 3, "born": {"year": 1}}), InvalidOutputError, "does not fit"),
    (Answer("no JSON", finish_reason=FINISH_REASON_MALFORMED_OUTPUT), InvalidOutputError, "does not fit"),
    (Answer.calling("search", {"q": "Ada"}), InvalidOutputError, "FINISH_REASON_TOOL_CALLS"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), REASONS)
@pytest.mark.parametrize("wanted", [Person, PersonModel])
def test_an_answer_that_is_no_value_says_why(answer: Answer, kind: type[OutputError], words: str, wanted: type) -> None:
    with FakeGateway(answer) as gateway, Client(gateway.target) as client, pytest.raises(kind, match=words) as caught:
        client.decode(ASK, wanted)
    assert FinishReason.Name(caught.value.response.finish_reason)
    assert caught.value.text == answer.text


def test_a_request_with_a_form_of_its_own_is_refused() -> None:
    spec = chat("fast", "Hi")
    spec.response_format.CopyFrom(ResponseFormat(json_object=JsonObjectFormat()))
    with pytest.raises(ValueError, match="response_format"):
        Asking(spec, Person)


def test_the_callers_own_request_is_left_as_it_was() -> None:
    request = CompleteRequest(chat=ASK, labels={"feature": "x"})
    asking = Asking(request, Person)
    assert not request.chat.HasField("response_format")
    assert asking.request.labels["feature"] == "x"


def test_types_of_the_standard_library_are_read_by_pydantic_without_msgspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hedgerow_client.output.find_spec", lambda name: None if name == "msgspec" else object())
    with FakeGateway(Answer.json(ADA)) as gateway, Client(gateway.target) as client:
        assert client.decode(ASK, Person).value == Person("Ada", Birth(1815))


def test_without_either_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow_client.output.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"hedgerow-client\[decode\]"):
        Asking(ASK, Person)

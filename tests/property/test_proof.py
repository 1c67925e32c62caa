"""What is proved without protovalidate, protovalidate would let pass: messages at the bounds of all their rules."""

import functools
from collections.abc import Iterator
from typing import Any

import protovalidate
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hedgerow.chat.v1 import chat_service_pb2
from hedgerow.embed.v1 import embed_service_pb2
from hedgerow_server.wire.proof import Proof
from hypothesis import given, settings
from hypothesis import strategies as st

VALIDATOR = protovalidate.Validator()
WORDS = ("", "a", "team", "a/b.c-d_e", "-a", "A b", "é", "team\n", "https://x", "gs://x", "file://x", "{}")
ODD = (float("nan"), float("inf"), float("-inf"), -0.0)
MOST = 33
DEEPEST = 6


def within(kind: Descriptor, found: dict[str, Descriptor]) -> dict[str, Descriptor]:
    """A kind of messages and those that stand in it, but for the entries of maps."""
    if kind.full_name not in found and not kind.GetOptions().map_entry:
        found[kind.full_name] = kind
        for field in kind.fields:
            if field.message_type is not None:
                within(field.message_type, found)
    return found


KINDS = within(
    embed_service_pb2.StreamEmbedRequest.DESCRIPTOR,
    within(embed_service_pb2.EmbedRequest.DESCRIPTOR, within(chat_service_pb2.CompleteRequest.DESCRIPTOR, {})),
)
PROOFS = {name: Proof(kind) for name, kind in KINDS.items()}


def bounds(rules: Message) -> Iterator[int]:
    """Every number in the rules of a field, and its neighbours."""
    for field, value in rules.ListFields():
        if field.is_repeated or field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            continue
        if field.message_type is not None:
            yield from bounds(value)
        else:
            yield from (int(value) - 1, int(value), int(value) + 1)


@functools.cache
def numbers(field: FieldDescriptor) -> tuple[int, ...]:
    """Where a field may be right or wrong."""
    return tuple(sorted({0, 1, *bounds(field.GetOptions().Extensions[validate_pb2.field])}))


def values(field: FieldDescriptor, some: tuple[int, ...]) -> list[Any]:
    """Values of a field that is no message, legal or not."""
    positive = [one for one in some if one >= 0]
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return [bytes(one) for one in positive]
        case FieldDescriptor.CPPTYPE_STRING:
            return [*WORDS, *(word * one for word in "aé😀" for one in positive)]
        case FieldDescriptor.CPPTYPE_BOOL:
            return [False, True]
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return [*map(float, some), *ODD]
        case FieldDescriptor.CPPTYPE_ENUM:
            assert field.enum_type is not None
            return [*(one.number for one in field.enum_type.values), 99, -1]
        case FieldDescriptor.CPPTYPE_UINT32 | FieldDescriptor.CPPTYPE_UINT64:
            return positive
        case _:
            return list(some)


@functools.cache
def choices(kind: Descriptor, field: FieldDescriptor) -> tuple[list[Any], list[Any]]:
    """All values of such a field, and those that are right by themselves."""

    def right(value: Any) -> bool:
        message = GetMessageClass(kind)()
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
        wrong = [one.proto.field for one in VALIDATOR.collect_violations(message)]
        return not any(path and path.elements[0].field_name == field.name for path in wrong)

    every = values(field, numbers(field))
    return every, [one for one in every if right(one)] or every


def value(kind: Descriptor, field: FieldDescriptor, draw: Any) -> Any:
    """One of them, mostly a right one."""
    every, right = choices(kind, field)
    return draw(st.sampled_from(right if draw(st.integers(0, 7)) else every))


def count(field: FieldDescriptor, draw: Any) -> int:
    """How many of a field that may come often: mostly few, or round a bound that is not high."""
    return int(draw(st.sampled_from([1, 1, 1, 1, 2, *(one for one in numbers(field) if 1 < one <= MOST)])))


def fill(message: Any, field: FieldDescriptor, draw: Any, depth: int) -> None:
    """Sets a field."""
    kind, target = field.message_type, getattr(message, field.name)
    if kind is not None and kind.GetOptions().map_entry:
        keys, texts = (values(kind.fields_by_name[name], numbers(field)) for name in ("key", "value"))
        if kind.fields_by_name["value"].message_type is None:
            for number in range(count(field, draw)):
                target[draw(st.sampled_from([f"label{number}", *keys]))] = draw(st.sampled_from(["{}", *texts]))
    elif kind is not None and field.is_repeated:
        target.extend([filled(kind, draw, depth + 1)] * count(field, draw))
    elif kind is not None:
        target.CopyFrom(filled(kind, draw, depth + 1))
    elif field.is_repeated:
        target.extend([value(message.DESCRIPTOR, field, draw)] * count(field, draw))
    else:
        setattr(message, field.name, value(message.DESCRIPTOR, field, draw))


def filled(kind: Descriptor, draw: Any, depth: int = 0) -> Message:
    """A message with some of its fields set, those mostly that messages mostly have."""
    message = GetMessageClass(kind)()
    fields = list(kind.fields) if depth < DEEPEST else []
    further = draw(st.lists(st.sampled_from(fields), max_size=3)) if fields else []
    for field in [*(one for one in fields if one.number <= 2 and draw(st.integers(0, 15))), *further]:
        fill(message, field, draw, depth)
    return message


@settings(max_examples=400)
@given(name=st.sampled_from(sorted(KINDS)), data=st.data())
def test_protovalidate_finds_nothing_wrong_with_what_is_proved(name: str, data: st.DataObject) -> None:
    message = filled(KINDS[name], data.draw)
    if PROOFS[name].holds(message):
        assert VALIDATOR.collect_violations(message) == []

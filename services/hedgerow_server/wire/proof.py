"""Proves that a message keeps the contract's rules (buf.validate) where that is quick, as it is for most requests.

The rules are read from the descriptors, once. Only those that hot requests have are known here; what has another one is
not proved, and protovalidate decides. So a proof may be missing, but it must never hold for what protovalidate would
refuse.
"""

from collections.abc import Callable
from typing import Any

import re2
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_Holds = Callable[[Any], bool]
"""Whether the value of a field that is set keeps the field's rules, for sure."""
_FIELD, _CHOICE, _MESSAGE = validate_pb2.field, validate_pb2.oneof, validate_pb2.message
_NO_BOUND = float("inf")


class Proof:
    """The rules of one kind of messages."""

    __slots__ = ("_counted", "_needs", "_rules")

    def __init__(self, kind: Descriptor, known: "dict[Descriptor, Proof] | None" = None) -> None:
        """`known` has the kinds that were met already: one may stand within itself."""
        known = {} if known is None else known
        known[kind] = self
        self._rules: dict[FieldDescriptor, _Holds] = {}
        counted: set[FieldDescriptor] = set()
        needs = 0
        for field in kind.fields:
            holds = _field(field, known)
            if holds is not None:
                self._rules[field] = holds
            if not _may_lack(field, holds):
                counted.add(field)
                needs += 1
        for choice in kind.oneofs:
            if choice.GetOptions().Extensions[_CHOICE].required:
                counted.update(choice.fields)
                needs += 1
        self._counted = frozenset(counted)
        """The fields that may not be empty, and those of choices that must be made."""
        self._needs = -1 if kind.GetOptions().HasExtension(_MESSAGE) else needs
        """How many of them must be set; -1: the message has rules as a whole, which nothing here proves."""

    def holds(self, message: Message) -> bool:
        """Whether the message keeps all rules, for sure."""
        rules, counted, found = self._rules, self._counted, 0
        for field, value in message.ListFields():
            holds = rules.get(field)
            if holds is None or not holds(value):
                return False
            if field in counted:
                found += 1
        return found == self._needs


def _may_lack(field: FieldDescriptor, holds: _Holds | None) -> bool:
    """Whether a field need not be set. One without presence is held against its rules all the same."""
    rules = field.GetOptions().Extensions[_FIELD]
    if field.has_presence or rules.required:
        return not rules.required
    if holds is None:
        return not _names(rules)
    return holds({} if field.is_repeated else field.default_value)


def _field(field: FieldDescriptor, known: dict[Descriptor, Proof]) -> _Holds | None:
    rules, kind = field.GetOptions().Extensions[_FIELD], field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _map(rules, kind)
    return _repeated(rules, field, known) if field.is_repeated else _one(rules, field, known)


def _one(rules: validate_pb2.FieldRules, field: FieldDescriptor, known: dict[Descriptor, Proof]) -> _Holds | None:
    """The rules of a field that is not repeated, or of each of many."""
    kind = field.message_type
    if kind is None:
        return _scalar(rules, field)
    if _names(rules) - {"required"}:
        return None
    return (known.get(kind) or Proof(kind, known)).holds


def _repeated(rules: validate_pb2.FieldRules, field: FieldDescriptor, known: dict[Descriptor, Proof]) -> _Holds | None:
    of = rules.repeated
    each = _one(of.items, field, known)
    if each is None or _names(rules) - {"repeated"} or _names(of) - {"min_items", "max_items", "items"}:
        return None
    least, most = of.min_items, of.max_items if of.HasField("max_items") else _NO_BOUND
    return lambda values: least <= len(values) <= most and all(map(each, values))


def _map(rules: validate_pb2.FieldRules, entry: Descriptor) -> _Holds | None:
    of = rules.map
    key, value = _one_of(entry, "key", of.keys), _one_of(entry, "value", of.values)
    if key is None or value is None or _names(rules) - {"map"} or _names(of) - {"max_pairs", "keys", "values"}:
        return None
    most = of.max_pairs if of.HasField("max_pairs") else _NO_BOUND
    return lambda pairs: len(pairs) <= most and all(map(key, pairs)) and all(map(value, pairs.values()))


def _one_of(entry: Descriptor, name: str, rules: validate_pb2.FieldRules) -> _Holds | None:
    field = entry.fields_by_name[name]
    return None if field.message_type is not None else _scalar(rules, field)


def _scalar(rules: validate_pb2.FieldRules, field: FieldDescriptor) -> _Holds | None:
    names = _names(rules) - {"required"}
    if not names:
        return lambda _: True
    make = _KINDS.get(names.pop())
    return None if make is None or names else make(rules, field)


def _string(rules: validate_pb2.FieldRules, _: FieldDescriptor) -> _Holds | None:
    of = rules.string
    if _names(of) - {"min_len", "max_len", "max_bytes", "pattern"}:
        return None
    least, most = of.min_len, of.max_len if of.HasField("max_len") else _NO_BOUND
    matches = re2.compile(of.pattern).search  # without a pattern everything does
    if of.HasField("max_bytes"):
        bytes_most = of.max_bytes
        return lambda text: (
            least <= len(text) <= most and len(text.encode()) <= bytes_most and matches(text) is not None
        )
    if of.HasField("pattern"):
        return lambda text: least <= len(text) <= most and matches(text) is not None
    return lambda text: least <= len(text) <= most


def _bytes(rules: validate_pb2.FieldRules, _: FieldDescriptor) -> _Holds | None:
    of = rules.bytes
    if _names(of) - {"min_len", "max_len"}:
        return None
    least, most = of.min_len, of.max_len if of.HasField("max_len") else _NO_BOUND
    return lambda data: least <= len(data) <= most


def _enum(rules: validate_pb2.FieldRules, field: FieldDescriptor) -> _Holds | None:
    of, kind = rules.enum, field.enum_type
    if kind is None or not of.defined_only or _names(of) - {"defined_only", "not_in"}:
        return None
    return (frozenset(one.number for one in kind.values) - frozenset(of.not_in)).__contains__


def _number(rules: validate_pb2.FieldRules, _: FieldDescriptor) -> _Holds | None:
    of = getattr(rules, rules.WhichOneof("type") or "")
    if _names(of) - {"gte", "lte"}:
        return None
    least, most = of.gte if of.HasField("gte") else -_NO_BOUND, of.lte if of.HasField("lte") else _NO_BOUND
    # The other way round they would be what is left out.
    return (lambda value: least <= value <= most) if least <= most else None


_KINDS: dict[str, Callable[[validate_pb2.FieldRules, FieldDescriptor], _Holds | None]] = {
    "string": _string,
    "bytes": _bytes,
    "enum": _enum,
    "int32": _number,
    "int64": _number,
    "double": _number,
}


def _names(rules: Message) -> set[str]:
    """The rules that there are."""
    return {field.full_name if field.is_extension else field.name for field, _ in rules.ListFields()}

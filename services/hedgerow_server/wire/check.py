"""Parses request messages and holds them against the limits that the contract writes down (protovalidate)."""

from typing import Protocol, TypeVar

import msgspec
import protovalidate
from google.protobuf.message import DecodeError, Message

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, MessageTooLarge, RequestInvalid, RequestMalformed
from hedgerow_server.wire.proof import Proof

M = TypeVar("M", bound=Message)

_MAX_VIOLATIONS = 16
_MAX_KEY = 64
_JSON = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Checker:
    """Parses and checks. One for a server: it keeps the compiled rules."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._validator = protovalidate.Validator()
        self._proofs: dict[type[Message], Proof] = {}

    def parse(self, kind: type[M], call: Call, body: bytes) -> M:
        """The message in the bytes. Raises MessageTooLarge, RequestMalformed or RequestInvalid."""
        if len(body) > self._max_bytes:
            raise MessageTooLarge(
                f"The message has {len(body)} bytes; the limit is {self._max_bytes}.",
                metadata={"limitBytes": str(self._max_bytes), "sizeBytes": str(len(body))},
                subject="message_bytes",
            )
        try:
            message = kind.FromString(body)
        except DecodeError:
            raise RequestMalformed(
                f"The message is not a {kind.DESCRIPTOR.full_name}.", metadata={"method": call.method.name}
            ) from None
        return self.checked(message)

    def checked(self, message: M) -> M:
        """The message, held against the limits of the contract. Raises RequestInvalid."""
        kind = type(message)
        proof = self._proofs.get(kind)
        if proof is None:
            proof = self._proofs[kind] = Proof(message.DESCRIPTOR)  # type: ignore[arg-type]  # of one implementation or the other
        if proof.holds(message):
            return message
        violations = self._validator.collect_violations(message)
        if violations:
            raise invalid([_violation(v.proto) for v in violations[:_MAX_VIOLATIONS]])
        return message


class _PathElement(Protocol):
    field_name: str
    subscript: object


def _violation(proto: object) -> FieldViolation:
    elements: list[_PathElement] = proto.field.elements  # type: ignore[attr-defined]
    path = ""
    for element in elements:
        path += f".{element.field_name}"
        if element.subscript is not None:
            value = getattr(element.subscript, "value", element.subscript)
            path += subscript(value) if isinstance(value, str) else f"[{value}]"
    return FieldViolation(path.lstrip("."), str(proto.message))  # type: ignore[attr-defined]


def subscript(key: str) -> str:
    """An entry of a map within a path. The key is the caller's and may be of any length: it is cut."""
    return f"[{key if len(key) <= _MAX_KEY else key[:_MAX_KEY] + '...'!r}]"


def invalid(violations: list[FieldViolation]) -> RequestInvalid:
    """The error for one or more wrong fields."""
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return RequestInvalid(
        f"{first.field}: {first.description}{more}", metadata={"field": first.field}, violations=tuple(violations)
    )


def wrong(field: str, description: str) -> RequestInvalid:
    """The error for one wrong field."""
    return invalid([FieldViolation(field, description)])


def json_object(text: str, field: str) -> str:
    """The text, once it is sure that it is a JSON object. Raises RequestInvalid."""
    try:
        _JSON.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid([FieldViolation(field, "must be the text of a JSON object")]) from None
    return text

"""JSON as servers write it: with members of unexpected types, with NaN, raw control characters, or halves of surrogate
pairs where a token boundary splits an emoji.
"""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Loose(msgspec.Struct, gc=False):
    """What is read of a JSON value: the members that are declared, all others skipped. JSON has no cycles, so the
    garbage collector need not know of it; to make it known costs as much as to read it.
    """


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def repaired(payload: bytes) -> bytes | None:
    """The same document in strict JSON, null for NaN and infinities and U+FFFD for halves of pairs; None where it is no
    JSON even so.
    """
    try:
        value = json.loads(payload, strict=False, parse_constant=lambda _: None)
        return _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return None


def tolerant(kind: type[T]) -> Callable[[bytes | msgspec.Raw], T | None]:
    """A function that reads this type from JSON, repaired if need be. It gives None where there is none."""
    decode = msgspec.json.Decoder(kind).decode

    def read(payload: bytes | msgspec.Raw) -> T | None:
        try:
            return decode(payload)
        except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return read_repaired(decode, bytes(payload))

    return read


def read_repaired(decode: Callable[[bytes], T], payload: bytes) -> T | None:
    """What `decode` makes of JSON once it is repaired, U+FFFD in the place of what is not UTF-8. None where that is not
    what it takes even so.
    """
    strict = repaired(payload.decode(errors="replace").encode())
    try:
        return None if strict is None else decode(strict)
    except (ValueError, RecursionError):
        return None


def plain(payload: bytes | msgspec.Raw) -> Any:
    """The value of strict JSON, None where there is none."""
    try:
        return msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None


def plain_object(payload: bytes) -> dict[str, Any]:
    """The members of an object in strict JSON, none where there is no object."""
    value = plain(payload)
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def member(value: object, name: str) -> Any:
    """A member of the value if it is an object, else None."""
    return value.get(name) if isinstance(value, dict) else None

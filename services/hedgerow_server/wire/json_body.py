"""JSON bodies of the HTTP doors: typed, and where one is wrong the error names the place."""

import base64
import re
from typing import TypeVar

import msgspec

from hedgerow_server.core.error import FieldViolation, RequestMalformed
from hedgerow_server.wire.check import invalid, wrong

T = TypeVar("T")

_PLACE = re.compile(r"(?P<what>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_MEMBER = re.compile(r"Object (?P<how>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
_MAX_NAME = 64
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decoded(decoder: msgspec.json.Decoder[T], body: bytes | bytearray | memoryview | msgspec.Raw, place: str = "") -> T:
    """The value in JSON text. `place` is where that stands within the body; empty: it is the body. Raises
    RequestMalformed for what is no JSON, RequestInvalid for JSON of another shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid([_violation(str(error), place)]) from None
    except msgspec.DecodeError as error:
        raise RequestMalformed(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise RequestMalformed("The body is not JSON: it is not UTF-8.") from None
    except RecursionError:
        raise RequestMalformed("The body is not JSON that can be read: it is nested too deeply.") from None


def unpacked(text: str, field: str) -> bytes:
    """The bytes that base64 holds. Raises RequestInvalid."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise wrong(field, "must be base64") from None


def members_beside(body: bytes, known: frozenset[str]) -> dict[str, msgspec.Raw]:
    """The members of a body, which was decoded before, that are not known. One that is null asks for nothing."""
    members = _MEMBERS.decode(body)
    return {name: members[name] for name in sorted(members.keys() - known) if bytes(members[name]) != b"null"}


def _violation(text: str, place: str) -> FieldViolation:
    found = _PLACE.fullmatch(text)
    what, path = (found["what"], found["path"]) if found is not None else (text, "")
    path = place + path
    member = _MEMBER.fullmatch(what)
    if member is None:
        return FieldViolation(path.lstrip(".") or "body", what[:1].lower() + what[1:])
    path = f"{path}.{member['name'][:_MAX_NAME]}"
    return FieldViolation(path.lstrip("."), "is required" if member["how"].startswith("missing") else "is not known")

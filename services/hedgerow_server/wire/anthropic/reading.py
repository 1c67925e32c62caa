"""JSON that callers send, object by object: blocks and tools may have members that nobody here knows."""

import msgspec

from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.json_body import decoded

Members = dict[str, msgspec.Raw]
"""The members of an object, each as it came."""
_MEMBERS = msgspec.json.Decoder(Members)
_TEXT = msgspec.json.Decoder(str)


def members(data: bytes | msgspec.Raw, field: str = "") -> Members:
    """The members of a JSON object that say something: null is the same as no member. Raises RequestInvalid."""
    found = decoded(_MEMBERS, data, field)
    return {name: value for name, value in found.items() if bytes(value) != b"null"}


def text_of(found: Members, name: str, field: str) -> str:
    """A member that must be a string. Raises RequestInvalid."""
    at = f"{field}.{name}"
    if name not in found:
        raise wrong(at, "is required")
    return decoded(_TEXT, found[name], at)

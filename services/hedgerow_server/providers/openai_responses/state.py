"""What this dialect attaches to the parts of an answer: what the item has beyond the part, so that the item can go back
whole.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "openai_responses"
"""The name under which state and items of this dialect travel."""

PARTIAL_IMAGE = b'{"type":"partial_image"}'
"""What is attached to a preview of an image, which is not sent back."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_SHOWN = frozenset({"content", "arguments", "input", "name", "call_id", "result", "status"})


def tag(base_url: str) -> str:
    """The name under which a provider's state travels. What one vendor encrypted another cannot read, so all but OpenAI
    itself add where they are.
    """
    host = urlsplit(base_url).netloc
    return DIALECT if host == "api.openai.com" else f"{DIALECT}@{host}"


def rest_of(item: msgspec.Raw) -> bytes | None:
    """What an item has beyond the part that shows it; None where nothing but the type is left."""
    try:
        given = _decode(item)
    except (msgspec.DecodeError, RecursionError):
        return None
    members = {name: value for name, value in given.items() if name not in _SHOWN and bytes(value) != b"null"}
    custom = bytes(members.get("type", b"")) == b'"custom_tool_call"'
    return msgspec.json.encode(members) if custom or members.keys() - {"type"} else None


def read_state(state: ProviderState | None, name: str) -> dict[str, Any]:
    """The members of a part's state; none where it is absent or has another name. Raises DecodeError, UnicodeError or
    RecursionError.
    """
    if state is None or state.provider != name:
        return {}
    return dict(_decode(state.data))

"""State and items of providers within the items of the Responses API.

State of the Responses API as OpenAI itself has it is the members of an item, and an item that comes back has them. What
is of any other provider travels as a word of ours: in `encrypted_content` of a reasoning item, where clients expect
something opaque, and of other items in the member `hedgerow`, which SDKs keep.
"""

from typing import Any

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "openai_responses"
"""Under which name state and items of OpenAI's own Responses API travel in the contract; other vendors' have a host
behind an @.
"""
_OWN = "_hg_"
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Members of items that a part of the contract shows, or that only an answer has.
_SHOWN = frozenset(
    {
        "arguments",
        "call_id",
        "content",
        "hedgerow",
        "input",
        "name",
        "parsed_arguments",
        "result",
        "role",
        "status",
        "type",
    }
)


def own_id(kind: str, request_id: str, index: int) -> str:
    """An id for an item that has none of its provider's, such as "msg"."""
    return f"{kind}{_OWN}{request_id}_{index}"


def is_own(item_id: str) -> bool:
    """Whether the gateway has made the id, so that no provider knows it."""
    return _OWN in item_id


def is_responses(provider: str) -> bool:
    """Whether state is of some vendor's Responses API."""
    return provider.partition("@")[0] == DIALECT


def members_of(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of an object in JSON; none where it is not one."""
    try:
        return _MEMBERS.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def beyond(state: ProviderState | None) -> dict[str, Any]:
    """The members that an item has beyond what its parts show, such as `phase`. None but of a Responses API."""
    if state is None or not is_responses(state.provider):
        return {}
    members = members_of(state.data)
    return {name: value for name, value in members.items() if name not in _SHOWN and bytes(value) != b"null"}


def told(raw: msgspec.Raw, provider_id: str, shown: frozenset[str] = _SHOWN) -> dict[str, Any]:
    """What of an item that came back its provider wants to have: all but what is shown, and no id of ours."""
    members = members_of(raw)
    rest: dict[str, Any] = {
        name: value for name, value in members.items() if name not in shown and bytes(value) != b"null"
    }
    if provider_id:
        rest["id"] = provider_id
    elif "id" in rest and _OWN.encode() in bytes(rest["id"]):
        del rest["id"]
    return rest

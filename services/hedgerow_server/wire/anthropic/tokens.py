"""What travels with a thought, a text or a tool call of another dialect: state and items of its provider, as opaque
words in the places where Anthropic's API has such words. A client that sends an answer back as it came sends these with
it.
"""

import base64
import binascii

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.request import ProviderItem, ProviderState
from hedgerow_server.wire.anthropic.reading import refused

DIALECT = "anthropic_messages"
"""Under which name state and items of the Messages API travel in the contract. What they hold stands in State."""
PREFIX = "hg1."
"""What our words begin with. Alone, it stands where the API wants a word and there is no state."""


NOTHING = msgspec.Raw()
"""A member that is not there."""


class State(msgspec.Struct, omit_defaults=True):
    """The state that dialects of Claude attach to a part, as JSON."""

    signature: str | None = None
    """Of a thought; empty where the provider gives none."""
    redacted: str | None = None
    """A thought that is encrypted altogether."""
    citations: list[msgspec.Raw] | None = None
    """Of a text, as they came."""
    caller: msgspec.Raw = NOTHING
    """Who called a tool, if it was not the model itself."""
    toolset_name: str | None = None
    """The set of tools that a called tool, or the result of one, is of."""
    members: dict[str, msgspec.Raw] | None = None
    """Further members of a block, which the contract has no field for."""


NO_STATE = State()
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(State).decode


class Token(msgspec.Struct, array_like=True, frozen=True):
    """What one of our words holds."""

    provider: str
    data: bytes
    kind: str = ""
    """Empty: state of the block that it stands in. "of": of another one. "item": a whole item of the provider's."""
    type: str = ""
    """Of an item: the provider's word for its kind. Of state of another block: the id of the tool call there, if it is
    one.
    """
    back: int = 0
    """Of state of another block: how many blocks before this one it stands."""


_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(Token).decode


def word(token: Token) -> str:
    """The word that holds a token."""
    return PREFIX + base64.urlsafe_b64encode(_PACK(token)).decode()


def token_of(text: str, field: str) -> Token | None:
    """What a word of ours holds; None where it is somebody else's. Raises RequestInvalid for one that begins like ours
    and is broken.
    """
    if not text.startswith(PREFIX):
        return None
    try:
        return _UNPACK(base64.b64decode(text[len(PREFIX) :], altchars=b"-_", validate=True))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise refused(field, "must be what the gateway had sent, unchanged") from None


def own_state(given: ProviderState | None) -> State | None:
    """The state of a part where it is of this dialect; None where it is absent, of another one, or cannot be read."""
    if given is None or given.provider != DIALECT:
        return None
    try:
        return _DECODE(given.data)
    except (msgspec.DecodeError, UnicodeError):
        return None


def write_state(target: pb.Part, state: State) -> None:
    """Attaches state of this dialect."""
    if state != NO_STATE:
        target.provider_state.provider = DIALECT
        target.provider_state.data = _ENCODE(state)


def write_token(target: pb.Part, token: Token) -> None:
    """Attaches the state of another dialect."""
    target.provider_state.provider = token.provider
    target.provider_state.data = token.data


def item_word(item: ProviderItem) -> str:
    """The word that holds an item of another dialect."""
    return word(Token(item.provider, item.data, "item", item.type))


def state_word(state: ProviderState | None) -> str:
    """The word that holds the state of the block that it stands in."""
    return PREFIX if state is None else word(Token(state.provider, state.data))

"""What travels with a thought, a text or a tool call of another dialect: state and items of its provider, as opaque
words in the places where Anthropic's API has such words. A client that sends an answer back as it came sends these with
it.
"""

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.request import ProviderItem, ProviderState
from hedgerow_server.wire.token import PREFIX, Token, word

DIALECT = "anthropic_messages"
"""Under which name state and items of the Messages API travel in the contract. What they hold stands in State."""
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

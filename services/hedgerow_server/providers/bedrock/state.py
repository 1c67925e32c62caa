"""What this dialect attaches to the parts of an answer, so that the next request can say it in Bedrock's words."""

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "bedrock_converse"
"""The name under which state and items of this dialect travel."""


class State(msgspec.Struct, omit_defaults=True):
    """The state of reasoning: the signature of its text, or base64 of what replaces a text that is kept secret."""

    signature: str = ""
    redacted: str = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)


def write_state(state: State) -> ProviderState:
    """The state as it travels."""
    return ProviderState(DIALECT, _ENCODER.encode(state))


def read_state(state: ProviderState | None) -> State:
    """The state of a part; empty where it is absent or of another dialect. Raises DecodeError or UnicodeError."""
    if state is None or state.provider != DIALECT:
        return State()
    return _DECODER.decode(state.data)

"""What this dialect attaches to the parts of an answer, so that the next request can say it in OpenAI's words."""

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "openai_chat"
"""The name under which state and items of this dialect travel."""


class State(msgspec.Struct, omit_defaults=True):
    """The state of one part: the id of generated audio, or the kind of a tool call that is not a function."""

    audio_id: str = ""
    call_type: str = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)

CUSTOM_CALL = ProviderState(DIALECT, _ENCODER.encode(State(call_type="custom")))
"""The state of a call of a custom tool, whose input is free text."""


def audio_state(audio_id: str) -> ProviderState:
    """The state of generated audio."""
    return ProviderState(DIALECT, _ENCODER.encode(State(audio_id=audio_id)))


def read_state(state: ProviderState | None) -> State:
    """The state of a part; empty where it is absent or of another dialect. Raises DecodeError or UnicodeError."""
    if state is None or state.provider != DIALECT:
        return State()
    return _DECODER.decode(state.data)

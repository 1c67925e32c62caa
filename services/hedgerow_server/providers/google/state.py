"""What this dialect attaches to the parts of an answer, so that the next request can return it."""

import re

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "gemini_generate"
"""The name under which state and items of this dialect travel, of the Gemini API and of Vertex AI alike: both give the
same signatures."""

# What Parts.start_call makes where the provider sent no id.
_MADE_ID = re.compile(r"call_[0-9a-f]{24}", re.ASCII)


class State(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The state of one part: its thought signature, base64 as the provider wrote it."""

    thought_signature: str = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)


def signature_state(signature: str) -> ProviderState:
    """The state of a part with a thought signature."""
    return ProviderState(DIALECT, _ENCODER.encode(State(signature)))


def read_signature(state: ProviderState | None) -> str | None:
    """The thought signature of a part, None where there is none of this dialect. Raises DecodeError or UnicodeError."""
    if state is None or state.provider != DIALECT:
        return None
    return _DECODER.decode(state.data).thought_signature or None


def own_id(call_id: str) -> str | None:
    """The id of a tool call as the provider may be told it: None for one that the gateway made for lack of any."""
    return None if _MADE_ID.fullmatch(call_id) else call_id

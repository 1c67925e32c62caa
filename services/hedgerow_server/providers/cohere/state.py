"""What this dialect attaches to the parts of an answer, so that the next request can say it in Cohere's words."""

from typing import Literal

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "cohere_v2"
"""The name under which state and items of this dialect travel."""

Kind = Literal["thinking", "tool_plan", ""]


class State(msgspec.Struct, omit_defaults=True):
    """The state of reasoning: whether it was a block of thinking, or the plan that precedes tool calls."""

    kind: Kind = ""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)

THINKING = ProviderState(DIALECT, _ENCODER.encode(State("thinking")))
"""The state of a block of thinking."""
TOOL_PLAN = ProviderState(DIALECT, _ENCODER.encode(State("tool_plan")))
"""The state of a plan."""


def read_state(state: ProviderState | None) -> State:
    """The state of a part; empty where it is absent or of another dialect. Raises DecodeError or UnicodeError."""
    if state is None or state.provider != DIALECT:
        return State()
    return _DECODER.decode(state.data)

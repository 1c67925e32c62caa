"""What this dialect attaches to the parts of an answer, so that the next request can say it in Claude's words."""

from typing import Any

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "anthropic_messages"
"""The name under which state and items of this dialect travel. One for all platforms: what one of them signed is good
on the others, too.
"""


class State(msgspec.Struct, omit_defaults=True):
    """The state of one part: the signature of a thought (empty where there was none), a thought that is encrypted
    altogether, the citations of a text as they came, who called a tool if it was not the model itself, and members of a
    caller's block that the contract has no field for.
    """

    signature: str | None = None
    redacted: str | None = None
    citations: list[msgspec.Raw] | None = None
    caller: Any = None
    toolset_name: str | None = None
    members: dict[str, msgspec.Raw] | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)


def state(facts: State) -> ProviderState:
    """The state that travels."""
    return ProviderState(DIALECT, _ENCODER.encode(facts))


def read_state(given: ProviderState | None) -> State:
    """The state of a part; empty where it is absent or of another dialect. Raises DecodeError or UnicodeError."""
    if given is None or given.provider != DIALECT:
        return State()
    return _DECODER.decode(given.data)

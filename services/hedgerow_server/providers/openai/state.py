"""What this dialect attaches to the parts of an answer, so that the next request can say it in the vendor's words."""

from typing import Any

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "openai_chat"
"""The name under which state and items of this dialect travel. A vendor other than OpenAI adds its own: what one signed
another does not take.
"""
EXECUTED_TOOL = "executed_tool"
"""The type of an item for a tool that the provider ran (Groq)."""


def tag(vendor: str) -> str:
    """The name under which a vendor's state travels."""
    return DIALECT if vendor == "openai" else f"{DIALECT}/{vendor}"


class State(msgspec.Struct, omit_defaults=True):
    """The state of one part: the id of generated audio; the kind of a tool call that is not a function; what a vendor
    hung on a call or a text (Gemini: the signature of its thoughts); that an image is the vendor's own; that thoughts
    are, with what it gave in the place of, or beside, their text.
    """

    audio_id: str = ""
    call_type: str = ""
    extra_content: Any = None
    image: bool = False
    reasoning: bool = False
    reasoning_details: list[Any] | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(State)


def provider_state(name: str, state: State) -> ProviderState:
    """The state as it travels under a name."""
    return ProviderState(name, _ENCODER.encode(state))


def read_state(state: ProviderState | None, name: str = DIALECT) -> State:
    """The state of a part; empty where it is absent or has another name. Raises DecodeError or UnicodeError."""
    if state is None or state.provider != name:
        return State()
    return _DECODER.decode(state.data)

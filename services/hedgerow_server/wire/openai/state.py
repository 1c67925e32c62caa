"""The state that OpenAI's own dialect attaches to parts, as far as its API has a place for it."""

import msgspec

from hedgerow_server.core.request import ProviderState

DIALECT = "openai_chat"
"""The name under which state of the dialect travels; vendors' follows after a slash."""
CUSTOM = b'{"call_type":"custom"}'
"""The state of a call of a custom tool."""


class _State(msgspec.Struct):
    audio_id: str = ""


_STATE = msgspec.json.Decoder(_State)


def audio_id(state: ProviderState | None) -> str:
    """The id by which OpenAI knows generated audio; empty where it does not."""
    if state is None or state.provider != DIALECT:
        return ""
    try:
        return _STATE.decode(state.data).audio_id
    except (msgspec.DecodeError, UnicodeError):
        return ""

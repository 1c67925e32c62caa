"""Blocks of an answer: parts of the contract in the words of Anthropic's API.

State of other dialects stands where the API has room for words that nobody reads: in the signature of a thought, or in
a `redacted_thinking` beside the block that it is of. So a client that keeps the blocks keeps it.
"""

import base64
from typing import Any

import msgspec

from hedgerow_server.core.request import (
    Audio,
    Citation,
    File,
    Image,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from hedgerow_server.wire.anthropic.spoken import MALFORMED
from hedgerow_server.wire.anthropic.tokens import DIALECT, NOTHING, State, item_word, own_state, state_word
from hedgerow_server.wire.token import PREFIX, Token, word

Block = dict[str, Any] | msgspec.Raw

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def blocks(part: Part) -> list[Block]:
    """The blocks of a whole part: one, or with state of another dialect two."""
    content, state = part.content, part.state
    match content:
        case Reasoning(text):
            return [thought(text, state)]
        case Text(text) | Refusal(text):
            block = {"type": "text", "text": text}
            if cited := citations(part.citations, own_state(state)):
                block["citations"] = cited  # type: ignore[assignment]
            return [block, *_apart(state)]
        case ToolCall(call_id, name, arguments):
            return [called(call_id, name, own_state(state)) | {"input": given(arguments)}, *_apart(state, call_id)]
        case ProviderItem():
            return [item(content)]
        case Image() | Audio() | File():
            return [medium(content), *_apart(state)]
        case _:
            raise TypeError(type(content).__name__)


def _apart(state: ProviderState | None, call_id: str = "") -> list[Block]:
    return [] if state is None or state.provider == DIALECT else [apart(state, call_id)]


def apart(state: ProviderState, call_id: str = "", back: int = 1) -> dict[str, Any]:
    """The block that tells the state of the one that stands so many before it; of a tool call by its id."""
    return {"type": "redacted_thinking", "data": word(Token(state.provider, state.data, "of", call_id, back))}


def thought(text: str, state: ProviderState | None) -> dict[str, Any]:
    """A thought, with its signature."""
    own = own_state(state)
    if own is not None and own.redacted is not None:
        return {"type": "redacted_thinking", "data": own.redacted}
    return {"type": "thinking", "thinking": text, "signature": signature(state)}


def signature(state: ProviderState | None) -> str:
    """The signature of a thought."""
    own = own_state(state)
    return state_word(state) if own is None else own.signature or ""


def called(call_id: str, name: str, own: State | None) -> dict[str, Any]:
    """A call of a tool, without its input."""
    block: dict[str, Any] = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    if own is not None and own.caller is not NOTHING and bytes(own.caller):
        block["caller"] = own.caller
    if own is not None and own.toolset_name:
        block["toolset_name"] = own.toolset_name
    return block


def given(arguments: str) -> msgspec.Raw | dict[str, str]:
    """The input of a tool. Arguments that are no JSON object are wrapped in one, as Anthropic advises."""
    try:
        _OBJECT.decode(arguments or "{}")
    except (ValueError, RecursionError):
        return {MALFORMED: arguments}
    return msgspec.Raw((arguments or "{}").encode())


def item(one: ProviderItem) -> Block:
    """An item of a provider's: one of the dialect as it came, any other within a word that nobody reads."""
    if one.provider == DIALECT:
        return msgspec.Raw(one.data)
    return {"type": "redacted_thinking", "data": item_word(one)}


def citations(general: list[Citation] | tuple[Citation, ...], own: State | None) -> list[Any]:
    """The sources of a text: as they came from a provider of the dialect, else in the form that results of a search
    have, which is the one that fits whatever has an address and a title.
    """
    if own is not None and own.citations:
        return list(own.citations)
    return [
        {
            "type": "web_search_result_location",
            "url": one.url or one.source_id,
            "title": one.title or None,
            "cited_text": one.cited_text,
            "encrypted_index": PREFIX,
        }
        for one in general
    ]


def medium(content: Image | Audio | File) -> dict[str, Any]:
    """What a model has drawn or spoken. The API has no such answers: it is told as it is in requests."""
    kind = "image" if isinstance(content, Image) else "audio" if isinstance(content, Audio) else "document"
    source: dict[str, Any] = {"type": "url", "url": content.url}
    if content.url is None:
        data = base64.b64encode(content.data or b"").decode()
        source = {"type": "base64", "media_type": content.media_type, "data": data}
    block: dict[str, Any] = {"type": kind, "source": source}
    if isinstance(content, Audio) and content.transcript:
        block["transcript"] = content.transcript
    return block

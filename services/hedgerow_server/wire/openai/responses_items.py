"""Parts of an answer as output items of the Responses API, with what a provider wants back of them."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from hedgerow_server.core.request import (
    Audio,
    Citation,
    File,
    Image,
    Part,
    ProviderItem,
    Reasoning,
    Refusal,
    Text,
    TokenAlternative,
    TokenLogprob,
    ToolCall,
)
from hedgerow_server.wire.openai.responses_tokens import DIALECT, beyond, is_responses, members_of
from hedgerow_server.wire.token import Token, word

Item = dict[str, Any]
"""An item, ready to be encoded."""
Name = Callable[[str], str]
"""Makes an id for an item that gets none of its provider's; the argument is the prefix of its kind."""

MESSAGE, REASONING, CALL, OTHER = "message", "reasoning", "call", "other"
"""The kinds of items, by what may stand together in one."""
_KINDS: dict[type, str] = {Text: MESSAGE, Refusal: MESSAGE, Reasoning: REASONING, ToolCall: CALL}
_WORDS = frozenset({"id", "type", "summary", "content", "encrypted_content"})
_EMPTY = b"[]"
_PREVIEW, _CUSTOM = b'"partial_image"', b'"custom_tool_call"'
PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "image_generation_call": "ig",
}
"""What ids begin with, by the type of the item."""


def grouped(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts of each item. Texts and refusals in a row are one message, thoughts in a row one reasoning item, up to
    where the provider has attached something: there its item ended, unless the next part has the same.
    """
    groups: list[list[Part]] = []
    for part in parts:
        if groups and _goes_on(groups[-1][-1], part):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _goes_on(last: Part, part: Part) -> bool:
    kind = kind_of(part)
    if kind != kind_of(last) or kind not in (MESSAGE, REASONING):
        return False
    return last.state is None or (kind == MESSAGE and is_responses(last.state.provider) and last.state == part.state)


def kind_of(part: Part) -> str:
    """The kind of item that a part stands in."""
    return _KINDS.get(type(part.content), OTHER)


def item_of(parts: Sequence[Part], name: Name, *, status: str, custom: frozenset[str], begun: str = "") -> Item | None:
    """The item that parts make; None for what is no more than a preview. `begun` is the id under which a stream has
    begun it, `custom` has the names of custom tools.
    """
    kind = kind_of(parts[0])
    if kind == MESSAGE:
        item: Item | None = message_item([_piece(part) for part in parts], status)
    elif kind == REASONING:
        return _reasoning(parts, name, begun)
    elif isinstance(parts[0].content, ToolCall):
        call = parts[0].content
        is_custom = call.name in custom or (not begun and _type_of(parts[0]) == _CUSTOM)
        item = call_item(call, status, custom=is_custom)
    else:
        return _other(parts[0], name)
    return item if item is None else _kept(item, parts[-1], name, begun)


def message_item(content: list[Item], status: str) -> Item:
    """A message, still without what the provider has attached."""
    return {"id": "", "type": "message", "status": status, "role": "assistant", "content": content}


def call_item(call: ToolCall, status: str, *, custom: bool) -> Item:
    """A call, still without what the provider has attached."""
    if custom:
        item = {"id": "", "type": "custom_tool_call", "status": status, "call_id": call.id, "name": call.name}
        return item | {"input": call.arguments}
    item = {"id": "", "type": "function_call", "status": status, "call_id": call.id, "name": call.name}
    return item | {"arguments": call.arguments}


def _kept(item: Item, part: Part, name: Name, begun: str) -> Item:
    """The item with its id, and what else of the provider's state it shows or carries."""
    state = part.state
    members = beyond(state)
    own = members.pop("id", None)
    if begun:
        item["id"] = begun
    elif own is not None:
        item["id"] = own
    else:
        item["id"] = name(PREFIXES[item["type"]])
    item |= members
    if state is not None and state.provider != DIALECT:
        item["hedgerow"] = {"state": word(Token(state.provider, state.data))}
    elif begun and own is not None:
        item["hedgerow"] = {"id": own}
    return item


def _reasoning(parts: Sequence[Part], name: Name, begun: str) -> Item:
    summary = [summary_text(part.content.text) for part in parts if isinstance(part.content, Reasoning)]
    item: Item = {"id": begun, "type": "reasoning", "summary": [one for one in summary if one["text"]]}
    state = parts[-1].state
    members = members_of(state.data) if state is not None and is_responses(state.provider) else {}
    own = members.get("id")
    if not begun:
        item["id"] = own if own is not None else name("rs")
    if state is None:
        return item
    # The words are those of the parts, which a guard may have changed.
    item |= {one: value for one, value in members.items() if one not in _WORDS and bytes(value) != b"null"}
    if state.provider != DIALECT or bytes(members.get("content", _EMPTY)) not in (_EMPTY, b"null"):
        return item | {"encrypted_content": word(Token(state.provider, state.data))}
    for one in ("content", "encrypted_content"):
        if bytes(members.get(one, b"null")) != b"null":
            item[one] = members[one]
    if begun and own is not None:
        item["hedgerow"] = {"id": own}
    return item


def _other(part: Part, name: Name) -> Item | None:
    match part.content:
        case ProviderItem(provider=provider, type=kind, data=data) as item:
            if is_responses(provider):
                whole: Item = dict(members_of(data))
                return whole if provider == DIALECT else whole | {"hedgerow": {"provider": provider}}
            # Of a type that clients know and send back, and that shows nothing.
            token = Token(item.provider, data, "item", kind)
            return {"id": name("rs"), "type": "reasoning", "summary": [], "encrypted_content": word(token)}
        case Image(data=data) as image if data is not None or image.url:
            if _type_of(part) == _PREVIEW:
                return None
            return _kept(_image(image), part, name, "")
        case Audio() | File() as medium:
            return _kept(message_item([_medium(medium)], "completed"), part, name, "")
    return None


def _type_of(part: Part) -> bytes:
    """The type of the item that the provider had the part in; empty where that is not known."""
    state = part.state
    return b"" if state is None or not is_responses(state.provider) else bytes(members_of(state.data).get("type", b""))


def _image(image: Image) -> Item:
    item: Item = {"id": "", "type": "image_generation_call", "status": "completed", "result": None}
    form = image.media_type.partition("/")[2]
    if image.data is not None:
        item["result"] = base64.b64encode(image.data).decode()
    else:
        item["url"] = image.url
    return item | ({"output_format": form} if form in ("png", "webp", "jpeg", "gif") else {})


def _medium(medium: Audio | File) -> Item:
    told: Item = {"type": "output_medium", "media_type": medium.media_type}
    if medium.data is not None:
        told["data"] = base64.b64encode(medium.data).decode()
    if medium.url:
        told["url"] = medium.url
    if isinstance(medium, Audio) and medium.transcript:
        told["transcript"] = medium.transcript
    return told


def _piece(part: Part) -> Item:
    content = part.content
    if isinstance(content, Refusal):
        return refusal_piece(content.text)
    text = content.text if isinstance(content, Text) else ""
    return text_piece(text, [annotation(one) for one in part.citations], logprobs(part.logprobs))


def text_piece(text: str, annotations: list[Item], tokens: list[Item]) -> Item:
    """Text of a message."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": tokens}


def refusal_piece(text: str) -> Item:
    """A refusal in a message."""
    return {"type": "refusal", "refusal": text}


def summary_text(text: str) -> Item:
    """Thoughts."""
    return {"type": "summary_text", "text": text}


def annotation(citation: Citation) -> Item:
    """A source of a text: a page, else a file."""
    if citation.url:
        told: Item = {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start_index,
            "end_index": citation.end_index,
        }
    else:
        told = {
            "type": "file_citation",
            "file_id": citation.source_id,
            "filename": citation.title,
            "index": citation.start_index,
        }
    more: Item = {"source_id": citation.source_id if citation.url else "", "cited_text": citation.cited_text}
    if not citation.url and citation.end_index != citation.start_index:
        more["end_index"] = citation.end_index
    kept = {name: value for name, value in more.items() if value}
    return told | {"hedgerow": kept} if kept else told


def logprobs(tokens: Sequence[TokenLogprob]) -> list[Item]:
    """How likely tokens were."""
    return [{**_token(one), "top_logprobs": [_token(other) for other in one.top]} for one in tokens]


def _token(token: TokenLogprob | TokenAlternative) -> Item:
    told: Item = {"token": token.token, "logprob": token.logprob, "bytes": list(token.data)}
    return told if token.token_id is None else {**told, "token_id": token.token_id}

"""Messages of a conversation, both ways."""

from collections.abc import Callable, Iterable

from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.error import FieldViolation
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    Citation,
    Content,
    File,
    Image,
    ImageDetail,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    TokenAlternative,
    TokenLogprob,
    ToolCall,
    ToolResult,
)
from hedgerow_server.wire.check import invalid, wrong
from hedgerow_server.wire.times import seconds

_ROLES: dict[int, Role] = {pb.Role.Value(f"ROLE_{role.name}"): role for role in Role}
_NUMBERS = {role: pb.Role.ValueType(number) for number, role in _ROLES.items()}
_DETAILS: dict[int, ImageDetail] = {pb.ImageDetail.Value(f"IMAGE_DETAIL_{d.name}"): d for d in ImageDetail}
_TEXT = pb.Part.DESCRIPTOR.fields_by_name["text"]
_ASSISTANT_ONLY = frozenset({"tool_call", "reasoning", "refusal", "provider_item"})


def messages(source: Iterable[pb.Message]) -> tuple[Message, ...]:
    """The conversation of a request. Raises RequestInvalid for parts that do not go with their role."""
    return tuple([_message(message, index) for index, message in enumerate(source)])


def _message(source: pb.Message, index: int) -> Message:
    role = _ROLES[source.role]
    content = source.content
    if not content and role is not Role.ASSISTANT:
        raise invalid(
            [
                FieldViolation(
                    f"chat.messages[{index}].content", "must hold at least one part unless the role is ROLE_ASSISTANT"
                )
            ]
        )
    texts = role is not Role.TOOL
    parts: list[Part] = []
    for n, part in enumerate(content):
        fields = part.ListFields()
        if texts and len(fields) == 1 and fields[0][0] is _TEXT:
            parts.append(Part(content=Text(fields[0][1])))  # nearly all are no more than that
        else:
            parts.append(_part(part, role, f"chat.messages[{index}].content[{n}]"))
    return Message(role, tuple(parts), source.name)


def _part(source: pb.Part, role: Role, path: str) -> Part:
    which = source.WhichOneof("content")
    _check_role(which or "", role, path)
    return Part(
        content=_content(source, which or "", role, path),
        state=_state(source.provider_state) if source.HasField("provider_state") else None,
        citations=tuple(_citation(citation) for citation in source.citations),
        cache_hint=cache_hint(source) if source.HasField("cache_hint") else None,
    )


def _check_role(which: str, role: Role, path: str) -> None:
    if role is Role.TOOL and which != "tool_result":
        raise wrong(path, "must be a tool_result in a message of ROLE_TOOL")
    if which == "tool_result" and role is not Role.TOOL:
        raise wrong(f"{path}.tool_result", "only stands in messages of ROLE_TOOL")
    if which in _ASSISTANT_ONLY and role is not Role.ASSISTANT:
        raise wrong(f"{path}.{which}", "only stands in messages of ROLE_ASSISTANT")


def _content(source: pb.Part, which: str, role: Role, path: str) -> Content:
    match which:
        case "text":
            return Text(source.text)
        case "image":
            image = source.image
            data, url = _source(image, f"{path}.image")
            return Image(data, url, image.media_type, _DETAILS.get(image.detail))
        case "audio":
            data, url = _source(source.audio, f"{path}.audio")
            return Audio(data, url, source.audio.media_type, source.audio.transcript)
        case "file":
            file = source.file
            data, url = _source(file, f"{path}.file")
            return File(data, url, file.provider_file_id or None, file.media_type, file.name)
        case "tool_call":
            return ToolCall(source.tool_call.id, source.tool_call.name, source.tool_call.arguments)
        case "tool_result":
            return _tool_result(source.tool_result, f"{path}.tool_result")
        case "reasoning":
            return Reasoning(source.reasoning.text)
        case "refusal":
            return Refusal(source.refusal)
        case _:
            item = source.provider_item
            return ProviderItem(item.provider, item.type, item.data)


def _source(medium: pb.Image | pb.Audio | pb.File, path: str) -> tuple[bytes | None, str | None]:
    which = medium.WhichOneof("source")
    if which == "data":
        if not medium.media_type:
            raise wrong(f"{path}.media_type", "is required with data")
        return medium.data, None
    return None, medium.url or None


def _tool_result(source: pb.ToolResult, path: str) -> ToolResult:
    parts = []
    for index, part in enumerate(source.content):
        which = part.WhichOneof("content")
        if which not in ("text", "image", "audio", "file"):
            raise wrong(f"{path}.content[{index}]", "must be text, image, audio or file")
        parts.append(_part(part, Role.USER, f"{path}.content[{index}]"))
    return ToolResult(source.tool_call_id, tuple(parts), source.is_error)


def _state(source: pb.ProviderState) -> ProviderState:
    return ProviderState(source.provider, source.data)


def _citation(source: pb.Citation) -> Citation:
    return Citation(
        url=source.url,
        title=source.title,
        cited_text=source.cited_text,
        start_index=source.start_index if source.HasField("start_index") else None,
        end_index=source.end_index if source.HasField("end_index") else None,
        source_id=source.source_id,
    )


def cache_hint(source: pb.Part | pb.Tool) -> CacheHint:
    """The cache hint of a part or tool that has one."""
    hint = source.cache_hint
    return CacheHint(seconds(hint.ttl) if hint.HasField("ttl") else None)


def write_message(target: pb.Message, message: Message) -> None:
    """Fills an answer's message."""
    target.role = pb.ROLE_ASSISTANT if message.role is Role.ASSISTANT else _NUMBERS[message.role]
    for part in message.content:
        written = target.content.add()
        _WRITERS[type(part.content)](written, part.content)
        if part.state is not None:
            written.provider_state.provider = part.state.provider
            written.provider_state.data = part.state.data
        for citation in part.citations:
            write_citation(written.citations.add(), citation)
        for token in part.logprobs:
            write_logprob(written.logprobs.add(), token)


def write_citation(target: pb.Citation, citation: Citation) -> None:
    """Fills a citation."""
    target.url = citation.url
    target.title = citation.title
    target.cited_text = citation.cited_text
    target.source_id = citation.source_id
    if citation.start_index is not None:
        target.start_index = citation.start_index
    if citation.end_index is not None:
        target.end_index = citation.end_index


def write_logprob(target: pb.TokenLogprob, token: TokenLogprob) -> None:
    """Fills a token's log probability."""
    _write_token(target, token)
    for alternative in token.top:
        _write_token(target.top.add(), alternative)


def _write_token(target: pb.TokenLogprob | pb.TokenAlternative, token: TokenLogprob | TokenAlternative) -> None:
    target.token = token.token
    target.logprob = token.logprob
    target.data = token.data
    if token.token_id is not None:
        target.token_id = token.token_id


def write_item(target: pb.ProviderItem, item: ProviderItem) -> None:
    """Fills a provider's item."""
    target.provider = item.provider
    target.type = item.type
    target.data = item.data


def _write_text(target: pb.Part, content: Text) -> None:
    target.text = content.text


def _write_refusal(target: pb.Part, content: Refusal) -> None:
    target.refusal = content.text


def _write_reasoning(target: pb.Part, content: Reasoning) -> None:
    target.reasoning.text = content.text


def _write_tool_call(target: pb.Part, content: ToolCall) -> None:
    target.tool_call.id = content.id
    target.tool_call.name = content.name
    target.tool_call.arguments = content.arguments


def _write_provider_item(target: pb.Part, content: ProviderItem) -> None:
    write_item(target.provider_item, content)


def _write_image(target: pb.Part, content: Image) -> None:
    _write_medium(target.image, content)


def _write_audio(target: pb.Part, content: Audio) -> None:
    _write_medium(target.audio, content)
    target.audio.transcript = content.transcript


def _write_file(target: pb.Part, content: File) -> None:
    _write_medium(target.file, content)
    target.file.name = content.name


def _write_medium(target: pb.Image | pb.Audio | pb.File, content: Image | Audio | File) -> None:
    target.media_type = content.media_type
    if content.data is not None:
        target.data = content.data
    elif content.url is not None:
        target.url = content.url


_WRITERS: dict[type[Content], Callable[[pb.Part, Content], None]] = {
    Text: _write_text,  # type: ignore[dict-item]
    Refusal: _write_refusal,  # type: ignore[dict-item]
    Reasoning: _write_reasoning,  # type: ignore[dict-item]
    ToolCall: _write_tool_call,  # type: ignore[dict-item]
    ProviderItem: _write_provider_item,  # type: ignore[dict-item]
    Image: _write_image,  # type: ignore[dict-item]
    Audio: _write_audio,  # type: ignore[dict-item]
    File: _write_file,  # type: ignore[dict-item]
}

"""The conversation of a request, from Chat Completions to the contract."""

import msgspec
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Warning, WarningCode
from hedgerow_server.wire.check import wrong
from hedgerow_server.wire.openai import chat_body as body
from hedgerow_server.wire.openai.kept import call_of, parts_of
from hedgerow_server.wire.openai.media import write_audio, write_file, write_source
from hedgerow_server.wire.openai.state import CUSTOM, DIALECT

_ROLES = {
    "user": pb.ROLE_USER,
    "assistant": pb.ROLE_ASSISTANT,
    "system": pb.ROLE_SYSTEM,
    "developer": pb.ROLE_DEVELOPER,
    "tool": pb.ROLE_TOOL,
}
_DETAILS = {"auto": pb.IMAGE_DETAIL_AUTO, "low": pb.IMAGE_DETAIL_LOW, "high": pb.IMAGE_DETAIL_HIGH}
_TTL_S = {"5m": 300, "1h": 3600}
_FOREIGN = ("reasoning_details", "thinking_blocks", "extra_content", "provider_specific_fields")
_ASSISTANTS_OWN = ("refusal", "audio", "tool_calls", "reasoning_content", "reasoning", "images")


def write_messages(chat: pb.ChatSpec, messages: list[body.Message], call: Call) -> None:
    """Fills the messages of a request; notes at the call what is not passed on. Raises RequestInvalid."""
    for index, given in enumerate(messages):
        path = f"messages[{index}]"
        role = _ROLES.get(given.role)
        if role is None:
            raise wrong(f"{path}.role", "must be developer, system, user, assistant or tool")
        message = chat.messages.add(role=role)
        if given.name:
            message.name = given.name
        content = given.content
        if role == pb.ROLE_ASSISTANT:
            _write_answer(message, given, path, call)
        elif role == pb.ROLE_TOOL:
            _write_result(message, given, path)
        elif isinstance(content, str):
            message.content.add(text=content)
        else:
            _write_parts(message, content, f"{path}.content")
        if role != pb.ROLE_ASSISTANT and (name := next((n for n in _ASSISTANTS_OWN if getattr(given, n)), "")):
            raise wrong(f"{path}.{name}", "only stands in messages of the role assistant")
        if given.cache_control is not None and message.content:
            write_hint(message.content[-1], given.cache_control)


def write_hint(target: pb.Part | pb.Tool, mark: body.CacheControl) -> None:
    """Asks for the prefix to be cached."""
    target.cache_hint.SetInParent()
    if mark.ttl is not None:
        target.cache_hint.ttl.seconds = _TTL_S[mark.ttl]


def _write_parts(target: pb.Message | pb.ToolResult, parts: str | list[body.Part] | None, path: str) -> None:
    if isinstance(parts, str):
        target.content.add(text=parts)
        return
    for index, part in enumerate(parts or ()):
        written = target.content.add()
        _write_part(written, part, f"{path}[{index}]")
        if part.cache_control is not None:
            write_hint(written, part.cache_control)


def _write_part(target: pb.Part, part: body.Part, path: str) -> None:
    match part:
        case body.TextPart(text=text):
            target.text = text
        case body.ImagePart(image_url=image):
            write_source(target.image, image.url, f"{path}.image_url.url")
            if image.detail is not None:
                target.image.detail = _DETAILS[image.detail]
        case body.AudioPart(input_audio=audio):
            write_audio(target.audio, audio.data, audio.format, f"{path}.input_audio.data")
        case body.FilePart(file=file):
            _write_file(target.file, file, f"{path}.file")
        case body.VideoPart(video_url=video):
            write_source(target.file, video.url, f"{path}.video_url.url")
        case body.RefusalPart(refusal=refusal):
            target.refusal = refusal


def _write_file(target: pb.File, file: body.InputFile, path: str) -> None:
    if file.file_data is not None:
        write_file(target, file.file_data, file.filename or "", f"{path}.file_data")
    elif file.file_id is not None:
        target.provider_file_id, target.name = file.file_id, file.filename or ""
    else:
        raise wrong(path, "must have file_data or file_id")


def _write_result(message: pb.Message, given: body.Message, path: str) -> None:
    if given.tool_call_id is None:
        raise wrong(f"{path}.tool_call_id", "is required in messages of the role tool")
    result = message.content.add().tool_result
    result.tool_call_id = given.tool_call_id
    _write_parts(result, given.content, f"{path}.content")


def _write_answer(message: pb.Message, given: body.Message, path: str, call: Call) -> None:
    if given.function_call is not None:
        raise wrong(f"{path}.function_call", "is no longer taken: use tool_calls and messages of the role tool")
    if given.hedgerow is not None and given.hedgerow.parts:
        kept = parts_of(given)
        if kept is not None:
            message.content.extend(kept.content)
            return
        _note_dropped(call, f"{path}.hedgerow", "The message was changed: what it had beside its text was not sent.")
    if thoughts := given.reasoning_content or given.reasoning:
        message.content.add().reasoning.text = thoughts
    if given.content:
        _write_parts(message, given.content, f"{path}.content")
    if given.refusal:
        message.content.add(refusal=given.refusal)
    if given.audio is not None:
        _write_audio(message.content.add(), given.audio)
    for index, image in enumerate(given.images or ()):
        _write_part(message.content.add(), image, f"{path}.images[{index}]")
    for index, one in enumerate(given.tool_calls or ()):
        _write_call(message.content.add(), one, f"{path}.tool_calls[{index}]", call)
    for name in _FOREIGN:
        if getattr(given, name):
            _note_dropped(call, f"{path}.{name}", "It does not say whose state it is, and was not sent.")


def _write_audio(target: pb.Part, audio: body.AudioRef) -> None:
    """OpenAI has the audio of its answers and wants its id back; others are told the words."""
    target.audio.data, target.audio.media_type = b"", "audio/wav"
    target.audio.transcript = audio.transcript or ""
    target.provider_state.provider = DIALECT
    target.provider_state.data = msgspec.json.encode({"audio_id": audio.id})


def _write_call(target: pb.Part, given: body.ToolCall, path: str, call: Call) -> None:
    if (given.function is None) == (given.custom is None):
        raise wrong(path, "must have function or custom")
    written = target.tool_call
    written.id, written.name, written.arguments = call_of(given)
    if given.custom is not None:
        target.provider_state.provider, target.provider_state.data = DIALECT, CUSTOM
    for name in ("extra_content", "provider_specific_fields"):
        if getattr(given, name):
            _note_dropped(call, f"{path}.{name}", "It does not say whose state it is, and was not sent.")


def _note_dropped(call: Call, field: str, message: str) -> None:
    call.warnings.append(Warning(WarningCode.PROVIDER_STATE_DROPPED, field, message))

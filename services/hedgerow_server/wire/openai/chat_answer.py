"""A whole answer of Chat Completions."""

import time
from typing import Any

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.fold import Answer, Fold
from hedgerow_server.core.request import (
    Audio,
    File,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from hedgerow_server.wire.extension import told_of_end, told_of_start
from hedgerow_server.wire.openai import answer_body as body
from hedgerow_server.wire.openai.beside import CHAT, members
from hedgerow_server.wire.openai.chat_request import Asked
from hedgerow_server.wire.openai.kept import kept_parts
from hedgerow_server.wire.openai.media import data_url
from hedgerow_server.wire.openai.state import audio_id

_ENCODE = msgspec.json.Encoder().encode


class ChatAnswer:
    """Collects the events of a call into its body."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fold = Fold()
        self.add = self._fold.add

    def encode(self) -> bytes:
        """A `chat.completion`."""
        answer, asked = self._fold.answer(), self._call.form
        assert isinstance(asked, Asked)
        return _ENCODE(_completion(answer, asked, self._call))


def _completion(answer: Answer, asked: Asked, call: Call) -> body.Completion:
    started, completed = answer.started, answer.completed
    writer = _Writer(asked, call.request_id)
    for part in answer.message.content:
        writer.add(part)
    message = writer.message()
    if parts := kept_parts(answer.message):
        message.hedgerow = {"parts": parts}
    told = told_of_start(call, started) | told_of_end(call, completed, answer.verdicts)
    # A guard that cuts an answer off has no last word of the provider's.
    beside = members(completed, CHAT) or members(started, CHAT)
    word = body.finish_word(completed.reason, refused=message.refusal is not None)
    return body.Completion(
        id=body.answer_id(started.response_id, call.request_id),
        object="chat.completion",
        created=int(time.time()),
        model=started.model,
        choices=[body.Choice(0, message, writer.logprobs(), word)],
        usage=body.usage_body(completed.usage),
        service_tier=beside.get("service_tier", msgspec.UNSET),
        system_fingerprint=beside.get("system_fingerprint", msgspec.UNSET),
        hedgerow=told,
    )


def tool_call(call: ToolCall, asked: Asked, index: int | None = None) -> body.Call:
    """A call in the API's words; `index` in streams alone."""
    if call.name in asked.custom:
        return body.Call(index, call.id, "custom", custom=body.Custom(call.name, call.arguments))
    return body.Call(index, call.id, "function", function=body.Function(call.name, call.arguments))


def image_body(image: Image) -> dict[str, Any]:
    """A generated picture, as vendors of the API have it."""
    url = image.url if image.data is None else data_url(image.data, image.media_type)
    return {"type": "image_url", "image_url": {"url": url}}


def file_body(file: File) -> dict[str, Any]:
    """Any other generated medium."""
    url = file.url if file.data is None else data_url(file.data, file.media_type)
    return {"type": "file", "file": {"filename": file.name, "file_data": url}}


class _Writer:
    """One message while its parts are added."""

    def __init__(self, asked: Asked, request_id: str) -> None:
        self._asked = asked
        self._request_id = request_id
        self._texts: list[str] = []
        self._chars = 0
        self._thoughts: list[str] = []
        self._refusals: list[str] = []
        self._calls: list[body.Call] = []
        self._notes: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._files: list[dict[str, Any]] = []
        self._audio: body.Audio | None = None
        self._said: list[TokenLogprob] = []
        self._refused: list[TokenLogprob] = []

    def add(self, part: Part) -> None:
        """The next part. What has no place in the API goes back with the parts that are kept."""
        match part.content:
            case Text(text):
                self._notes += [body.annotation(one, self._chars) for one in part.citations]
                self._texts.append(text)
                self._chars += len(text)
            case Reasoning(text):
                self._thoughts.append(text)
            case Refusal(text):
                self._refusals.append(text)
            case ToolCall() as call:
                self._calls.append(tool_call(call, self._asked))
            case Image() as image:
                self._images.append(image_body(image))
            case File() as file:
                self._files.append(file_body(file))
            case Audio() as audio:
                name = audio_id(part.state) or f"audio_{self._request_id}"
                self._audio = body.Audio(name, body.base64_text(audio.data or b""), audio.transcript)
        if part.logprobs:
            tokens = self._refused if isinstance(part.content, Refusal) else self._said
            tokens += part.logprobs

    def message(self) -> body.Message:
        """The message of all parts."""
        thoughts = "".join(self._thoughts) if self._asked.thoughts else ""
        elsewhere = self._calls or self._refusals or self._audio
        return body.Message(
            role="assistant",
            content="".join(self._texts) if self._texts or not elsewhere else None,
            refusal="".join(self._refusals) if self._refusals else None,
            reasoning_content=thoughts or None,
            tool_calls=self._calls or None,
            annotations=self._notes or None,
            audio=self._audio,
            images=self._images or None,
            files=self._files or None,
        )

    def logprobs(self) -> dict[str, Any] | None:
        """The log probabilities of its tokens, None where there are none."""
        if not self._said and not self._refused:
            return None
        return body.logprobs_body(self._said, self._refused)

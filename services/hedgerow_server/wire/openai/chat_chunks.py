"""A streamed answer of Chat Completions.

Most events are words of the text: their chunks are put together by hand, round what is the same in all of them.
"""

import time
from typing import Any

import msgspec

from hedgerow_server.core import event as core
from hedgerow_server.core.call import Call
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import File, Image, ToolCall
from hedgerow_server.wire.extension import told_of_end, told_of_start, told_of_verdict
from hedgerow_server.wire.openai import answer_body as body
from hedgerow_server.wire.openai.beside import CHAT, members
from hedgerow_server.wire.openai.chat_answer import file_body, image_body, tool_call
from hedgerow_server.wire.openai.chat_request import Asked
from hedgerow_server.wire.openai.kept import kept_parts
from hedgerow_server.wire.openai.state import audio_id

_ENCODE = msgspec.json.Encoder().encode
_DONE = b"data: [DONE]\n\n"
_STATEFUL = (core.ProviderStateAttached, core.ProviderItemAdded, core.MediaDelta)
_NO_TOLD: dict[str, Any] = {}


class ChunkEncoder:
    """Writes the chunks of one stream, as server-sent events."""

    def __init__(self, call: Call) -> None:
        asked = call.form
        assert isinstance(asked, Asked)
        self._call = call
        self._asked = asked
        self._fold = Fold()
        self._stateful = False
        self._same: dict[str, Any] = {}  # the members of every chunk
        self._head = self._text = self._thought = self._tail = b""
        self._told: dict[str, Any] | None = None  # of the beginning, until its chunk is written
        self._refused = False
        self._kinds: dict[int, type[core.Event]] = {}
        self._calls: dict[int, bytes] = {}  # by part: what stands before more of the arguments of its call
        self._chars = 0
        self._begins: dict[int, int] = {}  # by part: where it begins within the text
        self._audio_named = True

    def encode(self, event: core.Event) -> list[bytes]:
        """The chunks of one event."""
        self._fold.add(event)
        kind = type(event)
        if kind is core.TextDelta:
            return self._say(event)  # type: ignore[arg-type]  # as its type says
        if kind is core.Started:
            self._begin(event)  # type: ignore[arg-type]
            return []
        opened = self._opened(None) if self._told is not None else []
        return [*opened, *self._rare(event)]

    def _begin(self, started: core.Started) -> None:
        """What is the same in all chunks. The first one waits for what the answer begins with."""
        self._same = {
            "id": body.answer_id(started.response_id, self._call.request_id),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": started.model,
            **members(started, CHAT),
        }
        self._head = _head(self._same)
        self._text = self._head + b'{"index":0,"delta":{"content":'
        self._thought = self._head + b'{"index":0,"delta":{"reasoning_content":'
        usage = b',"usage":null' if self._asked.usage else b""
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
        self._told = told_of_start(self._call, started)

    def _opened(self, content: str | None) -> list[bytes]:
        """The first chunk, with the role."""
        assert self._told is not None
        told, self._told = self._told, None
        first = {"role": "assistant", "content": content, "refusal": None}
        return [self._written({"index": 0, "delta": first, "logprobs": None, "finish_reason": None}, told)]

    def _say(self, delta: core.TextDelta) -> list[bytes]:
        part, text = delta.part_index, delta.text
        opened = self._opened("") if self._told is not None else []
        if part not in self._begins:
            self._begins[part] = self._chars
        self._chars += len(text)
        if not text:
            return opened
        return [*opened, self._text + _ENCODE(text) + self._tail]

    def _rare(self, event: core.Event) -> list[bytes]:
        """Everything but text."""
        match event:
            case core.ReasoningDelta(_, text):
                return [self._thought + _ENCODE(text) + self._tail] if text and self._asked.thoughts else []
            case core.ToolCallArgumentsDelta(part, arguments):
                return [self._calls[part] + _ENCODE(arguments) + b"}}]" + self._tail]
            case core.ToolCallStarted(part, call_id, name):
                return self._call_started(part, ToolCall(call_id, name, ""))
            case core.RefusalDelta(part, text):
                self._refused = True
                self._kinds[part] = core.RefusalDelta
                return self._piece(refusal=text)
            case core.LogprobsDelta(part, tokens):
                refused = self._kinds.get(part) is core.RefusalDelta
                return self._piece(body.logprobs_body(*(((), tokens) if refused else (tokens, ()))))
            case core.CitationAdded(part, citation):
                return self._piece(annotations=[body.annotation(citation, self._begins.get(part, 0))])
            case core.GuardVerdict():
                return self._piece(told={"guardrail_verdicts": [told_of_verdict(event)]})
            case core.Completed():
                return self._end(event)
        return self._beyond(event)

    def _call_started(self, part: int, call: ToolCall) -> list[bytes]:
        index = len(self._calls)
        started = tool_call(call, self._asked, index)
        words = b'"function":{"arguments":' if started.custom is None else b'"custom":{"input":'
        self._calls[part] = b'%b{"index":0,"delta":{"tool_calls":[{"index":%d,%b' % (self._head, index, words)
        return self._piece(tool_calls=[started])

    def _beyond(self, event: core.Event) -> list[bytes]:
        """What the API has no place for, or only for its own."""
        self._stateful = self._stateful or isinstance(event, _STATEFUL)
        match event:
            case core.MediaDelta() if event.media_type.startswith("audio/") or self._is_audio(event):
                self._audio_named = self._audio_named and event.part_index in self._kinds
                self._kinds[event.part_index] = core.MediaDelta
                data = body.base64_text(event.data) if event.data else None
                return self._piece(audio=body.Audio(None, data, event.transcript or None))
            case core.ProviderStateAttached(part, state) if part in self._kinds and (name := audio_id(state)):
                self._audio_named = True
                return self._piece(audio=body.Audio(name))
        return []

    def _is_audio(self, event: core.MediaDelta) -> bool:
        return self._kinds.get(event.part_index) is core.MediaDelta

    def _end(self, completed: core.Completed) -> list[bytes]:
        if more := members(completed, CHAT):
            # Groq and others say them last.
            self._head = _head(self._same | more)
        delta = body.Delta()
        if not self._audio_named:
            delta.audio = body.Audio(f"audio_{self._call.request_id}")
        if self._stateful:
            self._end_beyond(delta)
        told = told_of_end(self._call, completed)
        word = body.finish_word(completed.reason, refused=self._refused)
        chunks = [self._written(body.ChunkChoice(0, delta, None, word), told)]
        if self._asked.usage:
            usage = b'],"usage":' + _ENCODE(body.usage_body(completed.usage)) + b"}\n\n"
            chunks.append(self._head + usage)
        chunks.append(_DONE)
        return chunks

    def _end_beyond(self, delta: body.Delta) -> None:
        """Whole media, and what goes back with the message."""
        message = self._fold.answer().message
        images = [image_body(part.content) for part in message.content if isinstance(part.content, Image)]
        files = [file_body(part.content) for part in message.content if isinstance(part.content, File)]
        delta.images, delta.files = images or None, files or None
        if parts := kept_parts(message):
            delta.hedgerow = {"parts": parts}

    def _piece(
        self, logprobs: dict[str, Any] | None = None, told: dict[str, Any] = _NO_TOLD, **delta: Any
    ) -> list[bytes]:
        return [self._written(body.ChunkChoice(0, body.Delta(**delta), logprobs, None), told)]

    def _written(self, choice: Any, told: dict[str, Any] = _NO_TOLD) -> bytes:
        usage = b'],"usage":null' if self._asked.usage else b"]"
        more = b',"hedgerow":' + _ENCODE(told) if told else b""
        return b"".join((self._head, _ENCODE(choice), usage, more, b"}\n\n"))


def _head(same: dict[str, Any]) -> bytes:
    """The beginning of a chunk."""
    return b"data: " + _ENCODE(same)[:-1] + b',"choices":['

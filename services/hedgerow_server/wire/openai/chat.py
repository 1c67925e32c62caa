"""Chat Completions at our own door."""

import time

import msgspec
from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import message_pb2 as pb

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import RequestMalformed
from hedgerow_server.core.event import Completed, Event, Started, TextDelta
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import ChatRequest, Text
from hedgerow_server.wire.chat import chat_request
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.extension import NOTHING, Extension, told_of_end, told_of_start, write_extension


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | None = None


class _Chat(msgspec.Struct, frozen=True):
    model: str
    messages: list[_Message]
    stream: bool = False
    hedgerow: Extension = NOTHING


_DECODER = msgspec.json.Decoder(_Chat)


class ChatDecoder:
    """Decodes the requests of Chat Completions."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def decode(self, call: Call) -> ChatRequest:
        """A request. Raises RequestMalformed or RequestInvalid."""
        try:
            asked = _DECODER.decode(call.body)
        except msgspec.DecodeError as error:
            raise RequestMalformed(str(error)) from None
        message: service.CompleteRequest | service.StreamCompleteRequest = service.CompleteRequest()
        if asked.stream:
            assert call.method.streamed is not None
            call.method = call.method.streamed
            message = service.StreamCompleteRequest()
        message.chat.model = asked.model
        for one in asked.messages:
            target = message.chat.messages.add(role=pb.Role.Value(f"ROLE_{one.role.upper()}"))
            target.content.add(text=one.content or "")
        write_extension(message, asked.hedgerow, call)
        call.form = asked
        return chat_request(self._checker.checked(message))


class ChatAnswer:
    """The body of an answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fold = Fold()
        self.add = self._fold.add

    def encode(self) -> bytes:
        """A `chat.completion`."""
        answer = self._fold.answer()
        text = "".join(part.content.text for part in answer.message.content if isinstance(part.content, Text))
        return msgspec.json.encode(
            {
                "id": answer.started.response_id or f"chatcmpl-{self._call.request_id}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": answer.started.model,
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
                ],
                "hedgerow": told_of_start(self._call, answer.started) | told_of_end(answer.completed),
            }
        )


class ChunkEncoder:
    """The server-sent events of a streamed answer."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def encode(self, event: Event) -> list[bytes]:
        """The events of one event."""
        match event:
            case Started():
                delta: dict[str, object] = {"role": "assistant", "content": ""}
            case TextDelta(_, text):
                delta = {"content": text}
            case Completed():
                return [_chunk({}, "stop"), b"data: [DONE]\n\n"]
            case _:
                return []
        return [_chunk(delta, None)]


def _chunk(delta: dict[str, object], finish: str | None) -> bytes:
    told = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + msgspec.json.encode(told) + b"\n\n"

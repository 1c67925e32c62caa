"""Readers of responses: a stream of events, or one document."""

from collections.abc import Callable
from typing import Any

import msgspec

from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import (
    Event,
    Finished,
    FinishReason,
    RefusalDelta,
    Started,
    TextDelta,
)
from hedgerow_server.providers.document import Document
from hedgerow_server.providers.openai.answer import text_of
from hedgerow_server.providers.openai.errors import error_within
from hedgerow_server.providers.openai_responses.answer import Response, StreamEvent, read_event, read_response
from hedgerow_server.providers.openai_responses.assembly import Assembly
from hedgerow_server.providers.openai_responses.state import DIALECT
from hedgerow_server.providers.openai_responses.usage import read_usage
from hedgerow_server.providers.refusal import protocol_error
from hedgerow_server.providers.sse import SseReader

_MAX_WORD = 128
_REASONS = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_LAST = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
# What an event does, by its type. All others are steps of items that come whole in the end.
_STEPS: dict[str, Callable[[Assembly, StreamEvent], None]] = {
    "response.output_text.delta": lambda assembly, event: assembly.say(TextDelta, event),
    "response.refusal.delta": lambda assembly, event: assembly.say(RefusalDelta, event),
    "response.reasoning_summary_text.delta": lambda assembly, event: assembly.think("summary", event),
    "response.reasoning_text.delta": lambda assembly, event: assembly.think("content", event),
    "response.function_call_arguments.delta": Assembly.extend,
    "response.custom_tool_call_input.delta": Assembly.extend,
    "response.output_text.annotation.added": Assembly.cite,
    "response.image_generation_call.partial_image": Assembly.preview,
    "response.output_item.added": Assembly.begin,
    "response.output_item.done": Assembly.finish,
}


class _Answer:
    """What all events of one response say together."""

    __slots__ = ("_id", "_model", "_provider", "_started", "assembly")

    def __init__(self, provider: str, tag: str) -> None:
        self._provider = provider
        self._id = self._model = ""
        self._started = False
        self.assembly = Assembly(provider, tag)

    def name(self, response: Response) -> None:
        """Notes the id and the model, unless there is content already: then they have been told."""
        if self._started or self.assembly.has_content():
            return
        self._id = text_of(response.id) or self._id
        self._model = text_of(response.model) or self._model
        self.assembly.name(self._id)

    def events(self, *, last: bool = False) -> list[Event]:
        """What was made since the last time. Started goes before the first content, or comes with the last events."""
        events = self.assembly.events()
        if not self._started and (events or last):
            self._started = True
            events.insert(0, Started(model=self._model, response_id=self._id))
        return events

    def end(self, response: Response, status: str) -> Finished:
        """The very last event. `status` is what the stream's event said. Raises HedgerowError."""
        self.name(response)
        status = text_of(response.status) or status
        if response.error or status == "failed":
            raise error_within(self._provider, response.error or {"code": "server_error"})
        if status in ("queued", "in_progress", "cancelled"):
            raise protocol_error(self._provider, f"a response that is not complete ({status})")
        self.assembly.close(response.output or [])
        details = response.incomplete_details
        reason = text_of(details.get("reason")) if isinstance(details, dict) else ""
        word = (reason or status)[:_MAX_WORD]
        return Finished(self._reason(word), word, read_usage(response.usage, response.tool_usage))

    def _reason(self, word: str) -> FinishReason:
        if word == "completed":
            if self.assembly.called:
                return FinishReason.TOOL_CALLS
            return FinishReason.REFUSAL if self.assembly.refused else FinishReason.STOP
        return _REASONS.get(word, FinishReason.OTHER)


class StreamReader:
    """Reads server-sent events. Every way of cutting the bytes gives the same events."""

    __slots__ = ("_answer", "_failure", "_last", "_provider", "_sse", "done")

    def __init__(self, provider: str, tag: str = DIALECT) -> None:
        self._provider = provider
        self._sse = SseReader(provider)
        self._answer = _Answer(provider, tag)
        self._failure: HedgerowError | None = None
        self._last: Finished | None = None
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._failure is not None:
            raise self._failure
        if self.done:
            return []
        try:
            for name, payload in self._sse.feed(data):
                self._take(name, payload)
                if self.done:
                    break
        except HedgerowError as error:
            # What came before goes out first; the failure is raised by whatever is called next.
            self.done = True
            self._failure = error
            if events := self._answer.events():
                return events
            raise
        return self._answer.events()

    def finish(self) -> list[Event]:
        """The last events. Raises StreamCut where the response was never finished."""
        if self._failure is not None:
            raise self._failure
        if not self.done:
            self.done = True
            for name, payload in self._sse.end():
                if read_event(payload) is not None:  # what was cut in the middle of an event counts for nothing
                    self._take(name, payload)
        if self._last is None:
            raise StreamCut(
                f"The answer of the provider {self._provider} ended without a finish reason.",
                metadata={"provider": self._provider},
            )
        return [*self._answer.events(last=True), self._last]

    def _take(self, name: bytes, payload: bytes) -> None:
        event = read_event(payload)
        kind = event.type if event is not None and isinstance(event.type, str) else name.decode(errors="replace")
        if kind == "error" or (event is not None and event.error and not kind):
            raise error_within(self._provider, _plain(payload))
        if event is None:
            if name or not payload or payload[:6] == b"[DONE]":
                return
            raise protocol_error(self._provider, "an event that is not one of a response")
        if step := _STEPS.get(kind):
            step(self._answer.assembly, event)
        elif kind in _LAST:
            self._end(event, _LAST[kind])
        elif kind == "response.created" and (response := read_response(event.response)):
            self._answer.name(response)

    def _end(self, event: StreamEvent, status: str) -> None:
        response = read_response(event.response)
        if response is None:
            raise protocol_error(self._provider, "an end without a response")
        self._last = self._answer.end(response, status)
        self.done = True


class DocumentReader:
    """Reads one JSON document of at most 64 MiB. All events come with its end."""

    __slots__ = ("_document", "_provider", "_tag", "done")

    def __init__(self, provider: str, tag: str = DIALECT) -> None:
        self._provider = provider
        self._tag = tag
        self._document = Document(provider)
        self.done = False

    def feed(self, data: bytes) -> list[Event]:
        """Keeps the bytes. Raises UpstreamProtocol above the limit."""
        self._document.add(data)
        return []

    def finish(self) -> list[Event]:
        """The events of the response."""
        response = read_response(self._document.text())
        if response is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a response")
        if response.output is None and not response.error and response.status is None:
            raise protocol_error(self._provider, "a response without output")
        answer = _Answer(self._provider, self._tag)
        last = answer.end(response, "")
        return [*answer.events(last=True), last]


def _plain(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return None

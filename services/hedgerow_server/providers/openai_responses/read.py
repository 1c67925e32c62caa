"""Readers of responses: a stream of events, or one document."""

import re
from collections.abc import Callable

from hedgerow_server.core.drift import Unknown
from hedgerow_server.core.event import Event, Finished, FinishReason, RefusalDelta, TextDelta
from hedgerow_server.providers.loose import member, plain, text_of
from hedgerow_server.providers.openai.errors import check_bare_error, error_within, told_error
from hedgerow_server.providers.openai_responses.answer import Response, StreamEvent, read_event, read_response
from hedgerow_server.providers.openai_responses.assembly import Assembly
from hedgerow_server.providers.openai_responses.state import DIALECT
from hedgerow_server.providers.openai_responses.usage import read_usage
from hedgerow_server.providers.reading import MAX_WORD, DocumentReader, Opening, StreamReader, closing, sse_reader
from hedgerow_server.providers.refusal import protocol_error, stream_cut
from hedgerow_server.providers.sse import SseEvent
from hedgerow_server.providers.watch import Watch

_REASONS = {
    "max_output_tokens": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_LAST = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.done": "completed",  # OpenRouter's first version
}
_UNDER_WAY = ("queued", "in_progress")
_ERRORS = ("error", "response.error")
# Events that are known and say nothing but what other events say, too.
_SKIPPED = re.compile(
    r"keepalive"
    r"|response\.(queued|in_progress|cancelled)"
    r"|response\.(content_part|reasoning_part|reasoning_summary_part)\.(added|done)"
    r"|response\.(output_text|refusal|reasoning|reasoning_text|reasoning_summary_text|function_call_arguments"
    r"|custom_tool_call_input|mcp_call_arguments|code_interpreter_call_code)\.done"
    r"|response\.(mcp_call_arguments|code_interpreter_call_code|audio|audio\.transcript)\.(delta|done)"
    r"|response\.[a-z_]+_call\.(in_progress|searching|interpreting|generating|completed|failed)"
    r"|response\.mcp_list_tools\.(in_progress|completed|failed)"
)
# What an event does, by its type. All others are steps of items that come whole in the end.
_STEPS: dict[str, Callable[[Assembly, StreamEvent], None]] = {
    "response.output_text.delta": lambda assembly, event: assembly.say(TextDelta, event),
    "response.refusal.delta": lambda assembly, event: assembly.say(RefusalDelta, event),
    "response.reasoning_summary_text.delta": lambda assembly, event: assembly.think("summary", event),
    "response.reasoning_text.delta": lambda assembly, event: assembly.think("content", event),
    "response.reasoning.delta": lambda assembly, event: assembly.think("content", event),
    "response.function_call_arguments.delta": Assembly.extend,
    "response.custom_tool_call_input.delta": Assembly.extend,
    "response.output_text.annotation.added": Assembly.cite,
    "response.image_generation_call.partial_image": Assembly.preview,
    "response.output_item.added": Assembly.begin,
    "response.output_item.done": Assembly.finish,
}


class _Answer:
    """What all events of one response say together."""

    __slots__ = ("_assembly", "_last", "_provider", "_watch", "done", "opening")

    def __init__(self, provider: str, tag: str, watch: Watch) -> None:
        self._provider = provider
        self._watch = watch
        self._assembly = Assembly(provider, watch, tag)
        self._last: Finished | None = None
        self.opening = Opening()
        self.done = False

    def take(self, frame: SseEvent) -> None:
        """Takes an event of a stream. Raises HedgerowError."""
        name, payload = frame
        event = read_event(payload)
        kind = event.type if event is not None and isinstance(event.type, str) else name.decode(errors="replace")
        if kind in _ERRORS or (event is not None and event.error and not kind):
            raise error_within(self._provider, plain(payload))
        if event is None:
            if name:
                self._watch.note(Unknown.EVENT, kind)
            if name or not payload or payload[:6] == b"[DONE]":
                return
            raise protocol_error(self._provider, "an event that is not one of a response")
        if step := _STEPS.get(kind):
            step(self._assembly, event)
        elif kind in _LAST:
            response = read_response(event.response)
            if response is None:
                raise protocol_error(self._provider, "an end without a response")
            self._end(response, _LAST[kind])
        elif kind == "response.created":
            if response := read_response(event.response):
                self._name(response)
        elif not kind:
            self._take_bare(payload)
        elif not _SKIPPED.fullmatch(kind):
            self._watch.note(Unknown.EVENT, kind)

    def whole(self, text: bytes) -> list[Event]:
        """All events of a document. Raises HedgerowError."""
        response = read_response(text)
        if response is None:
            raise protocol_error(self._provider, "a body that is not the JSON of a response")
        if response.error:
            raise told_error(self._provider, response.error, text)
        if response.output is None and response.status is None:
            check_bare_error(self._provider, text)
            raise protocol_error(self._provider, "a response without output")
        self._end(response, "")
        return closing(self)

    def _take_bare(self, payload: bytes) -> None:
        """Takes what is no event: a whole response under the name of a stream, or an error."""
        response = read_response(payload)
        if response is not None and response.output is not None:
            self._end(response, "")
        else:
            check_bare_error(self._provider, payload)
            self._watch.note(Unknown.EVENT, "")

    def events(self) -> list[Event]:
        """What was made since the last time."""
        return self._assembly.events()

    def close(self) -> Finished:
        """The very last event. Raises StreamCut where the response was never finished."""
        if self._last is None:
            raise stream_cut(self._provider)
        return self._last

    def _name(self, response: Response) -> None:
        """Notes the tier, which a later word may change; the id and the model unless there is content already: then
        they have been told.
        """
        opening = self.opening
        opening.say("openai", "service_tier", response.service_tier)
        if opening.told or self._assembly.has_content():
            return
        opening.response_id = text_of(response.id) or opening.response_id
        opening.model = text_of(response.model) or opening.model
        self._assembly.name(opening.response_id)

    def _end(self, response: Response, status: str) -> None:
        """Takes the finished response; `status` is what the stream's event said."""
        self._name(response)
        told = text_of(response.status)
        # Some servers leave the status in an end event as it was when the response began.
        status = status if status and told in _UNDER_WAY else told or status
        if response.error or status == "failed":
            raise error_within(self._provider, response.error or {"code": "server_error"})
        if status in _UNDER_WAY or status == "cancelled":
            raise protocol_error(self._provider, f"a response that is not complete ({status})")
        self._assembly.close(response.output or [])
        word = (text_of(member(response.incomplete_details, "reason")) or status)[:MAX_WORD]
        usage = read_usage(response.usage, response.tool_usage, response.output or [])
        self._last = Finished(self._reason(word), word, usage, beside=self.opening.beside)
        self.done = True

    def _reason(self, word: str) -> FinishReason:
        if word == "completed":
            if self._assembly.called:
                return FinishReason.TOOL_CALLS
            return FinishReason.REFUSAL if self._assembly.refused else FinishReason.STOP
        return _REASONS.get(word, FinishReason.OTHER)


def stream_reader(provider: str, watch: Watch, tag: str = DIALECT) -> StreamReader[SseEvent]:
    """A reader of server-sent events."""
    return sse_reader(provider, _Answer(provider, tag, watch), read_event, watch)


def document_reader(provider: str, watch: Watch, tag: str = DIALECT) -> DocumentReader:
    """A reader of one JSON document."""
    return DocumentReader(provider, _Answer(provider, tag, watch).whole, watch)

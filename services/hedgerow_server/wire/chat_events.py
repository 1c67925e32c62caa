"""Stream events: one core event to the bytes of one StreamCompleteResponse."""

from collections.abc import Callable
from typing import Any

from hedgerow.chat.v1 import chat_service_pb2 as service
from hedgerow.chat.v1 import event_pb2

from hedgerow_server.core import event as core
from hedgerow_server.wire.message import write_citation, write_item, write_logprob
from hedgerow_server.wire.report import write_attempts, write_costs, write_usage, write_warning
from hedgerow_server.wire.splice import delta_event, varint
from hedgerow_server.wire.times import set_duration
from hedgerow_server.wire.verdict import write_verdict

Response = service.StreamCompleteResponse


def write_origin(target: event_pb2.CacheOrigin, origin: core.CacheOrigin) -> None:
    """Fills where a kept answer comes from."""
    target.kind = event_pb2.CacheKind.ValueType(origin.kind.value)
    set_duration(target.age, origin.age_s)
    target.provider = origin.provider
    target.model = origin.model
    if origin.saved_picos is not None:
        target.saved_picos = origin.saved_picos
    if origin.similarity is not None:
        target.similarity = origin.similarity


class EventEncoder:
    """Encodes the events of one stream, numbered from 1."""

    __slots__ = ("_sequence",)

    def __init__(self) -> None:
        self._sequence = 0

    def encode(self, event: core.Event) -> list[bytes]:
        """The one message of the event."""
        self._sequence = sequence = self._sequence + 1
        kind: Any = type(event)
        tag = _DELTA_TAGS.get(kind)
        if tag is not None:
            delta: Any = event
            words = delta.arguments if kind is core.ToolCallArgumentsDelta else delta.text
            return [delta_event(sequence, tag, delta.part_index, words)]
        response = Response(sequence=sequence)
        _WRITERS[kind](response, event)
        return [response.SerializeToString()]


def _started(response: Response, event: core.Started) -> None:
    started = response.started
    started.provider = event.provider
    started.model = event.model
    started.response_id = event.response_id
    for warning in event.warnings:
        write_warning(started.warnings.add(), warning)
    if event.cache is not None:
        write_origin(started.cache_origin, event.cache)


def _tool_call_started(response: Response, event: core.ToolCallStarted) -> None:
    started = response.tool_call_started
    started.part_index = event.part_index
    started.id = event.id
    started.name = event.name


def _tool_call_ended(response: Response, event: core.ToolCallEnded) -> None:
    # An index of 0 is the default, so the event itself must be set.
    response.tool_call_ended.SetInParent()
    response.tool_call_ended.part_index = event.part_index


def _citation(response: Response, event: core.CitationAdded) -> None:
    response.citation_added.part_index = event.part_index
    write_citation(response.citation_added.citation, event.citation)


def _logprobs(response: Response, event: core.LogprobsDelta) -> None:
    delta = response.logprobs_delta
    delta.part_index = event.part_index
    for token in event.tokens:
        write_logprob(delta.tokens.add(), token)


def _media(response: Response, event: core.MediaDelta) -> None:
    delta = response.media_delta
    delta.part_index = event.part_index
    delta.media_type = event.media_type
    delta.data = event.data
    delta.url = event.url
    delta.transcript = event.transcript


def _provider_item(response: Response, event: core.ProviderItemAdded) -> None:
    response.provider_item_added.part_index = event.part_index
    write_item(response.provider_item_added.item, event.item)


def _provider_state(response: Response, event: core.ProviderStateAttached) -> None:
    attached = response.provider_state_attached
    attached.part_index = event.part_index
    attached.state.provider = event.state.provider
    attached.state.data = event.state.data


def _route_changed(response: Response, event: core.RouteChanged) -> None:
    change = response.route_change
    change.action = event_pb2.ROUTE_CHANGE_ACTION_DISCARD_OUTPUT
    change.to_provider = event.provider
    change.to_model = event.model
    change.response_id = event.response_id
    for warning in event.warnings:
        write_warning(change.warnings.add(), warning)


def _verdict(response: Response, event: core.GuardVerdict) -> None:
    write_verdict(response.guardrail_verdict, event)


def _completed(response: Response, event: core.Completed) -> None:
    completed = response.completed
    completed.finish_reason = event_pb2.FinishReason.ValueType(event.reason.value)
    completed.native_finish_reason = event.native_reason
    completed.stop_sequence = event.stop_sequence
    write_usage(completed.usage, event.usage)
    write_attempts(completed.attempts, event.attempts, (event.usage, completed.usage))
    write_costs(completed, event.attempts, kept=event.kept)


_FIELDS = Response.DESCRIPTOR.fields_by_name
# The deltas that are words of a part, and the tags of their fields: nine of ten events are one of them.
_DELTA_TAGS: dict[type, bytes] = {
    kind: varint(_FIELDS[name].number << 3 | 2)
    for kind, name in (
        (core.TextDelta, "text_delta"),
        (core.RefusalDelta, "refusal_delta"),
        (core.ReasoningDelta, "reasoning_delta"),
        (core.ToolCallArgumentsDelta, "tool_call_arguments_delta"),
    )
}
_WRITERS: dict[type, Callable[[Response, Any], None]] = {
    core.Started: _started,
    core.ToolCallStarted: _tool_call_started,
    core.ToolCallEnded: _tool_call_ended,
    core.CitationAdded: _citation,
    core.LogprobsDelta: _logprobs,
    core.MediaDelta: _media,
    core.ProviderItemAdded: _provider_item,
    core.ProviderStateAttached: _provider_state,
    core.RouteChanged: _route_changed,
    core.GuardVerdict: _verdict,
    core.Completed: _completed,
}

"""The events of a stream, folded to the answer that a unary call would have given.

Nothing here knows whether the events came from a synchronous or an asyncio call.
"""

from dataclasses import dataclass, field

import grpc
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse, StreamCompleteResponse
from hedgerow.chat.v1.event_pb2 import (
    ROUTE_CHANGE_ACTION_DISCARD_OUTPUT,
    Completed,
    MediaDelta,
    RouteChange,
    RouteChangeAction,
    Started,
)
from hedgerow.chat.v1.message_pb2 import (
    ROLE_ASSISTANT,
    Audio,
    Citation,
    File,
    Image,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    TokenLogprob,
    ToolCall,
)
from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedCompleted, StreamEmbedResponse

from hedgerow_client.errors import (
    IncompleteStreamError,
    StreamContractError,
    StreamSequenceError,
    Trailers,
    UnknownRouteChangeError,
)


class Sequence:
    """Checks that the events of a stream are numbered from 1 without gaps."""

    def __init__(self) -> None:
        self._last = 0

    def check(self, number: int) -> None:
        """Raises StreamSequenceError unless `number` is the next one."""
        if number != self._last + 1:
            raise StreamSequenceError(f"event {number} came after event {self._last}")
        self._last = number


class ChatFold:
    """Folds the events of StreamComplete."""

    def __init__(self) -> None:
        self._sequence = Sequence()
        self._parts: dict[int, _PartFold] = {}
        self._answer = CompleteResponse()
        self._started = False
        self._completed = False

    def feed(self, event: StreamCompleteResponse) -> None:
        """Takes the next event. Events of kinds that this version does not know are ignored.

        Raises StreamContractError, or one of its classes, where the events break the contract.
        """
        self._sequence.check(event.sequence)
        if self._completed:
            raise StreamContractError("an event came after the closing one")
        match event.WhichOneof("event"):
            case "started":
                self._start(event.started)
            case "route_change":
                self._change_route(event.route_change)
            case "usage_update":
                self._answer.usage.CopyFrom(event.usage_update.usage)
            case "guardrail_verdict":
                self._answer.guardrail_verdicts.append(event.guardrail_verdict)
            case "completed":
                self._complete(event.completed)
            case None:
                pass
            case kind:
                self._feed_part(kind, event)

    def finish(self, trailers: Trailers) -> CompleteResponse:
        """The whole answer, once the stream has ended with OK.

        Raises IncompleteStreamError, with what there is as `partial`, when the closing event is missing.
        """
        answer = self._folded()
        if not self._completed:
            raise IncompleteStreamError(
                "the stream ended without its closing event: the answer is incomplete",
                partial=answer,
                request_id=trailers.request_id,
                report=trailers.report,
            )
        return answer

    def _folded(self) -> CompleteResponse:
        answer = CompleteResponse()
        answer.CopyFrom(self._answer)
        answer.message.role = ROLE_ASSISTANT
        parts = (self._parts[index].part() for index in sorted(self._parts))
        answer.message.content.extend(part for part in parts if part is not None)
        return answer

    def _start(self, started: Started) -> None:
        if self._started:
            raise StreamContractError("the stream began twice")
        self._started = True
        self._served_by(started.provider, started.model, started)
        if started.HasField("cache_origin"):
            self._answer.cache_origin.CopyFrom(started.cache_origin)

    def _change_route(self, change: RouteChange) -> None:
        if change.action != ROUTE_CHANGE_ACTION_DISCARD_OUTPUT:
            raise UnknownRouteChangeError(
                f"the gateway changed the route with the action {_action_name(change.action)}, "
                "which this version cannot carry out",
                code=grpc.StatusCode.UNIMPLEMENTED,
            )
        self._parts.clear()
        self._answer.ClearField("usage")
        self._served_by(change.to_provider, change.to_model, change)
        self._answer.ClearField("cache_origin")

    def _served_by(self, provider: str, model: str, event: Started | RouteChange) -> None:
        self._answer.provider = provider
        self._answer.model = model
        self._answer.response_id = event.response_id
        del self._answer.warnings[:]
        self._answer.warnings.extend(event.warnings)

    def _complete(self, completed: Completed) -> None:
        self._completed = True
        answer = self._answer
        answer.finish_reason = completed.finish_reason
        answer.native_finish_reason = completed.native_finish_reason
        answer.price_version = completed.price_version
        answer.stop_sequence = completed.stop_sequence
        answer.attempts.extend(completed.attempts)
        if completed.HasField("usage"):
            answer.usage.CopyFrom(completed.usage)
        if completed.HasField("cost_picos"):
            answer.cost_picos = completed.cost_picos
        if completed.HasField("charged_picos"):
            answer.charged_picos = completed.charged_picos

    def _feed_part(self, kind: str, event: StreamCompleteResponse) -> None:
        index: int = getattr(event, kind).part_index
        part = self._parts.setdefault(index, _PartFold(index))
        match kind:
            case "text_delta":
                part.append_text("text", event.text_delta.text)
            case "refusal_delta":
                part.append_text("refusal", event.refusal_delta.text)
            case "reasoning_delta":
                part.append_text("reasoning", event.reasoning_delta.text)
            case "tool_call_started":
                part.start_call(event.tool_call_started.id, event.tool_call_started.name)
            case "tool_call_arguments_delta":
                part.append_text("tool_call", event.tool_call_arguments_delta.arguments)
            case "media_delta":
                part.append_media(event.media_delta)
            case "provider_item_added":
                part.set_item(event.provider_item_added.item)
            case "citation_added":
                part.citations.append(event.citation_added.citation)
            case "logprobs_delta":
                part.logprobs.extend(event.logprobs_delta.tokens)
            case "provider_state_attached":
                part.state = event.provider_state_attached.state


@dataclass(slots=True)
class _PartFold:
    """One part of the message as it grows."""

    index: int
    """The part's place in the message, from 0."""
    kind: str = ""
    """The name of the field of `Part.content`, or "media"; empty until content came."""
    texts: list[str] = field(default_factory=list)
    """The pieces of the text, of the reasoning, or of a tool call's arguments."""
    call: ToolCall = field(default_factory=ToolCall)
    """The tool call without its arguments."""
    item: ProviderItem = field(default_factory=ProviderItem)
    """The provider's item."""
    media_type: str = ""
    """The media type of a generated medium."""
    url: str = ""
    """The address of a generated medium."""
    data: bytearray = field(default_factory=bytearray)
    """The bytes of a generated medium."""
    citations: list[Citation] = field(default_factory=list)
    """The sources of the text."""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    """How likely the tokens were."""
    state: ProviderState | None = None
    """The state attached last."""

    def append_text(self, kind: str, text: str) -> None:
        self._be(kind)
        self.texts.append(text)

    def start_call(self, call_id: str, name: str) -> None:
        if self.kind == "tool_call":
            raise StreamContractError(f"a second tool call begins in part {self.index}")
        self._be("tool_call")
        self.call = ToolCall(id=call_id, name=name)

    def append_media(self, delta: MediaDelta) -> None:
        self._be("media")
        self.media_type = delta.media_type or self.media_type
        self.url = delta.url or self.url
        self.data += delta.data
        self.texts.append(delta.transcript)

    def set_item(self, item: ProviderItem) -> None:
        self._be("provider_item")
        self.item = item

    def part(self) -> Part | None:
        """The part as it stands, or None when nothing came that this version knows as content."""
        text = "".join(self.texts)
        match self.kind:
            case "text":
                part = Part(text=text)
            case "refusal":
                part = Part(refusal=text)
            case "reasoning":
                part = Part(reasoning=Reasoning(text=text))
            case "tool_call":
                part = Part(tool_call=ToolCall(id=self.call.id, name=self.call.name, arguments=text or "{}"))
            case "provider_item":
                part = Part(provider_item=self.item)
            case "media":
                part = self._media(text)
            case _:
                return None
        part.citations.extend(self.citations)
        part.logprobs.extend(self.logprobs)
        if self.state is not None:
            part.provider_state.CopyFrom(self.state)
        return part

    def _media(self, transcript: str) -> Part:
        if self.media_type.startswith("image/"):
            part = Part(image=Image(media_type=self.media_type))
            source: Image | Audio | File = part.image
        elif self.media_type.startswith("audio/"):
            part = Part(audio=Audio(media_type=self.media_type, transcript=transcript))
            source = part.audio
        else:
            part = Part(file=File(media_type=self.media_type))
            source = part.file
        if self.url and not self.data:
            source.url = self.url
        else:
            source.data = bytes(self.data)
        return part

    def _be(self, kind: str) -> None:
        if self.kind and self.kind != kind:
            raise StreamContractError(f"part {self.index} is a {self.kind} and cannot become a {kind}")
        self.kind = kind


class EmbedFold:
    """Checks the messages of StreamEmbed and keeps the closing one."""

    def __init__(self) -> None:
        self._sequence = Sequence()
        self._completed: StreamEmbedCompleted | None = None

    def feed(self, message: StreamEmbedResponse) -> None:
        """Takes the next message. Raises StreamContractError or StreamSequenceError."""
        self._sequence.check(message.sequence)
        if self._completed is not None:
            raise StreamContractError("a message came after the closing one")
        if message.HasField("completed"):
            self._completed = message.completed

    def finish(self, trailers: Trailers) -> StreamEmbedCompleted:
        """The closing message. Raises IncompleteStreamError when it is missing."""
        if self._completed is None:
            raise IncompleteStreamError(
                "the stream ended without its closing message: some inputs may be unanswered",
                request_id=trailers.request_id,
                report=trailers.report,
            )
        return self._completed


def _action_name(action: int) -> str:
    known = RouteChangeAction.DESCRIPTOR.values_by_number.get(action)
    return known.name if known else str(action)

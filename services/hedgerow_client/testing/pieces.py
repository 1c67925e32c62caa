"""A part of a message as the events that it comes in: the reverse of the fold."""

from collections.abc import Iterator, Sequence

from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1.message_pb2 import Part

from hedgerow_client.testing.contract import Event


def part_events(index: int, part: Part, characters: int, pieces: Sequence[str] = ()) -> Iterator[Event]:
    """The events of the part at `index`, its text cut after every so many characters, or as `pieces` say.

    Raises ValueError for content that no answer has, such as the result of a tool.
    """
    yield from _content(index, part, characters, pieces)
    for citation in part.citations:
        yield Event(citation_added=event_pb2.CitationAdded(part_index=index, citation=citation))
    if part.logprobs:
        yield Event(logprobs_delta=event_pb2.LogprobsDelta(part_index=index, tokens=part.logprobs))
    if part.HasField("provider_state"):
        state = event_pb2.ProviderStateAttached(part_index=index, state=part.provider_state)
        yield Event(provider_state_attached=state)


def cut(text: str, characters: int) -> list[str]:
    """The text in pieces of so many characters; the last one may be shorter."""
    return [text[start : start + characters] for start in range(0, len(text), characters)]


def _content(index: int, part: Part, characters: int, pieces: Sequence[str]) -> Iterator[Event]:
    match part.WhichOneof("content"):
        case "text":
            for piece in pieces or cut(part.text, characters):
                yield Event(text_delta=event_pb2.TextDelta(part_index=index, text=piece))
        case "refusal":
            for piece in cut(part.refusal, characters):
                yield Event(refusal_delta=event_pb2.RefusalDelta(part_index=index, text=piece))
        case "reasoning":
            # Hidden thoughts are one event without text, so that their state has a part to stand in.
            for piece in cut(part.reasoning.text, characters) or [""]:
                yield Event(reasoning_delta=event_pb2.ReasoningDelta(part_index=index, text=piece))
        case "tool_call":
            yield from _call(index, part, characters)
        case "provider_item":
            item = event_pb2.ProviderItemAdded(part_index=index, item=part.provider_item)
            yield Event(provider_item_added=item)
        case "image" | "audio" | "file" as kind:
            yield Event(media_delta=_medium(index, part, kind))
        case kind:
            raise ValueError(f"an answer has no {kind or 'empty'} part")


def _call(index: int, part: Part, characters: int) -> Iterator[Event]:
    call = part.tool_call
    yield Event(tool_call_started=event_pb2.ToolCallStarted(part_index=index, id=call.id, name=call.name))
    for piece in cut(call.arguments, characters):
        delta = event_pb2.ToolCallArgumentsDelta(part_index=index, arguments=piece)
        yield Event(tool_call_arguments_delta=delta)
    yield Event(tool_call_ended=event_pb2.ToolCallEnded(part_index=index))


def _medium(index: int, part: Part, kind: str) -> event_pb2.MediaDelta:
    source = getattr(part, kind)
    delta = event_pb2.MediaDelta(part_index=index, media_type=source.media_type, data=source.data, url=source.url)
    if kind == "audio":
        delta.transcript = part.audio.transcript
    return delta

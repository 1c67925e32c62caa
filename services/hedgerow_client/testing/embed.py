"""EmbedService as a script plays it."""
# ruff: noqa: N802  the methods have the names of the RPCs

import hashlib
import math
from collections.abc import Iterator, Sequence

import grpc
from hedgerow.common.v1.usage_pb2 import Usage
from hedgerow.embed.v1.embed_service_pb2 import (
    Embedding,
    EmbedInput,
    EmbedRequest,
    EmbedResponse,
    StreamEmbedCompleted,
    StreamEmbedItem,
    StreamEmbedRequest,
    StreamEmbedResponse,
    StreamEmbedStarted,
)
from hedgerow.embed.v1.embed_service_pb2_grpc import EmbedServiceServicer

from hedgerow_client.testing.answer import Answer
from hedgerow_client.testing.fault import Fault
from hedgerow_client.testing.play import End
from hedgerow_client.testing.request import Request
from hedgerow_client.testing.stage import Stage
from hedgerow_client.testing.status import Failure

_ENDLESS = 2**63


class EmbedServicer(EmbedServiceServicer):
    """Plays each call the next step of its script."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def Embed(self, request: EmbedRequest, context: grpc.ServicerContext) -> EmbedResponse:
        """A vector for each input."""
        call = self._stage.admit("Embed", request, context)
        answer, _, end = self._next(call)
        call.wait_ended(answer.first_delay_s)
        usage = _usage(answer, call)
        self._stage.end(
            call, context, Fault.cut().end if end is End.OK else end or End.OK, usage if end is None else None
        )
        dimensions = request.embed.dimensions or self._stage.dimensions
        vectors = [_vector(answer, number, given, dimensions) for number, given in enumerate(request.embed.inputs)]
        return EmbedResponse(
            embeddings=vectors,
            provider=answer.provider,
            model=answer.model or call.model,
            usage=usage,
            cost_picos=answer.cost_picos,
            charged_picos=answer.cost_picos,
        )

    def StreamEmbed(
        self, request_iterator: Iterator[StreamEmbedRequest], context: grpc.ServicerContext
    ) -> Iterator[StreamEmbedResponse]:
        """A vector or a status for each input, in order, as they come."""
        first = next(request_iterator, StreamEmbedRequest())
        call = self._stage.admit("StreamEmbed", first, context)
        answer, most, end = self._next(call)
        if end is not None and most < 0:
            self._stage.end(call, context, end)
            return
        for number, response in enumerate(self._responses(answer, call, request_iterator, most), start=1):
            response.sequence = number
            if response.HasField("completed") and end is not None:
                break
            yield response
        self._stage.end(call, context, end or End.OK, _usage(answer, call))

    def _next(self, call: Request) -> tuple[Answer, int, End | Failure | None]:
        """The answer, how many inputs it answers before the end, and the end where it is not that of a whole answer."""
        step = self._stage.step(call)
        if not isinstance(step, Fault):
            return step if isinstance(step, Answer) else Answer(), _ENDLESS, None
        answer = step.of if isinstance(step.of, Answer) else Answer()
        return answer, -1 if step.of is None else step.deltas, step.end

    def _responses(
        self, answer: Answer, call: Request, messages: Iterator[StreamEmbedRequest], most: int
    ) -> Iterator[StreamEmbedResponse]:
        done = StreamEmbedCompleted(attempts_count=1, cost_picos=answer.cost_picos, charged_picos=answer.cost_picos)
        yield StreamEmbedResponse(
            started=StreamEmbedStarted(provider=answer.provider, model=answer.model or call.model)
        )
        dimensions = call.message.options.dimensions or self._stage.dimensions
        while len(call.items) < most:
            message = next(messages, None)
            if message is None or call.wait_ended(answer.chunk_delay_s):
                break
            call.items.append(message.item)
            response = _answered(answer, len(call.items) - 1, message.item, dimensions)
            done.embedded_items_count += response.HasField("embedding")
            done.failed_items_count += response.HasField("item_error")
            yield response
        done.usage.CopyFrom(_usage(answer, call))
        yield StreamEmbedResponse(completed=done)


def _answered(answer: Answer, number: int, item: StreamEmbedItem, dimensions: int) -> StreamEmbedResponse:
    fault = (answer.failed_items or {}).get(item.id)
    if fault is not None and isinstance(fault.end, Failure):
        return StreamEmbedResponse(id=item.id, item_error=fault.end.status)
    return StreamEmbedResponse(id=item.id, embedding=_vector(answer, number, item.input, dimensions))


def _vector(answer: Answer, number: int, given: EmbedInput, dimensions: int) -> Embedding:
    if answer.vectors:
        return Embedding(values=answer.vectors[number % len(answer.vectors)])
    return Embedding(values=_derived(given.SerializeToString(deterministic=True), dimensions))


def _derived(given: bytes, dimensions: int) -> Sequence[float]:
    """A vector of length 1 that is the same for the same input wherever and whenever it is made."""
    drawn = hashlib.shake_128(given).digest(dimensions)
    values = [byte - 127.5 for byte in drawn]
    length = math.hypot(*values)
    return [value / length for value in values]


def _usage(answer: Answer, call: Request) -> Usage:
    return answer.used(call, "")

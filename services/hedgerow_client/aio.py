"""The asyncio client, with the methods of `client.Client`."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import grpc
import grpc.aio
from hedgerow.chat.v1.chat_service_pb2 import (
    CompleteRequest,
    CompleteResponse,
    StreamCompleteRequest,
    StreamCompleteResponse,
)
from hedgerow.chat.v1.chat_service_pb2_grpc import ChatServiceStub
from hedgerow.chat.v1.message_pb2 import ChatSpec
from hedgerow.embed.v1.embed_service_pb2 import (
    EmbedRequest,
    EmbedResponse,
    EmbedSpec,
    StreamEmbedCompleted,
    StreamEmbedItem,
    StreamEmbedOptions,
    StreamEmbedRequest,
    StreamEmbedResponse,
)
from hedgerow.embed.v1.embed_service_pb2_grpc import EmbedServiceStub
from hedgerow.router.v1.router_service_pb2 import (
    MODEL_KIND_UNSPECIFIED,
    CostEstimate,
    CountTokensRequest,
    EstimateCostRequest,
    ExplainRouteRequest,
    ExplainRouteResponse,
    ListModelsRequest,
    Model,
    ModelKind,
    TokenCount,
)
from hedgerow.router.v1.router_service_pb2_grpc import RouterServiceStub

from hedgerow_client import request as requests
from hedgerow_client.channel import Dial, Tls, plan
from hedgerow_client.client import Fold, Metadata
from hedgerow_client.ending import Ending
from hedgerow_client.errors import HedgerowError, Trailers, cancelled, from_rpc_error, read_trailers
from hedgerow_client.fold import ChatFold, EmbedFold
from hedgerow_client.output import Asking, Decoded

if TYPE_CHECKING:
    from hedgerow.chat.v1.chat_service_pb2_grpc import ChatServiceAsyncStub
    from hedgerow.embed.v1.embed_service_pb2_grpc import EmbedServiceAsyncStub
    from hedgerow.router.v1.router_service_pb2_grpc import RouterServiceAsyncStub

EventT = TypeVar("EventT")
ResultT = TypeVar("ResultT")
ValueT = TypeVar("ValueT")
AnswerT = TypeVar("AnswerT")
AnyCall = grpc.aio.UnaryStreamCall[Any, EventT] | grpc.aio.StreamStreamCall[Any, EventT]


class AsyncStream(Ending[ResultT], Generic[EventT, ResultT]):
    """A call that answers with events: iterate over it, or `collect` the whole.

    Every event is checked as it passes. An iteration that ends without an exception was a whole answer, and `result`
    holds it. Use it with `async with`, or call `close`, when you may leave before the end: that cancels the call, so
    that the gateway stops paying for the answer. Iterating raises HedgerowError.
    """

    def __init__(self, call: AnyCall[EventT], fold: Fold[EventT, ResultT], inputs: "_Inputs | None" = None) -> None:
        super().__init__()
        self._call = call
        self._events = aiter(call)
        self._fold = fold
        self._inputs = inputs
        self._closed = False

    async def collect(self) -> ResultT:
        """Reads what is left of the stream and gives the whole answer."""
        async for _ in self:
            pass
        return self.result

    def close(self) -> None:
        """Cancels the call unless it has ended. Waits for nothing and may be called more than once."""
        self._closed = True
        self._call.cancel()

    def __del__(self) -> None:
        # gRPC cancels a call that is dropped, but its own iterator holds the call until the cycle collector comes by.
        if not self._ended:
            self._call.cancel()

    def __aiter__(self) -> AsyncIterator[EventT]:
        return self

    async def __anext__(self) -> EventT:
        if self._ended:
            raise StopAsyncIteration
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            self._ended = True
            self._trailers = read_trailers(await self._call.trailing_metadata())
            self._result = self._fold.finish(self._trailers)
            raise
        except grpc.RpcError as error:
            raise self._failure(error) from error
        except asyncio.CancelledError as error:
            raise self._cancellation(error) from error
        try:
            self._fold.feed(event)
        except HedgerowError:
            self._ended = True
            self.close()
            raise
        return event

    def _failure(self, error: grpc.RpcError) -> Exception:
        self._ended = True
        if self._inputs is not None and self._inputs.failure is not None:
            return self._inputs.failure
        failure = from_rpc_error(error)
        self._trailers = Trailers(failure.request_id, failure.report)
        return failure

    def _cancellation(self, error: asyncio.CancelledError) -> BaseException:
        """Tells the end of the call from the end of the task that reads it: gRPC raises the same exception for both."""
        self._ended = True
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return error
        if self._inputs is not None and self._inputs.failure is not None:
            return self._inputs.failure
        return cancelled(self._trailers) if self._closed else error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


AsyncChatStream = AsyncStream[StreamCompleteResponse, CompleteResponse]
AsyncEmbedStream = AsyncStream[StreamEmbedResponse, StreamEmbedCompleted]


class AsyncClient:
    """A connection to the gateway, for the tasks of one event loop. The arguments are those of `client.Client`."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        tls: Tls | None = None,
        insecure: bool | None = None,
        timeout: float | None = None,
        tracing: bool = False,
        health_check: bool = True,
    ) -> None:
        dial = plan(target, token=token, tls=tls, insecure=insecure, health_check=health_check)
        self._timeout = timeout
        self._metadata = dial.metadata
        self._channel = _open(dial, _tracing_interceptors() if tracing else [])
        # The generated stubs serve both kinds of channel; their types have one class for each.
        self._chat = cast("ChatServiceAsyncStub", ChatServiceStub(self._channel))
        self._embed = cast("EmbedServiceAsyncStub", EmbedServiceStub(self._channel))
        self._router = cast("RouterServiceAsyncStub", RouterServiceStub(self._channel))

    async def complete(
        self, request: CompleteRequest | ChatSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> CompleteResponse:
        """Answers in one piece."""
        message = requests.complete_request(request)
        call = self._chat.Complete(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return await _answer(call)

    async def decode(
        self,
        request: CompleteRequest | ChatSpec,
        kind: type[ValueT],
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> Decoded[ValueT]:
        """Answers with a value of a type; see `client.Client.decode`."""
        asking = Asking(request, kind)
        return asking.read(await self.complete(asking.request, timeout=timeout, metadata=metadata))

    def stream(
        self, request: StreamCompleteRequest | ChatSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> AsyncChatStream:
        """Answers as events while the model writes."""
        message = requests.stream_request(request)
        call = self._chat.StreamComplete(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return AsyncStream(call, ChatFold())

    async def embed(
        self, request: EmbedRequest | EmbedSpec, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> EmbedResponse:
        """Turns a batch of texts into vectors."""
        message = requests.embed_request(request)
        call = self._embed.Embed(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        return await _answer(call)

    def stream_embed(
        self,
        options: StreamEmbedOptions | str,
        items: Iterable[StreamEmbedItem] | AsyncIterable[StreamEmbedItem],
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> AsyncEmbedStream:
        """Turns any number of texts into vectors, in order. `options` may be just the name of the model.

        `items` is read in a task of its own, no faster than the answers are taken. What it raises ends the call and is
        raised by the iteration.
        """
        inputs = _Inputs(requests.embed_options(options), items)
        call = self._embed.StreamEmbed(aiter(inputs), timeout=self._seconds(timeout), metadata=self._sent(metadata))
        inputs.call = call
        return AsyncStream(call, EmbedFold(), inputs)

    async def list_models(
        self,
        *,
        kind: ModelKind.ValueType = MODEL_KIND_UNSPECIFIED,
        provider: str = "",
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[Model]:
        """All models that the caller may use, sorted by name; of one kind, where one is given, and of one provider, by
        its configured name. `timeout` bounds each page.
        """
        models: list[Model] = []
        request = ListModelsRequest(kind=kind, provider=provider)
        while True:
            page = await _answer(
                self._router.ListModels(request, timeout=self._seconds(timeout), metadata=self._sent(metadata))
            )
            models.extend(page.models)
            if not page.next_page_token:
                return models
            request = ListModelsRequest(kind=kind, provider=provider, page_token=page.next_page_token)

    async def estimate_cost(
        self,
        request: EstimateCostRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[CostEstimate]:
        """What a call would cost, for each candidate of its route in the order in which they would be asked. Nothing is
        sent to a provider. A candidate without `price_version` has no known price.
        """
        message = requests.estimate_request(request)
        answer = await _answer(
            self._router.EstimateCost(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        )
        return list(answer.candidates)

    async def count_tokens(
        self,
        request: CountTokensRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> list[TokenCount]:
        """How long a call's input is, for each candidate of its route in the order in which they would be asked.
        Nothing is sent to a provider.
        """
        message = requests.count_request(request)
        answer = await _answer(
            self._router.CountTokens(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        )
        return list(answer.candidates)

    async def explain_route(
        self,
        request: ExplainRouteRequest | ChatSpec | EmbedSpec,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
    ) -> ExplainRouteResponse:
        """Who would be asked for a call now, in which order and why, and why the others would not be. Nothing is sent
        to a provider.
        """
        message = requests.explain_request(request)
        return await _answer(
            self._router.ExplainRoute(message, timeout=self._seconds(timeout), metadata=self._sent(metadata))
        )

    async def close(self) -> None:
        """Closes the connection and cancels the calls that are open."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else timeout

    def _sent(self, metadata: Metadata) -> tuple[tuple[str, str], ...]:
        return (*self._metadata, *metadata)


class _Inputs:
    """The messages of a stream of inputs, with a memory for what went wrong while they were made."""

    def __init__(
        self, options: StreamEmbedRequest, items: Iterable[StreamEmbedItem] | AsyncIterable[StreamEmbedItem]
    ) -> None:
        self.failure: Exception | None = None
        self.call: grpc.aio.Call | None = None
        self._options = options
        self._items = items

    async def __aiter__(self) -> AsyncIterator[StreamEmbedRequest]:
        yield self._options
        try:
            if isinstance(self._items, AsyncIterable):
                async for item in self._items:
                    yield StreamEmbedRequest(item=item)
            else:
                for item in self._items:
                    yield StreamEmbedRequest(item=item)
        except Exception as error:
            self.failure = error
            if self.call is not None:
                self.call.cancel()


async def _answer(call: Awaitable[AnswerT]) -> AnswerT:
    try:
        return await call
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


def _open(dial: Dial, interceptors: list[grpc.aio.ClientInterceptor]) -> grpc.aio.Channel:
    if dial.credentials is None:
        return grpc.aio.insecure_channel(dial.target, options=dial.options, interceptors=interceptors)
    return grpc.aio.secure_channel(dial.target, dial.credentials, options=dial.options, interceptors=interceptors)


def _tracing_interceptors() -> list[grpc.aio.ClientInterceptor]:
    from hedgerow_client.tracing import aio_interceptors  # noqa: PLC0415  the extra may be missing

    return aio_interceptors()

"""Short ways to write the usual requests. For all the rest, write the messages themselves: these only fill them in."""

from collections.abc import Iterable
from typing import TypeVar

from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest, StreamCompleteRequest
from hedgerow.chat.v1.message_pb2 import ROLE_SYSTEM, ROLE_USER, ChatSpec, Message, Part, Role
from hedgerow.embed.v1.embed_service_pb2 import (
    EmbedInput,
    EmbedRequest,
    EmbedSpec,
    StreamEmbedItem,
    StreamEmbedOptions,
    StreamEmbedRequest,
)
from hedgerow.router.v1.router_service_pb2 import CountTokensRequest, EstimateCostRequest, ExplainRouteRequest

AskT = TypeVar("AskT", EstimateCostRequest, CountTokensRequest, ExplainRouteRequest)
"""A question about a call that is not made."""


def message(text: str, role: Role.ValueType = ROLE_USER) -> Message:
    """A message with one part of text."""
    return Message(role=role, content=[Part(text=text)])


def chat(
    model: str,
    *messages: str | Message,
    system: str | None = None,
    temperature: float | None = None,
    max_output_tokens: int | None = None,
) -> ChatSpec:
    """A conversation with `model`: strings are messages of the user, `system` comes before all of them.

    `temperature` (0 to 2) and `max_output_tokens` (from 1) are the provider's own choice where they are None.
    """
    spec = ChatSpec(model=model, temperature=temperature, max_output_tokens=max_output_tokens)
    if system is not None:
        spec.messages.append(message(system, ROLE_SYSTEM))
    spec.messages.extend(message(each) if isinstance(each, str) else each for each in messages)
    return spec


def embedding(model: str, *texts: str, dimensions: int | None = None) -> EmbedSpec:
    """A batch of texts for `model`. `dimensions` None: the model's own length of vector."""
    return EmbedSpec(model=model, inputs=[EmbedInput(text=text) for text in texts], dimensions=dimensions)


def item(item_id: str, text: str) -> StreamEmbedItem:
    """One text of a stream of inputs, under an id of 1 to 128 characters that comes back with its answer."""
    return StreamEmbedItem(id=item_id, input=EmbedInput(text=text))


def complete_request(request: CompleteRequest | ChatSpec) -> CompleteRequest:
    """The request itself, or the one that holds the conversation and nothing else."""
    return CompleteRequest(chat=request) if isinstance(request, ChatSpec) else request


def stream_request(request: StreamCompleteRequest | ChatSpec) -> StreamCompleteRequest:
    """The request itself, or the one that holds the conversation and nothing else."""
    return StreamCompleteRequest(chat=request) if isinstance(request, ChatSpec) else request


def embed_request(request: EmbedRequest | EmbedSpec) -> EmbedRequest:
    """The request itself, or the one that holds the batch and nothing else."""
    return EmbedRequest(embed=request) if isinstance(request, EmbedSpec) else request


def estimate_request(request: EstimateCostRequest | ChatSpec | EmbedSpec) -> EstimateCostRequest:
    """The request itself, or the one that holds the conversation or the batch and nothing else."""
    return _holding(EstimateCostRequest, request)


def count_request(request: CountTokensRequest | ChatSpec | EmbedSpec) -> CountTokensRequest:
    """The request itself, or the one that holds the conversation or the batch and nothing else."""
    return _holding(CountTokensRequest, request)


def explain_request(request: ExplainRouteRequest | ChatSpec | EmbedSpec) -> ExplainRouteRequest:
    """The request itself, or the one that holds the conversation or the batch and nothing else."""
    return _holding(ExplainRouteRequest, request)


def _holding(kind: type[AskT], request: AskT | ChatSpec | EmbedSpec) -> AskT:
    if isinstance(request, ChatSpec):
        return kind(chat=request)
    if isinstance(request, EmbedSpec):
        return kind(embed=request)
    return request


def embed_options(options: StreamEmbedOptions | str) -> StreamEmbedRequest:
    """The first message of a stream of inputs; a string is the model."""
    return StreamEmbedRequest(options=StreamEmbedOptions(model=options) if isinstance(options, str) else options)


def embed_items(items: Iterable[StreamEmbedItem]) -> Iterable[StreamEmbedRequest]:
    """The other messages of a stream of inputs."""
    return (StreamEmbedRequest(item=each) for each in items)

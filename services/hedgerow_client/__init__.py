"""A thin client for Hedgerow, synchronous and asyncio, on the generated stubs.

    from hedgerow_client import Client, chat

    with Client("127.0.0.1:50051") as client:
        with client.stream(chat("fast", "Why is the sky blue?")) as events:
            for event in events:
                print(event.text_delta.text, end="", flush=True)
        print(events.result.usage.output_tokens)

Requests and answers are the messages of `hedgerow.chat.v1`, `hedgerow.embed.v1` and `hedgerow.router.v1`; failures are
the exceptions of `hedgerow_client.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hedgerow_client.aio import AsyncChatStream, AsyncClient, AsyncEmbedStream, AsyncStream
    from hedgerow_client.channel import Tls
    from hedgerow_client.client import ChatStream, Client, EmbedStream, Stream
    from hedgerow_client.errors import (
        AbortedError,
        CallCancelledError,
        CallError,
        DeadlineExceededError,
        FailedPreconditionError,
        FieldViolation,
        HedgerowError,
        IncompleteStreamError,
        InvalidArgumentError,
        InvalidOutputError,
        NotFoundError,
        OutputError,
        PermissionDeniedError,
        RefusedOutputError,
        ResourceExhaustedError,
        StreamContractError,
        StreamSequenceError,
        TruncatedOutputError,
        UnauthenticatedError,
        UnavailableError,
        UnknownRouteChangeError,
        from_status,
    )
    from hedgerow_client.fold import ChatFold
    from hedgerow_client.output import Decoded
    from hedgerow_client.request import chat, embedding, item, message

__all__ = [
    "AbortedError",
    "AsyncChatStream",
    "AsyncClient",
    "AsyncEmbedStream",
    "AsyncStream",
    "CallCancelledError",
    "CallError",
    "ChatFold",
    "ChatStream",
    "Client",
    "DeadlineExceededError",
    "Decoded",
    "EmbedStream",
    "FailedPreconditionError",
    "FieldViolation",
    "HedgerowError",
    "IncompleteStreamError",
    "InvalidArgumentError",
    "InvalidOutputError",
    "NotFoundError",
    "OutputError",
    "PermissionDeniedError",
    "RefusedOutputError",
    "ResourceExhaustedError",
    "Stream",
    "StreamContractError",
    "StreamSequenceError",
    "Tls",
    "TruncatedOutputError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnknownRouteChangeError",
    "chat",
    "embedding",
    "from_status",
    "item",
    "message",
]

_HOMES = ("errors", "channel", "request", "fold", "output", "client", "aio")


def __getattr__(name: str) -> Any:
    """Loads a name when it is first used: `hedgerow --help` shall not wait for gRPC."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"hedgerow_client.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

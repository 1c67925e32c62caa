"""What the blocking clients have in common: a channel, and what goes with every call."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import grpc
from grpc.experimental import ChannelOptions

from hedgerow_client.channel import Dial, Tls, plan
from hedgerow_client.errors import from_rpc_error

# Streams are read in the caller's thread. With a thread of grpcio's own (as of 1.85) a stream whose second attempt
# cannot connect, since the gateway has died before it said anything, never ends, whatever its deadline.
_NO_THREAD = (ChannelOptions.SingleThreadedUnaryStream, 1)


class Connection:
    """A connection to the gateway, for any number of threads. It is closed at the end of a `with` block.

    The arguments are those of `client.Client`.
    """

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
        self._channel = _traced(_open(dial)) if tracing else _open(dial)

    def close(self) -> None:
        """Closes the connection and cancels the calls that are open."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turns gRPC's exception into ours."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


def _open(dial: Dial) -> grpc.Channel:
    options = [*dial.options, _NO_THREAD]
    if dial.credentials is None:
        return grpc.insecure_channel(dial.target, options=options)
    return grpc.secure_channel(dial.target, dial.credentials, options=options)


def _traced(channel: grpc.Channel) -> grpc.Channel:
    from hedgerow_client.tracing import traced_channel  # noqa: PLC0415  the extra may be missing

    return traced_channel(channel)

"""Calls as a door would make them."""

from collections.abc import Mapping

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Events


async def nothing(call: Call) -> Events:
    """An RPC that must not be reached."""
    raise AssertionError(f"{call.method.name} was run")
    yield


def no_request(call: Call) -> object:
    """A decoder that looks at nothing."""
    return None


def method(kind: Kind = Kind.SERVER_STREAM, name: str = "test.Service/Call") -> Method:
    """An RPC of a shape, to be decoded and answered by nobody."""
    return Method(name, kind, no_request, nothing)


def call(
    metadata: Mapping[str, str] | None = None,
    *,
    kind: Kind = Kind.SERVER_STREAM,
    body: bytes = b"",
    timeout_s: float | None = None,
) -> Call:
    """A fresh call."""
    return Call(method(kind), metadata or {}, body, timeout_s=timeout_s)

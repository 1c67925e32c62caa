"""Asks the router's own RPCs for what a page shows, as whoever looks at it: what they would be refused there, they do
not see here either.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar

from hedgerow_server.console.access import allowed
from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.error import Forbidden, RpcUnknown
from hedgerow_server.core.event import Answered, Event, UsageTold

T = TypeVar("T")
Rpcs = Callable[[str], Method | None]
"""The RPC of a full name in the configuration in force; None: there is none."""


class Asking:
    """Calls RPCs without a door: the request is a core one, and so is the answer."""

    def __init__(self, rpcs: Rpcs) -> None:
        self._rpcs = rpcs

    async def answer(self, principal: Principal, rpc: str, request: object, kind: type[T]) -> T:
        """What an RPC answers. Raises Forbidden, and what the RPC raises."""
        event = await self.event(principal, rpc, request)
        answer = event.answer if isinstance(event, Answered | UsageTold) else event
        assert isinstance(answer, kind)
        return answer

    async def event(self, principal: Principal, rpc: str, request: object) -> Event:
        """The last event of an RPC."""
        if not allowed(principal, rpc):
            raise Forbidden("The caller may not call this RPC.", metadata={"method": rpc})
        method = self._rpcs(rpc)
        if method is None:
            raise RpcUnknown("There is no such RPC here.", metadata={"method": rpc})
        call = Call(Method(rpc, Kind.UNARY, _as_it_is, method.rpc), {}, b"", door="console")
        call.principal, call.request = principal, request
        last: Event | None = None
        async with aclosing(method.rpc(call)) as events:
            async for event in events:
                last = event
        assert last is not None
        return last


def _as_it_is(call: Call) -> object:
    return call.request

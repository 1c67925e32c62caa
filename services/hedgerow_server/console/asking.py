"""Asks the router's own RPCs for what a page shows, as whoever looks at it: what they would be refused there, they do
not see here either.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar

from hedgerow_server.console.access import allowed
from hedgerow_server.core.call import Call, Kind, Method, Outcome, Principal
from hedgerow_server.core.error import Forbidden, HedgerowError, RpcUnknown
from hedgerow_server.core.event import Answered, Event, UsageTold
from hedgerow_server.interceptors.audit import Audit

T = TypeVar("T")
Rpcs = Callable[[str], Method | None]
"""The RPC of a full name in the configuration in force; None: there is none."""


class Asking:
    """Calls RPCs without a door: the request is a core one, and so is the answer."""

    def __init__(self, rpcs: Rpcs, audit: Audit) -> None:
        self._rpcs = rpcs
        self._audit = audit
        self._changing: set[asyncio.Task[None]] = set()

    async def answer(self, principal: Principal, rpc: str, request: object, kind: type[T]) -> T:
        """What an RPC answers. Raises Forbidden, and what the RPC raises."""
        event = await self.event(principal, rpc, request)
        answer = event.answer if isinstance(event, Answered | UsageTold) else event
        assert isinstance(answer, kind)
        return answer

    async def event(self, principal: Principal, rpc: str, request: object) -> Event:
        """The last event of an RPC."""
        call, method = self._call(principal, rpc, request)
        last: Event | None = None
        async with aclosing(method.rpc(call)) as events:
            async for event in events:
                last = event
        assert last is not None
        return last

    async def change(self, principal: Principal, rpc: str, request: object) -> None:
        """Does what an RPC does that changes something, which leaves its row in the audit log. Goes on when whoever
        waits for it leaves. Raises Forbidden, and what the RPC raises.
        """
        task = asyncio.create_task(self._change(principal, rpc, request))
        self._changing.add(task)
        task.add_done_callback(self._done)
        await asyncio.shield(task)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._changing.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio complains where nobody has waited

    async def _change(self, principal: Principal, rpc: str, request: object) -> None:
        call, method = self._call(principal, rpc, request)
        try:
            async with aclosing(self._audit.wrap(call, method.rpc(call))) as events:
                async for _ in events:
                    pass
        except HedgerowError as error:
            self._audit.settle(call, Outcome(error=error))
            raise

    def _call(self, principal: Principal, rpc: str, request: object) -> tuple[Call, Method]:
        if not allowed(principal, rpc):
            raise Forbidden("The caller may not call this RPC.", metadata={"method": rpc})
        method = self._rpcs(rpc)
        if method is None:
            raise RpcUnknown("There is no such RPC here.", metadata={"method": rpc})
        call = Call(Method(rpc, Kind.UNARY, _as_it_is, method.rpc), {}, b"", door="console")
        call.principal, call.request = principal, request
        return call, method


def _as_it_is(call: Call) -> object:
    return call.request

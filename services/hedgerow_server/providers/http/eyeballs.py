"""Which addresses of a name may be connected to, and the first of them that answers."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

from hedgerow_server.core.addresses import AddressRefusedError, AddressRule

_STAGGER_S = 0.25
"""How long an address has to answer before the next one is tried beside it (RFC 8305, section 5)."""

T = TypeVar("T")
Try = Callable[[], Coroutine[None, None, T]]


async def allowed(rule: AddressRule, host: str, port: int) -> list[str]:
    """The addresses of a name that may be connected to, in the resolver's order. Raises AddressRefusedError where there
    are only others, and socket.gaierror.
    """
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found: list[str] = []
    refused: AddressRefusedError | None = None
    for address in dict.fromkeys(str(info[4][0]) for info in infos):
        try:
            rule.check(address)
        except AddressRefusedError as error:
            refused = error
        else:
            found.append(address)
    if not found:
        raise refused or socket.gaierror(socket.EAI_NONAME, "no address")
    return found


async def first(tries: Sequence[Try[T]], drop: Callable[[T], Awaitable[None]]) -> T:
    """The first connection that comes about; each try begins when the one before it has failed, or has taken a while.
    What comes about too late is dropped. Raises what the last one to fail raised.
    """
    return await (tries[0]() if len(tries) == 1 else _race(tries, drop))


async def _race(tries: Iterable[Try[T]], drop: Callable[[T], Awaitable[None]]) -> T:
    left, running = deque(tries), set[asyncio.Task[T]]()
    try:
        while True:
            if left:
                running.add(asyncio.create_task(left.popleft()()))
            wait_s = _STAGGER_S if left else None
            done, _ = await asyncio.wait(running, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                if task.exception() is None or not (left or running):
                    return task.result()
    finally:
        await _let_go(running, drop)


async def _let_go(running: set[asyncio.Task[T]], drop: Callable[[T], Awaitable[None]]) -> None:
    for task in running:
        task.cancel()
    for late in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(late, BaseException):
            await drop(late)

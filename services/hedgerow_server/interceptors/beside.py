"""Something that must have ended well before the first event of an answer goes out, while the answer is on its way."""

import asyncio
from collections.abc import Coroutine

from hedgerow_server.core.event import Event, Events


class Beside:
    """The task of one call. Its failure ends the call at once."""

    def __init__(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.create_task(work)
        self._open = False
        self._failed = False

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._task.cancel()
        self._task.add_done_callback(_retrieve)

    async def first(self, events: Events) -> Event:
        """The first event, once the task has ended. Raises what the task raises, at once: what was under way for the
        event is cancelled then.
        """
        # The events run in the call's own task, since what they wait for belongs to it. So the failure reaches them as
        # a cancellation, which is told apart from the caller's own.
        caller = asyncio.current_task()
        assert caller is not None
        cancelling = caller.cancelling()

        def ended(task: "asyncio.Task[None]") -> None:
            if self._open and not task.cancelled() and task.exception() is not None:
                self._failed = True
                caller.cancel()

        self._open = True
        self._task.add_done_callback(ended)
        try:
            event = await anext(events)
            self._open = False
            if self._failed:
                # Both in the same moment: the cancellation is still to come.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not self._failed or caller.uncancel() > cancelling:
                raise
            # Raises.
            self._task.result()
        finally:
            self._open = False
        await self._task
        return event


def _retrieve(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()

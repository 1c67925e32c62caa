"""Writes down what operators do."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import aclosing

import msgspec

from hedgerow_server.core.admin import Reloaded, SwitchRequest
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import Answered, Event, Events
from hedgerow_server.store.port import AuditStore, StoreUnavailable
from hedgerow_server.store.record import AuditEntry

_log = logging.getLogger(__name__)
_MOST_PATHS = 50


class Audit:
    """Appends a row for each call that changes something: before its answer goes out, and after it was refused.

    A store that is away holds nobody up: an operator in trouble must be able to switch something off. The process's
    log tells what the audit log misses then.
    """

    name = "audit"
    after = ("deadline",)

    def __init__(self, store: AuditStore | None, actions: Iterable[str], by_themselves: Iterable[str] = ()) -> None:
        """`actions` are the full names of RPCs that change something. Those `by_themselves` leave the row of their
        success with the change itself.
        """
        self._store = store
        self._actions = frozenset(actions)
        self._by_themselves = frozenset(by_themselves)
        self._writing: set[asyncio.Task[None]] = set()

    async def admit(self, call: Call) -> None:
        """Nothing to do."""

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events."""
        name = call.method.name
        return self._written(call, events) if name in self._actions - self._by_themselves else events

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Writes of a failure. Whoever was not even known leaves no row, or strangers would fill the log."""
        if outcome.error is not None and call.principal is not None and call.method.name in self._actions:
            task = asyncio.create_task(self._append(_entry(call, None, outcome.error.code)))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _written(self, call: Call, events: Events) -> Events:
        async with aclosing(events):
            async for event in events:
                await self._append(_entry(call, event, "OK"))
                yield event

    async def _append(self, entry: AuditEntry) -> None:
        if self._store is None:
            return
        try:
            await self._store.append(entry)
        except StoreUnavailable as error:
            missed = f"{entry.action} {entry.subject} by {entry.who} ({entry.outcome})"
            _log.error("the audit log misses %s: %s", missed, error)  # the store's own words are enough


def _entry(call: Call, event: Event | None, outcome: str) -> AuditEntry:
    request, principal = call.request, call.principal
    subject = f"{request.scope}/{request.name}" if isinstance(request, SwitchRequest) else ""
    detail: dict[str, object] = {}
    if isinstance(request, msgspec.Struct):
        detail["request"] = {name: value for name, value in msgspec.structs.asdict(request).items() if value}
        subject = subject or str(getattr(request, "key_id", ""))
    if isinstance(event, Answered) and isinstance(event.answer, Reloaded):
        answer = event.answer
        paths = [f"{one.kind} {one.path}" for one in answer.changes[:_MOST_PATHS]]
        detail["answer"] = {"config_hash": answer.config_hash, "applied": answer.applied, "changes": paths}
    return AuditEntry(
        at_unix_s=time.time(),
        who=f"{principal.method}:{principal.label}" if principal is not None else "",
        action=call.method.name.rpartition("/")[2],
        subject=subject,
        detail=msgspec.json.encode(detail).decode(),
        outcome=outcome,
        request_id=call.request_id,
    )

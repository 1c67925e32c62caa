"""Writes down what operators do."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import aclosing

import msgspec

from hedgerow_server.core.admin import Reloaded, RolledBack, SwitchRequest
from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.credentials import RefreshCredentialRequest
from hedgerow_server.core.erasure import EraseUserRequest
from hedgerow_server.core.error import HedgerowError
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
        self.written = 0
        """Rows that were appended since the start."""
        self.missed = 0
        """Rows that the store did not take."""

    async def admit(self, call: Call) -> None:
        """Nothing to do."""

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events."""
        name = call.method.name
        return self._written(call, events) if name in self._actions - self._by_themselves else events

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Writes of a failure. Whoever was not even known leaves no row, or strangers would fill the log."""
        if outcome.error is None:
            self.written += call.method.name in self._by_themselves and self._store is not None
        elif call.principal is not None and call.method.name in self._actions:
            self._append_soon(_entry(call, None, outcome.error.code))

    def reloaded(self, by: str, told: Reloaded | HedgerowError) -> None:
        """Writes of a reload that no call asked for: `by` is "file" or "signal". Waits for nothing."""
        answer = _reload_detail(told) if isinstance(told, Reloaded) else {"reason": told.reason}
        self._append_soon(
            AuditEntry(
                at_unix_s=time.time(),
                who=by,
                action="Reload",
                detail=msgspec.json.encode({"answer": answer}).decode(),
                outcome="OK" if isinstance(told, Reloaded) else told.code,
            )
        )

    def note(self, entry: AuditEntry) -> None:
        """Writes of what was done by no call, such as a login to the console. Waits for nothing."""
        self._append_soon(entry)

    async def close(self) -> None:
        """Waits for the rows that are being written: for as long as the store takes to say that it is away."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _append_soon(self, entry: AuditEntry) -> None:
        task = asyncio.create_task(self._append(entry))
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
            self.missed += 1
            missed = " ".join(one for one in (entry.action, entry.subject, "by", entry.who) if one)
            # The store's own words are enough.
            _log.error(
                "the audit log misses %s (%s), row %d that it misses since the start: %s",
                missed,
                entry.outcome,
                self.missed,
                error,
            )
        else:
            self.written += 1


def _reload_detail(told: Reloaded) -> dict[str, object]:
    paths = [f"{one.kind} {one.path}" for one in told.changes[:_MOST_PATHS]]
    return {"config_hash": told.config_hash, "applied": told.applied, "changes": paths}


def _entry(call: Call, event: Event | None, outcome: str) -> AuditEntry:
    request, principal = call.request, call.principal
    subject = f"{request.scope}/{request.name}" if isinstance(request, SwitchRequest) else ""
    detail: dict[str, object] = {}
    if isinstance(request, msgspec.Struct):
        told = msgspec.structs.asdict(request)
        if isinstance(request, EraseUserRequest):
            # It would keep what was to be erased.
            del told["user"]
        detail["request"] = {name: value for name, value in told.items() if value}
        subject = subject or str(getattr(request, "key_id", ""))
    if isinstance(request, RefreshCredentialRequest):
        subject = request.name
    if isinstance(event, Answered) and isinstance(event.answer, Reloaded):
        detail["answer"] = _reload_detail(event.answer)
    if isinstance(event, Answered) and isinstance(event.answer, RolledBack):
        back = event.answer
        detail["answer"] = {**_reload_detail(back.reloaded), "previous_hash": back.previous_hash}
    return AuditEntry(
        at_unix_s=time.time(),
        who=f"{principal.method}:{principal.label}" if principal is not None else "",
        action=call.method.name.rpartition("/")[2],
        subject=subject,
        detail=msgspec.json.encode(detail).decode(),
        outcome=outcome,
        request_id=call.request_id,
    )

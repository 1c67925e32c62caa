"""Answers a call with an idempotency key once, however often it is repeated."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b, sha256

import msgspec

from hedgerow_server.core import tape
from hedgerow_server.core.call import Call, Outcome, Principal
from hedgerow_server.core.error import (
    FieldViolation,
    IdempotencyInFlight,
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    RequestInvalid,
)
from hedgerow_server.core.event import Event, Events, Warning, WarningCode
from hedgerow_server.core.request import ChatRequest, EmbedRequest, Once
from hedgerow_server.core.terminal import Terminal
from hedgerow_server.interceptors.keeper import Keeper
from hedgerow_server.interceptors.section import IdempotencySection
from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.port import StoreUnavailable

_log = logging.getLogger(__name__)
_FIELD = "idempotency_key"
_GRACE_S = 30.0
"""How long a claim lasts beyond its call's deadline: clocks of routers differ, and an answer is being kept."""
_AGAIN_S = 1.0
_BEFORE_S = 0.05
"""How long before its deadline a call that waits for another is told so."""
_NOBODY = Principal(tenant="")
_SENT = (ChatRequest, EmbedRequest)


class Idempotency:
    """Takes the key of a call for as long as the call runs, and keeps its answer where it is a whole one.

    A key belongs to a tenant and, within it, to a caller: team, service and user, or the API key where there is neither
    of the latter. So nobody reads what another has asked.
    """

    name = "idempotency"
    after = ("deadline", "auth", "decode", "authorise")

    def __init__(
        self, keeper: Keeper | None, section: IdempotencySection, now: Callable[[], float] = time.time
    ) -> None:
        """`keeper` None: no answers are kept, and whoever has a key is refused."""
        self._keeper = keeper
        self._section = section
        self._now = now
        self._running: dict[Call, Claim] = {}

    async def admit(self, call: Call) -> None:
        """Takes the call's key, or sets `call.answer`. Raises RequestInvalid, IdempotencyKeyReused, IdempotencyInFlight
        and IdempotencyUnavailable.
        """
        request = call.request
        if not isinstance(request, _SENT) or request.once is None:
            return
        if self._keeper is None:
            text = "this gateway keeps no answers by key: leave it empty and do not repeat the call blindly"
            raise RequestInvalid(f"{_FIELD}: {text}", metadata={"field": _FIELD}, violations=_violation(text))
        claim = self._claim(call, request.once)
        try:
            kept = await self._asked(self._keeper, call, claim)
        except StoreUnavailable as error:
            _log.error("call %s with an idempotency key was refused: %s", call.request_id, error)
            raise _unavailable() from None
        if kept is None:
            self._running[call] = claim
        else:
            call.answer = _played(_answer(claim, kept))
            call.replay_of = kept.request_id

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events. The last one comes once they are kept, for it may be lost on its way to the caller."""
        return self._kept(call, events) if call in self._running else events

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Gives the key of a call back whose answer is not kept: it has failed, or its caller has left."""
        claim = self._running.pop(call, None)
        if claim is not None and self._keeper is not None:
            self._keeper.free_soon(claim)

    async def _asked(self, keeper: Keeper, call: Call, claim: Claim) -> Kept | None:
        """Takes the key, or tells what it has. While an equal call has it, its end is waited for."""
        while True:
            kept = await keeper.claim(claim)
            if kept is None or kept.answer is not None or kept.fingerprint != claim.fingerprint:
                return kept
            since_s, left_s = time.monotonic(), call.remaining_s()
            assert left_s is not None
            try:
                if not await keeper.wait(claim, left_s - _BEFORE_S):
                    return kept
            finally:
                call.queue_s += call.waited("queue", since_s)

    async def _kept(self, call: Call, events: Events) -> Events:
        record = tape.Tape(self._section.max_answer_bytes)
        async with aclosing(events):
            async for event in events:
                record.add(event)
                if isinstance(event, Terminal):
                    await self._keep(call, record.encoded())
                yield event

    async def _keep(self, call: Call, answer: bytes | None) -> None:
        if answer is None:
            limit = self._section.max_answer_bytes
            _warn(call, f"The answer has more than the {limit} bytes that are kept: its key is free again.")
            return
        assert self._keeper is not None
        # From here on the key is not given back: who had to ask again could be answered twice.
        claim = self._running.pop(call)
        try:
            kept = await self._keeper.keep(claim, answer, self._now() + self._section.keep_seconds)
        except StoreUnavailable as error:
            _log.error("the answer of call %s is not kept under its key: %s", call.request_id, error)
            left_s = claim.until_unix_s - self._now()
            _warn(call, f"The store of kept answers is away: the key stays taken for up to {left_s:.0f} s.")
            return
        if not kept:
            _warn(call, "The answer is not kept: there is no room for it, or a repetition has the key by now.")

    def _claim(self, call: Call, once: Once) -> Claim:
        who = call.principal or _NOBODY
        # Of keys without a user or a service nobody knows whether they belong to one and the same.
        key_id = "" if who.user or who.service else who.key_id
        scope = msgspec.msgpack.encode((who.tenant, who.team, who.service, who.user, key_id))
        remaining_s = call.remaining_s()
        assert remaining_s is not None
        return Claim(
            slot=sha256(msgspec.msgpack.encode((scope, once.key))).digest(),
            fingerprint=blake2b(once.asked, key=sha256(scope).digest(), digest_size=32).digest(),
            token=os.urandom(16),
            tenant=who.tenant,
            user=who.user,
            request_id=call.request_id,
            until_unix_s=self._now() + max(0.0, remaining_s) + _GRACE_S,
            lease_s=self._section.lease_seconds,
        )


def _answer(claim: Claim, kept: Kept) -> Sequence[Event]:
    """The kept answer, where it is one to this call. Raises a HedgerowError where it is not."""
    if kept.fingerprint != claim.fingerprint:
        text = "was used for another request: use a new key for every new request"
        raise IdempotencyKeyReused(f"{_FIELD}: {text}", metadata={"field": _FIELD}, violations=_violation(text))
    if kept.answer is None:
        raise IdempotencyInFlight("A call with this idempotency key is under way.", retry_delay_s=_AGAIN_S)
    try:
        return tape.events(kept.answer)
    except ValueError as error:
        _log.error("the kept answer of call %s cannot be read: %s", kept.request_id, error)
        raise _unavailable() from None


async def _played(events: Sequence[Event]) -> Events:
    for event in events:
        yield event


def _unavailable() -> IdempotencyUnavailable:
    return IdempotencyUnavailable(
        "Whether this idempotency key was answered already cannot be told now.", retry_delay_s=_AGAIN_S
    )


def _violation(text: str) -> tuple[FieldViolation, ...]:
    return (FieldViolation(_FIELD, text),)


def _warn(call: Call, text: str) -> None:
    call.warnings.append(Warning(WarningCode.ANSWER_NOT_KEPT, _FIELD, text))

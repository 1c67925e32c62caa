"""AdminService: reload, state and kill switches."""

import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from hedgerow_server.core.admin import (
    CandidateFacts,
    CandidatesListed,
    ConfigState,
    ListCandidatesRequest,
    Reloaded,
    ReloadRequest,
    RollbackRequest,
    RolledBack,
    SwitchCleared,
    SwitchesListed,
    SwitchFacts,
    SwitchRequest,
    SwitchSet,
)
from hedgerow_server.core.call import Call
from hedgerow_server.core.error import FieldViolation, RequestInvalid
from hedgerow_server.core.event import Answered, Events
from hedgerow_server.core.plan import Plan, PlanRequest
from hedgerow_server.core.slices import Work, in_slices
from hedgerow_server.routing.kill import KillSwitches, Scope, Switch
from hedgerow_server.routing.routes import Routes
from hedgerow_server.routing.view import candidates

Key = tuple[str, str, str, str]
_TOKEN = msgspec.json.Decoder(Key)


class Running(Protocol):
    """A router that is to be told what to do."""

    @property
    def state(self) -> ConfigState:
        """Which configuration is in force."""

    @property
    def routes(self) -> Routes:
        """The routes that are in force."""

    async def reload(self, *, dry_run: bool = False) -> Reloaded:
        """Reads the configuration again. Raises ConfigInvalid, CredentialUnavailable and Internal."""

    async def plan(self, text: bytes, name: str) -> Plan:
        """What another configuration would change. Raises ConfigInvalid and Internal."""

    async def roll_back(self, beginning: str = "", *, dry_run: bool = False) -> RolledBack:
        """Goes back to a configuration that was in force, by the beginning of its hash. Raises ConfigNotKept, and what
        a reload raises.
        """


class Admin:
    """Answers operators."""

    def __init__(
        self, running: Running, kills: KillSwitches, spread: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`spread` has other processes of this router take over the switches. None: there are none."""
        self._running = running
        self._kills = kills
        self._spread = spread

    async def reload(self, call: Call) -> Events:
        """One event: what has changed."""
        request = call.request
        assert isinstance(request, ReloadRequest)
        yield Answered(await self._running.reload(dry_run=request.dry_run))

    async def plan_config(self, call: Call) -> Events:
        """One event: what would change."""
        request = call.request
        assert isinstance(request, PlanRequest)
        yield Answered(await self._running.plan(request.text, request.file_name))

    async def rollback_config(self, call: Call) -> Events:
        """One event: what has changed."""
        request = call.request
        assert isinstance(request, RollbackRequest)
        yield Answered(await self._running.roll_back(request.hash, dry_run=request.dry_run))

    async def get_config(self, call: Call) -> Events:
        """One event."""
        yield Answered(self._running.state)

    async def list_candidates(self, call: Call) -> Events:
        """One page. A page token is the candidate after which the page begins, whether it is still there or not."""
        request = call.request
        assert isinstance(request, ListCandidatesRequest)
        start = _place(request.page_token) if request.page_token else None
        found = await in_slices(candidates(self._running.routes, self._kills, request.provider))
        begin = bisect_right(found, start, key=_key) if start is not None else 0
        page = tuple(found[begin : begin + request.page_size])
        more = begin + len(page) < len(found)
        yield Answered(CandidatesListed(page, msgspec.json.encode(page[-1].key).decode() if more else ""))

    async def set_kill_switch(self, call: Call) -> Events:
        """One event. What is to be off is off once it comes."""
        request = call.request
        assert isinstance(request, SwitchRequest)
        switch = Switch(Scope(request.scope), request.name, request.reason, time.time())
        self._kills.throw(switch)
        if self._spread is not None:
            await self._spread()
        yield Answered(SwitchSet(_told(switch), await in_slices(_known(self._running.routes, switch))))

    async def clear_kill_switch(self, call: Call) -> Events:
        """One event."""
        request = call.request
        assert isinstance(request, SwitchRequest)
        cleared = self._kills.restore(Scope(request.scope), request.name)
        if self._spread is not None:
            await self._spread()
        yield Answered(SwitchCleared(cleared))

    async def list_kill_switches(self, call: Call) -> Events:
        """One event."""
        yield Answered(SwitchesListed(tuple(_told(switch) for switch in self._kills.all())))


def _told(switch: Switch) -> SwitchFacts:
    return SwitchFacts(switch.scope.value, switch.name, switch.reason, switch.since_unix_s)


def _known(routes: Routes, switch: Switch) -> Work[bool]:
    """Whether there is anything that the switch could be about."""
    if switch.scope is Scope.TENANT:
        return True
    for model in routes.models():
        yield 1
        for one in model.candidates:
            if switch.scope is Scope.PROVIDER:
                if one.provider == switch.name:
                    return True
            elif _means(switch.name, one.provider, one.model) or _means_name(switch.name, model.name):
                return True
    return False


def _means(switched: str, provider: str, model: str) -> bool:
    return switched.startswith(f"{provider}/") if model == "*" else switched == f"{provider}/{model}"


def _means_name(switched: str, name: str) -> bool:
    return switched == name or (name.endswith("/*") and switched.startswith(name[:-1]))


def _key(one: CandidateFacts) -> Key:
    return one.key


def _place(token: str) -> Key:
    try:
        place: Key = _TOKEN.decode(token)
    except msgspec.DecodeError:
        violation = FieldViolation("page_token", "must be a next_page_token of this gateway")
        raise RequestInvalid(
            "page_token is not of this gateway.", metadata={"field": "page_token"}, violations=(violation,)
        ) from None
    return place

"""What the pages about the configuration, credentials and keys show."""

import asyncio
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import yaml

from hedgerow_server.config.masked import masked
from hedgerow_server.config.model import Section
from hedgerow_server.config.reload import Mark, mark
from hedgerow_server.console.access import GET_CONFIG, LIST_CREDENTIALS, LIST_KEYS, RELOAD, allowed
from hedgerow_server.console.actions import Actions
from hedgerow_server.console.asking import Asking
from hedgerow_server.console.shown import Configuration, Credentials, Keys
from hedgerow_server.console.source import Source
from hedgerow_server.core.admin import Change, ConfigState, Reloaded, ReloadRequest
from hedgerow_server.core.call import Principal
from hedgerow_server.core.credentials import CredentialsListed
from hedgerow_server.core.error import HedgerowError, RpcUnknown
from hedgerow_server.core.keys import KeysListed, ListKeysRequest

_MOST_ROUTES = 1000
_KEYS = 100
_MAX_TOKEN = 256
_PATIENCE_S = 0.25
_Key = tuple[str, Mark | None]
"""The hash in force and the mark of the file."""
_Compared = tuple[tuple[Change, ...], str]
"""Where they differ, or why they cannot be compared."""
_NOT_ALLOWED = "Your roles do not allow Reload, so the file is not compared."


class ConfigFacts:
    """Gathers them, for whoever looks. What takes long to make is kept until the configuration or the file changes."""

    def __init__(self, source: Source, asking: Asking, actions: Actions) -> None:
        self._source = source
        self._asking = asking
        self._actions = actions
        self._text: tuple[str, str] = ("", "")
        self._comparing: tuple[_Key, asyncio.Task[_Compared]] | None = None

    async def configuration(self, who: Principal, query: Mapping[str, str]) -> Configuration:
        """What is in force, and how the file differs from it."""
        state = await self._asking.answer(who, GET_CONFIG, None, ConfigState)
        text, found = await self._told(state), await self._drift(who, state)
        if found is None:
            return Configuration(state=state, text=text, comparing=True)
        may = self._actions.may(who, RELOAD)
        return Configuration(state=state, text=text, drift=found[0], drift_problem=found[1], may_reload=may)

    async def _told(self, state: ConfigState) -> str:
        if self._text[0] != state.config_hash:
            settings = self._source.in_force().settings
            assert isinstance(settings, Section)
            text = await asyncio.to_thread(_listing, settings, frozenset(settings.credentials))
            self._text = state.config_hash, text
        return self._text[1]

    async def _drift(self, who: Principal, state: ConfigState) -> _Compared | None:
        """How the file differs. None: that is not known yet. Another process reads the file, which takes seconds to
        start, and as long again where there are thousands of routes; the page does not wait for it.
        """
        if not allowed(who, RELOAD):
            return (), _NOT_ALLOWED
        key = state.config_hash, await asyncio.to_thread(mark, Path(state.path))
        if self._comparing is None or self._comparing[0] != key:
            self._comparing = key, asyncio.create_task(self._compare(who))
        task = self._comparing[1]
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_S)
        if not done:
            return None
        if task.cancelled() or task.exception() is not None:
            # Not to be told again and again of what may be over.
            self._comparing = None
        return task.result()

    async def _compare(self, who: Principal) -> _Compared:
        try:
            told = await self._asking.answer(who, RELOAD, ReloadRequest(dry_run=True), Reloaded)
        except HedgerowError as error:
            return (), error.message
        return told.changes, ""

    async def credentials(self, who: Principal, query: Mapping[str, str]) -> Credentials:
        """How credentials are doing: never a secret."""
        found = await self._asking.answer(who, LIST_CREDENTIALS, None, CredentialsListed)
        return Credentials(credentials=found.credentials)

    async def keys(self, who: Principal, query: Mapping[str, str]) -> Keys:
        """API keys, a page of them."""
        tenant, token = query.get("tenant", "").strip(), query.get("page_token", "")[:_MAX_TOKEN]
        try:
            found = await self._asking.answer(who, LIST_KEYS, ListKeysRequest(_KEYS, token, tenant), KeysListed)
        except RpcUnknown as error:
            return Keys(unavailable=error.message, tenant=tenant)
        return Keys(tenant=tenant, keys=found.keys, next_page_token=found.next_page_token)


def _listing(settings: Section, credentials: frozenset[str]) -> str:
    """What the settings say as YAML, secrets masked. For a thread: thousands of routes take a while."""
    routes: Mapping[str, object] = getattr(settings, "routes", {})
    more = len(routes) - _MOST_ROUTES
    if more > 0:
        # Before they are written down, which no other thread can do anything beside.
        settings = settings.model_copy(update={"routes": dict(islice(routes.items(), _MOST_ROUTES))})
    told = settings.model_dump(mode="json", exclude_unset=True)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(masked(told, credentials), Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
    return text + (f"# {more} further routes\n" if more > 0 else "")

"""What the pages about the configuration, credentials and keys show."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import yaml

from hedgerow_server.config.masked import masked
from hedgerow_server.config.model import Section
from hedgerow_server.config.reload import Mark, mark
from hedgerow_server.console.access import GET_CONFIG, LIST_CREDENTIALS, LIST_KEYS, RELOAD, allowed
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
_NOT_ALLOWED = "Your roles do not allow Reload, so the file is not compared."


class ConfigFacts:
    """Gathers them, for whoever looks. What takes long to make is kept until the configuration or the file changes."""

    def __init__(self, source: Source, asking: Asking) -> None:
        self._source = source
        self._asking = asking
        self._text: tuple[str, str] = ("", "")
        self._compared: tuple[tuple[str, Mark | None], tuple[Change, ...], str] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def configuration(self, who: Principal, query: Mapping[str, str]) -> Configuration:
        """What is in force, and how the file differs from it."""
        state = await self._asking.answer(who, GET_CONFIG, None, ConfigState)
        drift, problem = await self._drift(who, state)
        return Configuration(state=state, text=await self._told(state), drift=drift, drift_problem=problem)

    async def _told(self, state: ConfigState) -> str:
        if self._text[0] != state.config_hash:
            settings = self._source.in_force().settings
            assert isinstance(settings, Section)
            text = await asyncio.to_thread(_listing, settings, frozenset(settings.credentials))
            self._text = state.config_hash, text
        return self._text[1]

    async def _drift(self, who: Principal, state: ConfigState) -> tuple[tuple[Change, ...], str]:
        if not allowed(who, RELOAD):
            return (), _NOT_ALLOWED
        async with self._one_at_a_time:
            key = state.config_hash, await asyncio.to_thread(mark, Path(state.path))
            if self._compared is None or self._compared[0] != key:
                try:
                    told = await self._asking.answer(who, RELOAD, ReloadRequest(dry_run=True), Reloaded)
                except HedgerowError as error:
                    self._compared = key, (), error.message
                else:
                    self._compared = key, told.changes, ""
            return self._compared[1], self._compared[2]

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
    told = settings.model_dump(mode="json", exclude_unset=True)
    routes = told.get("routes", {})
    more = len(routes) - _MOST_ROUTES
    if more > 0:
        told["routes"] = dict(list(routes.items())[:_MOST_ROUTES])
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(masked(told, credentials), Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
    return text + (f"# {more} further routes\n" if more > 0 else "")

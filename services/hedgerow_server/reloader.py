"""Puts another configuration in the place of the one in force, while calls go on."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from hedgerow_server.config.load import ConfigError
from hedgerow_server.config.model import Section
from hedgerow_server.config.reload import ConfigReader, Mark, Told, assemble, changes, mark
from hedgerow_server.config.worker import fingerprint
from hedgerow_server.core.admin import Change, ConfigState, Reloaded
from hedgerow_server.core.error import ConfigInvalid, FieldViolation, HedgerowError, Internal
from hedgerow_server.core.slices import Work, collector_paused, in_slices
from hedgerow_server.core.text import cut
from hedgerow_server.edition import Edition, Memory, forget
from hedgerow_server.routing.routes import Routes
from hedgerow_server.settings import Settings

_log = logging.getLogger(__name__)
_ERROR_BYTES = 16_384
_COMMAND = (sys.executable, "-m", "hedgerow_server", "parse")


class Reader(Protocol):
    """Reads configuration files without holding up the loop."""

    async def read(self, path: Path) -> Told:
        """What a file says. Raises ConfigError."""

    async def close(self) -> None:
        """No file will come any more."""


class Reloader:
    """Owns the edition that is in force."""

    def __init__(
        self,
        path: Path,
        edition: Edition,
        memory: Memory,
        swap: Callable[[Edition], None],
        reader: Reader | None = None,
    ) -> None:
        """`swap` puts a new edition before the callers. It must neither wait nor fail. `reader` reads the file; None:
        another process does.
        """
        self.edition = edition
        self.state = ConfigState(
            config_hash=fingerprint(edition.settings),
            path=str(path),
            loaded_unix_s=time.time(),
            routes=len(edition.settings.routes),
        )
        self._path = path
        self._memory = memory
        self._swap = swap
        self._loaded = edition.settings
        self._started = edition.settings.model_copy(update={"routes": {}, "providers": {}})
        self._reader = reader or ConfigReader(_COMMAND)
        self._one_at_a_time = asyncio.Lock()
        self._building = asyncio.Lock()
        self._told: tuple[Mark | None, str] | None = None
        self._tasks: set[asyncio.Task[Reloaded]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._elder: asyncio.Task[None] | None = None

    @property
    def routes(self) -> Routes:
        """The routes that are in force."""
        return self.edition.routes

    async def reload(self, *, dry_run: bool = False) -> Reloaded:
        """Reads the file and puts what it says in force; `dry_run` does all but that. Goes on when whoever waits for it
        leaves. Raises ConfigInvalid, CredentialUnavailable and Internal; then all is as it was.
        """
        task = asyncio.create_task(self._reload(dry_run=dry_run))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def follow(self, seen: Mark | None) -> None:
        """Reloads whenever the file changes; `seen` is its mark when it was read for the start."""
        async for _ in changes(self._path, seen):
            await self.reload_by("file")

    async def reload_by(self, who: str) -> None:
        """Reloads without a call that asks for it: `who` is "file" or "signal". What came of it stands in the process's
        log and in the audit log; a file in which nothing has changed leaves no row there.
        """
        try:
            told = await self.reload()
        except HedgerowError as error:
            self._memory.audit.reloaded(who, error)
        else:
            if told.applied or who != "file":
                self._memory.audit.reloaded(who, told)

    async def refresh(self) -> None:
        """Reads secrets and the files of the catalogue again."""
        await self.edition.refresh_leases()
        async with self._building:
            await self.edition.refresh_catalogue()

    async def close(self) -> None:
        """Ends everything, connections to providers included."""
        for task in (*self._tasks, *self._retiring):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._retiring, return_exceptions=True)
        await self._reader.close()
        await self.edition.close()

    def _done(self, task: asyncio.Task[Reloaded]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio complains where nobody has waited

    async def _reload(self, *, dry_run: bool) -> Reloaded:
        async with self._one_at_a_time:
            seen = mark(self._path)
            try:
                return await self._attempt(dry_run=dry_run)
            except ConfigError as error:
                failure: HedgerowError = _invalid(error)
                text = str(error)
            except HedgerowError as error:
                failure, text = error, error.message
            except Exception as error:
                _log.exception("reloading %s failed by a fault of the gateway", self._path)
                failure = Internal("A fault of the gateway; its log tells more.")
                text = f"a fault of the gateway ({type(error).__name__})"
            if not dry_run:
                self._note_failure(seen, text)
            raise failure

    def _note_failure(self, seen: Mark | None, text: str) -> None:
        text = cut(text, _ERROR_BYTES)
        self.state = msgspec.structs.replace(
            self.state,
            failed_reloads=self.state.failed_reloads + 1,
            last_error=text,
            failed_unix_s=time.time(),
        )
        if self._told != (seen, text):
            self._told = seen, text
            _log.error("the configuration was not reloaded, the one before stays in force: %s", text)

    async def _attempt(self, *, dry_run: bool) -> Reloaded:
        told = await self._reader.read(self._path)
        if told.fingerprint == self.state.config_hash:
            found: list[Change] = []
            restart_keys = self.state.restart_keys
        else:
            async with self._building:
                with collector_paused():
                    found, restart_keys = await self._renew(told, dry_run=dry_run)
        if not dry_run:
            self.state = msgspec.structs.replace(self.state, last_error="", restart_keys=restart_keys)
            self._told = None
        found.sort(key=lambda one: one.path)
        return Reloaded(told.fingerprint, bool(found) and not dry_run, tuple(found), restart_keys)

    async def _renew(self, told: Told, *, dry_run: bool) -> tuple[list[Change], tuple[str, ...]]:
        digest = told.fingerprint
        loaded = await in_slices(assemble(told, Settings))
        adopted = False
        try:
            settings, restart_keys = _in_force(loaded, self._started)
            found = await in_slices(_differences(self._loaded, loaded))
            edition, renewed = await self._build(settings, dry_run=dry_run)
            if not dry_run:
                adopted = True
                await self._put_in_force(edition, renewed, loaded, digest)
        finally:
            if not adopted:
                await in_slices(forget(loaded))
        return found, restart_keys

    async def _build(self, settings: Settings, *, dry_run: bool) -> tuple[Edition, list[str]]:
        """An edition with its secrets, ready to serve unless it is a dry run, and the names of its new credentials."""
        edition = await Edition.prepare(settings, self._memory, self.edition)
        ready = False
        try:
            renewed = await edition.fetch_new(self.edition)
            if not dry_run:
                await edition.build_routes()
                ready = True
        finally:
            if not ready:
                await edition.close(after=self.edition)
        return edition, renewed

    async def _put_in_force(self, edition: Edition, renewed: list[str], loaded: Settings, digest: str) -> None:
        old, self.edition, self._loaded = self.edition, edition, loaded
        self._swap(edition)
        for name in renewed:
            self._memory.states.renewed(name)
        for name in edition.reconfigured:
            self._memory.states.reconfigured(name)
        self.state = msgspec.structs.replace(
            self.state,
            config_hash=digest,
            loaded_unix_s=time.time(),
            reloads=self.state.reloads + 1,
            routes=len(loaded.routes),
        )
        self._elder = asyncio.create_task(_see_off(old, edition, self._elder))
        self._retiring.add(self._elder)
        self._elder.add_done_callback(self._retiring.discard)
        _log.info("reloaded %s: configuration %s is in force", self._path, digest[:12])
        self._memory.learned.budgets.allow(edition.settings.hedging.max_extra)
        await in_slices(self._memory.states.adopt(edition.settings.breaker.policy()))


async def _see_off(old: Edition, after: Edition, elder: asyncio.Task[None] | None) -> None:
    """Waits for the last call of an edition and lets go of what it alone has. Connections may have come from editions
    before it, whose calls still use them: those come first.
    """
    settings = old.settings
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.deadline.max_seconds):
            await old.serving.left()
    providers = settings.providers.items()
    drained = [one for name, one in providers if one.on_cancel == "drain" and after.settings.providers.get(name) != one]
    await in_slices(old.forget())
    if elder is not None:
        await asyncio.wait({elder})
    # Answers whose callers have left are read on for their usage.
    await asyncio.sleep(max((one.drain_seconds for one in drained), default=0))
    await old.close(after)


def _in_force(loaded: Settings, started: Settings) -> tuple[Settings, tuple[str, ...]]:
    """The settings with what cannot change without a restart as it was at the start, and the keys held back by that."""
    server = started.server.model_copy(update={"drain_seconds": loaded.server.drain_seconds})
    telemetry = loaded.telemetry.model_copy(update={"call_log": started.telemetry.call_log})
    held_back = [*_unequal("server", server, loaded.server), *_unequal("telemetry", telemetry, loaded.telemetry)]
    update: dict[str, object] = {"server": server, "telemetry": telemetry}
    for name in ("store", "sharing", "ledger"):
        held_back += _unequal(name, getattr(started, name), getattr(loaded, name))
        update[name] = getattr(started, name)
    return loaded.model_copy(update=update), tuple(held_back)


def _unequal(path: str, old: object, new: object) -> Iterator[str]:
    """The paths of the smallest values that differ."""
    if isinstance(old, Section) and type(old) is type(new):
        for name in type(old).model_fields:
            yield from _unequal(f"{path}.{name}", getattr(old, name), getattr(new, name))
    elif old != new:
        yield path


def _differences(old: Settings, new: Settings) -> Work[list[Change]]:
    """What a file has added, removed and changed."""
    found: list[Change] = []
    for section in Settings.model_fields:
        before, after = getattr(old, section), getattr(new, section)
        if not isinstance(before, dict):
            found += [Change(path, "changed") for path in _unequal(section, before, after)]
            continue
        for name, entry in after.items():
            if name not in before:
                found.append(Change(f"{section}.{name}", "added"))
            elif entry != before[name]:
                found.append(Change(f"{section}.{name}", "changed"))
            yield 1
        for name in before:
            if name not in after:
                found.append(Change(f"{section}.{name}", "removed"))
            yield 1
    return found


def _invalid(error: ConfigError) -> ConfigInvalid:
    first = error.faults[0]
    more = f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
    return ConfigInvalid(
        f"{first}{more}",
        metadata={"file": first.file, "line": str(first.line), "faults": str(len(error.faults))},
        violations=tuple(
            FieldViolation(one.path or "(file)", f"line {one.line}: {one.expected}") for one in error.faults
        ),
        subject=first.file,
    )

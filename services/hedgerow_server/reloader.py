"""Puts another configuration in the place of the one in force, while calls go on."""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from hedgerow_server import planning
from hedgerow_server.config.load import ConfigError
from hedgerow_server.config.reload import ConfigReader, Mark, Told, assemble, changes, mark
from hedgerow_server.core.admin import Change, ConfigState, Reloaded, RolledBack
from hedgerow_server.core.error import ConfigInvalid, FieldViolation, HedgerowError, Internal
from hedgerow_server.core.plan import Plan
from hedgerow_server.core.slices import collector_paused, in_slices
from hedgerow_server.core.text import cut
from hedgerow_server.differing import differences, in_force
from hedgerow_server.edition import Edition, Memory, forget
from hedgerow_server.history import History, Kept, Memo, first, kept
from hedgerow_server.routing.routes import Routes
from hedgerow_server.settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)
_ERROR_BYTES = 16_384
_COMMAND = (sys.executable, "-m", "hedgerow_server", "parse")


class Reader(Protocol):
    """Reads configuration files without holding up the loop."""

    async def read(self, path: Path, text: bytes | None = None) -> Told:
        """What a file says; with `text`, what a file of this name would say. Raises ConfigError."""

    async def close(self) -> None:
        """No file will come any more."""


class Others(Protocol):
    """Other processes of this router, which have the same configuration in force."""

    async def prepare(self, entry: Kept, *, back: bool) -> None:
        """Has all of them make ready for a configuration, one of the history where it is a way `back`. Raises
        HedgerowError where one cannot; then `drop` follows.
        """

    async def drop(self) -> None:
        """It will not come in force."""

    async def commit(self, entry: Kept, memo: Memo) -> None:
        """It is in force here: all others have it, and those that start later are given the memo."""


class _Ready(msgspec.Struct, frozen=True):
    """A configuration that could be put in force at once."""

    entry: Kept
    edition: Edition
    renewed: list[str]
    loaded: Settings
    restart_keys: tuple[str, ...]


class Reloader:
    """Owns the edition that is in force."""

    others: Others | None = None
    """Those who have to agree. None: this process is alone."""

    def __init__(
        self,
        path: Path,
        edition: Edition,
        memory: Memory,
        swap: Callable[[Edition], None],
        reader: Reader | None = None,
        *,
        memo: Memo | None = None,
        loaded: Settings | None = None,
    ) -> None:
        """`swap` puts a new edition before the callers. It must neither wait nor fail. `reader` reads the file; None:
        another process does. `memo`: the edition is that of others, who have been there before. `loaded` is what its
        file says, with what takes effect only with a restart; None: nothing of that has changed.
        """
        self.edition = edition
        if memo is None:
            start = first(edition.settings)
            history = History(start)
            state = ConfigState(
                config_hash=start.hash,
                path=str(path),
                loaded_unix_s=start.loaded_unix_s,
                routes=start.routes,
                kept=history.listed(),
            )
            memo = Memo(history, state)
        self._history, self.state = memo.history, memo.state
        self._path = path
        self._memory = memory
        self._swap = swap
        self._loaded = loaded or edition.settings
        self._started = edition.settings.model_copy(update={"routes": {}, "providers": {}})
        self._reader = reader or ConfigReader(_COMMAND)
        self._one_at_a_time = asyncio.Lock()
        self._building = asyncio.Lock()
        self._told: tuple[Mark | None, str] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._elder: asyncio.Task[None] | None = None
        self._ready: _Ready | None = None

    @property
    def memo(self) -> Memo:
        """For processes that come later."""
        return Memo(self._history, self.state)

    @property
    def routes(self) -> Routes:
        """The routes that are in force."""
        return self.edition.routes

    async def reload(self, *, dry_run: bool = False) -> Reloaded:
        """Reads the file and puts what it says in force; `dry_run` does all but that. Goes on when whoever waits for it
        leaves. Raises ConfigInvalid, CredentialUnavailable and Internal; then all is as it was.
        """
        return await self._going_on(self._reload(dry_run=dry_run))

    async def plan(self, text: bytes, name: str) -> Plan:
        """What a configuration would change that stands in no file, but in a text that is called so. Raises
        ConfigInvalid and Internal.
        """
        return await self._going_on(self._plan(text, Path(name)))

    async def roll_back(self, beginning: str = "", *, dry_run: bool = False) -> RolledBack:
        """Puts the configuration in force again that was before this one, or the latest whose hash begins so; `dry_run`
        does all but that. Goes on when whoever waits for it leaves. Raises ConfigNotKept, and what a reload raises;
        then all is as it was.
        """
        return await self._going_on(self._roll_back(beginning, dry_run=dry_run))

    async def follow(self, seen: Mark | None) -> None:
        """Reloads whenever the file changes; `seen` is its mark when it was read for the start."""
        async for _ in changes(self._path, seen):
            await self.reload_by("file")

    async def reload_by(self, who: str) -> None:
        """Reloads without a call that asks for it: `who` is "file" or "signal". What came of it stands in the process's
        log and in the audit log; a file in which nothing has changed leaves no row there, and ends no rollback.
        """
        try:
            told = await self._going_on(self._reload(asked=who != "file"))
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

    async def prepare(self, entry: Kept, *, back: bool) -> None:
        """Makes ready for a configuration that another process of this router is about to put in force. Raises as a
        reload does, and what goes wrong by a fault of the gateway.
        """
        await self.drop()
        async with self._building:
            with collector_paused():
                loaded = await in_slices(assemble(entry.told(), Settings))
                settings, restart_keys = in_force(loaded, self._started)
                edition, renewed = await self._build(settings, dry_run=False)
        entry = (self._history.known(entry.hash) if back else None) or entry
        self._ready = _Ready(entry, edition, renewed, loaded, restart_keys)

    async def drop(self) -> None:
        """What was made ready will not come in force."""
        ready, self._ready = self._ready, None
        if ready is not None:
            await ready.edition.close(after=self.edition)

    async def commit(self, digest: str) -> bool:
        """Puts in force what was made ready. False: something else was, or nothing."""
        ready = self._ready
        if ready is None or ready.entry.hash != digest:
            return self.state.config_hash == digest
        self._ready = None
        await self._put_in_force(ready.edition, ready.renewed, ready.loaded, ready.entry)
        self.state = msgspec.structs.replace(self.state, restart_keys=ready.restart_keys)
        return True

    def adopt(self, memo: Memo) -> None:
        """Goes on from what others say, once the same configuration is in force."""
        self._history, self.state = memo.history, memo.state

    async def close(self) -> None:
        """Ends everything, connections to providers included."""
        await self.drop()
        for task in (*self._tasks, *self._retiring):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._retiring, return_exceptions=True)
        await self._reader.close()
        await self.edition.close()

    async def _going_on(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # or asyncio complains where nobody has waited

    async def _reload(self, *, dry_run: bool = False, asked: bool = True) -> Reloaded:
        async with self._one_at_a_time:
            seen = mark(self._path)
            try:
                return await self._attempt(dry_run=dry_run, asked=asked)
            except Exception as error:
                failure, text = _failure(error, f"reloading {self._path}")
            if not dry_run:
                self._note_failure(seen, text)
            raise failure

    async def _plan(self, text: bytes, path: Path) -> Plan:
        async with self._one_at_a_time:
            try:
                told = await self._reader.read(path, text)
                async with self._building:
                    with collector_paused():
                        return await self._planned(told)
            except Exception as error:
                failure, _ = _failure(error, "planning a configuration")
            raise failure

    async def _planned(self, told: Told) -> Plan:
        loaded = await in_slices(assemble(told, Settings))
        try:
            settings, restart_keys = in_force(loaded, self._started)
            found, total = await in_slices(planning.changes(self._loaded, loaded, restart_keys))
            files = await in_slices(planning.named_files(loaded))
            # Finds what a look at the file cannot. Without its secrets: a text could name any file, and any server.
            edition = await Edition.prepare(settings, self._memory, self.edition)
            await edition.close(after=self.edition)
        finally:
            await in_slices(forget(loaded))
        return Plan(
            current_hash=self.state.config_hash,
            planned_hash=told.fingerprint,
            changes=found,
            total=total,
            restart_keys=restart_keys,
            named_files=files,
        )

    async def _roll_back(self, beginning: str, *, dry_run: bool) -> RolledBack:
        async with self._one_at_a_time:
            before = self.state.config_hash
            try:
                target = self._history.find(beginning)
                if target.hash == before:
                    return RolledBack(before, Reloaded(before, False, (), self.state.restart_keys))
                reloaded = await self._enter(target, target.told(), dry_run=dry_run)
            except Exception as error:
                failure, _ = _failure(error, "a rollback")
            else:
                return RolledBack(before, reloaded)
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

    async def _attempt(self, *, dry_run: bool, asked: bool) -> Reloaded:
        told = await self._reader.read(self._path)
        digest = told.fingerprint
        if not asked and digest == self.state.file_hash:
            # It was rolled back, and the file says what it said then.
            told_of = Reloaded(self.state.config_hash, False, (), self.state.restart_keys)
        elif digest == self.state.config_hash:
            told_of = Reloaded(digest, False, (), self.state.restart_keys)
            if not dry_run:
                self.state = msgspec.structs.replace(self.state, file_hash="", rolled_back_unix_s=None)
        else:
            if not dry_run:
                # Now, since other workers are given the state as it is when it comes in force.
                self.state = msgspec.structs.replace(self.state, last_error="")
            told_of = await self._enter(kept(told), told, dry_run=dry_run)
        if not dry_run:
            self.state = msgspec.structs.replace(self.state, last_error="")
            self._told = None
        return told_of

    async def _enter(self, entry: Kept, told: Told, *, dry_run: bool) -> Reloaded:
        """Puts a configuration in force, unless it is a dry run: a new one, or one of the history."""
        async with self._building:
            with collector_paused():
                found, restart_keys = await self._renew(entry, told, dry_run=dry_run)
        found.sort(key=lambda one: one.path)
        return Reloaded(entry.hash, bool(found) and not dry_run, tuple(found), restart_keys)

    async def _renew(self, entry: Kept, told: Told, *, dry_run: bool) -> tuple[list[Change], tuple[str, ...]]:
        loaded = await in_slices(assemble(told, Settings))
        adopted = False
        try:
            settings, restart_keys = in_force(loaded, self._started)
            found = await in_slices(differences(self._loaded, loaded))
            edition, renewed = await self._build(settings, dry_run=dry_run)
            if not dry_run:
                await self._agree(entry, edition)
                adopted = True
                await self._put_in_force(edition, renewed, loaded, entry)
                self.state = msgspec.structs.replace(self.state, restart_keys=restart_keys)
                if self.others is not None:
                    await self.others.commit(entry, self.memo)
        finally:
            if not adopted:
                await in_slices(forget(loaded))
        return found, restart_keys

    async def _agree(self, entry: Kept, edition: Edition) -> None:
        """Has all others make ready for it. Raises what keeps one of them from that; then it is dropped everywhere."""
        others, agreed = self.others, False
        if others is None:
            return
        try:
            await others.prepare(entry, back=self._history.holds(entry))
            agreed = True
        finally:
            if not agreed:
                await edition.close(after=self.edition)
                await others.drop()

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

    async def _put_in_force(self, edition: Edition, renewed: list[str], loaded: Settings, entry: Kept) -> None:
        old, self.edition, self._loaded = self.edition, edition, loaded
        self._swap(edition)
        for name in renewed:
            self._memory.states.renewed(name)
        for name in edition.reconfigured:
            self._memory.states.reconfigured(name)
        self._note(entry, len(loaded.routes))
        self._elder = asyncio.create_task(_see_off(old, edition, self._elder))
        self._retiring.add(self._elder)
        self._elder.add_done_callback(self._retiring.discard)
        if self.state.file_hash:
            _log.warning("rolled back: configuration %s is in force until %s changes", entry.hash[:12], self._path)
        else:
            _log.info("reloaded %s: configuration %s is in force", self._path, entry.hash[:12])
        self._memory.learned.budgets.allow(edition.settings.hedging.max_extra)
        await in_slices(self._memory.states.adopt(edition.settings.breaker.policy()))

    def _note(self, entry: Kept, routes: int) -> None:
        """Brings the state up to what is in force."""
        now_s = time.time()
        file_hash = ""
        if self._history.holds(entry):
            # What the file said is known since before the first of several rollbacks.
            said = self.state.file_hash or self.state.config_hash
            file_hash = said if said != entry.hash else ""
        self._history.enter(entry, routes, now_s)
        self.state = msgspec.structs.replace(
            self.state,
            config_hash=entry.hash,
            loaded_unix_s=now_s,
            reloads=self.state.reloads + 1,
            routes=routes,
            rolled_back_unix_s=now_s if file_hash else None,
            file_hash=file_hash,
            kept=self._history.listed(),
        )


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


def _failure(error: Exception, doing: str) -> tuple[HedgerowError, str]:
    """What is told to whoever has asked, and to the log."""
    if isinstance(error, ConfigError):
        return _invalid(error), str(error)
    if isinstance(error, HedgerowError):
        return error, error.message
    _log.error("%s failed by a fault of the gateway", doing, exc_info=error)
    failure = Internal("A fault of the gateway; its log tells more.")
    return failure, f"a fault of the gateway ({type(error).__name__})"


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

"""The life of the process: start, refresh, drain, end."""

import asyncio
import logging
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow_server.announcing import announce
from hedgerow_server.app import App
from hedgerow_server.building import build
from hedgerow_server.config.load import ConfigError
from hedgerow_server.config.reload import Mark
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.doors.listen import ListenError
from hedgerow_server.settings import Settings
from hedgerow_server.workers.words import SERVING

if TYPE_CHECKING:
    from hedgerow_server.together import Joined
    from hedgerow_server.workers.member import Member

_log = logging.getLogger(__name__)
_REFRESH_S = 5.0
_REVOKED_S = 0.5
"""How often open calls are looked at for keys that have ended: 0.2 µs for each call."""


_CORE_BYTES = 1


async def serve(
    settings: Settings, path: Path, seen: Mark | None, ports_file: Path | None, joined: "Joined | None" = None
) -> int:
    """Runs a router until a signal ends it; returns the exit status. `path` is the file of the settings, `seen` the
    mark that it had when it was read. `joined`: it is one worker of several, and ends with its supervisor, too.

    SIGTERM or SIGINT: health says NOT_SERVING, open calls get `server.drain_seconds`, then 0. A second signal ends
    them at once. SIGHUP reloads the configuration, as a change of its file does.
    """
    _leave_no_core()
    stopping, hurrying, reloading = _signals(joined)
    try:
        app = await build(settings, path, joined)
    except ConfigError as error:
        _log.error("%s", error)
        return 1
    if joined is not None and joined.member.index == 0 and app.memory.keepers.apart(settings.idempotency):
        _log.warning("each worker keeps its own answers for idempotency keys: there is no store that the others know")
    await app.refresh()
    try:
        if app.together is not None:
            await app.together.enter()
        addresses = await app.listen()
    except ListenError as error:
        _log.error("%s", error)
        await app.close()
        return 1
    for problem in app.own_problems():
        _log.warning("not ready: %s", problem)
    if joined is None:
        announce(addresses, ports_file, _log)
        following = _follow(app, seen, reloading)
    else:
        joined.member.tell(SERVING)
        following = _follow_as_speaker(app, seen, joined.member)
    keepers = [
        asyncio.create_task(_keep_leases(app)),
        asyncio.create_task(_keep_health(app)),
        asyncio.create_task(following),
    ]
    ending = asyncio.create_task(_keep_ending(app))
    await stopping.wait()
    grace_s = app.edition.settings.server.drain_seconds
    _log.info("draining: open calls get %g s; a second signal ends them", grace_s)
    for keeper in keepers:
        keeper.cancel()
    await app.drain(grace_s, hurrying)
    ending.cancel()
    await app.close()
    _log.info("ended")
    return 0


def _leave_no_core() -> None:
    """Has a crash leave no image of the memory, which has every secret in it.

    One byte and not none: Linux holds piped dumps (`core_pattern` with `|`, as systemd-coredump and apport set it) to
    no limit but this one, which it takes for "never" (fs/coredump.c), and no file is that small. The process stays
    dumpable otherwise, so that operators can look at it with py-spy or read its /proc.
    """
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    least = _CORE_BYTES if hard == resource.RLIM_INFINITY else min(_CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))


async def _follow(app: App, seen: Mark | None, reloading: asyncio.Event) -> None:
    """Reloads when the file changes, and when somebody asks for it."""
    await asyncio.gather(app.reloader.follow(seen), _keep_reloading(app, reloading))


async def _follow_as_speaker(app: App, seen: Mark | None, member: "Member") -> None:
    """The same for all workers, once this one serves the admin doors for them."""
    await member.speaking.wait()
    assert app.together is not None
    try:
        await app.listen_for_operators()
        await app.together.take_the_floor()
    except (ListenError, HedgerowError) as error:
        _log.error("worker %d cannot serve the admin doors, and ends: %s", member.index, error)
        member.ending.set()
        return
    await _follow(app, seen, member.reloading)


def _signals(joined: "Joined | None") -> tuple[asyncio.Event, asyncio.Event, asyncio.Event]:
    """Events for the first and the second signal to end, and for SIGHUP. A supervisor sets the same ones."""
    if joined is None:
        stopping, hurrying, reloading = asyncio.Event(), asyncio.Event(), asyncio.Event()
    else:
        member = joined.member
        stopping, hurrying, reloading = member.ending, member.hurrying, member.reloading

    def on_signal() -> None:
        # A worker may have several of them at once: from whoever ends all processes of a service, and as its supervisor
        # ends. It is the supervisor that says when to hurry.
        (hurrying if stopping.is_set() and joined is None else stopping).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    loop.add_signal_handler(signal.SIGHUP, reloading.set)
    return stopping, hurrying, reloading


async def _keep_leases(app: App) -> None:
    """Reads the secrets and the files of the catalogue again every few seconds: a file may have been rotated or
    changed, a missing one may have come.
    """
    while True:
        await asyncio.sleep(_REFRESH_S)
        await app.refresh()
        app.tell_health()


async def _keep_health(app: App) -> None:
    """Tells health at once when a secret comes by itself."""
    while True:
        await app.memory.news.wait()
        app.memory.news.clear()
        app.tell_health()


async def _keep_ending(app: App) -> None:
    """Ends what must not go on. The store is asked for changes elsewhere; that a key expires it does not tell."""
    while True:
        await asyncio.sleep(_REVOKED_S)
        app.end_revoked()


async def _keep_reloading(app: App, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        await app.reloader.reload_by("signal")

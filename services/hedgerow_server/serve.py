"""The life of the process: start, refresh, drain, end."""

import asyncio
import logging
import os
import signal
from pathlib import Path

import msgspec

from hedgerow_server.app import App
from hedgerow_server.doors.listen import ListenError
from hedgerow_server.settings import Settings

_log = logging.getLogger(__name__)
_REFRESH_S = 5.0


async def serve(settings: Settings, ports_file: Path | None) -> int:
    """Runs a router until a signal ends it; returns the exit status.

    SIGTERM or SIGINT: health says NOT_SERVING, open calls get `server.drain_seconds`, then 0. A second signal ends
    them at once.
    """
    app = App(settings)
    stopping, hurrying = _signals()
    await app.refresh_leases()
    try:
        addresses = await app.listen()
    except ListenError as error:
        _log.error("%s", error)
        await app.close()
        return 1
    if ports_file is not None:
        _write_atomically(ports_file, msgspec.json.encode(addresses))
    for problem in app.problems():
        _log.warning("not ready: %s", problem)
    _log.info("serving gRPC on %(grpc)s, admin gRPC on %(admin_grpc)s, admin HTTP on %(admin_http)s", addresses)
    keeper = asyncio.create_task(_keep_leases(app))
    await stopping.wait()
    _log.info("draining: open calls get %g s; a second signal ends them", settings.server.drain_seconds)
    keeper.cancel()
    await app.drain(settings.server.drain_seconds, hurrying)
    await app.close()
    _log.info("ended")
    return 0


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events for the first and the second signal."""
    stopping, hurrying = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurrying if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stopping, hurrying


async def _keep_leases(app: App) -> None:
    """Reads the secrets again every few seconds: a file may have been rotated, a missing one may have come."""
    while True:
        await asyncio.sleep(_REFRESH_S)
        await app.refresh_leases()
        await app.tell_health()


def _write_atomically(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)

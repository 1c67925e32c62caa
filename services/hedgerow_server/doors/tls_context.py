"""TLS of the doors that are on Python's sockets: contexts of Python's ssl that follow what a door is served with.

A context cannot forget what it was given, so that each certificate gets one of its own. OpenSSL asks for the one that
holds when it has read the caller's first message, and takes from it the chain, the key and the authorities. Whether
callers are asked it takes from the first one; Python tells whom they named only where the other says so, too.
"""

import asyncio
import contextlib
import os
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from hedgerow_server.doors.tls import CertificateFiles

if TYPE_CHECKING:
    from hedgerow_server.doors.spiffe import WorkloadIdentity
    from hedgerow_server.doors.svid import Svid

_LOOK_S = 0.5
"""How often files are looked at, in a thread: a disk may be slow, and the event loop must not wait for it."""


class Contexts(Protocol):
    """Where a context comes from."""

    def current(self) -> ssl.SSLContext | None:
        """What holds now. None: nothing does yet."""


class FileContexts:
    """Contexts of files."""

    def __init__(self, files: CertificateFiles[ssl.SSLContext]) -> None:
        self._files = files
        self._current = files.first

    def current(self) -> ssl.SSLContext:
        """What holds now."""
        return self._current

    async def keep(self) -> None:
        """Follows the files, for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            changed = await asyncio.to_thread(self._files.changed)
            if changed is not None:
                self._current = changed


class SvidContexts:
    """Contexts of what a Workload API gives."""

    def __init__(self, identity: "WorkloadIdentity") -> None:
        self._identity = identity
        self._svid: Svid | None = None
        self._current: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext | None:
        """What holds now. None: the Workload API has given nothing yet."""
        svid = self._identity.svid
        if svid is not None and svid is not self._svid:
            self._current, self._svid = _context(svid, ask_callers=self._identity.asks_callers), svid
        return self._current


def following(contexts: Contexts, protocol: str, *, ask_callers: bool) -> ssl.SSLContext:
    """A context for a server that speaks one protocol, by its name in ALPN. For each handshake the one holds that is
    current by then.
    """

    def choose(connection: ssl.SSLObject, name: str | None, initial: ssl.SSLContext) -> int | None:
        current = contexts.current()
        if current is None:
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        # From here on OpenSSL asks this one what is spoken.
        current.set_alpn_protocols([protocol])
        connection.context = current
        return None

    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outer.minimum_version = ssl.TLSVersion.TLSv1_2
    outer.set_alpn_protocols([protocol])
    outer.sni_callback = choose
    if ask_callers:
        outer.verify_mode = ssl.CERT_REQUIRED
        # Whoever resumes a session is not asked again, though its authority may have gone.
        outer.options |= ssl.OP_NO_TICKET
        outer.num_tickets = 0
    return outer


def _context(svid: "Svid", *, ask_callers: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _in_memory(svid.key + svid.chain) as path:
        context.load_cert_chain(path)
    if ask_callers:
        context.load_verify_locations(cadata=svid.bundle.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A path to what no disk sees: Python takes keys from files only."""
    number = os.memfd_create("svid")
    try:
        os.write(number, content)
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)

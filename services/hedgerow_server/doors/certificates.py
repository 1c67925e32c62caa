"""The TLS of all doors, from wherever the configuration says it comes."""

import asyncio
import os
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import grpc

from hedgerow_server.doors.listen import ListenError
from hedgerow_server.doors.section import TlsSection
from hedgerow_server.doors.tls import CertificateFiles, FilesError, for_python, grpc_credentials
from hedgerow_server.doors.tls_context import FileContexts, SvidContexts, following

if TYPE_CHECKING:
    from hedgerow_server.doors.spiffe import WorkloadIdentity

_FIRST_IDENTITIES_S = 3.0
"""How long the start waits for the Workload API; its identity may come later."""


class Certificates:
    """What each door is served with."""

    def __init__(self, sections: Mapping[str, TlsSection | None], news: Callable[[], None]) -> None:
        """`sections` stand by their paths in the configuration; None: plaintext. `news` is told of each identity that
        the Workload API gives.
        """
        self._sections = sections
        self._news = news
        self._identities: dict[str, WorkloadIdentity] = {}
        self._keeping: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Follows the Workload API from now on, and waits for its first answers, for a while. Raises ListenError."""
        for where, section in self._sections.items():
            if section is not None and section.spiffe is not None:
                from hedgerow_server.doors.spiffe import NoSocketError, WorkloadIdentity

                try:
                    self._identities[where] = WorkloadIdentity(section.spiffe, where, self._news)
                except NoSocketError as error:
                    raise ListenError(f"{where}.spiffe: {error}") from None
        found = self._identities.values()
        self._keeping = [asyncio.create_task(one.keep()) for one in found]
        await asyncio.gather(*(one.first(_FIRST_IDENTITIES_S) for one in found))

    def credentials(self, where: str) -> grpc.ServerCredentials | None:
        """Credentials for the door whose section this is; None: plaintext. Raises ListenError."""
        section = self._sections[where]
        if section is None:
            return None
        if where in self._identities:
            return self._identities[where].credentials()
        try:
            return grpc_credentials(section, where)
        except FilesError as error:
            raise ListenError(f"{where}: {error}") from None

    def context(self, where: str, protocol: str = "http/1.1") -> ssl.SSLContext | None:
        """The same for a server on Python's ssl; `protocol` is what it speaks, by its name in ALPN."""
        section = self._sections[where]
        if section is None:
            return None
        if where in self._identities:
            if not hasattr(os, "memfd_create"):
                raise ListenError(f"{where}.spiffe: expected Linux, where Python takes a key that is in no file")
            return following(SvidContexts(self._identities[where]), protocol, ask_callers=section.asks_callers)
        try:
            found = FileContexts(CertificateFiles(section, where, for_python))
        except FilesError as error:
            raise ListenError(f"{where}: {error}") from None
        self._keeping.append(asyncio.create_task(found.keep()))
        return following(found, protocol, ask_callers=section.asks_callers)

    def problems(self) -> list[str]:
        """Why callers cannot be served, one phrase for each door."""
        return [f"{where}: {one.problem}" for where, one in self._identities.items() if one.problem]

    async def close(self) -> None:
        """Follows nothing any more."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

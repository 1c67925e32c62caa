"""TLS of a door: certificate, key and authorities from files, taken up again when these change."""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import grpc
import msgspec

from hedgerow_server.config.reload import Mark, mark
from hedgerow_server.doors.section import TlsSection

_log = logging.getLogger(__name__)
_HALF_REPLACED_S = 1.0
"""How long files may not fit each other before the log says so: they are often replaced one after the other."""


class FilesError(Exception):
    """The files cannot be used; the text says which and why, never what is in them."""


class _Trouble(msgspec.Struct):
    """Files that cannot be used."""

    marks: list[Mark | None]
    text: str
    since_s: float
    told: bool = False


Loaded = TypeVar("Loaded")
Load = Callable[[TlsSection, list[bytes]], Loaded]
"""Makes of the files, and of what was read from them, what a server takes. Raises FilesError."""


class CertificateFiles(Generic[Loaded]):
    """The files of one door. Connections that are open stay as they are."""

    def __init__(self, section: TlsSection, where: str, load: Load[Loaded]) -> None:
        """`where` is the section's path, for the log. Raises FilesError."""
        self._section = section
        self._where = where
        self._load = load
        self._one_at_a_time = threading.Lock()
        self._seen = self._marks()
        self._trouble: _Trouble | None = None
        self._in_force = self._read()
        self.first = load(section, self._in_force)
        """What holds at first."""

    def changed(self) -> Loaded | None:
        """What holds from the next handshake on; None where that is what held before. Looks at the files' marks and
        reads them only when one is another. Never fails: files that are of no use leave the last good ones in force,
        and the log says so once.
        """
        # Whoever comes while another handshake has the files read is served with what there is.
        if not self._one_at_a_time.acquire(blocking=False):
            return None
        try:
            return self._look()
        finally:
            self._one_at_a_time.release()

    def _look(self) -> Loaded | None:
        seen = self._marks()
        if seen == self._seen:
            return None
        if self._trouble is not None and self._trouble.marks == seen:
            self._tell(self._trouble)
            return None
        try:
            found = self._read()
            loaded = self._load(self._section, found)
            if self._read() != found:
                # They are being written at this moment: the next handshake looks again.
                return None
        except FilesError as error:
            self._trouble = _Trouble(seen, str(error), time.monotonic())
            return None
        self._seen, self._trouble = seen, None
        if found == self._in_force:
            return None
        self._in_force = found
        _log.info("%s: %s was read again and is in force", self._where, self._section.certificate)
        return loaded

    def _tell(self, trouble: _Trouble) -> None:
        if not trouble.told and time.monotonic() - trouble.since_s >= _HALF_REPLACED_S:
            trouble.told = True
            _log.error("%s: the last good certificate stays in force: %s", self._where, trouble.text)

    def _paths(self) -> list[Path]:
        section = self._section
        return [one for one in (section.key, section.certificate, section.client_ca) if one is not None]

    def _marks(self) -> list[Mark | None]:
        return [mark(one) for one in self._paths()]

    def _read(self) -> list[bytes]:
        try:
            return [one.read_bytes() for one in self._paths()]
        except OSError as error:
            raise FilesError(f"{error.filename} cannot be read: {error.strerror}") from None


def grpc_credentials(section: TlsSection, where: str) -> grpc.ServerCredentials:
    """Credentials for one port, which follow the files: C-core asks for them before every handshake, in a thread of its
    own. Raises FilesError.
    """
    files = CertificateFiles(section, where, for_grpc)
    return grpc.dynamic_ssl_server_credentials(
        files.first,
        files.changed,  # type: ignore[arg-type]  # the stubs know nothing of None, which stands for no change
        require_client_authentication=section.asks_callers,
    )


def for_grpc(section: TlsSection, contents: list[bytes]) -> grpc.ServerCertificateConfiguration:
    """What C-core takes. Raises FilesError."""
    key, certificate, *client_ca = contents
    # C-core would take any, and then refuse every handshake.
    for_python(section, contents)
    return grpc.ssl_server_certificate_configuration(
        [(key, certificate)], root_certificates=client_ca[0] if client_ca else None
    )


def for_python(tls: TlsSection, contents: list[bytes]) -> ssl.SSLContext:
    """What Python's ssl takes, which does not take contents. Raises FilesError with what OpenSSL says of the files."""
    assert tls.certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A password of no length, because OpenSSL would ask for the real one on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except ssl.SSLError as error:
        raise FilesError(f"{tls.certificate} and {tls.key} are no certificate with its key: {_said(error)}") from None
    except OSError as error:
        raise FilesError(f"{tls.certificate} or {tls.key} cannot be read: {error.strerror}") from None
    try:
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except ssl.SSLError as error:
        raise FilesError(f"{tls.client_ca} holds no certificate: {_said(error)}") from None
    except OSError as error:
        raise FilesError(f"{tls.client_ca} cannot be read: {error.strerror}") from None
    return context


def _said(error: ssl.SSLError) -> str:
    return (error.reason or "not PEM").replace("_", " ").lower()

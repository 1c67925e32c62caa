"""When the files of a door's certificate are read, and what is said of them."""

import logging
from pathlib import Path
from typing import Any

import pytest
from hedgerow_server.doors import tls
from hedgerow_server.doors.section import TlsSection
from hedgerow_server.doors.tls import CertificateFiles, FilesError, for_grpc
from rpc.certificates import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Issues what stands in the files."""
    return Authority()


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> CertificateFiles[Any]:
    """The files of a door, as they were when it was opened."""
    write(tmp_path, authority.issue())
    section = TlsSection(certificate=tmp_path / "certificate.pem", key=tmp_path / "key.pem")
    return CertificateFiles(section, "server.grpc.tls", for_grpc)


def write(folder: Path, pair: tuple[bytes, bytes]) -> None:
    """Puts a certificate and its key into the files."""
    (folder / "certificate.pem").write_bytes(pair[0])
    (folder / "key.pem").write_bytes(pair[1])


def test_files_are_read_only_when_their_marks_have_changed(
    files: CertificateFiles[Any], tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert [files.changed() for _ in range(100)] == [None] * 100
    assert reads == []
    write(tmp_path, authority.issue())
    assert files.changed() is not None
    before = len(reads)
    assert files.changed() is None
    assert len(reads) == before


def test_files_that_say_what_they_said_before_are_no_change(files: CertificateFiles[Any], tmp_path: Path) -> None:
    write(tmp_path, tuple((tmp_path / name).read_bytes() for name in ("certificate.pem", "key.pem")))  # type: ignore[arg-type]
    assert files.changed() is None


def test_half_replaced_files_are_waited_for_without_a_word(
    files: CertificateFiles[Any], tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.issue()
    (tmp_path / "certificate.pem").write_bytes(certificate)
    assert [files.changed(), files.changed()] == [None, None]
    (tmp_path / "key.pem").write_bytes(key)
    assert files.changed() is not None
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_files_that_stay_of_no_use_are_told_once_and_good_ones_are_taken_up(
    files: CertificateFiles[Any],
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls, "_HALF_REPLACED_S", 0)
    (tmp_path / "certificate.pem").write_bytes(b"not PEM")
    assert [files.changed() for _ in range(5)] == [None] * 5
    (told,) = (one.getMessage() for one in caplog.records if one.levelno == logging.ERROR)
    assert "the last good certificate stays in force" in told
    assert str(tmp_path / "certificate.pem") in told
    write(tmp_path, authority.issue())
    assert files.changed() is not None


def test_files_that_go_while_they_are_looked_at_fail_nothing(files: CertificateFiles[Any], tmp_path: Path) -> None:
    (tmp_path / "key.pem").unlink()
    assert [files.changed() for _ in range(3)] == [None] * 3


def test_no_content_of_a_file_is_in_what_is_said_of_it(tmp_path: Path, authority: Authority) -> None:
    certificate, _ = authority.issue()
    write(tmp_path, (certificate, b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWNhbmFyeQ==\n-----END PRIVATE KEY-----\n"))
    with pytest.raises(FilesError) as caught:
        CertificateFiles(TlsSection(certificate=tmp_path / "certificate.pem", key=tmp_path / "key.pem"), "x", for_grpc)
    assert "c2VjcmV0" not in str(caught.value)
    assert "secret-canary" not in str(caught.value)

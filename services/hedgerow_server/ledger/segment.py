"""One file of a spool: frames one after the other, in room that was set aside on the disk when the file was made.

A frame is the length of its payload and the payload's CRC-32, 4 bytes each, little-endian, and the payload. Beyond the
last one there are zeros.
"""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

MAGIC = b"hedgerow spool 1"
"""The first bytes of a segment, with the version of its form."""
_HEAD = struct.Struct("<II")
_pack = _HEAD.pack
HEAD_BYTES = _HEAD.size
_NAME = re.compile(r"(\d{8})\.seg")
_READ_BYTES = 256 * 1024


def framed(payload: bytes) -> bytes:
    """The frame of a payload."""
    return _pack(len(payload), crc32(payload)) + payload


class Segment:
    """A segment that is being written. One writer at a time."""

    __slots__ = ("_fd", "end", "number", "path", "size")

    def __init__(self, folder: Path, number: int, size: int) -> None:
        """Makes the file, with all of its room on the disk. Raises OSError; then there is none."""
        self.number = number
        self.path = folder / f"{number:08d}.seg"
        self.size = size
        self.end = len(MAGIC)
        """Up to where it is written. Whoever writes moves it on."""
        self._fd = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(self._fd, 0, size)
            os.pwrite(self._fd, MAGIC, 0)
            os.fsync(self._fd)
            sync_folder(folder)
        except BaseException:
            os.close(self._fd)
            self.path.unlink(missing_ok=True)
            raise

    @property
    def room(self) -> int:
        """How many bytes are left."""
        return self.size - self.end

    def write_at(self, at: int, frame: bytes) -> None:
        """Writes the bytes of a frame. Raises OSError."""
        if os.pwrite(self._fd, frame, at) != len(frame):
            raise OSError("not all of it was written")

    def sync(self) -> None:
        """Has the disk take what was written. Raises OSError; what was written since the last time is then nowhere
        for certain.
        """
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Closes the file; it stays where it is."""
        os.close(self._fd)


def sync_folder(folder: Path) -> None:
    """Has the disk take the names in a folder. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def segments_in(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a folder by their numbers, in order. Raises OSError."""
    found = [(int(match[1]), one) for one in folder.iterdir() if (match := _NAME.fullmatch(one.name))]
    return sorted(found)


class UnknownFormError(Exception):
    """The file is no segment, or one of another version."""


def frames(path: Path, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int]]:
    """The payloads of a segment from a place on (0: its beginning), each with the place after it. It ends at `end`, or
    else before the first frame that is not whole: the router was ended while it wrote that. Raises OSError and
    UnknownFormError.
    """
    with path.open("rb") as file:
        fd = file.fileno()
        magic = os.pread(fd, len(MAGIC), 0)
        if magic != MAGIC:
            if not magic.strip(b"\0"):
                return  # it was just being made
            raise UnknownFormError(path.name)
        end = os.fstat(fd).st_size if end is None else end
        at = max(start, len(MAGIC))
        while at < end:
            data = _read(fd, at, end)
            used = 0
            while (payload := _payload(data, used)) is not None:
                used += HEAD_BYTES + len(payload)
                yield payload, at + used
            if not used:
                return
            at += used


def _read(fd: int, at: int, end: int) -> bytes:
    """Bytes from a place on: as many as are read at once, and at least one frame."""
    data = os.pread(fd, min(_READ_BYTES, end - at), at)
    if len(data) >= HEAD_BYTES:
        whole = HEAD_BYTES + int(_HEAD.unpack_from(data)[0])
        if len(data) < whole <= end - at:
            return os.pread(fd, whole, at)
    return data


def _payload(data: bytes, at: int) -> bytes | None:
    """The payload of the frame at a place; None where there is no whole one."""
    if len(data) - at < HEAD_BYTES:
        return None
    length, crc = _HEAD.unpack_from(data, at)
    payload = data[at + HEAD_BYTES : at + HEAD_BYTES + length]
    return payload if length and len(payload) == length and crc32(payload) == crc else None

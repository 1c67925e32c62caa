"""What processes that belong together are given at their start."""

import os
import socket
import struct
import tempfile

import msgspec

_LENGTH = struct.Struct(">Q")
Pieces = tuple[tuple[bytes, bytes], ...]
"""A configuration, as `config.worker` tells it: pickled by our own process."""


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that has read the configuration leaves to the supervisor, which takes its place."""

    workers: int
    path: str
    """The file of the configuration."""
    seen: tuple[int, int, int, int] | None
    """The mark that it had when it was read."""
    pieces: Pieces
    addresses: dict[str, str]
    """Where to listen, by door; a port may be 0."""
    ports_file: str | None
    log_level: str
    log_format: str
    drain_s: float


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is given."""

    index: int
    """Which one it is, from 0."""
    workers: int
    path: str
    seen: tuple[int, int, int, int] | None
    pieces: Pieces
    """The configuration that the supervisor was started with."""
    addresses: dict[str, str]
    """Where to listen, by door, with real ports."""
    in_force: bytes = b""
    """What the workers that live keep of the configuration in force; empty: that of the start."""


def leave(content: msgspec.Struct) -> int:
    """Writes it to a file without a name; gives its descriptor, which the program that comes in our place has, too."""
    with tempfile.TemporaryFile() as file:
        file.write(msgspec.msgpack.encode(content))
        file.flush()
        found = os.dup(file.fileno())
    os.set_inheritable(found, True)
    os.lseek(found, 0, os.SEEK_SET)
    return found


def found_in(descriptor: int) -> Handover:
    """What was left there; closes it."""
    with os.fdopen(descriptor, "rb") as file:
        return msgspec.msgpack.decode(file.read(), type=Handover)


def framed(content: Start) -> bytes:
    """The first thing that is said on a worker's socket, in bytes."""
    data = msgspec.msgpack.encode(content)
    return _LENGTH.pack(len(data)) + data


def given(connection: socket.socket) -> Start:
    """Reads it, in the worker. Raises EOFError where the supervisor is gone."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return msgspec.msgpack.decode(_exactly(connection, length), type=Start)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = connection.recv(min(size - len(data), 1 << 20))
        if not more:
            raise EOFError("the supervisor has ended")
        data += more
    return bytes(data)

"""The messages of grpc.testing, made from their descriptors: nothing generated lies in the tree."""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PROTOS = Path(__file__).resolve().parent / "protos"
SERVICE = "grpc.testing.TestService"
PEAK = 314159
"""The bytes of the large answers."""


@functools.cache
def _classes() -> dict[str, Any]:
    buf = Path(sys.executable).parent / "buf"
    done = subprocess.run([buf, "build", str(_PROTOS), "-o", "-#format=binpb"], check=True, stdout=subprocess.PIPE)
    # A pool of its own: another library may have registered messages of the same names in the default one.
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file
    for file in files:
        pool.Add(file)
    return dict(message_factory.GetMessageClassesForFiles([file.name for file in files], pool))


def of(name: str) -> Any:
    """The class of a message, such as "SimpleRequest"."""
    return _classes()[f"grpc.testing.{name}"]


def parse(name: str) -> Callable[[bytes], Any]:
    """What makes a message of bytes."""
    found: Callable[[bytes], Any] = of(name).FromString
    return found


def zeros(size: int) -> Any:
    """A payload of so many zeros."""
    return of("Payload")(body=bytes(size))

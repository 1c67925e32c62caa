"""The channel arguments of gRPC: C-core skips in silence what it does not know, such as a name with a mistake in it."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from hedgerow_client.channel import plan
from hedgerow_client.testing import gateway
from hedgerow_server.doors.listen import operators_options, server_options
from hedgerow_server.doors.section import GrpcSection

OPTIONS = {
    "the callers' door": server_options(GrpcSection(max_connection_age_seconds=60)),
    "the admin door": operators_options(GrpcSection(), shared=False),
    "the client": plan("127.0.0.1:1", token=None, tls=None, insecure=None).options,
    "the client's fake gateway": gateway._OPTIONS,
}


@pytest.fixture(scope="module")
def core() -> bytes:
    """C-core, in which each argument that it knows has its name."""
    found = find_spec("grpc._cython.cygrpc")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).read_bytes()


@pytest.mark.parametrize("whose", OPTIONS)
def test_c_core_knows_every_channel_argument(core: bytes, whose: str) -> None:
    names = [name for name, _ in OPTIONS[whose]]
    assert len(names) > 1
    assert [name for name in names if name.encode() + b"\0" not in core] == []

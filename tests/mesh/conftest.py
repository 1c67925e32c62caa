"""Fixtures of the tests behind an Envoy."""

from collections.abc import Iterator

import pytest
from mesh.envoy import program
from mesh.replicas import Mesh, mesh
from rpc.caller import Caller, connected


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Three routers behind Envoy, shared by all: whoever takes one of them away brings it back."""
    program()
    with mesh(tmp_path_factory.mktemp("mesh")) as made:
        yield made
        assert made.faults() == []
        assert "[error]" not in made.envoy.log.read_text(), "Envoy tells of errors"


@pytest.fixture
def caller(shared: Mesh) -> Iterator[Caller]:
    """A gRPC caller with a connection to Envoy."""
    with connected(shared.envoy.address) as made:
        yield made

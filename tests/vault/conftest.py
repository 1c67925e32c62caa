"""Vaults to test with: a real one where it is built, and a fake one everywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from vault.client import AnyVault, Client
from vault.fake import FakeVault, fake_vault
from vault.real import NOT_BUILT, RealVault, program, real_vault


@pytest.fixture(scope="session", name="built")
def built_fixture() -> Path:
    """The program of the real Vault."""
    path = program()
    if path is None:
        pytest.skip(f"{NOT_BUILT}: run scripts/setup vault, which needs Go")
    return path


@pytest.fixture(scope="session", name="shared_real")
def shared_real_fixture(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealVault]:
    """One real Vault for all tests."""
    with real_vault(built, tmp_path_factory.mktemp("vault")) as vault:
        yield vault


@pytest.fixture(name="real")
def real_fixture(shared_real: RealVault) -> Iterator[RealVault]:
    """The real Vault, as good as new."""
    shared_real.reset()
    yield shared_real
    shared_real.thaw()


@pytest.fixture(name="fake")
def fake_fixture() -> Iterator[FakeVault]:
    """The fake."""
    with fake_vault() as vault:
        yield vault


@pytest.fixture(name="vault", params=["fake", "real"])
def vault_fixture(request: pytest.FixtureRequest) -> AnyVault:
    """Both, one after the other."""
    found: AnyVault = request.getfixturevalue(request.param)
    return found


@pytest.fixture(name="client")
def client_fixture(vault: AnyVault, tmp_path: Path) -> Iterator[Client]:
    """The router's side of either Vault."""
    client = Client(vault, tmp_path)
    yield client
    vault.thaw()
    client.close()


@pytest.fixture(name="fake_client")
def fake_client_fixture(fake: FakeVault, tmp_path: Path) -> Iterator[Client]:
    """The router's side of the fake."""
    client = Client(fake, tmp_path)
    yield client
    fake.thaw()
    client.close()


@pytest.fixture(name="real_client")
def real_client_fixture(real: RealVault, tmp_path: Path) -> Iterator[Client]:
    """The router's side of the real one."""
    client = Client(real, tmp_path)
    yield client
    real.thaw()
    client.close()

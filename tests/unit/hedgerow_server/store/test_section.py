"""What the configuration may say of the store, and what it is told otherwise."""

from pathlib import Path

import pytest
import yaml
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.settings import Settings, references
from hedgerow_server.store.opened import opened
from hedgerow_server.store.postgres import Postgres
from hedgerow_server.store.section import PostgresStoreSection, StoreSection
from hedgerow_server.store.sqlite import Sqlite

SERVER = {"host": "db.internal", "database": "hedgerow", "user": "hedgerow"}


def loaded(folder: Path, store: object) -> Settings:
    """The settings of a file with this section."""
    path = folder / "config.yaml"
    content = {
        "store": store,
        "ledger": {"enabled": False},
        "credentials": {"db": {"source": "env", "variable": "X"}},
        "providers": {"a": {"dialect": "openai"}},
        "routes": {"fast": {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}]}},
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return load(path, Settings, references)


async def test_a_path_is_a_file_and_postgres_a_server(tmp_path: Path) -> None:
    file, server = loaded(tmp_path, {"path": "a.db"}).store, loaded(tmp_path, {"postgres": SERVER}).store
    assert isinstance(file, StoreSection)
    assert isinstance(server, PostgresStoreSection)
    for section, kind in ((file, Sqlite), (server, Postgres)):
        database = opened(section, lambda _: pytest.fail("no password is needed yet"))
        assert isinstance(database, kind)
        await database.close()


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ({}, "store.path: required key is missing"),
        ({"path": "a.db", "postgres": SERVER}, "store.path: unknown key"),
        ({"postgres": {"host": "db", "user": "x"}}, "store.postgres.database: required key is missing"),
        (
            {"postgres": {**SERVER, "password": "sekret"}},
            "store.postgres.password: expected an entry of credentials (db)",
        ),
        ({"postgres": {**SERVER, "port": 0}}, "store.postgres.port: the value should be greater than or equal to 1"),
        ({"postgres": {**SERVER, "tls": {"key": "k"}}}, "store.postgres.tls: "),
        ({"postgres": {**SERVER, "tls": {}, "plaintext": True}}, "store.postgres: "),
        ("postgres://hedgerow:sekret@db/x", "store: expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_without_a_secret(
    tmp_path: Path, store: object, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, store)
    assert expected in str(caught.value)
    assert len(caught.value.faults) == 1
    assert "sekret" not in str(caught.value)

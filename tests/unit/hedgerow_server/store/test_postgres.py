"""The PostgreSQL store: how it logs in, how long it waits, and how it comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.store.audit import StoredAudit
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.postgres import Postgres
from hedgerow_server.store.script import Do, Lock, Script
from hedgerow_server.store.section import PostgresSection
from postgres import PostgresServer
from rpc.certificates import Authority
from unit.hedgerow_server.store.test_stores import ENTRY, record

SHORT_S = 0.3


@pytest.fixture(scope="module")
def name(postgres_server: PostgresServer) -> str:
    return postgres_server.database()


@pytest.fixture
async def store(postgres_server: PostgresServer, name: str) -> AsyncIterator[Postgres]:
    found = postgres_server.opened(name, timeout_seconds=5, pool_size=3)
    yield found
    await found.close()


@pytest.fixture
async def impatient(postgres_server: PostgresServer, name: str, store: Postgres) -> AsyncIterator[Postgres]:
    """One that waits for a moment only. The schema is there already."""
    await StoredKeys(store).key("a")
    found = postgres_server.opened(name, timeout_seconds=SHORT_S)
    yield found
    await found.close()


def connections() -> Script[int]:
    """How many connections to this database there are."""
    ((count,),) = yield Do("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    return int(count)


async def test_a_wrong_password_makes_the_store_unavailable_and_shows_nowhere(
    postgres_server: PostgresServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Postgres(postgres_server.section(name), lambda: Secret("wrong-password-0123"))
    with pytest.raises(StoreUnavailable) as caught:
        await StoredKeys(wrong).key("a")
    await wrong.close()
    assert f"127.0.0.1:{postgres_server.port}/{name}" in str(caught.value)
    assert "password authentication failed" in str(caught.value)
    assert "wrong-password" not in f"{caught.value!r} {wrong!r} {caplog.text}"


async def test_without_its_password_the_store_is_unavailable(postgres_server: PostgresServer, name: str) -> None:
    def away() -> Secret:
        raise CredentialUnavailable("no")

    found = Postgres(postgres_server.section(name), away)
    with pytest.raises(StoreUnavailable, match="its password is not available"):
        await StoredKeys(found).key("a")
    await found.close()


async def test_a_new_password_is_taken_up_with_the_next_connection(postgres_server: PostgresServer, name: str) -> None:
    await asyncio.to_thread(postgres_server.execute, "CREATE ROLE changing LOGIN SUPERUSER PASSWORD 'first'")
    secrets = [Secret("first")]
    found = Postgres(postgres_server.section(name, user="changing", timeout_seconds=5), lambda: secrets[-1])
    keys = StoredKeys(found)
    await keys.key("a")
    secrets.append(Secret("second"))
    await asyncio.to_thread(
        postgres_server.execute,
        "ALTER ROLE changing PASSWORD 'second';"
        " SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'changing'",
    )
    for _ in range(2):
        try:
            await keys.key("a")
        except StoreUnavailable:  # the connection that was ended under it
            continue
    assert await keys.key("a") is None
    await found.close()


async def test_a_connection_that_the_server_ended_while_it_was_idle_is_replaced_unnoticed(
    postgres_server: PostgresServer, store: Postgres, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow_server.store.postgres._CHECK_S", -1.0)
    await asyncio.gather(*(StoredKeys(store).key("a") for _ in range(3)))
    await asyncio.to_thread(
        postgres_server.execute, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    await asyncio.gather(*(StoredKeys(store).key("a") for _ in range(3)))


async def test_there_are_never_more_connections_than_configured(postgres_server: PostgresServer) -> None:
    name = await asyncio.to_thread(postgres_server.database)
    found = postgres_server.opened(name, timeout_seconds=10, pool_size=3)
    counts = await asyncio.gather(*(found.ask(connections()) for _ in range(30)))
    await found.close()
    # The fourth looks at the schema, once.
    assert 1 <= max(counts) <= 4


async def test_a_lock_of_another_router_is_waited_for_no_longer_than_configured(
    store: Postgres, impatient: Postgres
) -> None:
    """Reading goes on meanwhile."""
    audit = StoredAudit(impatient)
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(connection: object) -> None:
        await connection.execute("LOCK TABLE audit IN EXCLUSIVE MODE")  # type: ignore[attr-defined]
        held.set()
        await release.wait()

    holding = asyncio.create_task(store.write(hold))
    await held.wait()
    with pytest.raises(StoreUnavailable):
        await audit.append(ENTRY)
    await answered(lambda: audit.rows(0, 10))
    release.set()
    await holding
    await answered(lambda: audit.append(ENTRY))


async def answered(ask: Callable[[], Awaitable[object]]) -> None:
    """Returns once the store has answered: on a busy machine it may take longer than the impatient wait."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(StoreUnavailable):
                await ask()
                return


async def test_a_router_that_stands_still_within_a_transaction_holds_up_the_others_for_a_moment_only(
    store: Postgres, impatient: Postgres
) -> None:
    """The server ends its transaction: it would otherwise keep the lock until somebody sees to it."""
    frozen = await impatient._opened(SHORT_S)
    transaction = frozen.transaction()
    await transaction.start()
    await frozen.execute("LOCK TABLE audit IN EXCLUSIVE MODE")
    await StoredAudit(store).append(ENTRY)
    frozen.terminate()


async def test_a_caller_who_leaves_takes_his_transaction_with_him(store: Postgres) -> None:
    begun = asyncio.Event()

    async def work(connection: object) -> None:
        await connection.execute("DELETE FROM change_number")  # type: ignore[attr-defined]
        begun.set()
        await asyncio.Event().wait()

    await StoredKeys(store).key("a")
    leaving = asyncio.create_task(store.write(work))
    await begun.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await StoredKeys(store).add_key(record("after-a-leaver"), ENTRY)


async def test_what_a_script_raises_is_passed_on_and_the_connection_is_used_again(store: Postgres) -> None:
    def failing() -> Script[None]:
        yield Lock("keys")
        yield Do("UPDATE change_number SET last = -1")
        raise KeyError("no")

    def backend() -> Script[int]:
        ((pid,),) = yield Do("SELECT pg_backend_pid()")
        return int(pid)

    before = await store.ask(backend())
    with pytest.raises(KeyError):
        await store.change(failing())
    assert await store.ask(backend()) == before
    assert (await StoredKeys(store).add_key(record("after-a-failure"), ENTRY)).change > 0


async def test_values_of_a_statement_are_in_no_error(store: Postgres) -> None:
    keys = StoredKeys(store)
    await keys.add_key(record("twice", description="between us"), ENTRY)
    with pytest.raises(StoreUnavailable) as caught:
        await keys.add_key(record("twice", description="between us"), ENTRY)
    assert "23505" in str(caught.value)
    assert "twice" not in str(caught.value)


async def test_a_server_that_goes_away_freezes_and_comes_back_is_used_again(private_postgres: PostgresServer) -> None:
    server = private_postgres
    database = server.opened(await asyncio.to_thread(server.database), timeout_seconds=5)
    keys = StoredKeys(database)
    await keys.add_key(record("a"), ENTRY)
    await asyncio.to_thread(server.stop)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await keys.key("a")
    await asyncio.to_thread(server.start)
    assert await keys.key("a") is not None
    await database.close()
    database = server.opened(database._section.database, timeout_seconds=SHORT_S)
    keys = StoredKeys(database)
    server.freeze()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="no answer within"):
            await keys.key("a")
    server.thaw()
    await _answers(keys)
    await database.close()


async def _answers(keys: StoredKeys) -> None:
    for _ in range(50):
        try:
            await keys.key("a")
        except StoreUnavailable:
            continue
        return
    raise AssertionError("the store did not come back")


async def test_tls_is_spoken_with_who_can_show_the_right_certificate(
    private_postgres: PostgresServer, tmp_path: Path
) -> None:
    server, ours, others = private_postgres, Authority(), Authority()
    server.stop()
    server.start(certificate=ours.issue())
    name = server.database()
    for authority in (ours, others):
        (tmp_path / f"{authority is ours}.pem").write_bytes(authority.certificate)

    async def encrypted(**more: object) -> bool:
        database = server.opened(name, timeout_seconds=5, **more)
        try:
            ((used,),) = await database.read(
                lambda connection: connection.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            )
        finally:
            await database.close()
        return bool(used)

    assert await encrypted(tls={"ca_file": tmp_path / "True.pem"})
    assert not await encrypted()
    for tls in ({"ca_file": tmp_path / "False.pem"}, {}):
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            await encrypted(tls=tls)
    with pytest.raises(StoreUnavailable, match="mismatch"):
        await encrypted(tls={"ca_file": tmp_path / "True.pem"}, host="localhost")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", 1), ("::1", 1), ("localhost", 1), ("/run/postgresql", 1), ("db", 0), ("10.0.0.1", 0)],
)
def test_only_a_server_on_this_machine_is_talked_to_in_the_clear_by_default(host: str, local: int) -> None:
    assert PostgresSection(host=host, database="x", user="x").is_local is bool(local)

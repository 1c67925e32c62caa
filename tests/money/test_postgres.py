"""The ledger with its rows in PostgreSQL."""

from pathlib import Path

from hedgerow_server.ledger.ledger import Ledger
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.store.ledger import StoredLedger
from money.driver import LOST_PICOS, SEGMENT, estimate
from money.test_spool import closed, made, opened, paced, until
from postgres import PostgresServer

SECTION = LedgerSection(segment_bytes=SEGMENT, max_bytes=8 * SEGMENT)


async def test_a_server_that_is_frozen_and_ended_delays_nobody_and_has_every_row_once(
    tmp_path: Path, private_postgres: PostgresServer
) -> None:
    """L1."""
    server = private_postgres
    database = server.opened(server.database(), timeout_seconds=0.3)
    one = Ledger(SECTION, tmp_path / "spool", StoredLedger(database), estimate)
    await one.start()
    ids = await paced(one, 20)
    await one.stored()
    server.freeze()
    ids += await paced(one, 20)
    await until(lambda: one._keeper.problem, "the store is away")
    assert one.admitting
    server.stop()
    ids += await paced(one, 20)
    server.start()
    await one.stored()
    rows = await StoredLedger(database).calls(0, 1e12, "", 1000)
    assert sorted(ids) == [row.call_id for row in rows]
    assert {row.charged_picos for row in rows} == {7}
    await one.close()
    await database.close()


async def test_what_a_router_left_goes_into_the_shared_store(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """L3."""
    database = postgres_server.opened(postgres_server.database())
    store = StoredLedger(database)
    dead = Ledger(SECTION, tmp_path / "spool", store, estimate)
    await dead.start()
    call, books = opened(dead)
    left, _ = opened(dead)
    closed(call, books)
    ids = made(dead, 5)
    dead._keeper.stopping.set()
    await dead.close()
    heir = Ledger(SECTION, tmp_path / "spool", store, estimate)
    await heir.start()
    await heir.settled()
    rows = {row.call_id: row for row in await store.calls(0, 1e12, "", 1000)}
    assert set(rows) == {*ids, call.call_id, left.call_id}
    assert {name for name, row in rows.items() if row.lost} == {left.call_id}
    assert (rows[left.call_id].charged_picos, rows[left.call_id].attempts) == (LOST_PICOS, 1)
    await heir.close()
    await database.close()

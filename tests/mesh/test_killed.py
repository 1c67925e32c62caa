"""Routers that die or freeze under load: one more try is enough, and books and limits stay right."""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from hedgerow_server.store.ledger import ATTEMPT_COLUMNS, CALL_COLUMNS, attempt_row, call_row
from mesh.envoy import program
from mesh.load import Load, load, rounds, until
from mesh.programs import go_load, java_load, keep_calling
from mesh.replicas import Mesh, Replica, Rows, mesh, settings
from polyglot.test_java import maven
from postgres import PASSWORD_VARIABLE, PostgresServer
from redis_server import RedisServer
from rpc.caller import COMPLETE, connected, eventually

__all__ = ["maven"]  # a fixture

_log = logging.getLogger(__name__)
ROUNDS, LONG_ROUNDS = 2, 20
A_ROUND = 500
"""Requests that the counted route may have in all, for each time that a router is taken away."""
LEASE_S = 3
PATIENCE = (4, 20)
"""How long the first try of a call is waited for, and the second, which may have to wait for a lease to lapse."""
REACHED = 3 + 2 * 3 + 2 * (1 + 3)
"""Who asks where: in Python three tasks Envoy and two all routers, and a program in Go and in Java either."""


@pytest.fixture(scope="module")
def sharing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis: RedisServer,
    postgres_server: PostgresServer,
) -> Iterator[Mesh]:
    """Three routers with one store for keys, answers and the ledger, which count together. Each has a spool of its own,
    so that nobody but itself recovers what it leaves.
    """
    program()
    redis.empty()
    folder, database = tmp_path_factory.mktemp("mesh-killed"), postgres_server.database()
    usual = settings(folder, "http://127.0.0.1:9")
    limit = {"requests": A_ROUND * rounds(request, ROUNDS, LONG_ROUNDS), "per": "total"}
    counted = {"kind": "chat", "candidates": [{"provider": "sim", "model": "gpt-4o-mini"}]}
    with mesh(
        folder,
        environment={PASSWORD_VARIABLE: postgres_server.password},
        own=lambda number: {"ledger": {**usual["ledger"], "spool": str(folder / f"spool-{number}")}},
        store={"postgres": postgres_server.section(database, timeout_seconds=5).model_dump(mode="json")},
        credentials={**usual["credentials"], "store": {"source": "env", "variable": PASSWORD_VARIABLE}},
        idempotency={"lease_seconds": LEASE_S},
        sharing={"redis": {"url": redis.url, "lease_seconds": 2, "timeout_seconds": 1}, "replicas": 3},
        routes={**usual["routes"], "counted": counted},
        quotas=[{"name": "counted", "match": {"model": ["counted"]}, "limits": [limit]}],
    ) as made:
        made.read = lambda: asyncio.run(_rows(postgres_server, database))
        yield made


async def _rows(server: PostgresServer, database: str) -> Rows:
    connection = await asyncpg.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=database
    )
    try:
        calls = await connection.fetch(f"SELECT {CALL_COLUMNS} FROM ledger_call ORDER BY call_id")
        attempts = await connection.fetch(f"SELECT {ATTEMPT_COLUMNS} FROM ledger_attempt ORDER BY call_id, number")
    finally:
        await connection.close()
    return [call_row(row) for row in calls], [attempt_row(row) for row in attempts]


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_one_more_try_answers_every_call_while_routers_die_and_freeze(
    sharing: Mesh, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One of the three, SIGKILL and SIGSTOP in turn: twice, with --long twenty times. Callers in Python, Go and Java
    ask through Envoy and directly. Afterwards the ledger has what the provider has seen, and callers got what the quota
    grants: of it, a router may have taken for one call what nobody got, as it was killed before it wrote the call down.
    """
    java = await asyncio.to_thread(java_load, tmp_path, request.getfixturevalue("maven"))
    programs = {"go": await asyncio.to_thread(go_load, tmp_path), "java": java}
    direct = [f"127.0.0.1:{one.grpc}" for one in sharing.replicas]
    times = rounds(request, ROUNDS, LONG_ROUNDS)
    dice = random.Random(11)
    async with load(sharing) as callers:
        async with asyncio.TaskGroup() as work:
            for model, straight in (("fast", False), ("paced", False), ("fast", True), ("paced", True)):
                work.create_task(callers.keep_calling(model, patience=PATIENCE, direct=straight))
            work.create_task(callers.keep_calling("counted", patience=PATIENCE, refused=True))
            for name, command in programs.items():
                for where, targets in (("envoy", [sharing.envoy.address]), ("direct", direct)):
                    calls = keep_calling(
                        callers, f"{name} {where}", command, targets, ["fast", "paced"], workers=2, patience=PATIENCE
                    )
                    work.create_task(calls)
            await _settled(callers)
            for number in range(times):
                await asyncio.sleep(dice.uniform(0, 1))  # the moment is what is drawn
                await _hurt(sharing, dice.choice(sharing.replicas), callers, freeze=number % 2 == 1)
                assert callers.failed == []
            callers.stop()
        assert callers.failed == []
        assert callers.again > 0, "no call was under way when a router died"
        await asyncio.to_thread(_use_up, sharing)
        await callers.balance()
    assert sharing.faults() == []
    limit, kills = A_ROUND * times, (times + 1) // 2
    rows, _ = await asyncio.to_thread(sharing.rows)
    granted = sum(one.route == "counted" and one.code != "RESOURCE_EXHAUSTED" for one in rows)
    _log.info(
        "%d calls answered, %d of them by a second try; %d rows; %d granted of %d",
        *(callers.answered, callers.again, len(rows), granted, limit),
    )
    assert limit - kills <= granted <= limit


async def _hurt(sharing: Mesh, one: Replica, callers: Load, *, freeze: bool) -> None:
    """Takes a router away without a word until Envoy has noticed, and brings it back. Returns once all is as before: no
    call has more than one router that fails it.
    """
    if freeze:
        one.send(signal.SIGSTOP)
    else:
        await asyncio.to_thread(one.stop, signal.SIGKILL)
    seen = callers.answered
    await until(lambda: one.grpc not in sharing.envoy.healthy(), "Envoy has noticed")
    await until(lambda: callers.answered >= seen + 20, "calls are answered meanwhile")
    if freeze:
        one.send(signal.SIGCONT)
    else:
        await asyncio.to_thread(one.start)
    await asyncio.to_thread(sharing.all_well)
    await _settled(callers)


async def _settled(callers: Load) -> None:
    """Returns once the calls under way have their answers, and everybody gets some at first try wherever he asks."""
    under_way, reached = set(callers.under_way), dict(callers.reached)
    await until(lambda: not callers.under_way & under_way, "calls under way are over", lambda: callers.failed)
    await until(
        lambda: (
            len(callers.reached) >= REACHED
            and all(callers.reached[name] > reached.get(name, 0) for name in callers.reached)
        ),
        "everybody reaches everybody",
        lambda: (callers.failed, callers.reached),
    )


def _use_up(sharing: Mesh) -> None:
    """Takes what is left of the quota, and some more, once what dead routers were lent is given back."""
    with connected(sharing.envoy.address) as caller, ThreadPoolExecutor(8) as pool:

        def refused(_: int) -> bool:
            outcome = caller.chat(COMPLETE, "counted")
            assert outcome.code.name in ("OK", "RESOURCE_EXHAUSTED"), outcome
            return outcome.code.name == "RESOURCE_EXHAUSTED"

        eventually(lambda: all(pool.map(refused, range(40))), "nothing is left", 60)
        time.sleep(LEASE_S)  # longer than any router was lent something for
        eventually(lambda: all(pool.map(refused, range(40))), "nothing is left", 60)

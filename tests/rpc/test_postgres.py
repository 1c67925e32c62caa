"""Routers that share a PostgreSQL: keys, the audit log, and what becomes of calls while it is away."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from hedgerow_client import HedgerowError
from postgres import PostgresServer
from rpc.access import Guarded, bearer, guarded, troubled
from rpc.caller import COMPLETE, Caller, eventually
from rpc.conftest import StartRouter
from stack import Stack

OK, UNAUTHENTICATED, UNAVAILABLE = grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE


def code(caller: Caller, token: str) -> grpc.StatusCode:
    """How a call with a key ends."""
    found: grpc.StatusCode = caller.chat(COMPLETE, "fast", metadata=bearer(token)).code
    return found


@pytest.fixture(scope="module")
def pair(start_router: StartRouter, postgres_server: PostgresServer) -> Iterator[tuple[Guarded, Guarded]]:
    """Two routers on one database, which they found empty."""
    where = (postgres_server, postgres_server.database())
    with ExitStack() as exits:
        yield (
            exits.enter_context(guarded(start_router, where, [])),
            exits.enter_context(guarded(start_router, where, [])),
        )


def test_a_key_that_one_router_makes_or_revokes_is_known_to_the_other(pair: tuple[Guarded, Guarded]) -> None:
    one, other = pair
    text, key_id = one.key()
    assert code(other.caller, text) is OK
    other.admin.revoke_key(key_id)
    assert code(other.caller, text) is UNAUTHENTICATED
    eventually(lambda: code(one.caller, text) is UNAUTHENTICATED, "the key is refused", within_s=5)


def test_what_operators_do_at_both_routers_is_one_chain(pair: tuple[Guarded, Guarded]) -> None:
    for number in range(6):
        pair[number % 2].key()
    told = [one.admin.verify_audit() for one in pair]
    assert [one.broken_number for one in told] == [0, 0]
    assert told[0].rows_count == told[1].rows_count >= 6
    assert told[0].last_digest == told[1].last_digest


def test_a_store_that_comes_and_goes_makes_no_valid_caller_a_stranger(
    stack: Stack, private_postgres: PostgresServer, tmp_path: Path
) -> None:
    with guarded(troubled(stack, tmp_path), (private_postgres, private_postgres.database()), []) as ours:
        text, _ = ours.key()
        assert code(ours.caller, text) is OK
        private_postgres.stop()
        assert code(ours.caller, text) is OK
        with pytest.raises(HedgerowError) as caught:
            ours.key()
        assert (caught.value.code, caught.value.reason) == (UNAVAILABLE, "ERROR_REASON_IDENTITY_UNAVAILABLE")
        eventually(lambda: code(ours.caller, f"hk_{'a' * 16}_{'a' * 52}") is UNAVAILABLE, "nobody can tell")
        private_postgres.start()
        eventually(lambda: _made(ours), "a key can be made again")
        log = ours.router.log.read_text()
        assert f"PostgreSQL 127.0.0.1:{private_postgres.port}" in log
        assert private_postgres.password not in log


def _made(running: Guarded) -> bool:
    try:
        text, _ = running.key()
    except HedgerowError:
        return False
    return code(running.caller, text) is OK

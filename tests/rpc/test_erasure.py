"""Users who want to be forgotten, and keys that tell when they were used, through a real router and its verbs."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from hedgerow_client import HedgerowError
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli import erase
from hedgerow_client.cli.verbs import build
from rpc.access import OPERATOR, Guarded, bearer, guarded
from rpc.caller import COMPLETE, eventually
from rpc.conftest import StartRouter
from typer.testing import CliRunner, Result

ADMIN_ROLES = {"roles": ["operator"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the router of this module keeps its keys."""
    return tmp_path_factory.mktemp("store") / "hedgerow.db"


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, store: Path) -> Iterator[Guarded]:
    """A router that the tests share."""
    with guarded(start_router, store, []) as running:
        yield running


def hedgerow(running: Guarded, *words: str, keyboard: str | None = None) -> Result:
    """Runs a verb as the operator."""
    environment = {"HEDGEROW_ADMIN": running.router.addresses["admin_grpc"], "HEDGEROW_TOKEN": OPERATOR}
    return CliRunner().invoke(build(), [*words], env=environment, input=keyboard)


def test_an_erased_user_is_nowhere_in_the_store_and_the_log_still_verifies(ours: Guarded, store: Path) -> None:
    name = "anneliese-1890"
    text, key_id = ours.key(user=name, description=f"for {name}", **ADMIN_ROLES)
    outcome = ours.admin_caller.unary(
        "/hedgerow.admin.v1.AdminService/Reload", b"", bytes, metadata=[*bearer(text), ("x-request-id", "by-her")]
    )
    assert outcome.code is grpc.StatusCode.OK
    ours.admin.revoke_key(ours.key(user=name)[1], reason=f"{name} has left")
    answer = ours.admin.erase_user("acme", name)
    assert dict(answer.erased_counts)["keys"] == 2
    assert dict(answer.erased_counts)["audit_rows"] == 4
    told = ours.admin.verify_audit()
    assert (told.broken_number, told.erased_rows_count >= 4) == (0, True)
    assert name not in str(ours.admin.list_keys()) + str(ours.admin.list_audit_rows())
    with closing(sqlite3.connect(store)) as connection:
        assert not any(name in line for line in connection.iterdump())
    refused = ours.caller.chat(COMPLETE, "fast", metadata=bearer(text))
    assert refused.code is grpc.StatusCode.UNAUTHENTICATED
    files = b"".join(path.read_bytes() for path in store.parent.glob(f"{store.name}*") if path.is_file())
    assert name.encode() not in files
    (row,) = [one for one in ours.admin.list_audit_rows() if one.request_id == "by-her"]
    assert (row.action, row.outcome, list(row.erased_fields)) == ("Reload", "OK", ["who"])
    assert ours.admin.get_key(key_id).user == ""
    assert "(erased) Reload OK" in hedgerow(ours, "audit").stdout
    assert "but for what was erased of" in hedgerow(ours, "audit", "verify").stdout


def test_calls_of_an_erased_user_stay_in_the_ledger_without_him(ours: Guarded, store: Path) -> None:
    text, _ = ours.key(user="carla")
    assert ours.caller.chat(COMPLETE, "fast", metadata=bearer(text)).code is grpc.StatusCode.OK

    def users() -> list[str]:
        with closing(sqlite3.connect(store)) as connection:
            rows = connection.execute("""SELECT "user" FROM ledger_call""")
            return [user for (user,) in rows]

    eventually(lambda: "carla" in users(), "her call is in the ledger")
    before = len(users())
    assert ours.admin.erase_user("acme", "carla").erased_counts["ledger_calls"] == 1
    assert ("carla" in users(), len(users())) == (False, before)


def test_a_user_has_one_reference_however_often_he_is_erased_and_others_have_others(ours: Guarded) -> None:
    first, again = (ours.admin.erase_user("acme", "bob").reference for _ in range(2))
    assert first == again
    others = {ours.admin.erase_user(*one).reference for one in (("globex", "bob"), ("acme", "b"))}
    assert len({first, *others}) == 3
    rows = [one for one in ours.admin.list_audit_rows() if one.subject == first]
    assert [one.action for one in rows] == ["EraseUser", "EraseUser"]
    assert "bob" not in str(rows)


def test_whoever_erases_himself_is_named_by_his_reference(ours: Guarded) -> None:
    text, _ = ours.key(user="olga", **ADMIN_ROLES)
    with AdminClient(ours.router.addresses["admin_grpc"], token=text, timeout=30) as client:
        reference = client.erase_user("acme", "olga").reference
    row = next(one for one in ours.admin.list_audit_rows() if one.subject == reference)
    assert row.who == f"api_key:acme/{reference}"
    assert "olga" not in str(ours.admin.list_audit_rows())


def test_an_erasure_that_was_refused_does_not_say_whose_it_would_have_been(ours: Guarded) -> None:
    with pytest.raises(HedgerowError) as caught:
        ours.admin.erase_user("", "gertrude")
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    eventually(lambda: "INVALID_ARGUMENT" in {one.outcome for one in ours.admin.list_audit_rows()}, "the row")
    assert "gertrude" not in str(ours.admin.list_audit_rows())


def test_the_verb_asks_before_it_erases(ours: Guarded) -> None:
    _, key_id = ours.key(user="carl")
    assert hedgerow(ours, "erase", "carl", "--tenant", "acme").exit_code == 1
    assert ours.admin.get_key(key_id).user == "carl"
    done = hedgerow(ours, "erase", "carl", "--tenant", "acme", "--yes")
    assert (done.exit_code, done.stdout.startswith("erased-")) == (0, True)
    assert "1 audit rows, 1 keys" in done.stderr
    again = json.loads(hedgerow(ours, "erase", "carl", "--tenant", "acme", "--yes", "--json").stdout)
    assert again["reference"] == done.stdout.strip()


def test_the_verb_wants_the_name_once_more_from_whoever_is_there(
    ours: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key_id = ours.key(user="dora")
    monkeypatch.setattr(erase, "_attended", lambda: True)
    wrong = hedgerow(ours, "erase", "dora", "--tenant", "acme", keyboard="dorothea\n")
    assert (wrong.exit_code, ours.admin.get_key(key_id).user) == (1, "dora")
    assert hedgerow(ours, "erase", "dora", "--tenant", "acme", keyboard="dora\n").exit_code == 0
    assert ours.admin.get_key(key_id).user == ""


def test_a_key_tells_when_it_was_used_also_after_a_restart(start_router: StartRouter, tmp_path: Path) -> None:
    with guarded(start_router, tmp_path / "keys.db", []) as running:
        text, key_id = running.key()
        assert not running.admin.get_key(key_id).HasField("last_use_time")
        assert running.caller.chat(COMPLETE, "fast", metadata=bearer(text)).code is grpc.StatusCode.OK
        used = running.admin.get_key(key_id).last_use_time
        assert used.seconds > 0
        # Nothing is written on the way of the call.
        with closing(sqlite3.connect(tmp_path / "keys.db")) as connection:
            assert connection.execute("SELECT count(*) FROM key_use").fetchone() == (0,)
        running.router.popen.terminate()
        assert running.router.popen.wait(30) == 0
    with guarded(start_router, tmp_path / "keys.db", []) as running:
        assert running.admin.get_key(key_id).last_use_time == used
        assert "not yet" not in hedgerow(running, "keys", "get", key_id).stdout
        assert used.ToDatetime().strftime("%Y-%m-%d %H:%M") in hedgerow(running, "keys", "list").stdout


def test_a_key_that_is_not_there_is_not_found(ours: Guarded) -> None:
    with pytest.raises(HedgerowError) as caught:
        ours.admin.get_key("a" * 16)
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_KEY_NOT_FOUND")

"""PlanConfig and RollbackConfig at a real router, and the command line's verbs for them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hedgerow.admin.v1 import admin_service_pb2 as pb
from hedgerow_client import Client, FailedPreconditionError, InvalidArgumentError, NotFoundError, chat
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli.verbs import build
from rpc.test_reload import BROKEN, Running, config, started
from stack import KEY, Stack, router, with_engine
from typer.testing import CliRunner, Result


@pytest.fixture(scope="module")
def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests: each puts configurations of its own in force."""
    with started(stack, tmp_path_factory.mktemp("plan")) as found:
        yield found


def text(running: Running, number: int, **sections: object) -> str:
    """A configuration with a route of its own, `only-NUMBER`."""
    return yaml.safe_dump(with_engine(config(running.sim_url, number, **sections)), sort_keys=False)


def in_force(running: Running) -> int:
    """Puts another configuration in force; returns its number."""
    number = running.number()
    running.write(text(running, number))
    running.admin.reload()
    return number


def served(running: Running, number: int) -> bool:
    """Whether calls find the route of a configuration."""
    with Client(running.process.addresses["grpc"], timeout=30) as client:
        try:
            client.complete(chat(f"only-{number}", "hi"))
        except NotFoundError:
            return False
        return True


def hedgerow(running: Running, *arguments: str, stdin: str | None = None) -> Result:
    """Runs the command line."""
    environment = {"HEDGEROW_ADMIN": running.process.addresses["admin_grpc"], "COLUMNS": "300", "NO_COLOR": "1"}
    return CliRunner().invoke(build(), arguments, env=environment, input=stdin)


def test_a_plan_tells_what_would_change_and_changes_nothing(running: Running) -> None:
    """Its hash is the one that a reload then puts in force."""
    now, then = in_force(running), running.number()
    before = running.admin.get_config()
    planned = text(running, then, budgets=[{"name": "month", "usd": "100", "per": "month"}])
    plan = running.admin.plan_config(planned.encode())
    after = running.admin.get_config()
    assert (after.hash, after.reloads_count) == (before.hash, before.reloads_count)
    assert plan.current_hash == before.hash
    told = [(pb.PlanArea.Name(one.area), one.path, pb.ChangeKind.Name(one.kind)) for one in plan.changes]
    assert told == [
        ("PLAN_AREA_ROUTE", f"routes.only-{now}", "CHANGE_KIND_REMOVED"),
        ("PLAN_AREA_ROUTE", f"routes.only-{then}", "CHANGE_KIND_ADDED"),
        ("PLAN_AREA_PROVIDER", "providers.moving", "CHANGE_KIND_CHANGED"),
        ("PLAN_AREA_BUDGET", "budgets[month]", "CHANGE_KIND_ADDED"),
    ]
    assert plan.changes_count == len(plan.changes)
    (idle,) = plan.changes[2].fields
    assert (idle.path, idle.before, idle.after) == ("idle_timeout_seconds", f"{20.0 + now}", f"{20.0 + then}")
    running.write(planned)
    assert running.admin.reload().config_hash == plan.planned_hash


def test_a_plan_of_what_is_in_force_has_no_changes(running: Running) -> None:
    number = in_force(running)
    plan = running.admin.plan_config(b"# a comment\n" + text(running, number).encode())
    assert (plan.planned_hash, plan.changes_count) == (running.hash(), 0)


def test_a_plan_says_what_needs_a_restart_and_which_files_it_could_not_see(running: Running) -> None:
    number = in_force(running)
    server = config(running.sim_url)["server"] | {"grpc": {"listen": "127.0.0.1:1"}}
    credentials = {"sim": {"source": "file", "path": "/nowhere/key"}}
    plan = running.admin.plan_config(text(running, number, server=server, credentials=credentials).encode())
    assert list(plan.restart_keys) == ["server.grpc.listen"]
    assert {one.path: one.needs_restart for one in plan.changes} == {"credentials.sim": False, "server": True}
    assert list(plan.named_files) == ["credentials.sim.path"]
    assert not any(one.HasField("after") for one in plan.changes[0].fields)


@pytest.mark.parametrize("how", [name for name in BROKEN if name not in {"huge", "empty"}])
def test_a_plan_has_the_faults_that_a_reload_has(running: Running, how: str, tmp_path: Path) -> None:
    """Line for line; only the file has another name."""
    broken = BROKEN[how](text(running, running.number()))
    with pytest.raises(FailedPreconditionError) as planned:
        running.admin.plan_config(broken.encode(), file_name="new.yaml")
    good = running.path.read_text()
    running.write(broken)
    with pytest.raises(FailedPreconditionError) as reloaded:
        running.admin.reload(dry_run=True)
    running.write(good)
    assert planned.value.reason == reloaded.value.reason == "ERROR_REASON_CONFIG_INVALID"
    assert planned.value.metadata["file"] == "new.yaml"
    assert planned.value.metadata["line"] == reloaded.value.metadata["line"]
    told = [[(one.field, one.description) for one in error.value.field_violations] for error in (planned, reloaded)]
    assert told[0] == told[1]


def test_a_plan_finds_what_only_the_router_can_tell(running: Running) -> None:
    """A file of the catalogue that is not on its disk."""
    planned = text(running, running.number(), catalogue={"files": ["/nowhere/models.yaml"]})
    with pytest.raises(FailedPreconditionError) as caught:
        running.admin.plan_config(planned.encode())
    assert "/nowhere/models.yaml" in str(caught.value)


def test_a_text_that_is_none_or_too_large_is_refused(running: Running) -> None:
    for content in (b"", b"#" * (3 * 1024 * 1024 + 1)):
        with pytest.raises(InvalidArgumentError) as caught:
            running.admin.plan_config(content)
        assert caught.value.field_violations[0].field == "text"


def test_a_rollback_puts_the_last_good_configuration_in_force_and_it_stays(running: Running) -> None:
    """Until a reload is asked for."""
    old = in_force(running)
    good = running.hash()
    new = in_force(running)
    bad = running.hash()
    told = running.admin.rollback_config()
    assert (told.config_hash, told.previous_hash, told.applied) == (good, bad, True)
    assert {f"routes.only-{old}", f"routes.only-{new}"} <= {one.path for one in told.changes}
    assert (served(running, old), served(running, new)) == (True, False)
    state = running.admin.get_config()
    assert (state.hash, state.file_hash) == (good, bad)
    assert state.rollback_time.seconds > 0
    assert f"rolled back: configuration {good[:12]} is in force" in running.process.log.read_text()
    assert running.admin.reload(dry_run=True).config_hash == bad
    assert running.hash() == good
    assert running.admin.reload().applied
    state = running.admin.get_config()
    assert (state.hash, state.file_hash, state.HasField("rollback_time")) == (bad, "", False)


def test_a_rollback_ends_when_the_file_says_something_else(running: Running) -> None:
    in_force(running)
    in_force(running)
    running.admin.rollback_config()
    before, newest = running.hash(), running.number()
    running.write(text(running, newest))
    running.becomes_another(before)
    assert served(running, newest)
    assert running.admin.get_config().file_hash == ""


def test_what_there_is_a_way_back_to_is_told(running: Running) -> None:
    """Six at most, with the one in force."""
    for _ in range(6):
        in_force(running)
    kept = running.admin.list_kept_configs()
    assert len(kept) == 6
    assert [one.current for one in kept] == [False] * 5 + [True]
    assert running.admin.rollback_config(kept[1].hash[:12]).config_hash == kept[1].hash
    assert [one.current for one in running.admin.list_kept_configs()] == [at == 1 for at in range(6)]
    running.admin.reload()


@pytest.mark.parametrize(("beginning", "error"), [("ffffffffffff", NotFoundError), ("xyz", InvalidArgumentError)])
def test_a_hash_that_leads_nowhere_is_told(running: Running, beginning: str, error: type[Exception]) -> None:
    before = running.hash()
    with pytest.raises(error):
        running.admin.rollback_config(beginning)
    assert running.hash() == before


def test_a_router_that_has_had_one_configuration_has_no_way_back(stack: Stack, tmp_path: Path) -> None:
    with started(stack, tmp_path) as running:
        with pytest.raises(NotFoundError) as caught:
            running.admin.rollback_config()
        assert caught.value.reason == "ERROR_REASON_CONFIG_NOT_KEPT"


def test_the_command_line_prints_a_plan_as_a_table(running: Running, tmp_path: Path) -> None:
    now, then = in_force(running), running.number()
    file = tmp_path / "new.yaml"
    file.write_text(text(running, then, breaker={"trials": 7}))
    done = hedgerow(running, "plan", str(file))
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["ENTRY", "WHAT", "NOW", "PLANNED"]
    assert ["~", "providers.moving", "idle_timeout_seconds", f"{20.0 + now}", f"{20.0 + then}"] in lines
    assert any(line[:2] == ["+", f"routes.only-{then}"] for line in lines)
    assert any(line[:2] == ["-", f"routes.only-{now}"] for line in lines)
    assert "4 entries would change" in done.stderr


@pytest.mark.parametrize(("arguments", "changed", "code"), [((), True, 0), (("x",), True, 2), (("x",), False, 0)])
def test_the_detailed_exit_code_says_whether_anything_would_change(
    running: Running, arguments: tuple[str, ...], changed: bool, code: int
) -> None:
    number = in_force(running)
    planned = text(running, running.number() if changed else number)
    flags = ["--detailed-exitcode"] if arguments else []
    done = hedgerow(running, "plan", "-", "--json", *flags, stdin=planned)
    assert done.exit_code == code
    answer = json.loads(done.stdout)
    assert (answer["current_hash"] != answer["planned_hash"]) is changed


def test_a_plan_with_faults_exits_with_1_and_names_the_file(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(BROKEN["unknown key"](text(running, running.number())))
    done = hedgerow(running, "plan", str(file), "--detailed-exitcode")
    assert done.exit_code == 1
    assert f"{file}:" in done.stderr
    assert "unknown key" in done.stderr


def test_the_command_line_rolls_back_and_says_so(running: Running) -> None:
    old = in_force(running)
    good = running.hash()
    in_force(running)
    assert hedgerow(running, "rollback", "--dry-run").stderr == "nothing was put in force: this was a dry run\n"
    done = hedgerow(running, "rollback")
    assert done.exit_code == 0
    assert f"+ routes.only-{old}" in done.stdout
    assert f"configuration {good[:12]} is in force" in done.stderr
    assert "rolled back at" in hedgerow(running, "state").stderr
    listed = hedgerow(running, "rollback", "--list").stdout.splitlines()
    assert [line.split()[-2:] for line in listed[-2:]] == [["in", "force"], ["rolled", "back"]]
    running.admin.reload()


def test_a_rollback_leaves_a_row_in_the_audit_log(stack: Stack, tmp_path: Path) -> None:
    store = {"store": {"path": str(tmp_path / "a.db")}, "ledger": {"enabled": False}}
    with (
        router(tmp_path, config(stack.sim_url, 0, **store), HEDGEROW_TEST_KEY=KEY) as process,
        AdminClient(process.addresses["admin_grpc"], timeout=60) as admin,
    ):
        before = admin.get_config().hash
        (tmp_path / "router.yaml").write_text(yaml.safe_dump(config(stack.sim_url, 1, **store)))
        now = admin.reload().config_hash
        admin.rollback_config()
        (row,) = [row for row in admin.list_audit_rows() if row.action == "RollbackConfig"]
    answer = json.loads(row.detail)["answer"]
    assert (row.outcome, answer["config_hash"], answer["previous_hash"]) == ("OK", before, now)

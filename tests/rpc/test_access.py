"""Who may call a real router, and what: keys, tokens, certificates, roles, and what becomes of them in trouble."""

import datetime as dt
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow.router.v1 import router_service_pb2 as router_pb
from hedgerow_client import HedgerowError
from hedgerow_client.admin import AdminClient
from hedgerow_client.cli.verbs import build
from rpc.access import OPERATOR, Guarded, bearer, guarded, troubled
from rpc.caller import (
    COMPLETE,
    LIST_MODELS,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Way,
    booked,
    connected,
    embed,
    eventually,
    new_trace,
)
from rpc.certificates import Authority, credentials, tls
from rpc.conftest import FailedStart, StartRouter
from rpc.issuer import Issuer, issuer, rsa_key
from stack import Stack
from typer.testing import CliRunner

OK, DENIED = grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED
UNAUTHENTICATED, UNAVAILABLE = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAVAILABLE
REVOKED_WITHIN_S = 5.0
_CHANGING = 3
"""How often the doors are asked: what they are asked about may change from one to the next."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Issuer]:
    """An identity provider."""
    with issuer() as found:
        yield found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the router of this module keeps its keys."""
    return tmp_path_factory.mktemp("store") / "hedgerow.db"


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, provider: Issuer, store: Path) -> Iterator[Guarded]:
    """A router that others share."""
    with guarded(start_router, store, [provider]) as running:
        yield running


def code(caller: Caller, token: str, model: str = "fast", rpc: Way | None = None, **more: Any) -> grpc.StatusCode:
    """How a call with a key or token ends: at every door alike, where none is named."""
    ways = [rpc] if rpc is not None else WAYS if caller.speaks_http else (COMPLETE, STREAM_COMPLETE)
    for _ in range(_CHANGING):
        found = {caller.chat(way, model, metadata=bearer(token), **more).code for way in ways}
        if len(found) == 1:
            return found.pop()
    raise AssertionError(f"the doors do not agree: {found}")


def refused(caller: Caller, token: str) -> bool:
    """Whether a key or token is no good."""
    return code(caller, token) is UNAUTHENTICATED


def listed(caller: Caller, token: str) -> set[str]:
    """The models that a caller is told of."""
    request = router_pb.ListModelsRequest(page_size=1000)
    outcome = caller.unary(LIST_MODELS, request, router_pb.ListModelsResponse.FromString, metadata=bearer(token))
    return {model.name for model in outcome.message.models}


def line(running: Guarded, request_id: str) -> dict[str, Any]:
    """The line of a call in the call log."""

    def found() -> dict[str, Any] | None:
        lines = [one for one in running.router.log.read_text().splitlines() if request_id in one]
        return json.loads(lines[-1]) if lines else None

    return eventually(found, f"a line for {request_id}")


def test_a_new_key_is_good_at_once_and_told_only_once(ours: Guarded) -> None:
    text, key_id = ours.key(description="for a test")
    assert code(ours.caller, text) is OK
    shown = next(one for one in ours.admin.list_keys(tenant="acme") if one.id == key_id)
    assert (shown.tenant, list(shown.roles), shown.description) == ("acme", ["app"], "for a test")
    assert text.rpartition("_")[2] not in str(ours.admin.list_keys())


def test_a_call_belongs_to_the_tenant_of_its_key(ours: Guarded) -> None:
    text, _ = ours.key(tenant="globex")
    outcome = ours.caller.chat(COMPLETE, "fast", metadata=[*bearer(text), ("x-tenant", "acme")])
    assert line(ours, outcome.request_id)["tenant"] == "globex"


def test_a_rotated_key_and_its_successor_are_both_good_until_the_overlap_ends(ours: Guarded) -> None:
    old, key_id = ours.key(models=["fast"], lifetime={"seconds": 3600})
    answer = ours.admin.rotate_key(key_id, overlap=1.5)
    assert (code(ours.caller, old), code(ours.caller, answer.secret_key)) == (OK, OK)
    assert (list(answer.key.models), answer.key.replaces_key_id) == (["fast"], key_id)
    eventually(lambda: code(ours.caller, old) is UNAUTHENTICATED, "the overlap ends")
    assert code(ours.caller, answer.secret_key) is OK
    with pytest.raises(HedgerowError) as caught:
        ours.admin.rotate_key(key_id)
    assert caught.value.reason == "ERROR_REASON_KEY_ENDED"


def test_a_key_that_is_not_there_is_not_found(ours: Guarded) -> None:
    for act in (ours.admin.rotate_key, ours.admin.revoke_key):
        with pytest.raises(HedgerowError) as caught:
            act("a" * 16)
        assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_KEY_NOT_FOUND")


def test_a_key_with_an_unknown_role_is_not_made(ours: Guarded) -> None:
    with pytest.raises(HedgerowError) as caught:
        ours.key(roles=["root"])
    assert [one.field for one in caught.value.field_violations] == ["roles"]


def test_a_key_that_one_router_makes_or_revokes_is_known_to_the_other(
    ours: Guarded, start_router: StartRouter, store: Path
) -> None:
    """A new key at once, since an unknown one has the store asked; a revoked one is refused within 5 s."""
    with guarded(start_router, store, []) as other:
        for _ in range(5):
            text, key_id = ours.key()
            assert code(other.caller, text) is OK
            ours.admin.revoke_key(key_id)
            began_s = time.monotonic()
            assert code(ours.caller, text) is UNAUTHENTICATED
            eventually(partial(refused, other.caller, text), "it is refused there too", REVOKED_WITHIN_S)
            assert time.monotonic() - began_s < REVOKED_WITHIN_S


def test_a_store_that_is_away_makes_nobody_unauthenticated(
    ours: Guarded, stack: Stack, store: Path, tmp_path: Path
) -> None:
    """From the start on; once it is back, callers are served without a restart."""
    text, _ = ours.key()
    away = tmp_path / "hedgerow.db"
    away.write_bytes(b"this is no database" * 100)
    with guarded(troubled(stack, tmp_path), away, []) as running:
        outcome = running.caller.chat(COMPLETE, "fast", metadata=bearer(text))
        assert (outcome.code, outcome.reason) == (UNAVAILABLE, "IDENTITY_UNAVAILABLE")
        assert outcome.pushback_ms is not None
        assert outcome.pushback_ms > 0
        assert code(running.caller, "hk_nonsense") is UNAUTHENTICATED
        with pytest.raises(HedgerowError) as caught:
            running.key()
        assert caught.value.reason == "ERROR_REASON_IDENTITY_UNAVAILABLE"
        copied(store, away)
        eventually(lambda: code(running.caller, text) is OK, "the store is back")


def copied(store: Path, to: Path) -> None:
    """Puts a copy of a database that is in use into a place."""
    fresh = to.with_name("fresh.db")
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(fresh)) as target:
        source.backup(target)
    fresh.replace(to)


def test_a_pepper_that_is_away_makes_nobody_unauthenticated(
    ours: Guarded, stack: Stack, store: Path, tmp_path: Path
) -> None:
    text, _ = ours.key()
    with guarded(troubled(stack, tmp_path), store, [], pepper="another pepper, as long as it must be") as other:
        assert code(other.caller, text) is UNAVAILABLE
    with guarded(troubled(stack, tmp_path), store, [], pepper="") as none:
        assert code(none.caller, text) is UNAVAILABLE


def test_an_issuer_that_is_away_makes_nobody_unauthenticated(stack: Stack, tmp_path: Path) -> None:
    """Nor does it wake up late: its keys are fetched as soon as it answers."""
    with issuer() as away:
        away.down = True
        with guarded(troubled(stack, tmp_path), tmp_path / "a.db", [away]) as running:
            token = away.token()
            assert code(running.caller, token) is UNAVAILABLE
            away.down = False
            eventually(lambda: code(running.caller, token) is OK, "the issuer is back")
            away.down = True
            assert code(running.caller, away.token(sub="bob")) is OK
            away.keys["new"] = rsa_key()
            assert code(running.caller, away.token("new")) is UNAVAILABLE
            assert code(running.caller, away.token("rsa", exp=int(time.time()) - 90)) is UNAUTHENTICATED


def test_a_key_that_the_issuer_has_just_taken_into_use_is_good_at_once(ours: Guarded, provider: Issuer) -> None:
    provider.keys["next"] = rsa_key()
    assert code(ours.caller, provider.token("next")) is OK


def test_an_issuer_found_by_discovery_is_the_one_that_the_document_names(provider: Issuer, ours: Guarded) -> None:
    """The configuration of these tests says no jwks_url."""
    assert code(ours.caller, provider.token()) is OK
    assert provider.fetches > 0


def test_a_role_bounds_the_models_that_may_be_called_and_that_are_told(ours: Guarded) -> None:
    text, _ = ours.key()
    assert code(ours.caller, text, "all/gpt-4o-mini") is OK
    for rpc in (COMPLETE, STREAM_COMPLETE):
        outcome = ours.caller.chat(rpc, "slow", metadata=bearer(text))
        assert (outcome.code, outcome.info.metadata["model"]) == (DENIED, "slow")
    names = listed(ours.caller, text)
    assert "fast" in names
    assert all(name == "fast" or name.startswith("all/") for name in names)


def test_whether_a_model_exists_is_not_told_to_whoever_may_not_use_it(ours: Guarded) -> None:
    text, _ = ours.key()
    outcomes = [ours.caller.chat(COMPLETE, model, metadata=bearer(text)) for model in ("slow", "none")]
    assert {one.code for one in outcomes} == {DENIED}
    assert len({one.text.replace("slow", "none") for one in outcomes}) == 1


def test_the_lists_of_a_key_and_of_a_token_narrow_what_the_roles_allow(ours: Guarded, provider: Issuer) -> None:
    narrow, _ = ours.key(models=["all/*", "slow"], rpcs=["ChatService/Complete"])
    for token in (narrow, provider.token(models=["all/*", "slow"])):
        assert {code(ours.caller, token, "all/gpt-4o-mini", way) for way in WAYS if not way.stream} == {OK}
        assert code(ours.caller, token, "fast") is DENIED
        assert code(ours.caller, token, "slow") is DENIED
    assert {code(ours.caller, narrow, "all/gpt-4o-mini", way) for way in WAYS if way.stream} == {DENIED}


def test_what_one_of_several_roles_allows_is_allowed(ours: Guarded) -> None:
    text, _ = ours.key(roles=["app", "embedder"])
    assert code(ours.caller, text) is OK
    assert ours.caller.embed(embed("embed-small", "hi"), metadata=bearer(text)).code is OK


def test_the_regions_of_a_caller_hold(ours: Guarded) -> None:
    """No candidate of these routes says where it is, so none may serve."""
    text, _ = ours.key(regions=["eu"])
    outcome = ours.caller.chat(COMPLETE, "fast", metadata=bearer(text))
    assert outcome.reason == "NO_CANDIDATE"


def test_a_service_that_may_act_for_users_calls_as_itself_for_them(ours: Guarded) -> None:
    text, _ = ours.key(roles=["agent"], service="assistant")
    metadata = [*bearer(text), ("hedgerow-act-for", "bob@example.com")]
    outcome = ours.caller.chat(COMPLETE, "fast", metadata=metadata)
    assert outcome.code is OK
    told = line(ours, outcome.request_id)
    assert (told["tenant"], told["user"], told["service"]) == ("acme", "bob@example.com", "assistant")


def test_reflection_and_channelz_are_there_where_the_configuration_says_so(start_router: StartRouter) -> None:
    server = {"grpc": {"listen": "127.0.0.1:0", "reflection": False}}
    server["admin_grpc"] = {"listen": "127.0.0.1:0", "reflection": False, "channelz": False}
    with start_router(server=server) as running:
        for door in ("grpc", "admin_grpc"):
            with connected(running.addresses[door]) as caller:
                for name in (
                    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                    "grpc.channelz.v1.Channelz/GetServers",
                ):
                    assert caller.unary(f"/{name}", b"", bytes).code is grpc.StatusCode.UNIMPLEMENTED
                assert caller.unary("/grpc.health.v1.Health/Check", b"", bytes).code is OK


# Certificates.


@pytest.fixture(scope="module")
def authorities() -> tuple[Authority, Authority]:
    """That of the server, and that of its callers."""
    return Authority(), Authority()


MTLS = {
    "principals": [
        {"identity": "spiffe://acme.example/ns/*/sa/checkout", "tenant": "acme", "roles": ["app"]},
        {"identity": "dns:*.batch.example", "tenant": "globex", "service": "batch", "roles": ["app", "agent"]},
    ]
}
SPIFFE = "spiffe://acme.example/ns/prod/sa/checkout"


@pytest.fixture(scope="module")
def mutual(
    start_router: StartRouter,
    provider: Issuer,
    authorities: tuple[Authority, Authority],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Guarded]:
    """A router that wants certificates, and accepts keys and tokens as well."""
    folder = tmp_path_factory.mktemp("tls")
    section = tls(folder, *authorities)
    with guarded(start_router, folder / "a.db", [provider], mtls=MTLS, server={"grpc": section}) as running:
        yield running


def shown(mutual: Guarded, authorities: tuple[Authority, Authority], *names: str, **more: Any) -> Any:
    """A connection of a caller whose certificate has these names."""
    authority = more.pop("authority", authorities[1])
    pair = authority.issue(*names, **more) if names else None
    return connected(mutual.router.addresses["grpc"], credentials(authorities[0], pair))


@pytest.mark.parametrize(("name", "tenant"), [(SPIFFE, "acme"), ("dns:night.batch.example", "globex")])
def test_a_certificate_says_who_calls(
    mutual: Guarded, authorities: tuple[Authority, Authority], name: str, tenant: str
) -> None:
    with shown(mutual, authorities, name) as caller:
        outcome = caller.chat(COMPLETE, "fast")
        assert outcome.code is OK
        assert line(mutual, outcome.request_id)["tenant"] == tenant


@pytest.mark.parametrize(
    "names",
    [
        ("spiffe://acme.example/ns/prod/sa/other",),
        ("spiffe://acme.example/ns/a/b/sa/checkout",),
        ("spiffe://acme.example.evil/ns/prod/sa/checkout",),
        ("dns:batch.example",),
        ("dns:a.b.batch.example",),
        (SPIFFE, "spiffe://acme.example/ns/prod/sa/other"),
    ],
)
def test_a_certificate_that_names_nobody_is_unauthenticated(
    mutual: Guarded, authorities: tuple[Authority, Authority], names: tuple[str, ...]
) -> None:
    """Whatever else the caller shows: the common name, or a good key."""
    text, _ = mutual.key()
    with shown(mutual, authorities, *names, common="night.batch.example") as caller:
        assert caller.chat(COMPLETE, "fast").code is UNAUTHENTICATED
        assert code(caller, text) is UNAUTHENTICATED


def test_a_bad_bearer_is_refused_though_the_certificate_is_good(
    mutual: Guarded, authorities: tuple[Authority, Authority]
) -> None:
    with shown(mutual, authorities, SPIFFE) as caller:
        assert code(caller, "hk_bad") is UNAUTHENTICATED


def test_a_certificate_and_a_bearer_allow_what_both_allow(
    mutual: Guarded, authorities: tuple[Authority, Authority], provider: Issuer
) -> None:
    with shown(mutual, authorities, SPIFFE) as caller:
        assert code(caller, provider.token(models=["fast"])) is OK
        assert code(caller, provider.token(models=["fast"]), "all/gpt-4o-mini") is DENIED
        assert code(caller, provider.token(roles=["agent"]), "slow") is DENIED
        assert code(caller, provider.token(tenant="globex")) is DENIED


@pytest.mark.parametrize("case", ["wrong authority", "expired", "none"])
def test_a_certificate_that_is_no_good_gets_no_connection(
    mutual: Guarded, authorities: tuple[Authority, Authority], stack: Stack, case: str
) -> None:
    """C-core ends the handshake, so the caller's own gRPC says that nobody is there."""
    more: dict[str, Any] = {}
    if case == "wrong authority":
        more["authority"] = Authority()
    elif case == "expired":
        more["life"] = -dt.timedelta(hours=1)
    trace = new_trace()
    with shown(mutual, authorities, *((SPIFFE,) if case != "none" else ()), **more) as caller:
        outcome = caller.chat(COMPLETE, "fast", metadata=[("traceparent", trace)], timeout=5)
    assert outcome.code is UNAVAILABLE
    assert booked(stack.sim_url, trace) == []


# Doors that stand open.


@pytest.mark.parametrize("door", ["grpc", "admin_grpc"])
def test_a_door_beyond_loopback_that_asks_nobody_keeps_the_router_from_starting(
    failed_start: FailedStart, door: str
) -> None:
    told = failed_start({door: {"listen": "0.0.0.0:0"}}, identity={})
    assert f"server.{door}.listen: expected an address on loopback" in told


def test_a_door_beyond_loopback_opens_where_the_configuration_says_so(start_router: StartRouter) -> None:
    server = {"grpc": {"listen": "0.0.0.0:0"}}
    with start_router(server=server, identity={"allow_unauthenticated": True}) as running:
        port = running.addresses["grpc"].rpartition(":")[2]
        with connected(f"127.0.0.1:{port}") as caller:
            assert caller.chat(COMPLETE, "fast").code is OK


def test_callers_without_a_credential_get_in_where_the_configuration_says_so_and_bad_ones_do_not(
    start_router: StartRouter, tmp_path: Path
) -> None:
    with guarded(start_router, tmp_path / "a.db", [], allow_unauthenticated=True, tenant="guests") as running:
        outcome = running.caller.chat(COMPLETE, "fast")
        assert outcome.code is OK
        assert line(running, outcome.request_id)["tenant"] == "guests"
        assert code(running.caller, "hk_bad") is UNAUTHENTICATED


def test_a_reload_cannot_open_a_door_that_was_started_closed(stack: Stack, tmp_path: Path) -> None:
    """The file says loopback by then; where the door listens is what the start said."""
    server = {"grpc": {"listen": "0.0.0.0:0"}}
    with guarded(troubled(stack, tmp_path), tmp_path / "a.db", [], server=server) as running:
        path = Path(running.admin.get_config().path)
        changed = yaml.safe_load(path.read_text())
        del changed["identity"]["api_keys"]
        changed["server"]["grpc"]["listen"] = "127.0.0.1:0"
        path.write_text(yaml.safe_dump(changed))
        with pytest.raises(HedgerowError) as caught:
            running.admin.reload()
        assert caught.value.reason == "ERROR_REASON_CONFIG_INVALID"
        port = running.router.addresses["grpc"].rpartition(":")[2]
        with connected(f"127.0.0.1:{port}") as caller:
            assert caller.chat(COMPLETE, "fast").code is UNAUTHENTICATED


# The admin door, and the log of what was done there.


def test_whoever_has_no_role_of_the_admin_door_cannot_make_himself_one(ours: Guarded) -> None:
    """An operator of a few RPCs makes keys for callers, but none that opens more than his own."""
    with AdminClient(ours.router.addresses["admin_grpc"], token=ours.key(roles=["operator"])[0], timeout=30) as boss:
        assert boss.create_key(CreateKeyRequest(tenant="acme", roles=["operator"])).secret_key
        with pytest.raises(HedgerowError) as caught:
            boss.create_key(CreateKeyRequest(tenant="acme", roles=["auditor"]))
        assert caught.value.code is DENIED


def test_the_admin_door_is_closed_to_callers(ours: Guarded) -> None:
    for token, expected in ((ours.key()[0], DENIED), ("hk_bad", UNAUTHENTICATED), ("", UNAUTHENTICATED)):
        with (
            AdminClient(ours.router.addresses["admin_grpc"], token=token or None, timeout=30) as client,
            pytest.raises(HedgerowError) as caught,
        ):
            client.list_keys()
        assert caught.value.code is expected


def test_the_log_tells_who_did_what_and_never_a_secret(ours: Guarded) -> None:
    text, key_id = ours.key(description="for the log")
    ours.admin.set_kill_switch(admin_pb.KILL_SCOPE_TENANT, "nobody", "a test")
    ours.admin.revoke_key(key_id, reason="leaked")
    rows = every_row(ours)
    mine = [(one.action, one.outcome) for one in rows if one.subject == key_id]
    assert mine == [("CreateKey", "OK"), ("RevokeKey", "OK")]
    (switch,) = (one for one in rows if one.subject == "tenant/nobody")
    assert (switch.who, json.loads(switch.detail)["request"]["reason"]) == ("admin_token:operator", "a test")
    assert text.rpartition("_")[2] not in str(rows)


def every_row(running: Guarded) -> list[Any]:
    """The whole audit log."""
    found: list[Any] = []
    while rows := running.admin.list_audit_rows(after=found[-1].number if found else 0):
        found += rows
    return found


@pytest.mark.parametrize(
    "damage", ["UPDATE audit SET who = 'eve' WHERE number = 2", "DELETE FROM audit WHERE number = 2"]
)
def test_a_row_that_was_altered_or_taken_out_is_found(start_router: StartRouter, tmp_path: Path, damage: str) -> None:
    with guarded(start_router, tmp_path / "a.db", []) as running:
        for _ in range(3):
            running.key()
        answer = running.admin.verify_audit()
        assert (answer.broken_number, answer.rows_count, len(answer.last_digest)) == (0, 3, 64)
        with closing(sqlite3.connect(tmp_path / "a.db")) as database:
            database.execute(damage)
            database.commit()
        assert running.admin.verify_audit().broken_number == 2


def test_the_command_line_makes_lists_rotates_and_revokes_keys(ours: Guarded) -> None:
    made = hedgerow(ours, "keys", "create", "--tenant", "initech", "--role", "app", "--lifetime", "90d")
    text = made.stdout.strip()
    assert (made.exit_code, code(ours.caller, text)) == (0, OK)
    key_id = text.split("_")[1]
    assert key_id in hedgerow(ours, "keys", "list", "--tenant", "initech").stdout
    rotated = hedgerow(ours, "keys", "rotate", key_id, "--overlap", "1h")
    assert code(ours.caller, rotated.stdout.strip()) is OK
    assert hedgerow(ours, "keys", "revoke", key_id, "--reason", "done").exit_code == 0
    assert code(ours.caller, text) is UNAUTHENTICATED
    assert key_id not in hedgerow(ours, "keys", "list", "--tenant", "initech").stdout
    assert "RevokeKey" in hedgerow(ours, "audit").stdout
    assert "rows as they were written" in hedgerow(ours, "audit", "verify").stdout
    assert hedgerow(ours, "keys", "create", "--tenant", "x", "--lifetime", "soon").exit_code == 1


def hedgerow(running: Guarded, *arguments: str) -> Any:
    """Runs the command line as the operator."""
    environment = {
        "HEDGEROW_ADMIN": running.router.addresses["admin_grpc"],
        "HEDGEROW_TOKEN": OPERATOR,
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }
    return CliRunner().invoke(build(), arguments, env=environment)

"""Every RPC of every service against every role. An RPC that is not in this table fails it."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from hedgerow.admin.v1 import admin_service_pb2 as admin_pb
from hedgerow.admin.v1.credential_pb2 import RefreshCredentialRequest
from hedgerow.admin.v1.erasure_pb2 import EraseUserRequest
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest, RevokeKeyRequest, RotateKeyRequest
from hedgerow.chat.v1 import chat_service_pb2
from hedgerow.embed.v1 import embed_service_pb2
from hedgerow.router.v1 import router_service_pb2
from hedgerow.usage.v1 import usage_service_pb2
from hedgerow_server.endpoints import ADMIN_SERVICES, CHANGING, CHANGING_KEYS, SERVICES
from rpc.access import OPERATOR, ROLES, Guarded, bearer, guarded
from rpc.caller import eventually
from rpc.conftest import StartRouter

CALLERS, EMBEDDING, READING = "app agent", "app agent embedder", "app agent reader"
OPERATORS, AUDITORS = "operator", "operator auditor"
ALLOWED: dict[str, str] = {
    "ChatService/Complete": CALLERS,
    "ChatService/StreamComplete": CALLERS,
    "EmbedService/Embed": EMBEDDING,
    "EmbedService/StreamEmbed": EMBEDDING,
    "RouterService/ListModels": READING,
    "RouterService/ExplainRoute": CALLERS,
    "RouterService/EstimateCost": CALLERS,
    "RouterService/CountTokens": CALLERS,
    "UsageService/QuerySpend": CALLERS,
    "UsageService/ListBudgets": CALLERS,
    "UsageService/GetCall": CALLERS,
    "UsageService/RepriceSpend": CALLERS,
    "UsageService/GetStatement": CALLERS,
    "UsageService/ExportAttempts": CALLERS,
    "AdminService/Reload": OPERATORS,
    "AdminService/PlanConfig": OPERATORS,
    "AdminService/RollbackConfig": OPERATORS,
    "AdminService/GetConfig": AUDITORS,
    "AdminService/ListCandidates": AUDITORS,
    "AdminService/SetKillSwitch": OPERATORS,
    "AdminService/ClearKillSwitch": OPERATORS,
    "AdminService/ListKillSwitches": AUDITORS,
    "AdminService/CreateKey": OPERATORS,
    "AdminService/ListKeys": AUDITORS,
    "AdminService/GetKey": AUDITORS,
    "AdminService/RotateKey": OPERATORS,
    "AdminService/RevokeKey": OPERATORS,
    "AdminService/ListAuditRows": AUDITORS,
    "AdminService/VerifyAudit": AUDITORS,
    "AdminService/EraseUser": OPERATORS,
    "AdminService/ListCredentials": AUDITORS,
    "AdminService/RefreshCredential": OPERATORS,
}
"""Which roles (tests/rpc/access.py) open which RPC."""
LEAVES_A_ROW = {
    "AdminService/Reload",
    "AdminService/RollbackConfig",
    "AdminService/SetKillSwitch",
    "AdminService/ClearKillSwitch",
    "AdminService/CreateKey",
    "AdminService/RotateKey",
    "AdminService/RevokeKey",
    "AdminService/EraseUser",
    "AdminService/RefreshCredential",
}
"""RPCs that change something."""
READS = {
    "PlanConfig",
    "GetConfig",
    "ListCandidates",
    "ListKillSwitches",
    "ListKeys",
    "GetKey",
    "ListAuditRows",
    "VerifyAudit",
    "ListCredentials",
}
_FILES = (chat_service_pb2, embed_service_pb2, router_service_pb2, usage_service_pb2, admin_pb)
EVERY = {
    f"{name}/{method.name}": f"/{service.full_name}/{method.name}"
    for file in _FILES
    for name, service in file.DESCRIPTOR.services_by_name.items()
    for method in service.methods
}


@pytest.fixture(scope="module")
def ours(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A router with a key for every role."""
    with guarded(start_router, tmp_path_factory.mktemp("store") / "a.db", []) as running:
        yield running


@pytest.fixture(scope="module")
def keys(ours: Guarded) -> dict[str, str]:
    """A key of each role."""
    return {role: ours.key(roles=[role])[0] for role in ROLES}


def test_every_rpc_has_its_entry() -> None:
    served = {service.rpartition(".")[2] for service in (*SERVICES, *ADMIN_SERVICES)}
    assert {name.partition("/")[0] for name in EVERY} == served
    assert set(ALLOWED) == set(EVERY)


def test_every_rpc_of_the_admin_door_is_known_to_read_or_to_change() -> None:
    changing = {name.rpartition(".")[2] for name in (*CHANGING, *CHANGING_KEYS)}
    assert changing == LEAVES_A_ROW
    admin = {name for name in EVERY if name.startswith("AdminService/")}
    assert admin - changing == {f"AdminService/{name}" for name in READS}


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize("name", EVERY)
def test_a_role_opens_what_it_says_and_nothing_else(
    ours: Guarded, keys: dict[str, str], name: str, role: str | None
) -> None:
    """An empty message is enough to see: whoever is let in is told what is wrong with it, or answered."""
    caller = ours.admin_caller if name.startswith("AdminService/") else ours.caller
    metadata = bearer(keys[role]) if role is not None else []
    outcome: Any = caller.stream(EVERY[name], b"", bytes, metadata=metadata)
    if role is None:
        assert outcome.code is grpc.StatusCode.UNAUTHENTICATED
    elif role in ALLOWED[name].split():
        # NOT_FOUND: there is no configuration to go back to.
        assert outcome.code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    else:
        assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


@pytest.mark.parametrize("name", sorted(LEAVES_A_ROW))
def test_every_change_leaves_a_row_with_its_call(ours: Guarded, name: str) -> None:
    made = ours.admin.create_key(CreateKeyRequest(tenant="acme", roles=["app"])).key.id
    request_id, requests = (
        f"row-{name.rpartition('/')[2]}",
        {
            "Reload": admin_pb.ReloadRequest(),
            "RollbackConfig": admin_pb.RollbackConfigRequest(hash=ours.admin.get_config().hash),
            "SetKillSwitch": admin_pb.SetKillSwitchRequest(
                scope=admin_pb.KILL_SCOPE_TENANT, name="nobody", reason="test"
            ),
            "ClearKillSwitch": admin_pb.ClearKillSwitchRequest(scope=admin_pb.KILL_SCOPE_TENANT, name="nobody"),
            "CreateKey": CreateKeyRequest(tenant="acme"),
            "RotateKey": RotateKeyRequest(key_id=made),
            "RevokeKey": RevokeKeyRequest(key_id=made),
            "EraseUser": EraseUserRequest(tenant="acme", user="nobody"),
            "RefreshCredential": RefreshCredentialRequest(name="sim"),
        },
    )
    outcome = ours.admin_caller.unary(
        EVERY[name],
        requests[name.rpartition("/")[2]],
        bytes,
        metadata=[*bearer(OPERATOR), ("x-request-id", request_id)],
    )
    assert outcome.code is grpc.StatusCode.OK
    rows = [row for row in _rows(ours) if row.request_id == request_id]
    assert [(row.action, row.who, row.outcome) for row in rows] == [
        (name.rpartition("/")[2], "admin_token:operator", "OK")
    ]


def test_an_attempt_that_was_refused_leaves_a_row_too(ours: Guarded, keys: dict[str, str]) -> None:
    metadata = [*bearer(keys["auditor"]), ("x-request-id", "refused-1")]
    ours.admin_caller.unary(EVERY["AdminService/Reload"], b"", bytes, metadata=metadata)
    (row,) = eventually(lambda: [row for row in _rows(ours) if row.request_id == "refused-1"], "the row")
    assert (row.action, row.outcome) == ("Reload", "PERMISSION_DENIED")
    assert row.who.startswith("api_key:acme/")


def _rows(running: Guarded) -> list[Any]:
    found: list[Any] = []
    while rows := running.admin.list_audit_rows(after=found[-1].number if found else 0):
        found += rows
    return found

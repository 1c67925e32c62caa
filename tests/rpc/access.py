"""A router that asks callers who they are, and all that its tests need around it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow.router.v1.router_service_pb2 import ListModelsRequest
from hedgerow_client.admin import AdminClient
from postgres import PASSWORD_VARIABLE, PostgresServer
from rpc.caller import LIST_MODELS, Caller, connected, eventually
from rpc.conftest import StartRouter
from rpc.issuer import AUDIENCE, Issuer
from stack import Process, Stack, configuration, router

PEPPER, OPERATOR = os.urandom(24).hex(), os.urandom(24).hex()
ENVIRONMENT = {"HEDGEROW_TEST_PEPPER": PEPPER, "HEDGEROW_TEST_OPERATOR": OPERATOR}
CREDENTIALS = {
    "sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"},
    "bad": {"source": "env", "variable": "HEDGEROW_TEST_BAD_KEY"},
    "pepper": {"source": "env", "variable": "HEDGEROW_TEST_PEPPER"},
    "operator": {"source": "env", "variable": "HEDGEROW_TEST_OPERATOR"},
}
ROLES: dict[str, Any] = {
    "app": {"models": ["fast", "all/*"]},
    "embedder": {"rpcs": ["EmbedService/*"]},
    "agent": {"act_for": True},
    "reader": {"rpcs": ["RouterService/List*"]},
    "operator": {"rpcs": [], "admin": ["*"]},
    "auditor": {"rpcs": [], "admin": ["List*", "Get*", "VerifyAudit"]},
}


def identity(issuers: list[Issuer], **more: Any) -> dict[str, Any]:
    """Section `identity` with keys, tokens and roles; the admin door wants a role or the operator's token."""
    claims = {name: name for name in ("tenant", "team", "service", "roles", "models", "regions")}
    jwt = {
        "issuers": [
            {"issuer": one.url, "audiences": [AUDIENCE], "algorithms": ["RS256", "ES256"], "claims": claims}
            for one in issuers
        ]
    }
    found = {
        "api_keys": {"pepper": "pepper"},
        "roles": ROLES,
        "admin": {"access": "roles", "token": "operator"},
        **({"jwt": jwt} if issuers else {}),
    }
    return {**found, **more}


@dataclass
class Guarded:
    """A running router, and connections to both of its doors."""

    router: Process
    caller: Caller
    admin: AdminClient
    admin_caller: Caller

    def key(self, **wish: Any) -> tuple[str, str]:
        """A new API key, and its id. Of the tenant acme with the role app, unless the wish says otherwise."""
        made = self.admin.create_key(CreateKeyRequest(**{"tenant": "acme", "roles": ["app"], **wish}))
        return made.secret_key, made.key.id


@contextmanager
def guarded(
    start: StartRouter, store: Path | tuple[PostgresServer, str], issuers: list[Issuer], **more: Any
) -> Iterator[Guarded]:
    """Starts one, with its store in a file or in a server's database. `more` are keys of section `identity`, but for
    `server` and the values of the `pepper` and of the `operator`'s token.
    """
    server, pepper, operator = more.pop("server", None), more.pop("pepper", PEPPER), more.pop("operator", OPERATOR)
    given: dict[str, Any] = {"identity": identity(issuers, **more)}
    environment = {**ENVIRONMENT, "HEDGEROW_TEST_PEPPER": pepper, "HEDGEROW_TEST_OPERATOR": operator}
    credentials = CREDENTIALS
    if isinstance(store, Path):
        given["store"] = {"path": str(store)}
    else:
        # A ledger would want a folder of its own, too.
        section = store[0].section(store[1]).model_dump(mode="json")
        given |= {"store": {"postgres": section}, "ledger": {"enabled": False}}
        credentials = {**CREDENTIALS, "store": {"source": "env", "variable": PASSWORD_VARIABLE}}
        environment[PASSWORD_VARIABLE] = store[0].password
    with ExitStack() as exits:
        running = exits.enter_context(start(server=server, environment=environment, credentials=credentials, **given))
        yield Guarded(
            running,
            exits.enter_context(connected(running.addresses)),
            exits.enter_context(AdminClient(running.addresses["admin_grpc"], token=operator, timeout=30)),
            exits.enter_context(connected(running.addresses["admin_grpc"])),
        )


def bearer(token: str) -> list[tuple[str, str]]:
    """The metadata of a caller."""
    return [("authorization", f"Bearer {token}")]


def known_key(routers: Sequence[Guarded], **wish: Any) -> str:
    """A new API key that the first of several routers on one store has made, once all of them know it."""
    token, _ = routers[0].key(**wish)
    for one in routers:
        eventually(lambda one=one: _lists(one.caller, token), "the router knows the key")  # type: ignore[misc]
    return token


def _lists(caller: Caller, token: str) -> bool:
    request = ListModelsRequest(page_size=1)
    return caller.unary(LIST_MODELS, request, bytes, metadata=bearer(token)).code is grpc.StatusCode.OK


def troubled(stack: Stack, folder: Path) -> StartRouter:
    """Starts routers whose logs may tell of trouble, which is what their tests make."""

    @contextmanager
    def start(
        *, server: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **sections: Any
    ) -> Iterator[Process]:
        config: dict[str, Any] = configuration(stack.sim_url, stack.sim_url, **sections)
        config["server"] |= server or {}
        with router(folder, config, HEDGEROW_TEST_BAD_KEY="sk-other-0000", **(environment or {})) as running:
            yield running

    return start

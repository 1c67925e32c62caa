"""Several tenants on one router, whose providers in the simulator have limits that hold."""

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from hedgerow.admin.v1.key_pb2 import CreateKeyRequest
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse
from hedgerow_client.admin import AdminClient
from rpc.access import ENVIRONMENT, OPERATOR, bearer
from rpc.caller import COMPLETE, Outcome, chat
from stack import KEY, OWN_CONNECTIONS, Process, router, simulator

HOG = "hog"
QUIET = ("ann", "bob", "cid")
KEYS = {"first": KEY, "second": "sk-sim-second-key-0123456789abcdef"}
_CREDENTIALS = {
    **{name: {"source": "env", "variable": f"HEDGEROW_TEST_{name.upper()}"} for name in KEYS},
    "pepper": {"source": "env", "variable": "HEDGEROW_TEST_PEPPER"},
    "operator": {"source": "env", "variable": "HEDGEROW_TEST_OPERATOR"},
}


@dataclass
class House:
    """A running router, its simulator and the keys of its tenants."""

    process: Process
    sim_url: str
    admin: AdminClient
    tokens: Mapping[str, str]

    def limit(self, provider: str, **limits: Any) -> None:
        """What the simulator lets each key of a provider do with each model."""
        data = json.dumps(limits).encode()
        url = f"{self.sim_url}/_sim/limits?provider={provider}"
        with urllib.request.urlopen(urllib.request.Request(url, data, method="PUT"), timeout=10) as answer:
            assert answer.status == 204

    def statuses(self, provider: str) -> list[int | None]:
        """How the simulator answered the calls to a provider; None: the caller left before."""
        with urllib.request.urlopen(f"{self.sim_url}/_sim/book?provider={provider}", timeout=30) as page:
            return [one["status"] for one in json.load(page)["calls"]]


def provider(sim_url: str, name: str, **settings: Any) -> dict[str, Any]:
    """A provider of its own in the simulator, in the dialect of OpenAI unless the settings say otherwise."""
    tail = "" if settings.get("dialect") == "anthropic" else "/v1"
    base = {"dialect": "openai", "base_url": f"{sim_url}/_sim/as/{name}{tail}", "credential": "first"}
    return {**base, **settings}


@contextmanager
def house(folder: Path, providers: Mapping[str, Mapping[str, Any]], **routes: Any) -> Iterator[House]:
    """Starts one. For each provider, with its settings, there is a route of that name; `routes` are further ones, or
    others in their place.
    """
    with ExitStack() as exits:
        # A steady 200 ms, to which what a busy machine adds is little.
        sim = exits.enter_context(simulator(folder, "--law", '{"first_ms": 200, "token_ms": 0}'))
        sim_url = f"http://{sim.addresses['http']}"
        keys = json.dumps({"keys": list(KEYS.values())}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{sim_url}/_sim/keys", keys, method="PUT"), timeout=10).close()
        config = {
            "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
            "credentials": _CREDENTIALS,
            "store": {"path": str(folder / "hedgerow.db")},
            "identity": {
                "api_keys": {"pepper": "pepper"},
                "roles": {"app": {}},
                "admin": {"access": "roles", "token": "operator"},
            },
            "providers": {name: provider(sim_url, name, **settings) for name, settings in providers.items()},
            "routes": {
                **{name: route((name, "m")) for name in providers},
                **routes,
            },
        }
        environment = {f"HEDGEROW_TEST_{name.upper()}": value for name, value in KEYS.items()}
        running = exits.enter_context(router(folder, config, **ENVIRONMENT, **environment))
        admin = exits.enter_context(AdminClient(running.addresses["admin_grpc"], token=OPERATOR, timeout=30))
        made = {
            tenant: admin.create_key(CreateKeyRequest(tenant=tenant, roles=["app"])).secret_key
            for tenant in (HOG, *QUIET)
        }
        yield House(running, sim_url, admin, made)


def route(*candidates: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A route of chats over providers and their models."""
    return {"kind": "chat", "candidates": [{"provider": name, "model": model} for name, model in candidates], **more}


@dataclass
class Told:
    """What a tenant was told of its calls."""

    outcomes: list[Outcome[CompleteResponse]] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)

    @property
    def served(self) -> int:
        """How many were answered."""
        return sum(one.code is grpc.StatusCode.OK for one in self.outcomes)

    @property
    def refused(self) -> list[Outcome[CompleteResponse]]:
        """Those that were not."""
        return [one for one in self.outcomes if one.code is not grpc.StatusCode.OK]


def p99(times_s: Sequence[float]) -> float:
    """The time that one of a hundred exceeds."""
    return sorted(times_s)[max(0, -(-len(times_s) * 99 // 100) - 1)]


class Crowd:
    """Callers of several tenants, all on one connection each."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel], tokens: Mapping[str, str]) -> None:
        self._channels = channels
        self._tokens = tokens
        self.told: dict[str, Told] = {name: Told() for name in channels}

    async def call(self, tenant: str, model: str, *, timeout: float = 30, **spec: Any) -> Outcome[CompleteResponse]:
        """One call."""
        stub: Any = self._channels[tenant].unary_unary(COMPLETE, response_deserializer=CompleteResponse.FromString)
        outcome: Outcome[CompleteResponse] = Outcome()
        began_s, metadata = time.monotonic(), tuple(bearer(self._tokens[tenant]))
        call = stub(chat(model, **spec).SerializeToString(), timeout=timeout, metadata=metadata)
        try:
            outcome.messages.append(await call)
        except grpc.aio.AioRpcError as error:
            outcome.code, outcome.text = error.code(), error.details() or ""
        outcome.trailers = tuple(await call.trailing_metadata() or ())
        self.told[tenant].outcomes.append(outcome)
        self.told[tenant].took_s.append(time.monotonic() - began_s)
        return outcome

    async def flood(self, tenant: str, model: str, calls: int, **more: Any) -> None:
        """So many calls at once."""
        await asyncio.gather(*(self.call(tenant, model, **more) for _ in range(calls)))

    async def steady(self, tenant: str, model: str, calls: int, every_s: float, **more: Any) -> None:
        """So many calls, one after the other at a steady pace."""
        async with asyncio.TaskGroup() as group:
            for number in range(calls):
                if number:
                    await asyncio.sleep(every_s)
                group.create_task(self.call(tenant, model, **more))


@asynccontextmanager
async def crowd(at: House) -> AsyncIterator[Crowd]:
    """A crowd of all tenants of a house."""
    channels = {name: grpc.aio.insecure_channel(at.process.addresses["grpc"], OWN_CONNECTIONS) for name in at.tokens}
    try:
        yield Crowd(channels, at.tokens)
    finally:
        for channel in channels.values():
            await channel.close()

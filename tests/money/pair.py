"""Two routers that share their limits through a Redis, in front of one simulator, and callers of both at once."""

import asyncio
import json
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from hedgerow.chat.v1.chat_service_pb2 import CompleteResponse
from money.accounts import Entry
from rpc.caller import COMPLETE, Outcome, chat
from stack import FORGIVING, OWN_CONNECTIONS, Process, router, simulator

TOKENS = 50
"""Of each answer."""
MODEL = f"sim-tokens-{TOKENS}-1"
DEAR, CHEAP = 2, 1
"""Of an output token, in 10^-6 US dollars; one of the input is a thousandth of 10^-6."""
ASKED = {"max_output_tokens": 60}
MICRO_USD = 10**6
"""In picos."""


@dataclass
class Pair:
    """Two running routers."""

    routers: tuple[Process, Process]
    sim_url: str

    @property
    def targets(self) -> list[str]:
        """Their doors."""
        return [one.addresses["grpc"] for one in self.routers]

    def entries(self, provider: str) -> list[Entry]:
        """What the simulator's book has of a provider."""
        with urllib.request.urlopen(f"{self.sim_url}/_sim/book?provider={provider}&limit=100000", timeout=30) as page:
            entries: list[Entry] = json.load(page)["calls"]
        return entries

    def billed_picos(self, provider: str) -> int:
        """What the book says that a provider has to get, by the prices of `priced`."""
        return sum(
            one["billed_input_tokens"] * MICRO_USD // 1000
            + one["billed_output_tokens"] * (DEAR if one["model"].startswith("dear") else CHEAP) * MICRO_USD
            for one in self.entries(provider)
        )


def configuration(sim_url: str, names: Iterable[str], redis_url: str, **sections: Any) -> dict[str, Any]:
    """Of each name a provider and a route to a model that has a price; `dear-NAME` and `cheap-NAME` are its models."""
    providers = {
        name: {
            "dialect": "openai",
            "base_url": f"{sim_url}/_sim/as/{name}/v1",
            "credential": "sim",
            # What the simulator says of limits of its own holds nobody up.
            "rate_limits": {"learn": False},
        }
        for name in names
    }
    price = {"input": 0.001}
    return {
        "server": {name: {"listen": "127.0.0.1:0"} for name in ("grpc", "admin_grpc", "admin_http")},
        "credentials": {
            "sim": {"source": "env", "variable": "HEDGEROW_TEST_KEY"},
            "hook": {"source": "env", "variable": "HEDGEROW_TEST_HOOK"},
        },
        "providers": providers,
        "pricing": {
            "overrides": [
                {"provider": name, "model": f"{kind}-*", "usd_per_million_tokens": {**price, "output": output}}
                for name in providers
                for kind, output in (("dear", DEAR), ("cheap", CHEAP))
            ]
        },
        "routes": {
            name: {"kind": "chat", "candidates": [{"provider": name, "model": f"dear-{MODEL}"}]} for name in providers
        },
        # Patient: what is tried is not how busy the machine is.
        "sharing": {"redis": {"url": redis_url, "lease_seconds": 2, "timeout_seconds": 1}, "replicas": 2},
        "breaker": FORGIVING,
        **sections,
    }


@contextmanager
def pair(folder: Path, config: Any, **environment: str) -> Iterator[Pair]:
    """Starts simulator and routers; `config` makes their configuration from the simulator's address."""
    with ExitStack() as exits:
        sim = exits.enter_context(simulator(folder))
        sim_url = f"http://{sim.addresses['http']}"
        given = {"HEDGEROW_TEST_HOOK": "none", **environment}
        one, other = (
            exits.enter_context(router(folder, config(sim_url), name, **given)) for name in ("first", "second")
        )
        yield Pair((one, other), sim_url)


async def calls(
    targets: Sequence[str], model: str, count: int, *, at_once: int = 10_000, timeout: float = 60, **spec: Any
) -> list[Outcome[CompleteResponse]]:
    """So many calls, spread over the targets; `at_once` of them at a time."""
    slots = asyncio.Semaphore(at_once)
    payload = chat(model, route=spec.pop("route", None), **{**ASKED, **spec}).SerializeToString()

    async def one(channel: grpc.aio.Channel) -> Outcome[CompleteResponse]:
        stub: Any = channel.unary_unary(COMPLETE, response_deserializer=CompleteResponse.FromString)
        async with slots:
            call = stub(payload, timeout=timeout)
            outcome: Outcome[CompleteResponse] = Outcome()
            try:
                outcome.messages.append(await call)
            except grpc.aio.AioRpcError as error:
                outcome.code, outcome.text = error.code(), error.details() or ""
            outcome.trailers = tuple(await call.trailing_metadata() or ())
            return outcome

    channels = [grpc.aio.insecure_channel(target, OWN_CONNECTIONS) for target in targets]
    try:
        return await asyncio.gather(*(one(channels[number % len(channels)]) for number in range(count)))
    finally:
        for channel in channels:
            await channel.close()


def served(outcomes: Iterable[Outcome[Any]]) -> list[Outcome[Any]]:
    """Those that were answered. All others have to say that a limit is reached."""
    outcomes = list(outcomes)
    refused = [one for one in outcomes if one.code is not grpc.StatusCode.OK]
    assert {one.code for one in refused} <= {grpc.StatusCode.RESOURCE_EXHAUSTED}, {
        (one.code, one.reason, one.text) for one in refused if one.code is not grpc.StatusCode.RESOURCE_EXHAUSTED
    }
    return [one for one in outcomes if one.code is grpc.StatusCode.OK]

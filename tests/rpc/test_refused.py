"""Credentials that are no good, at a real router: none gets in, none crashes anything, none is heard of upstream."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from rpc.access import bearer, guarded
from rpc.caller import COMPLETE, EMBED, STREAM_COMPLETE, STREAM_EMBED, Outcome, booked, chat, embed, new_trace, options
from rpc.conftest import StartRouter
from rpc.issuer import AUDIENCE, issuer, rsa_key
from rpc.refusals import CASES, FORBIDDEN, Metadata, World, at, peopled, spoilt
from stack import Stack


@pytest.fixture(scope="module")
def world(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all cases."""
    store = tmp_path_factory.mktemp("store") / "hedgerow.db"
    with issuer() as ours, issuer() as stranger, issuer() as second:
        spoilt(ours)
        with guarded(start_router, store, [ours, second]) as running:
            yield peopled(running, ours, stranger)


def _call(world: World, stack: Stack, metadata: Metadata, rpc: str = COMPLETE) -> Outcome[Any]:
    """Calls with a trace of its own, and fails where the simulator has heard of it."""
    trace = new_trace()
    outcome = world.guarded.caller.chat(rpc, "fast", metadata=[*metadata, ("traceparent", trace)])
    if outcome.code is not grpc.StatusCode.OK:
        assert booked(stack.sim_url, trace) == []
    return outcome


@pytest.mark.parametrize("name", CASES)
def test_a_credential_that_is_no_good_is_unauthenticated(world: World, stack: Stack, name: str) -> None:
    outcome = _call(world, stack, CASES[name](world))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_caller_who_goes_too_far_is_forbidden(world: World, stack: Stack, name: str) -> None:
    outcome = _call(world, stack, FORBIDDEN[name](world))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


@pytest.mark.parametrize("name", ["nothing", "a revoked key", "alg none"])
@pytest.mark.parametrize("rpc", [STREAM_COMPLETE, EMBED, STREAM_EMBED])
def test_every_kind_of_call_is_refused_alike(world: World, stack: Stack, name: str, rpc: str) -> None:
    metadata, caller = CASES[name](world), world.guarded.caller
    body = {STREAM_COMPLETE: chat("fast"), EMBED: embed("embed-small", "hi"), STREAM_EMBED: options("embed-small")}[rpc]
    outcome: Outcome[Any] = caller.stream(rpc, body.SerializeToString(), bytes, metadata=metadata)
    assert outcome.code is grpc.StatusCode.UNAUTHENTICATED


def test_a_stranger_costs_no_parsing(world: World, stack: Stack) -> None:
    outcome = world.guarded.caller.complete(b"\xff" * 1000, metadata=[])
    assert outcome.code is grpc.StatusCode.UNAUTHENTICATED


def test_no_refusal_says_anything_of_the_credential(world: World, stack: Stack) -> None:
    for name, made in CASES.items():
        metadata = made(world)
        told = _call(world, stack, metadata).everything
        for key, value in metadata:
            secret = value.rpartition(" ")[2].rpartition("_")[2].encode()
            assert key != "authorization" or len(secret) < 20 or secret not in told, name


def test_the_good_ones_get_in(world: World, stack: Stack) -> None:
    """What every case above differs from."""
    ours = world.issuer
    tokens = [
        ours.token(),
        ours.token("ec"),
        ours.token(exp=at(-30)),
        ours.token(nbf=at(30)),
        ours.token(aud=["x", AUDIENCE]),
    ]
    tokens += [
        ours.token(headers={"typ": "at+jwt"}),
        ours.token(roles="app reader"),
        ours.token(models=["fa*"]),
        world.good,
    ]
    for token in tokens:
        assert _call(world, stack, bearer(token)).code is grpc.StatusCode.OK
    assert _call(world, stack, [("authorization", f"bearer  {world.good}")]).code is grpc.StatusCode.OK


def test_made_up_key_ids_do_not_become_requests_to_the_issuer(world: World, stack: Stack) -> None:
    before, key = world.issuer.fetches, rsa_key()
    for number in range(200):
        assert _call(world, stack, bearer(world.issuer.token(f"made-up-{number}", key=key))).code is (
            grpc.StatusCode.UNAUTHENTICATED
        )
    assert world.issuer.fetches - before <= 1


def test_nobody_gets_in_after_all_that_as_somebody_else(world: World) -> None:
    """The call log says who was served: the tenant of the good ones only."""
    lines = [json.loads(line) for line in world.guarded.router.log.read_text().splitlines() if line.startswith("{")]
    assert {line["tenant"] for line in lines if line["code"] == "OK" and "ChatService" in line["method"]} <= {"acme"}


def _files(folder: Path) -> Iterator[Path]:
    """What is in it, its folders' files too, but for what the router has deleted meanwhile."""
    return (path for path in folder.rglob("*") if path.is_file())


def test_no_key_and_no_token_is_in_the_log_or_the_store(world: World, stack: Stack) -> None:
    _call(world, stack, bearer(world.good))
    token = world.issuer.token()
    _call(world, stack, bearer(token))
    log = world.guarded.router.log.read_text(errors="replace")
    store = b"".join(path.read_bytes() for path in _files(Path(_store(world)).parent))
    for secret in (world.good, world.revoked, world.expired, token):
        part = secret.rpartition("_")[2] if secret.startswith("hk_") else secret.rpartition(".")[2]
        assert part not in log
        assert part.encode() not in store


def _store(world: World) -> str:
    import yaml

    config = yaml.safe_load((world.guarded.router.log.parent / "router.yaml").read_text())
    return str(config["store"]["path"])

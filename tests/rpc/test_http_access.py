"""Who calls, at the HTTP doors: with which headers, and what becomes of calls under way when a key ends. That keys,
tokens and roles mean the same at every door, test_access.py asks at all of them.
"""

import time
from collections.abc import Iterator

import pytest
from rpc.access import Guarded, guarded
from rpc.conftest import StartRouter
from rpc.http_raw import Answered, Raw, chat, head, raw

JSON = b"content-type: application/json"
WITHIN_S = 5.0
CANARY = "hk_CANARY0123456789"
LONG = {"long": {"kind": "chat", "candidates": [{"provider": "sim", "model": "sim-tokens-400-50"}]}}
"""Twenty seconds of tokens."""


@pytest.fixture(scope="module", name="router")
def router_fixture(start_router: StartRouter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A router with keys and a small quota. Its log shows no key."""
    store = tmp_path_factory.mktemp("store") / "hedgerow.db"

    def started(**sections: object) -> object:
        quotas = [{"name": "few", "match": {"tenant": ["limited"]}, "limits": [{"requests": 1, "per": "hour"}]}]
        return start_router(extra_routes=LONG, quotas=quotas, **sections)

    with guarded(started, store, [], roles={"app": {}}) as running:  # type: ignore[arg-type]
        yield running
        assert CANARY not in running.router.log.read_text()


@pytest.fixture(name="door")
def door_fixture(router: Guarded) -> Iterator[Raw]:
    """A connection to its HTTP door."""
    with raw(router.router.addresses["http"]) as connection:
        yield connection


def bearer(key: str) -> bytes:
    """How OpenAI's clients show a key."""
    return b"authorization: Bearer " + key.encode()


def api_key(key: str) -> bytes:
    """How Anthropic's clients do."""
    return b"x-api-key: " + key.encode()


def test_a_key_is_taken_from_either_header(router: Guarded, door: Raw) -> None:
    key, _ = router.key()
    for headers in ([bearer(key)], [api_key(key)], [bearer(key), api_key(key)]):
        assert door.ask(chat(), JSON, *headers).status == 200


def test_a_credential_must_be_there_once_and_good(router: Guarded, door: Raw) -> None:
    key, _ = router.key()
    other, _ = router.key()
    wrong: list[list[bytes]] = [
        [],
        [bearer(CANARY)],
        [api_key(CANARY)],
        [api_key("")],
        [b"authorization: " + key.encode()],
        [b"authorization: Basic " + key.encode()],
        [bearer(key), bearer(key)],
        [api_key(key), api_key(key)],
        [bearer(key), api_key(other)],
        [api_key(key), bearer(CANARY)],
        [b"authorization: Basic x", api_key(key)],
    ]
    for headers in wrong:
        answer = door.ask(chat(), JSON, *headers)
        assert (answer.status, answer.error["hedgerow"]["reason"]) == (401, "UNAUTHENTICATED"), headers
        assert CANARY not in answer.body.decode()


def test_whoever_is_not_let_in_is_told_before_his_body_comes(door: Raw) -> None:
    """And is not asked to go on with it."""
    door.send(head(JSON, b"expect: 100-continue", b"content-length: 1000"))
    answer = door.answer()
    assert (answer.status, answer.headers["connection"]) == (401, "close")


def test_a_stream_under_way_ends_when_its_key_is_revoked(router: Guarded) -> None:
    """With an event that says why, and without an end that looks whole; a stream of another key goes on."""
    address = router.router.addresses["http"]
    key, key_id = router.key()
    other, _ = router.key()
    body = chat("long", stream=True)
    with raw(address) as ours, raw(address) as theirs:
        for door, token in ((ours, key), (theirs, other)):
            door.send(head(JSON, bearer(token), b"content-length: %d" % len(body)), body)
            door.until(b"\r\n\r\n")
            door.chunk()
        began_s = time.monotonic()
        router.admin.revoke_key(key_id)
        rest = ours.closed()
        assert time.monotonic() - began_s < WITHIN_S
        last = rest.rpartition(b"data: ")[2]
        told = Answered(200, {}, last.partition(b"\n\n")[0]).error["hedgerow"]
        assert (told["reason"], told["metadata"]) == ("UNAUTHENTICATED", {"keyId": key_id, "keyState": "revoked"})
        assert len(told["attempts"]) == 1
        assert not rest.endswith(b"0\r\n\r\n")
        assert theirs.chunk() != b""


def test_what_is_left_of_a_quota_is_told_in_headers(router: Guarded, door: Raw) -> None:
    key, _ = router.key(tenant="limited")
    answer = door.ask(chat(), JSON, bearer(key))
    assert (answer.status, answer.headers["x-ratelimit-limit-requests"]) == (200, "1")
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    answer = door.ask(chat(), JSON, bearer(key))
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert answer.headers["x-ratelimit-reset-requests"].endswith("s")

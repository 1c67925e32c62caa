"""Several providers in one process: their state, their switches, their part of the book; and what is billed."""

import asyncio
import time
from typing import Any

import pytest
from unit.hedgerow_sim.calls import call, noted
from unit.hedgerow_sim.harness import CHAT, HELLO, Sim, running
from unit.hedgerow_sim.wires import WIRES, Wire

every_wire = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


async def _chat(sim: Sim, model: str, name: str = "", **fields: Any) -> int:
    path = f"/_sim/as/{name}{CHAT}" if name else CHAT
    return (await sim.post(path, {"model": model, "messages": HELLO} | fields)).status


async def _put(sim: Sim, path: str, body: Any) -> int:
    async with sim.http.put(sim.url + path, json=body) as answer:
        return answer.status


# --- Names ---


async def test_a_name_before_the_path_has_its_own_part_of_the_book(sim: Sim) -> None:
    for name, times in (("red", 1), ("blue", 2), ("", 3)):
        for _ in range(times):
            await _chat(sim, "gpt-4o", name)
    for name, times in (("red", 1), ("blue", 2), ("", 3), ("green", 0)):
        book = await sim.book(f"?provider={name}") if name else await sim.book()
        assert book["totals"]["calls"] == (times if name else 6)
        assert {entry["provider"] for entry in book["calls"]} == ({name} if name and times else set()) or not name
    last = (await sim.book("?provider=blue&last=1"))["calls"]
    assert [(entry["provider"], entry["path"]) for entry in last] == [("blue", CHAT)]


async def test_totals_of_a_name_count_what_the_book_forgot() -> None:
    async with running(book_size=1) as sim:
        for name in ("red", "red", "blue"):
            await _chat(sim, "gpt-4o", name)
        assert (await sim.book("?provider=red"))["totals"]["completed"] == 2
        assert (await sim.book())["totals"]["completed"] == 3


@every_wire
async def test_every_dialect_can_be_anyones(sim: Sim, wire: Wire) -> None:
    got = await call(sim, wire, "any-model", stream=True, name="red")
    assert got.wire.told(got.answer, stream=True).text.endswith(".")
    assert (got.entry["provider"], got.entry["path"]) == ("red", wire.path("any-model", True).partition("?")[0])


@pytest.mark.parametrize("path", ["/_sim/as/red/_sim/chunk-bytes/7", "/_sim/chunk-bytes/7/_sim/as/red"])
async def test_both_prefixes_may_stand_in_one_path(sim: Sim, path: str) -> None:
    answer = await sim.post(path + CHAT, {"model": "m", "messages": HELLO})
    assert answer.json["choices"]
    assert (await sim.last())["provider"] == "red"


async def test_the_bytes_of_a_request_are_counted(sim: Sim) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"hedge"}]}'
    async with sim.raw("/_sim/as/red" + CHAT, body) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
    async with sim.raw("/_sim/as/red" + CHAT, body + b" " * 1000) as (reader, _):
        await reader.readuntil(b"\r\n\r\n")
    first, second = [entry["received_bytes"] for entry in (await sim.book("?provider=red"))["calls"]]
    assert second - first == 1000 + len("1060") - len("60")
    assert first > len(body)
    assert (await sim.book("?provider=red"))["totals"]["received_bytes"] == first + second


# --- Counts and clocks ---


@every_wire
async def test_what_happens_once_happens_once_for_each_key_and_name(sim: Sim, wire: Wire) -> None:
    async def statuses(model: str, name: str) -> list[int | None]:
        return [(await call(sim, wire, model, stream=True, name=name)).status for _ in range(3)]

    assert await statuses("sim-once-k1", "red") == [500, 200, 200]
    assert await statuses("sim-once-k1.429-after-2", "red") == [200, 200, 200]
    assert await statuses("sim-once-k2.429-after-2", "red") == [429, 200, 200]
    assert await statuses("sim-once-k1", "blue") == [500, 200, 200]
    assert await statuses("sim-times-2-k3.404", "red") == [404, 404, 200]
    assert await statuses("sim-after-1-k4.404", "red") == [200, 404, 404]


async def test_flapping_is_up_first_and_then_by_the_clock(sim: Sim) -> None:
    begun = time.monotonic()
    seen: list[tuple[float, int]] = []
    while time.monotonic() - begun < 0.9:
        seen.append((time.monotonic() - begun, await _chat(sim, "sim-flap-200-200-k")))
        await asyncio.sleep(0.01)
    # A call near an edge may fall on either side of it.
    sure = [(at, status) for at, status in seen if 0.05 < at % 0.2 < 0.15]
    assert len(sure) > 4
    assert all(status == (200 if at % 0.4 < 0.2 else 503) for at, status in sure)


async def test_down_is_down_from_the_first_call_on_and_then_healthy(sim: Sim) -> None:
    assert await _chat(sim, "sim-down-200-k") == 503
    await asyncio.sleep(0.22)
    assert await _chat(sim, "sim-down-200-k") == 200
    assert await _chat(sim, "sim-down-200-other.429") == 429


async def test_a_share_of_the_calls_fails_and_the_seed_says_which() -> None:
    runs = []
    for _ in range(2):
        async with running(seed=5) as sim:
            runs.append([await _chat(sim, "sim-errors-30", max_tokens=1) for _ in range(200)])
    assert runs[0] == runs[1]
    assert 35 <= runs[0].count(500) <= 85
    assert runs[0].count(200) == 200 - runs[0].count(500)


@every_wire
async def test_a_conversation_that_ends_with_the_assistant_is_refused(sim: Sim, wire: Wire) -> None:
    said = {
        "messages": {"role": "assistant", "content": [{"text": "So"}] if wire.name == "bedrock" else "So"},
        "contents": {"role": "model", "parts": [{"text": "So"}]},
        "input": {"role": "assistant", "content": "So"},
    }
    body = wire.body("sim-no-prefill", False, "x", None, False)
    for name in ("thinking", "additionalModelRequestFields"):
        body.pop(name, None)
    (turns,) = said.keys() & body.keys()
    before = body[turns] if isinstance(body[turns], list) else [{"role": "user", "content": body[turns]}]
    for messages, status in ((before, 200), ([*before, said[turns]], 400)):
        answer = await sim.post(wire.path("sim-no-prefill", False), body | {turns: messages}, **wire.key)
        assert answer.status == status, answer.body


# --- Switches ---


async def test_an_outage_meets_every_call_of_one_provider_for_a_while(sim: Sim) -> None:
    assert await _put(sim, "/_sim/outage?provider=red", {"for_s": 0.2}) == 204
    assert [await _chat(sim, "gpt-4o", name) for name in ("red", "blue", "")] == [503, 200, 200]
    async with sim.http.get(sim.url + "/_sim/outage?provider=red") as answer:
        state = await answer.json()
    assert (state["on"], state["fault"]) == (True, "503")
    assert 0 < state["left_s"] <= 0.2
    await asyncio.sleep(0.22)
    assert await _chat(sim, "gpt-4o", "red") == 200


async def test_an_outage_of_any_fault_can_meet_everybody_and_be_ended(sim: Sim) -> None:
    assert await _put(sim, "/_sim/outage", {"fault": "sim-429-after-9"}) == 204
    assert [await _chat(sim, "gpt-4o", name) for name in ("red", "")] == [429, 429]
    async with sim.http.delete(sim.url + "/_sim/outage") as answer:
        assert answer.status == 204
    assert await _chat(sim, "gpt-4o", "red") == 200


async def test_a_law_slows_one_provider_until_it_is_taken_back(sim: Sim) -> None:
    async def took(name: str) -> float:
        begun = time.monotonic()
        await _chat(sim, "gpt-4o", name, max_tokens=1)
        return time.monotonic() - begun

    assert await _put(sim, "/_sim/law?provider=red", {"law": {"first_ms": 200}}) == 204
    assert await took("red") >= 0.2
    assert await took("blue") < 0.2
    async with sim.http.get(sim.url + "/_sim/law?provider=red") as answer:
        assert await answer.json() == {"on": True, "law": '{"first_ms":200}', "left_s": None}
    async with sim.http.delete(sim.url + "/_sim/law?provider=red") as answer:
        assert answer.status == 204
    assert await took("red") < 0.2
    assert await _put(sim, "/_sim/law", {"law": "brown-out", "for_s": 60}) == 204


@pytest.mark.parametrize(
    ("path", "body"),
    [("law", {"law": "slowly"}), ("law", {}), ("outage", {"fault": "unheard"}), ("outage", {"for": 1}), ("law", [])],
)
async def test_a_switch_that_is_none_is_refused(sim: Sim, path: str, body: Any) -> None:
    assert await _put(sim, f"/_sim/{path}", body) == 400
    assert await _chat(sim, "gpt-4o") == 200


# --- Bills and sockets ---


async def _leave(sim: Sim, model: str, after_s: float, **fields: Any) -> Any:
    """The entry of a call whose client leaves after a while."""
    async with sim.raw("/_sim/as/red" + CHAT, {"model": model, "messages": HELLO} | fields):
        await sim.last_when(lambda entry: entry["model"] == model)
        await asyncio.sleep(after_s)
        left = time.time()
    async with asyncio.timeout(5):
        while (entry := await sim.last())["closed_unix"] is None:  # noqa: ASYNC110 - the book can only be asked again
            await asyncio.sleep(0.005)
    assert 0 <= entry["closed_unix"] - left + 0.005 < 0.25
    return entry


async def test_who_leaves_a_unary_call_pays_for_what_was_generated(sim: Sim) -> None:
    entry = await _leave(sim, "sim-tokens-100-20", 0.4)
    assert (entry["outcome"], entry["output_tokens"]) == ("cancelled", 0)
    assert 10 <= entry["billed_output_tokens"] <= 40
    assert entry["billed_input_tokens"] == entry["input_tokens"] > 0


async def test_who_leaves_before_the_first_token_pays_nothing(sim: Sim) -> None:
    for stream in (False, True):
        entry = await _leave(sim, "sim-tokens-100-20-5000", 0.05, stream=stream)
        assert (entry["billed_input_tokens"], entry["billed_output_tokens"]) == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_ignores_a_cancel_bills_everything(sim: Sim, *, stream: bool) -> None:
    entry = await _leave(sim, "sim-ignores-cancel.tokens-40-10", 0.1, stream=stream)
    assert entry["outcome"] == "open"
    assert (await sim.book("?provider=red"))["totals"]["busy_sockets"] == 0
    assert (await sim.book("?provider=red"))["totals"]["open"] == 1
    entry = await noted(sim, "red")
    assert (entry["outcome"], entry["billed_output_tokens"]) == ("cancelled", 40)
    assert entry["output_tokens"] < 40
    assert entry["ended_unix"] - entry["started_unix"] >= 0.39


async def test_an_answer_that_was_read_is_billed_as_its_usage_says(sim: Sim) -> None:
    for stream in (False, True):
        async with running(law='{"token_ms": 1}') as paced:
            for one in (sim, paced):
                for wire in WIRES:
                    got = await call(one, wire, "any-model", stream=stream)
                    assert got.billed == (got.entry["input_tokens"], got.entry["output_tokens"]), got


async def test_sockets_are_counted_until_they_close(sim: Sim) -> None:
    async def sockets() -> tuple[int, int]:
        totals = (await sim.book())["totals"]
        return totals["busy_sockets"], totals["open_sockets"]

    assert await sockets() == (0, 0)
    async with sim.raw(CHAT, {"model": "sim-stall", "messages": HELLO, "stream": True}):
        await sim.last_when(lambda entry: entry["output_tokens"] == 5)
        assert await sockets() == (1, 1)
    async with asyncio.timeout(1):
        while await sockets() != (0, 0):  # noqa: ASYNC110 - the book can only be asked again
            await asyncio.sleep(0.005)


# --- Keys ---


@pytest.mark.parametrize(
    ("access_key", "token", "status"),
    [
        ("AKIAGOOD", "", 200),
        ("AKIAOTHER", "", 403),
        ("ASIAGOOD", "t", 200),
        ("ASIAGOOD", "", 403),
        ("AKIDOLD", "", 403),
    ],
)
async def test_with_ids_of_aws_among_the_keys_only_their_signatures_are_good(
    access_key: str, token: str, status: int
) -> None:
    signed = f"AWS4-HMAC-SHA256 Credential={access_key}/20260501/us-east-1/bedrock/aws4_request, "
    headers = {
        "authorization": f"{signed}SignedHeaders=host;x-amz-date, Signature={'0a' * 32}",
        "x-amz-date": "20260501T063000Z",
        **({"x-amz-security-token": token} if token else {}),
    }
    async with running(key="sk-old") as sim:
        assert await _put(sim, "/_sim/keys", {"keys": ["AKIAGOOD", "ASIAGOOD"]}) == 204
        body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
        assert (await sim.post("/model/m/converse", body, **headers)).status == status


async def test_a_rotated_key_is_good_and_the_old_one_refused_at_once() -> None:
    async with running(key="sk-old") as sim:

        async def status(key: str) -> int:
            body = {"model": "m", "messages": HELLO}
            return (await sim.post(CHAT, body, authorization=f"Bearer {key}")).status

        assert (await status("sk-old"), await status("sk-new")) == (200, 401)
        assert await _put(sim, "/_sim/keys", {"keys": ["sk-new"]}) == 204
        assert (await status("sk-old"), await status("sk-new")) == (401, 200)
        assert await _put(sim, "/_sim/keys", {"keys": 7}) == 400

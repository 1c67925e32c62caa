"""Every fault in every dialect, unary and streamed, as a plain HTTP client sees it, and what the book bills for it."""

import json
import time
from email.utils import parsedate_to_datetime

import pytest
from unit.hedgerow_sim.calls import FILTERED, both, call, everywhere, normal
from unit.hedgerow_sim.harness import Sim

_HINTS = ("retry-after", "retry-after-ms", "x-ms-retry-after-ms")


@both
@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("sim-400", 400), ("sim-422", 422), ("sim-context-length", 400), ("sim-filter", 400), ("sim-401", 401),
        ("sim-403", 403), ("sim-404", 404), ("sim-429", 429), ("sim-429-quota", 429), ("sim-500", 500),
        ("sim-502", 502), ("sim-503", 503), ("sim-504", 504), ("sim-529", 529), ("sim-error-first", 200),
        ("sim-error-first-429", 200), ("sim-ok-error", 200), ("sim-ok-error-503", 200), ("sim-503-none", 503),
    ],
)  # fmt: skip
async def test_an_error_has_its_status_and_the_dialects_shape_and_costs_nothing(
    shared: Sim, model: str, status: int, *, stream: bool
) -> None:
    async for got in everywhere(shared, model, stream=stream):
        filtered = FILTERED.get(got.wire.name) if model == "sim-filter" else None
        wanted = filtered or got.wire.statuses.get(model, status)
        assert (got.status, got.end, got.entry["outcome"]) == (wanted, "whole", "error"), got
        text = got.body.decode(errors="replace").lower()
        assert "error" in text or "message" in text or "blockreason" in text or "exception" in text, got
        assert got.billed == (0, 0), got


@both
@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("after-7", {"retry-after": "7"}),
        ("after-9999999999", {"retry-after": "9999999999"}),
        ("ms-1500", {"retry-after-ms": "1500"}),
        ("xms-250", {"x-ms-retry-after-ms": "250"}),
        ("info-3", {}),
        ("none", {}),
        ("absurd", {"retry-after": "1000000000"}),
        ("negative", {"retry-after": "-5"}),
        ("garbage", {"retry-after": "soon"}),
    ],
)
async def test_when_to_come_back_is_said_in_exactly_one_way(
    shared: Sim, status: int, form: str, said: dict[str, str], *, stream: bool
) -> None:
    async for got in everywhere(shared, f"sim-{status}-{form}", stream=stream):
        assert got.status == status, got
        assert {name: got.headers[name] for name in _HINTS if name in got.headers} == said, got
        assert not [name for name in got.headers if "ratelimit" in name and "reset" in name], got
        assert (b'"retryDelay":"3s"' in got.body) == (form == "info-3"), got
        assert (b"retryDelay" in got.body) == (form == "info-3"), got


@both
async def test_the_date_to_come_back_lies_ahead(shared: Sim, *, stream: bool) -> None:
    before = time.time()
    async for got in everywhere(shared, "sim-429-date-30", stream=stream):
        at = parsedate_to_datetime(got.headers["retry-after"]).timestamp()
        assert before + 30 <= at <= time.time() + 32, got


@both
@pytest.mark.parametrize(
    ("model", "status", "kind", "has"),
    [
        ("sim-503-html", 503, "text/html", b"<html>"),
        ("sim-502-html", 502, "text/html", b"<html>"),
        ("sim-html", 200, "text/html", b"<!DOCTYPE html>"),
        ("sim-500-empty", 500, None, b""),
        ("sim-empty", 200, None, b""),
    ],
)
async def test_what_comes_is_no_apis(
    shared: Sim, model: str, status: int, kind: str | None, has: bytes, *, stream: bool
) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert (got.status, got.billed, got.entry["outcome"]) == (status, (0, 0), "error"), got
        assert kind is None or got.headers["content-type"].startswith(kind), got
        assert got.body.startswith(has), got
        assert bool(got.body) == bool(has), got


@both
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_to_another_host_that_the_book_watches(shared: Sim, code: int, *, stream: bool) -> None:
    async for got in everywhere(shared, f"sim-redirect-{code}", stream=stream):
        assert got.status == code, got
        assert got.headers["location"].startswith(f"http://localhost:{shared.port}/_sim/as/elsewhere/"), got
        assert got.billed == (0, 0), got


# --- Connections ---


@both
@pytest.mark.parametrize("model", ["sim-reset-head", "sim-close-head"])
async def test_a_connection_ends_before_any_byte(shared: Sim, model: str, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert (got.status, got.body, got.end) == (None, b"", "broken"), got
        assert (got.entry["status"], got.entry["outcome"], got.billed) == (None, "cut", (0, 0)), got


@both
@pytest.mark.parametrize("model", ["sim-reset-first", "sim-close-first"])
async def test_a_connection_ends_after_the_headers(shared: Sim, model: str, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        # A reset may overtake the head on its way through the client.
        assert got.status in ((200, None) if "reset" in model else (200,)), got
        assert (got.body, got.end) == (b"", "broken"), got
        assert (got.entry["status"], got.entry["outcome"], got.billed) == (200, "cut", (0, 0)), got


@both
@pytest.mark.parametrize(
    ("model", "events"), [("sim-cut", 3), ("sim-cut-7", 7), ("sim-reset", 3), ("sim-reset-7", 7), ("sim-cut-0", 0)]
)
async def test_a_connection_breaks_in_the_middle(shared: Sim, model: str, events: int, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert (got.end, got.entry["outcome"]) == ("broken", "cut"), got
        if stream:
            assert got.entry["output_tokens"] >= events, got
            assert got.billed[1] == got.entry["output_tokens"], got
            assert (got.billed[0] > 0) == (events > 0), got
        else:
            assert got.billed == (0, 0), got
            assert "reset" in model or 0 < len(got.body) < int(got.headers["content-length"]), got


@both
async def test_a_body_ends_early_though_http_says_it_is_whole(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-end-4", stream=stream):
        assert (got.status, got.end) == (200, "whole"), got
        whole = await normal(shared, got.wire, stream=stream)
        assert 0 < len(got.body) < len(whole.body), got
        if not stream:
            with pytest.raises(json.JSONDecodeError):
                json.loads(got.body)


@both
@pytest.mark.parametrize("model", ["sim-stall", "sim-stall-2", "sim-stall-pings", "sim-stall-pings-2-20"])
async def test_a_stall_lasts_until_the_client_leaves(shared: Sim, model: str, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert (got.status, got.end, got.entry["outcome"]) == (200, "open", "cancelled"), got
        assert got.entry["closed_unix"] <= got.entry["ended_unix"], got
        assert not stream or got.billed[1] == got.entry["output_tokens"] > 0, got
        if "pings" in model and not stream:
            assert got.body.strip() == b"", got
            assert len(got.body) >= 1, got


async def test_heartbeats_are_the_dialects_own_and_carry_no_tokens(shared: Sim) -> None:
    own = {"anthropic": b"event: ping\n", "ollama": b"\n\n", "bedrock": b"keepAlive", "gemini-array": b"\r\n\r\n"}
    async for got in everywhere(shared, "sim-stall-pings-2-10", stream=True):
        name = {"vertex-claude": "anthropic", "bedrock-claude": "bedrock"}.get(got.wire.name, got.wire.name)
        assert got.body.count(own.get(name, b": keep-alive\n\n")) >= 3, got
        first = await call(shared, got.wire, "sim-cut-2", stream=True)
        assert got.entry["output_tokens"] == first.entry["output_tokens"], got


@both
async def test_a_stall_can_end_with_a_close(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-stall-2-30", stream=stream):
        assert (got.end, got.entry["outcome"]) == ("broken", "cut"), got


@both
async def test_silence_sends_nothing_and_costs_nothing(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-silent-60000", stream=stream):
        assert (got.status, got.end, got.entry["outcome"], got.billed) == (None, "open", "cancelled", (0, 0)), got


@both
@pytest.mark.parametrize("model", ["sim-silent-120", "sim-late-head-120", "sim-late-pings-120"])
async def test_a_late_answer_is_whole(shared: Sim, model: str, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        entry = got.entry
        assert entry["ended_unix"] - entry["started_unix"] >= 0.1, got
        at_once = entry["first_byte_unix"] - entry["started_unix"] < 0.1
        assert at_once == ("late" in model) or entry["first_byte_unix"] - entry["started_unix"] < 0.12, got
        if "pings" in model and stream and got.wire.name not in ("openai", "azure"):
            continue
        whole = await normal(shared, got.wire, stream=stream)
        if "pings" not in model:
            assert got.wire.told(got.answer, stream=stream).text == whole.wire.told(whole.answer, stream=stream).text


async def test_late_composes_with_an_error(shared: Sim) -> None:
    async for got in everywhere(shared, "sim-silent-100.500", stream=True):
        assert got.status == 500, got
        assert got.entry["ended_unix"] - got.entry["started_unix"] >= 0.1, got


@both
@pytest.mark.parametrize("model", ["sim-loris-head-50", "sim-loris-body-50"])
async def test_bytes_trickle(shared: Sim, model: str, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert (got.end, got.entry["outcome"], got.billed) == ("open", "cancelled", (0, 0)), got
        assert len(got.body) < 12, got
        assert (got.status is None) == ("head" in model), got


@both
async def test_a_head_that_trickles_is_a_head_in_the_end(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-loris-head-0", stream=stream):
        assert got.wire.told(got.answer, stream=stream).text.endswith("."), got


@both
async def test_jitter_changes_nothing_but_time(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-jitter-2", stream=stream):
        assert got.wire.told(got.answer, stream=stream).text.endswith("."), got
        assert got.billed[1] == got.entry["output_tokens"], got

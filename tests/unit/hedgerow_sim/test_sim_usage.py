"""Counts of tokens that are nonsense, and compressed answers, in every dialect, unary and streamed."""

import zlib
from typing import Any

import pytest
from unit.hedgerow_sim.calls import Got, both, everywhere, normal
from unit.hedgerow_sim.harness import Sim

# What Node's zlib unpacks to 16 MiB of that byte; no decoder is at hand here.
_BROTLI = {
    ord(" "): b"\xf8\xff\xff\x0f\x00\x04H<\x16P\xee\xfd\xbf\x01",
    ord(":"): b"\xf8\xff\xff\x0f\x00\x84N<\x16P\xee\xfd\xbf\x01",
}


# --- Usage ---


def _counts(value: Any) -> list[int]:
    """Every count of tokens in an answer, by an independent list of names."""
    names = {"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "promptTokenCount",
             "candidatesTokenCount", "inputTokens", "outputTokens", "prompt_eval_count", "eval_count"}  # fmt: skip
    if isinstance(value, list):
        return [count for one in value for count in _counts(one)]
    if not isinstance(value, dict):
        return []
    found = [one for name, one in value.items() if name in names and isinstance(one, int)]
    return found + [count for one in value.values() for count in _counts(one)]


@both
@pytest.mark.parametrize(
    ("model", "holds"),
    [
        ("sim-usage-missing", lambda counts: not counts),
        ("sim-usage-zero", lambda counts: counts and set(counts) == {0}),
        ("sim-usage-negative", lambda counts: counts and max(counts) < 0),
        ("sim-usage-huge", lambda counts: counts and min(counts) >= 10**15),
    ],
)
async def test_counts_are_nonsense_but_the_text_is_whole(shared: Sim, model: str, holds: Any, *, stream: bool) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert holds(_counts(got.payloads)), got
        whole = await normal(shared, got.wire, stream=stream)
        assert got.billed == whole.billed, got
        assert got.entry["outcome"] == "completed", got


@both
async def test_counts_come_twice_and_the_last_are_right(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-usage-twice", stream=stream):
        whole = await normal(shared, got.wire, stream=stream)
        last = _counts(whole.payloads[-1]) or _counts(whole.payloads)
        assert (_counts(got.payloads[-1]) or _counts(got.payloads))[-1] == last[-1], got
        if stream:
            assert len(_counts(got.payloads)) > len(_counts(whole.payloads)) or "gemini" in got.wire.name or (
                got.wire.name == "vertex"
            ), got  # fmt: skip
        else:
            name = "eval_count" if got.wire.name == "ollama" else "usage"
            assert got.body.count(f'"{name}'.encode()) == 2, got


# --- Encodings ---


@both
async def test_an_honest_gzip_is_the_answer(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-gzip", stream=stream):
        assert got.headers["content-encoding"] == "gzip", got
        plain = Answerable(got, zlib.decompress(got.body, 31))
        assert got.wire.told(plain.answer, stream=stream).text.endswith("."), got
        assert got.billed[1] == got.entry["output_tokens"] > 0, got


class Answerable(Got):
    """The same with another body."""

    def __init__(self, got: Got, body: bytes) -> None:
        super().__init__(got.wire, got.stream, got.status, got.headers, body, got.end, got.entry)


@both
@pytest.mark.parametrize(
    ("model", "encoding", "bits"), [("sim-gzip-bomb-3", "gzip", 31), ("sim-deflate-bomb-3", "deflate", 15)]
)
async def test_a_bomb_is_small_and_unpacks_to_what_its_name_says(
    shared: Sim, model: str, encoding: str, bits: int, *, stream: bool
) -> None:
    async for got in everywhere(shared, model, stream=stream):
        assert got.headers["content-encoding"] == encoding, got
        assert len(got.body) < 8192, got
        unpacked = zlib.decompress(got.body, bits)  # Raises for a wrong checksum.
        assert len(unpacked) == 3 << 20, got
        assert not unpacked.strip(b" :\n"), got
        assert (got.billed, got.entry["outcome"]) == ((0, 0), "error"), got


@both
async def test_a_nested_bomb_is_a_bomb_in_gzip(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-nested-bomb-4", stream=stream):
        assert got.headers["content-encoding"] == "gzip, gzip", got
        assert len(got.body) < 2048, got
        assert len(zlib.decompress(zlib.decompress(got.body, 31), 31)) == 4 << 20, got


@both
async def test_brotli_says_16_mebibytes_in_a_few_bytes(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-br-bomb-16", stream=stream):
        assert got.headers["content-encoding"] == "br", got
        filler = ord(":") if "text/event-stream" in got.headers["content-type"] else ord(" ")
        assert got.body == _BROTLI[filler], got


@both
async def test_an_encoding_is_a_lie(shared: Sim, *, stream: bool) -> None:
    async for got in everywhere(shared, "sim-encoding-lie", stream=stream):
        assert got.headers["content-encoding"] == "gzip", got
        assert not got.body.startswith(b"\x1f\x8b"), got
        assert got.billed == (0, 0), got

"""A short run of the fuzzer on each target; tests/fuzz/run.py makes long ones."""

import asyncio
import contextlib
import tracemalloc
from pathlib import Path

import pytest
from fuzz import environment, seeds
from fuzz.frames import frames
from fuzz.run import fuzz
from fuzz.targets import DIALECTS, KINDS, TARGETS
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.port import Operation

RUNS, SECONDS = 20_000, 2
NOISE_BYTES, HELD_BYTES = 96 << 20, 40 << 20
"""A single event may have 32 MiB (Google)."""
SEEDS = [(target, path) for target in TARGETS for path in seeds.kept(target)]


@pytest.mark.parametrize(("target", "path"), SEEDS, ids=[f"{target}-{path.name}" for target, path in SEEDS])
def test_a_seed_fails_nothing(target: str, path: Path) -> None:
    """Runs without the fuzzer, so that a failure that was found stays away once its input is among the seeds."""
    TARGETS[target]()(path.read_bytes())


@pytest.mark.parametrize("target", DIALECTS)
def test_a_dialects_seeds_try_its_stream_its_document_and_its_refusals(target: str) -> None:
    assert {chr(path.read_bytes()[0]) for path in seeds.kept(target)} >= {chr(kind) for kind in KINDS} - {"e"}


@pytest.mark.parametrize("target", DIALECTS)
def test_noise_without_end_is_not_held(target: str) -> None:
    """Comments, or events of no known kind, for as long as the provider likes: a reader forgets them or gives up."""
    line = b": " + b"x" * (1 << 19) + b"\n\n"
    noise = frames(b"event unknown " + line[:-2]) if target == "bedrock" else line
    for make in DIALECTS[target]:
        reader = make().reader(Operation.CHAT, stream=True, content_type="")
        tracemalloc.start()
        try:
            with contextlib.suppress(HedgerowError):
                for number in range(1, 1 + NOISE_BYTES // len(noise)):
                    # Bytes of their own each time, as from a socket.
                    assert reader.feed(b"%s" % noise) == [], number
            assert tracemalloc.get_traced_memory()[0] < HELD_BYTES
        finally:
            tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)  # the first run fetches the fuzzer
@pytest.mark.skipif(not environment.supported(), reason="atheris has no wheel for this machine or Python")
@pytest.mark.parametrize("target", TARGETS)
async def test_the_fuzzer_finds_nothing(target: str, tmp_path: Path) -> None:
    """From the seeds, with the same luck each time: long runs are for other days."""
    outcome = await asyncio.to_thread(fuzz, target, runs=RUNS, seconds=SECONDS, state=tmp_path, seed=1)
    found = [path.read_bytes() for path in outcome.artifacts]
    assert outcome.status == 0, "\n".join([*outcome.complaint(), *map(repr, found)])
    assert outcome.executions > len(seeds.kept(target))
    assert outcome.coverage > 0

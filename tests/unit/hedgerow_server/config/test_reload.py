"""The process that reads configurations, and what makes a file another one."""

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.config.reload import ConfigReader, assemble, changes, mark
from hedgerow_server.config.worker import MAX_FILE_BYTES, fingerprint
from hedgerow_server.core.slices import at_once
from hedgerow_server.settings import Settings, references
from stack import ROOT

PARSE = (sys.executable, "-m", "hedgerow_server", "parse")
EXAMPLE = ROOT / "config.example.yaml"
SMALL = "providers: {p: {dialect: openai}}\nroutes:\n  %s: {kind: chat, candidates: [{provider: p, model: m}]}\n"
# Answers as the real one does, without its imports.
HONEST = """
    import pickle, struct, sys
    for line in sys.stdin.buffer:
        data = pickle.dumps("abc")
        sys.stdout.buffer.write(struct.pack(">cI", b"e", len(data)) + data)
        sys.stdout.buffer.flush()
"""


@asynccontextmanager
async def reader(code: str | None = None, limit_s: float = 60.0) -> AsyncIterator[ConfigReader]:
    """A reader with the real process, or with one that runs this code."""
    command = PARSE if code is None else (sys.executable, "-c", textwrap.dedent(code))
    found = ConfigReader(command, limit_s=limit_s)
    yield found
    await found.close()


async def refused(of: ConfigReader, path: Path) -> str:
    """Why a file is refused."""
    with pytest.raises(ConfigError) as caught:
        await of.read(path)
    return str(caught.value)


async def test_what_comes_back_is_what_the_file_says(tmp_path: Path) -> None:
    """The faults as well, with file, line and key; and one process reads one file after the other."""
    bad, large = tmp_path / "bad.yaml", tmp_path / "large.yaml"
    bad.write_text(SMALL % "r" + "  s: {kind: chat, candidates: [{provider: q, model: m}]}\n")
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    async with reader() as of:
        for _ in range(2):
            told = await of.read(EXAMPLE)
            settings = at_once(assemble(told, Settings))
            assert settings == load(EXAMPLE, Settings, references)
            assert told.fingerprint == fingerprint(settings)
            assert (
                await refused(of, bad)
                == f"{bad}:4: routes.s.candidates[0].provider: expected an entry of providers (p)"
            )
        assert f"expected at most {MAX_FILE_BYTES} bytes" in await refused(of, large)
        assert "cannot be read" in await refused(of, tmp_path / "nowhere.yaml")


async def test_a_process_that_hangs_is_given_up() -> None:
    async with reader("import time; time.sleep(600)", limit_s=0.2) as of:
        assert "took longer than 0.2 s" in await refused(of, EXAMPLE)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit(3)", "the process that reads it failed"),
        ("import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'p\\0')", "the process that reads it failed"),
        (
            "import sys; sys.stdin.readline(); sys.stdout.buffer.write(b'p\\xff\\xff\\xff\\xff'); sys.stdout.flush()",
            "it says too much",
        ),
    ],
)
async def test_a_process_that_fails_is_told(code: str, why: str) -> None:
    async with reader(code) as of:
        assert why in await refused(of, EXAMPLE)


async def test_a_process_that_has_died_is_replaced() -> None:
    async with reader(HONEST) as of:
        assert (await of.read(EXAMPLE)).fingerprint == "abc"
        assert of._process is not None
        assert of._process._popen is not None
        of._process._popen.kill()
        of._process._popen.wait()
        assert (await of.read(EXAMPLE)).fingerprint == "abc"


async def test_a_process_that_nobody_needs_ends() -> None:
    of = ConfigReader((sys.executable, "-c", textwrap.dedent(HONEST)), idle_s=0.05)
    await of.read(EXAMPLE)
    assert of._process is not None
    popen = of._process._popen
    assert popen is not None
    async with asyncio.timeout(20):
        while popen.poll() is None:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)
    assert of._process is None


async def test_a_reader_that_is_no_longer_waited_for_ends_its_process() -> None:
    of = ConfigReader((sys.executable, "-c", "import time; time.sleep(600)"))
    reading = asyncio.create_task(of.read(EXAMPLE))
    async with asyncio.timeout(20):
        while of._process is None or of._process._popen is None:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)
    popen = of._process._popen
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    async with asyncio.timeout(20):
        while popen.poll() is None:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)


def test_equal_settings_have_equal_fingerprints(tmp_path: Path) -> None:
    """Comments, the order of keys and defaults that are written out change nothing; a value does."""
    texts = [
        SMALL % "r",
        "# a comment\n" + SMALL % "r" + "deadline: {default_seconds: 600}\n",
        SMALL % "other",
    ]
    found = []
    for text in texts:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        found.append(fingerprint(load(path, Settings, references)))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("how", ["rename", "rewrite", "come", "link"])
async def test_every_way_to_change_a_file_is_noticed(tmp_path: Path, how: str) -> None:
    path, fresh = tmp_path / "c.yaml", tmp_path / "fresh"
    if how == "link":
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "c.yaml").write_text("one")
        (tmp_path / "..data").symlink_to("one")
        path.symlink_to("..data/c.yaml")
    elif how != "come":
        path.write_text("one")
    found = aiter(changes(path, mark(path)))
    waiting = asyncio.ensure_future(anext(found))
    # What is changed before the folder is watched is noticed as well, but later.
    await asyncio.sleep(0)
    match how:
        case "rename":
            fresh.write_text("other")
            fresh.replace(path)
        case "link":
            (tmp_path / "two").mkdir()
            (tmp_path / "two" / "c.yaml").write_text("two")
            fresh.symlink_to("two")
            fresh.replace(tmp_path / "..data")
        case _:
            path.write_text("other")
    async with asyncio.timeout(30):
        await waiting
    await found.aclose()  # type: ignore[attr-defined]


async def test_a_file_that_stays_as_it_was_is_no_change(tmp_path: Path) -> None:
    """Others in its folder change; the next real change is the first that is told."""
    path = tmp_path / "c.yaml"
    path.write_text("one")
    told = 0
    async with asyncio.timeout(30):
        async for _ in changes(path, None):
            told += 1
            (tmp_path / "beside").write_text("x")
            if told == 2:
                break
            path.write_text("another")
    assert told == 2

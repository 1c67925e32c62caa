"""Fixtures that several kinds of test share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))
# Tests fork, to start servers as another user; gRPC's own preparations for that abort the child now and then.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import postgres
import redis_server
from stack import RECORDINGS, Stack, recordings
from stack import stack as start_stack
from vault.real import NOT_BUILT

# A test claims what happens, never how fast: a loaded machine is no failure.
hypothesis.settings.register_profile("hedgerow", deadline=None)
hypothesis.settings.load_profile("hedgerow")
if RECORDINGS.exists():
    os.environ.setdefault("HEDGEROW_TEST_RECORDINGS", str(RECORDINGS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs the exhaustive variants, `--fast` leaves the slow tests out."""
    parser.addoption(
        "--long", action="store_true", help="run the exhaustive variants, such as every cut of every stream"
    )
    parser.addoption(
        "--door",
        default="grpc",
        choices=["grpc", "openai", "anthropic"],
        help="where the fault catalogue's callers ask",
    )
    parser.addoption("--fast", action="store_true", help="leave out tests marked slow or polyglot")


def _turn(item: pytest.Item) -> int:
    """When a file's turn is: the longest first, the many short ones last, so that no process is left with a long one
    at the end while the others have nothing to do.
    """
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return 0 if folder == "faults" else 2 if folder in ("unit", "providers", "property", "golden") else 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Applies `--fast` and `--long`, and puts files in order."""
    items.sort(key=_turn)
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    if config.getoption("--fast"):
        for item in items:
            if item.get_closest_marker("slow") or item.get_closest_marker("polyglot"):
                item.add_marker(pytest.mark.skip(reason="left out by --fast"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leaves the counts where scripts/test looks for them. In CI nothing may be skipped: everything is there but a
    real Vault: building it takes longer than all the tests, and a fake one covers the same cases.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    stats = reporter.stats
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    skipped = len(stats.get("skipped", []))
    counts = os.environ.get("HEDGEROW_TEST_COUNTS")
    if counts:
        Path(counts).write_text(f"{len(stats.get('passed', []))} passed, {failed} failed, {skipped} skipped\n")
    unexpected = [report for report in stats.get("skipped", []) if NOT_BUILT not in str(report.longrepr)]
    if counts and os.environ.get("CI") and unexpected and not session.config.getoption("--fast"):
        reporter.write_line(f"CI: {len(unexpected)} tests were skipped, and none may be", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `recording` runs once for each recording of OpenAI in our dialects."""
    if "recording" in metafunc.fixturenames:
        found = recordings()
        if not found:
            mark = pytest.mark.skip(reason="the recordings of provider traffic are not beside the checkout")
            metafunc.parametrize("recording", [pytest.param({}, marks=mark)])
        else:
            metafunc.parametrize("recording", found, ids=[str(record["id"]) for record in found])


@pytest.fixture(scope="session", name="stack")
def stack_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A simulator and a router on the default transport, shared by all tests that leave them as they found them."""
    with start_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def httpx_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same with the httpx transport."""
    with start_stack(tmp_path_factory.mktemp("stack-httpx"), transport="httpx") as running:
        yield running


@pytest.fixture(scope="session")
def aiohttp_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same with the aiohttp transport."""
    with start_stack(tmp_path_factory.mktemp("stack-aiohttp"), transport="aiohttp") as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A real PostgreSQL, shared: each test takes a `database()` of its own, and leaves the server running."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def private_postgres() -> Iterator[postgres.PostgresServer]:
    """One that the test may stop, freeze and start again."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[redis_server.RedisServer]:
    """A real Redis, shared: a test that uses it flushes it first, and leaves it running."""
    with redis_server.running() as server:
        yield server


@pytest.fixture
def private_redis() -> Iterator[redis_server.RedisServer]:
    """One that the test may kill, freeze and start again."""
    with redis_server.running() as server:
        yield server

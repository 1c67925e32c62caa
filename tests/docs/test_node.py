"""The JavaScript of the documentation, run by node with the openai package, against what scripts/serve starts."""

import subprocess
from pathlib import Path

import pytest
from docs.demo import Demo
from docs.pages import runnable
from sdks import node

PAGES = sorted({one.page for one in runnable("js")})
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def modules() -> Path:
    """A folder with the packages of the lock file."""
    return node.modules()


@pytest.mark.parametrize("page", PAGES)
def test_the_javascript_of_a_page_runs(page: str, tmp_path: Path, demo: Demo, modules: Path) -> None:
    """One after the other in one module, as a reader would add them."""
    (tmp_path / "node_modules").symlink_to(modules)
    text = "\n".join(one.text for one in runnable("js") if one.page == page)
    (tmp_path / "page.mjs").write_text(demo.placed(text), encoding="utf-8")
    done = subprocess.run(
        ["node", "page.mjs"],
        cwd=tmp_path,
        env=demo.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()

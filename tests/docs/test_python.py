"""The Python of the documentation, run against what scripts/serve starts."""

import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from docs.demo import Demo
from docs.pages import Snippet, runnable
from sdks.environment import python as with_vendors_packages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VENDORS = re.compile(r"^(?:import|from) (?:anthropic|openai|langchain\w*)\b", re.MULTILINE)


def programs() -> list[list[Snippet]]:
    """The snippets that belong together: those of a page, those with a vendor's package apart."""
    found = sorted(runnable("python"), key=kind)
    return [list(group) for _, group in groupby(found, key=kind)]


def kind(snippet: Snippet) -> tuple[str, bool]:
    """Its page, and whether it needs a vendor's package or goes on with one that does."""
    before = [one.text for one in runnable("python") if one.page == snippet.page and one.line <= snippet.line]
    return snippet.page, any(VENDORS.search(text) for text in before)


@pytest.mark.parametrize("program", [pytest.param(one, id=one[0].place) for one in programs()])
def test_the_python_of_a_page_runs(program: list[Snippet], demo: Demo, tmp_path: Path) -> None:
    """One after the other in one process, as a reader would type them, each with its own lines in a traceback."""
    text = "\n".join(one.text for one in program)
    file = tmp_path / "page.py"
    file.write_text(demo.placed(text), encoding="utf-8")
    interpreter = with_vendors_packages() if VENDORS.search(text) else sys.executable
    done = subprocess.run(
        [interpreter, str(file)],
        cwd=tmp_path,
        env=demo.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{program[0].place}\n{done.stdout}{done.stderr}"
    assert done.stdout.strip() or "print" not in text

"""The pages about moving say what the import does."""

import subprocess
import sys

from stack import ROOT


def test_the_tables_of_keys_are_those_of_the_import() -> None:
    """`python scripts/_moving_docs.py` brings them up to date."""
    command = [sys.executable, "scripts/_moving_docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

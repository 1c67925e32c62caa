"""The notes of a release: its part of CHANGELOG.md.

Usage: python scripts/_notes.py VERSION
  Prints what stands below the heading of that version, or below [Unreleased] where the version has none yet.
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def notes(text: str, version: str) -> str:
    """What a changelog says of a version. Raises ValueError where it says nothing."""
    parts = dict(re.findall(r"^## \[([^\]]+)\][^\n]*\n(.*?)(?=^## \[|\Z)", text, flags=re.DOTALL | re.MULTILINE))
    found = str(parts.get(version, parts.get("Unreleased", ""))).strip()
    if not found:
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return f"# Hedgerow {version}\n\n{found}\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.stdout.write(notes(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]))

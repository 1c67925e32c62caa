"""Writes the tables of docs/moving: what becomes of every key of another gateway, as the import itself has it.

Usage: python scripts/_moving_docs.py [--check]
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from hedgerow_client.moving.litellm.keys import SECTIONS as LITELLM
from hedgerow_client.moving.portkey.keys import SECTIONS as PORTKEY
from hedgerow_client.moving.report import Key

PAGES = Path(__file__).resolve().parents[1] / "docs" / "moving"
BEGIN, END = "<!-- tables: scripts/_moving_docs.py writes them -->\n", "<!-- end of tables -->\n"


def tables(sections: Mapping[str, Mapping[str, Key]], top: str) -> str:
    """A table for each section; `top` is what the first one is called."""
    lines: list[str] = []
    for name, keys in sections.items():
        lines += [
            "",
            f"### {f'`{name}`' if name else top}",
            "",
            "| key | | where it goes, or what to do |",
            "| --- | --- | --- |",
        ]
        lines += [f"| `{key}` | {one.verdict.value} | {one.text.replace('|', '&#124;')} |" for key, one in keys.items()]
    return "\n".join([*lines, "", ""])


def main() -> int:
    """Returns 1 where a page differs and was only to be checked."""
    wrong = []
    for page, sections, top in (("litellm", LITELLM, "At the top"), ("portkey", PORTKEY, "A config, and each target")):
        path = PAGES / f"{page}.md"
        text = path.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        wanted = f"{before}{BEGIN}{tables(sections, top)}{END}{after}"
        if text != wanted:
            wrong.append(str(path))
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if wrong and "--check" in sys.argv:
        print(f"not up to date: {', '.join(wrong)}; run python scripts/_moving_docs.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The file that an import writes."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow_client.moving.report import Note

_WIDTH = 110


def render(config: Mapping[str, Any], notes: Sequence[Note], origin: str) -> str:
    """The configuration as YAML, with what did not map as comments at the top. `origin` names the source."""
    import yaml  # noqa: PLC0415  the extra may be missing

    lines = [f"# Imported from {origin} by `hedgerow import`. Check it with: hedgerow check FILE"]
    if notes:
        lines += ["#", "# What did not map, or not wholly:"]
        for note in notes:
            lines += textwrap.wrap(_plain(note), _WIDTH, initial_indent="# - ", subsequent_indent="#   ")

    class Plain(yaml.SafeDumper):
        """Writes what occurs twice twice: people read the file."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    body = yaml.dump(dict(config), Dumper=Plain, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "\n".join(lines) + "\n\n" + str(body)


def _plain(note: Note) -> str:
    """In one line, whatever the keys of the source are made of."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(note)).split())

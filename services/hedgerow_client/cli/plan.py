"""`hedgerow plan`: what a configuration would change, before it is put in force."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.reload import SIGNS, say_waiting
from hedgerow_client.cli.terminal import InputError, print_json, print_table, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.admin_service_pb2 import FieldChange, PlanConfigResponse, PlannedChange

EXIT_CHANGES = 2
_MOST_BYTES = 3 * 1024 * 1024
_COLUMNS = ("", "ENTRY", "WHAT", "NOW", "PLANNED", "")
_MOST_SHOWN = 72


def plan(
    file: Annotated[
        Path,
        typer.Argument(
            help="The configuration, a YAML file; - for standard input.", show_default=False, allow_dash=True
        ),
    ],
    *,
    detailed: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode", help="Exit with 0 where nothing would change, with 2 where something would."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as a line of JSON.")] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Tell what a configuration would change: routes, limits, prices and the rest.

    The file is sent to the gateway, which checks it as a reload would and
    changes nothing: what is new (+), gone (-) and different (~), value by
    value. No secret is fetched; files that the configuration names are looked
    for on the gateway's disk.

    [bold]Exit codes[/bold]

      0 the plan was made   1 the configuration has faults, or the call failed
      with --detailed-exitcode also: 2 something would change

    [bold]Example[/bold]

      hedgerow plan config.yaml && hedgerow reload
    """
    with reporting(admin):
        text = _read(file)
        with connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
            answer = client.plan_config(text, file_name=str(file) if str(file) != "-" else "(stdin)")
    if as_json:
        print_json(answer)
    else:
        _tell(answer)
    changed = answer.current_hash != answer.planned_hash
    raise typer.Exit(EXIT_CHANGES if detailed and changed else 0)


def _read(file: Path) -> bytes:
    text = sys.stdin.buffer.read(_MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
    if len(text) > _MOST_BYTES:
        raise InputError(f"{file}: more than 3 MiB; `hedgerow reload --dry-run` looks at a file where the gateway is")
    if not text.strip():
        raise InputError(f"{file}: it is empty")
    return text


def _tell(answer: "PlanConfigResponse") -> None:
    if answer.changes:
        print_table(_COLUMNS, _rows(answer))
    if answer.changes_count > len(answer.changes):
        print(f"… and {answer.changes_count - len(answer.changes):,} more entries")
    say_waiting(answer.restart_keys)
    if answer.named_files:
        say(f"looked for on the gateway's disk, not here: {printable(', '.join(answer.named_files))}")
    now, planned = answer.current_hash[:12], answer.planned_hash[:12]
    if answer.current_hash == answer.planned_hash:
        say(f"nothing would change: configuration {now} is in force")
    else:
        count = "1 entry" if answer.changes_count == 1 else f"{answer.changes_count:,} entries"
        say(f"{count} would change: configuration {now} is in force, {planned} is planned")


def _rows(answer: "PlanConfigResponse") -> Iterator[tuple[str, ...]]:
    for change in answer.changes:
        yield from _entry(change)


def _entry(change: "PlannedChange") -> Iterator[tuple[str, ...]]:
    """The first line has the entry's name."""
    sign, path = SIGNS.get(change.kind, "?"), printable(change.path)
    if not change.fields:
        yield sign, path, "", "", "", ""
    for one in change.fields:
        yield sign, path, printable(one.path), _value(one, "before"), _value(one, "after"), _when(one)
        sign = path = ""


def _value(one: "FieldChange", field: str) -> str:
    """At most so much that a line of the table can be read; --json has all."""
    if not one.HasField(field):  # type: ignore[arg-type]  # the name of a field
        return "-"
    text = " ".join(printable(getattr(one, field)).split()) or '""'
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _when(one: "FieldChange") -> str:
    return "restart" if one.needs_restart else ""

"""`hedgerow rollback`: put the last good configuration in force again."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.reload import print_changes, say_waiting
from hedgerow_client.cli.terminal import clock, print_json, print_table, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.admin_service_pb2 import KeptConfig, RollbackConfigResponse

_COLUMNS = ("CONFIGURATION", "IN FORCE SINCE", "ROUTES", "")


def rollback(
    *,
    to: Annotated[
        str,
        typer.Option(metavar="HASH", help="The one to go to, by the beginning of its hash: 6 digits or more."),
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="Only tell which ones there are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer, or each one that there is, as a line of JSON.")
    ] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Put the last good configuration in force again: the one before that in force.

    At once and without a failed call, as a reload. It stays until the file
    says something else, or until `hedgerow reload`; a restart reads the file.
    The gateway keeps the last five in its memory. Each gateway has its own: say
    it to each.

    [bold]Examples[/bold]

      hedgerow rollback
      hedgerow rollback --list
      hedgerow rollback --to 3f0c1a5be2d4
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        if listing:
            _list(client.list_kept_configs(), as_json=as_json)
            return
        answer = client.rollback_config(to, dry_run=dry_run)
    if as_json:
        print_json(answer)
    else:
        _tell(answer)


def _list(found: "Sequence[KeptConfig]", *, as_json: bool) -> None:
    if as_json:
        for one in found:
            print_json(one)
    else:
        print_table(_COLUMNS, _rows(found), right={"ROUTES"})


def _rows(found: "Sequence[KeptConfig]") -> Iterator[tuple[str, ...]]:
    """The one in force is marked, and what stands behind it was rolled back."""
    note = ""
    for one in found:
        yield one.hash[:12], clock(one.load_time), f"{one.routes_count:,}", "in force" if one.current else note
        note = "rolled back" if one.current or note else ""


def _tell(answer: "RollbackConfigResponse") -> None:
    print_changes(answer.changes, answer.changes_count)
    say_waiting(answer.restart_keys)
    now, before = answer.config_hash[:12], answer.previous_hash[:12]
    if answer.applied:
        say(f"rolled back: configuration {now} is in force in the place of {before}, until the file changes")
    elif not answer.changes_count:
        say(f"nothing has changed: configuration {now} stays in force")
    else:
        say("nothing was put in force: this was a dry run")

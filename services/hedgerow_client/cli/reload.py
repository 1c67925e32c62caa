"""`hedgerow reload`: put a changed configuration in force."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import printable, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.admin_service_pb2 import Change

SIGNS = {1: "+", 2: "-", 3: "~"}
"""How a ChangeKind is printed."""


def reload(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as a line of JSON.")] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Have the gateway read its configuration again.

    Prints what is new (+), gone (-) and different (~). Calls in flight finish
    on what they began with. A file with faults changes nothing. The gateway
    also reloads by itself when the file changes, and on SIGHUP.

    [bold]Example[/bold]

      hedgerow reload --dry-run && hedgerow reload
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        answer = client.reload(dry_run=dry_run)
    if as_json:
        from google.protobuf.json_format import MessageToJson  # protobuf takes a while to load

        print(MessageToJson(answer, indent=None, preserving_proto_field_name=True, ensure_ascii=False))
        return
    print_changes(answer.changes, answer.changes_count)
    say_waiting(answer.restart_keys)
    if answer.applied:
        say(f"configuration {answer.config_hash[:12]} is in force")
    elif not answer.changes_count:
        say(f"nothing has changed: configuration {answer.config_hash[:12]} stays in force")
    else:
        say("nothing was put in force: this was a dry run")


def print_changes(changes: "Iterable[Change]", count: int) -> None:
    """Prints what is new, gone and different, and how much of it is not told."""
    told = 0
    for change in changes:
        print(f"{SIGNS.get(change.kind, '?')} {printable(change.path)}")
        told += 1
    if count > told:
        print(f"… and {count - told:,} more")


def say_waiting(keys: Iterable[str]) -> None:
    """Says which keys wait for a restart."""
    for key in keys:
        say(f"takes effect only with a restart: {printable(key)}")

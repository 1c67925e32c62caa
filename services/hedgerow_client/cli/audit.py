"""`hedgerow audit`: what operators have done, and whether the log of that is what was written."""

from typing import Annotated, Literal

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import EXIT_FAILED, clock, print_json, printable, reporting, say

_PAGE = 1000


def audit(
    what: Annotated[Literal["list", "verify"], typer.Argument(help="What to do.")] = "list",
    *,
    after: Annotated[int, typer.Option(min=0, help="Only rows with higher numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each row.")] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List what operators have done, or verify that the log is what was written.

    `verify` prints the number and the digest of the last row: kept elsewhere,
    they also tell of rows that were cut off at the end. The exit code is 1 for
    a log that was altered.

    [bold]Examples[/bold]

      hedgerow audit
      hedgerow audit --after 1200 --json
      hedgerow audit verify
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        if what == "verify":
            answer = client.verify_audit()
        else:
            while rows := client.list_audit_rows(after=after, limit=_PAGE):
                for one in rows:
                    if as_json:
                        print_json(one)
                    else:
                        gone = dict.fromkeys(one.erased_fields, "(erased)")
                        who, subject = gone.get("who", one.who), gone.get("subject", one.subject)
                        words = (who, one.action, subject, one.outcome, gone.get("detail", one.detail))
                        print(one.number, clock(one.time), *(printable(word) for word in words if word))
                after = rows[-1].number
            return
    if answer.broken_number:
        say(f"error: row {answer.broken_number} was altered or is missing")
        raise typer.Exit(EXIT_FAILED)
    erased = f", but for what was erased of {answer.erased_rows_count}" if answer.erased_rows_count else ""
    print(f"{answer.rows_count} rows as they were written{erased}; the last is {answer.last_digest or 'none'}")

"""`hedgerow erase`: erases what is kept of a user."""

import sys
from typing import Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import InputError, print_json, printable, reporting, say


def erase(
    user: Annotated[
        str, typer.Argument(metavar="USER", help="The user, as keys and tokens name him.", show_default=False)
    ],
    *,
    tenant: Annotated[str, typer.Option(help="The user's tenant.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as a line of JSON.")] = False,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Erase what is kept of a user. There is no way back.

    His API keys end, and what names him is taken out of them and of the audit
    log, which still verifies. The audit log says that somebody was erased, under
    the reference that is printed, and by whom.

    [bold]Example[/bold]

      hedgerow erase ann --tenant shop
    """
    with reporting(admin):
        if not yes:
            _ask(tenant, user)
        with connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
            answer = client.erase_user(tenant, user)
    if as_json:
        print_json(answer)
        return
    say(f"erased: {', '.join(_counted(dict(answer.erased_counts))) or 'nothing was there'}")
    print(answer.reference)


def _ask(tenant: str, user: str) -> None:
    """Wants the name once more. Raises InputError."""
    if not _attended():
        raise InputError("nobody is here to ask: say --yes")
    say(f"All that is kept of the user {printable(user)} of {printable(tenant)} will be gone. There is no way back.")
    if typer.prompt("The user again", err=True) != user:
        raise InputError("that is another name; nothing was erased")


def _attended() -> bool:
    return sys.stdin.isatty()


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items()) if count]

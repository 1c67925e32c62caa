"""The options that every verb with a call takes, and the client that they make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.terminal import InputError

if TYPE_CHECKING:
    from hedgerow_client import Client, Tls
    from hedgerow_client.admin import AdminClient
    from hedgerow_client.usage import UsageClient

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_ADMIN = "127.0.0.1:50052"
_PANEL = "Connection"

Target = Annotated[
    str,
    typer.Option(envvar="HEDGEROW_TARGET", metavar="HOST:PORT", help="The gateway's address.", rich_help_panel=_PANEL),
]
AdminTarget = Annotated[
    str,
    typer.Option(
        "--admin",
        envvar="HEDGEROW_ADMIN",
        metavar="HOST:PORT",
        help="The address of the gateway's admin door.",
        rich_help_panel=_PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="HEDGEROW_TOKEN",
        help="Your key. Better in the environment: other users of this machine can see the command line.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Plaintext = Annotated[
    bool | None,
    typer.Option(
        "--plaintext/--tls",
        help="Whether to speak without or with TLS.  [default: plaintext for loopback addresses, else TLS]",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Certificate authorities to trust, as PEM, in place of the system's. Implies --tls.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        metavar="SECONDS",
        help="The deadline of the call.  [default: the gateway's]",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Names the call, in at most 128 characters: repeated with it, it is answered by the kept answer, and paid "
        "once.",
        show_default=False,
    ),
]


def connect(
    target: str, token: str | None, plaintext: bool | None, tls_ca: Path | None, timeout: float | None
) -> "Client":
    """Opens the connection that the options ask for. Raises InputError where they cannot hold."""
    from hedgerow_client import Client  # gRPC takes a while to load

    tls = tls_of(plaintext, tls_ca)
    try:
        return Client(target, token=token, tls=tls, insecure=plaintext, timeout=timeout)
    except ValueError as error:
        raise InputError(str(error)) from None


def connect_usage(
    target: str, token: str | None, plaintext: bool | None, tls_ca: Path | None, timeout: float | None
) -> "UsageClient":
    """Opens the connection for questions about spend. Raises InputError where the options cannot hold."""
    from hedgerow_client.usage import UsageClient  # gRPC takes a while to load

    tls = tls_of(plaintext, tls_ca)
    try:
        return UsageClient(target, token=token, tls=tls, insecure=plaintext, timeout=timeout)
    except ValueError as error:
        raise InputError(str(error)) from None


def connect_admin(
    admin: str, token: str | None, plaintext: bool | None, tls_ca: Path | None, timeout: float | None
) -> "AdminClient":
    """Opens the connection to the admin door. Raises InputError where the options cannot hold."""
    from hedgerow_client.admin import AdminClient  # gRPC takes a while to load

    tls = tls_of(plaintext, tls_ca)
    try:
        return AdminClient(admin, token=token, tls=tls, insecure=plaintext, timeout=timeout)
    except ValueError as error:
        raise InputError(str(error)) from None


def tls_of(plaintext: bool | None, tls_ca: Path | None) -> "Tls | None":
    """The TLS that the options ask for. Raises InputError where they cannot hold."""
    from hedgerow_client import Tls  # gRPC takes a while to load

    if tls_ca and plaintext:
        raise InputError("--tls-ca and --plaintext exclude each other")
    return Tls(root_certificates=tls_ca.read_bytes()) if tls_ca else None

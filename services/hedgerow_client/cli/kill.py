"""`hedgerow kill` and `hedgerow unkill`: switch a provider, a model or a tenant off, and on again."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hedgerow_client.cli.options import DEFAULT_ADMIN, AdminTarget, Plaintext, Timeout, TlsCa, Token, connect_admin
from hedgerow_client.cli.terminal import EXIT_FAILED, reporting, say

if TYPE_CHECKING:
    from hedgerow.admin.v1.admin_service_pb2 import KillScope

Scope = Annotated[
    Literal["provider", "model", "tenant"], typer.Argument(help="What kind of thing NAME is.", show_default=False)
]
Name = Annotated[
    str,
    typer.Argument(
        help="A configured provider; a model as callers name it, or PROVIDER/MODEL in every route; a tenant.",
        show_default=False,
    ),
]


def kill(
    scope: Scope,
    name: Name,
    *,
    reason: Annotated[str, typer.Option(help="Why, for other operators. Callers do not see it.")],
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Switch a provider, a model or a tenant off, at once.

    New calls, and further attempts of calls in flight, no longer go there;
    attempts that are under way go on. It stays off over reloads, not over a
    restart. Each replica has switches of its own.

    [bold]Examples[/bold]

      hedgerow kill provider openai --reason "incident 4711"
      hedgerow kill model openai/gpt-4o-mini --reason "garbled answers"
      hedgerow kill tenant acme --reason "runaway job"
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        answer = client.set_kill_switch(_number(scope), name, reason)
    if not answer.known:
        say(f"warning: the configuration has no {scope} {name}; is the name right?")
    print(f"{scope} {name} is off")


def unkill(
    scope: Scope,
    name: Name,
    *,
    admin: AdminTarget = DEFAULT_ADMIN,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Switch on again what `hedgerow kill` has switched off, at once.

    The exit code is 1 for what was not off.

    [bold]Example[/bold]

      hedgerow unkill provider openai
    """
    with reporting(admin), connect_admin(admin, token, plaintext, tls_ca, timeout) as client:
        cleared = client.clear_kill_switch(_number(scope), name)
    if not cleared:
        say(f"error: {scope} {name} was not off; `hedgerow state` tells what is")
        raise typer.Exit(EXIT_FAILED)
    print(f"{scope} {name} is on")


def _number(scope: str) -> "KillScope.ValueType":
    from hedgerow.admin.v1.admin_service_pb2 import KillScope  # protobuf takes a while to load

    return KillScope.Value(f"KILL_SCOPE_{scope.upper()}")

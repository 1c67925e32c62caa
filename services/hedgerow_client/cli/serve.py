"""`hedgerow serve`: run the gateway."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hedgerow_client.cli.terminal import EXIT_FAILED, say


def serve(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(help="The configuration, a YAML file.", show_default=False)],
) -> None:
    """Run the gateway in this process, until SIGTERM or Ctrl-C.

    Further options are handed to `python -m hedgerow_server serve` as they are.

    [bold]Example[/bold]

      hedgerow serve config.yaml
    """
    become_server("serve", str(config), *context.args)


def become_server(*arguments: str) -> NoReturn:
    """Replaces this process by the gateway's, so that signals and the exit code are its own."""
    if importlib.util.find_spec("hedgerow_server") is None:
        say("error: the gateway is not installed here, only its client: install the distribution `hedgerow`.")
        raise typer.Exit(EXIT_FAILED)
    sys.stdout.flush()
    command = [sys.executable, "-m", "hedgerow_server", *arguments]
    os.execv(sys.executable, command)  # noqa: S606  our own program, and no shell is wanted

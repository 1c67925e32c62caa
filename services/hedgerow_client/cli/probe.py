"""`hedgerow probe`: ask the providers whether they still are what is expected of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hedgerow_client.cli.serve import become_server


class CheckName(StrEnum):
    """What can be checked."""

    CHAT = "chat"
    STREAM = "stream"
    TOOL = "tool"
    EMBED = "embed"


def probe(
    config: Annotated[Path, typer.Argument(help="The configuration, a YAML file.", show_default=False)],
    providers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROVIDER]...", help="Entries of `providers`.  [default: all]", show_default=False),
    ] = None,
    check: Annotated[
        list[CheckName] | None,
        typer.Option(help="Make this check only; may be said several times.", show_default=False),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Check this model only, by the provider's name; needed where routes are for all models.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print an object for each check, one a line.")] = False,
) -> None:
    """Ask the providers, live and with your own keys, and print what no longer fits.

    For each model of a route: a chat, a streamed chat, a forced tool call, or
    embeddings. Each is one small call that costs a few tokens and takes 30 s at
    most. The exit code is 0 only if everything fits.

    [bold]Examples[/bold]

      hedgerow probe config.yaml
      hedgerow probe config.yaml openai mistral --check chat --check stream
    """
    checks = [word for name in check or [] for word in ("--check", name.value)]
    models = [word for name in model or [] for word in ("--model", name)]
    become_server("probe", str(config), *(providers or []), *checks, *models, *(["--json"] if json else []))

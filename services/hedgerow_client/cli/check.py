"""`hedgerow check`: find the faults of a configuration."""

from pathlib import Path
from typing import Annotated

import typer

from hedgerow_client.cli.serve import become_server


def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The configuration, a YAML file.", show_default=False)],
) -> None:
    """Check a configuration: one line for each fault.

    A line gives the file, the line in it and what was expected there.

    [bold]Example[/bold]

      hedgerow check config.yaml && hedgerow serve config.yaml
    """
    become_server("check", str(file), *context.args)

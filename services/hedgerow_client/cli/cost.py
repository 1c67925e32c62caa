"""`hedgerow cost`: what tokens cost, without a gateway."""

from typing import Annotated

import typer

from hedgerow_client.cli.serve import become_server


def cost(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="PROVIDER/MODEL", help="Whose price, such as openai/gpt-4o.", show_default=False)
    ],
) -> None:
    """Work out what tokens cost. Needs no running gateway, but its package.

    Further options are handed to `python -m hedgerow_server cost` as they are:
    --input, --cache-read, --cache-write, --cache-write-1h, --output,
    --reasoning and others take numbers of tokens, --unit NAME=COUNT what is
    billed otherwise, --region, --at and --config say which price.

    [bold]Examples[/bold]

      hedgerow cost openai/gpt-4o --input 12000 --cache-read 8000 --output 900
      hedgerow cost anthropic/claude-sonnet-4-5 --input 900 --unit web_search_requests=2
      hedgerow cost our-azure/our-gpt-4o --input 12000 --config config.yaml --json
    """
    become_server("cost", model, *context.args)

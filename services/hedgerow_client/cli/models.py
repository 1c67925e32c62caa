"""`hedgerow models`: what the gateway offers."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect
from hedgerow_client.cli.terminal import reporting

if TYPE_CHECKING:
    from hedgerow.router.v1.router_service_pb2 import Model


def models(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print each model as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List the models that you may use, and who serves them.

    Who serves a model stands in the order in which its route prefers them.

    [bold]Examples[/bold]

      hedgerow models
      hedgerow models --json | jq -r .name
    """
    with reporting(target), connect(target, token, plaintext, tls_ca, timeout) as client:
        found = client.list_models()
    if as_json:
        _print_json(found)
    else:
        _print_table(found)


def _print_json(found: list["Model"]) -> None:
    from google.protobuf.json_format import MessageToJson  # protobuf takes a while to load

    for model in found:
        print(MessageToJson(model, indent=None, preserving_proto_field_name=True, ensure_ascii=False))


def _print_table(found: list["Model"]) -> None:
    from rich.console import Console  # rich takes a while to load
    from rich.table import Table
    from rich.text import Text

    table = Table("MODEL", "KIND", "SERVED BY", box=None, pad_edge=False, header_style="bold")
    for model in found:
        # Text, not str: a name in square brackets is not markup.
        table.add_row(Text(model.name), Text(_kind(model)), Text(_candidates(model)))
    # A file or a pipe has no width to fold to.
    Console(width=None if sys.stdout.isatty() else 1000).print(table)


def _kind(model: "Model") -> str:
    from hedgerow.router.v1.router_service_pb2 import ModelKind  # protobuf takes a while to load

    known = ModelKind.DESCRIPTOR.values_by_number.get(model.kind)
    return known.name.removeprefix("MODEL_KIND_").lower() if known else str(model.kind)


def _candidates(model: "Model") -> str:
    return ", ".join(
        f"{candidate.provider}/{candidate.model}" + (f" ({candidate.region})" if candidate.region else "")
        for candidate in model.candidates
    )

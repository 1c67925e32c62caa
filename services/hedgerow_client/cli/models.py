"""`hedgerow models`: what the gateway offers."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hedgerow_client.cli.options import DEFAULT_TARGET, Plaintext, Target, Timeout, TlsCa, Token, connect
from hedgerow_client.cli.terminal import print_json, print_table, reporting

if TYPE_CHECKING:
    from hedgerow.router.v1.router_service_pb2 import Model, ModelFacts, ModelKind

_COLUMNS = ("MODEL", "KIND", "CONTEXT", "OUTPUT", "CAN", "RETIRES", "SERVED BY")
_FLAGS = {"tools": "tools", "json_schema": "schema", "reasoning": "reasoning", "prefill": "prefill"}


def models(
    *,
    kind: Annotated[
        Literal["chat", "embed"] | None, typer.Option(help="Only models for this.", show_default=False)
    ] = None,
    provider: Annotated[
        str, typer.Option(help="Only models that this provider serves, by its configured name.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each model as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """List the models that you may use, what is known of them, and who serves them.

    Who serves a model stands in the order in which its route prefers them; what is known is of the first of them. A
    name that ends with /* stands for all models of its provider; those that the gateway knows follow it.

    [bold]Examples[/bold]

      hedgerow models
      hedgerow models --kind embed --provider openai
      hedgerow models --json | jq -r .name
    """
    with reporting(target), connect(target, token, plaintext, tls_ca, timeout) as client:
        found = client.list_models(kind=_kind_number(kind), provider=provider)
    if as_json:
        for model in found:
            print_json(model)
    else:
        print_table(_COLUMNS, map(_row, found))


def _row(model: "Model") -> tuple[str, ...]:
    return (model.name, _kind(model), *_known(model), _candidates(model))


def _known(model: "Model") -> tuple[str, str, str, str]:
    """Context, longest answer, abilities and last day, each a hyphen where it is not known."""
    facts = next((one.facts for one in model.candidates if one.HasField("facts")), None)
    if facts is None:
        return "-", "-", "-", "-"
    limits = [
        f"{getattr(facts, field):,}" if facts.HasField(field) else "-"
        for field in ("context_tokens", "max_output_tokens")
    ]
    return limits[0], limits[1], _abilities(facts) or "-", facts.retire_date or "-"


def _abilities(facts: "ModelFacts") -> str:
    words = [word for word in facts.input_modalities if word != "text"]
    words += [f"{word} out" for word in facts.output_modalities if word != "text"]
    words += [word for field, word in _FLAGS.items() if getattr(facts, field)]
    if facts.HasField("dimensions"):
        words.append(f"{facts.dimensions} dimensions")
    return ", ".join(words)


def _kind_number(kind: str | None) -> "ModelKind.ValueType":
    from hedgerow.router.v1.router_service_pb2 import MODEL_KIND_UNSPECIFIED, ModelKind

    return MODEL_KIND_UNSPECIFIED if kind is None else ModelKind.Value(f"MODEL_KIND_{kind.upper()}")


def _kind(model: "Model") -> str:
    from hedgerow.router.v1.router_service_pb2 import ModelKind  # protobuf takes a while to load

    known = ModelKind.DESCRIPTOR.values_by_number.get(model.kind)
    return known.name.removeprefix("MODEL_KIND_").lower() if known else str(model.kind)


def _candidates(model: "Model") -> str:
    return ", ".join(
        f"{candidate.provider}/{candidate.model}" + (f" ({candidate.region})" if candidate.region else "")
        for candidate in model.candidates
    )

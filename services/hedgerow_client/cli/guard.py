"""`hedgerow guard …`: try guards of one's own."""

import json as json_module
from typing import Annotated

import typer

from hedgerow_client.cli.options import Plaintext, TlsCa, Token, tls_of
from hedgerow_client.cli.terminal import EXIT_FAILED, InputError, print_table, printable, reporting

_WORDS = {True: "ok", False: "FAILED", None: "not tried"}


def guard() -> typer.Typer:
    """The group of verbs."""
    group = typer.Typer(
        name="guard",
        help="Try guards of your own.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    group.callback()(lambda: None)
    group.command("check")(check)
    return group


def check(
    target: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The guard's address.", show_default=False)],
    *,
    text: Annotated[
        list[str] | None,
        typer.Option(help="A text in which it finds something; may be said again.", show_default=False),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="How long each call may take.")] = 5.0,
    json: Annotated[bool, typer.Option("--json", help="Print an object for each trial, one a line.")] = False,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
) -> None:
    """Try whether a server keeps to hedgerow.guardrail.v1.GuardrailService.

    Sends it texts of many kinds, alone, in batches, at once and without time,
    and holds its answers against the contract. The exit code is 0 only if
    nothing failed. What needs a finding is not tried where it finds nothing.

    [bold]Examples[/bold]

      hedgerow guard check 127.0.0.1:50061
      hedgerow guard check guard.internal:443 --text "Project Bouvet" --timeout 0.5
    """
    with reporting(target):
        from hedgerow_client.guardrail import BAIT, GuardrailProbe  # gRPC takes a while to load

        try:
            "".join(text or ()).encode()
        except UnicodeEncodeError:
            raise InputError("--text is not UTF-8") from None
        tls = tls_of(plaintext, tls_ca)
        try:
            probe = GuardrailProbe(
                target, token=token, tls=tls, insecure=plaintext, timeout=timeout, bait=(*(text or ()), *BAIT)
            )
        except ValueError as error:
            raise InputError(str(error)) from None
        with probe:
            trials = []
            for trial in probe.trials():
                trials.append(trial)
                if json:
                    fields = {"name": trial.name, "passed": trial.passed, "detail": trial.detail}
                    print(json_module.dumps(fields, ensure_ascii=False), flush=True)
    if not json:
        rows = ((_WORDS[one.passed], one.name, printable(one.detail)) for one in trials)
        print_table(("", "TRIAL", "DETAIL"), rows)
    if any(one.passed is False for one in trials):
        raise typer.Exit(EXIT_FAILED)

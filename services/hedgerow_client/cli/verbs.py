"""All verbs, put together."""

import typer

from hedgerow_client.cli.audit import audit
from hedgerow_client.cli.budgets import budgets
from hedgerow_client.cli.call import call
from hedgerow_client.cli.chat import chat
from hedgerow_client.cli.check import check
from hedgerow_client.cli.cost import cost
from hedgerow_client.cli.credentials import credentials
from hedgerow_client.cli.embed import embed
from hedgerow_client.cli.erase import erase
from hedgerow_client.cli.estimate import estimate
from hedgerow_client.cli.explain import explain
from hedgerow_client.cli.export import export
from hedgerow_client.cli.guard import guard
from hedgerow_client.cli.importing import importing
from hedgerow_client.cli.keys import keys
from hedgerow_client.cli.kill import kill, unkill
from hedgerow_client.cli.models import models
from hedgerow_client.cli.plan import plan
from hedgerow_client.cli.probe import probe
from hedgerow_client.cli.reconcile import reconcile
from hedgerow_client.cli.reload import reload
from hedgerow_client.cli.rollback import rollback
from hedgerow_client.cli.serve import serve
from hedgerow_client.cli.spend import spend
from hedgerow_client.cli.state import state
from hedgerow_client.cli.statement import statement
from hedgerow_client.cli.version import version
from hedgerow_client.cli.whatif import whatif

INTRODUCTION = """Hedgerow, a gRPC gateway to LLM providers: run it, and talk to it.

[bold]Examples[/bold]

  hedgerow serve config.yaml
  hedgerow chat -m fast "Why is the sky blue?"
  hedgerow chat -m fast                              (a conversation)
  git diff | hedgerow chat -m fast --system "Write a commit message."
  hedgerow embed texts.txt -m embed-small --out vectors.jsonl
  hedgerow models --target gateway.internal:50051
  hedgerow spend --by team --since 7d

Verbs that call the gateway find it by --target or HEDGEROW_TARGET, and say
who you are by HEDGEROW_TOKEN. Verbs for operators (state, plan, reload,
rollback, kill, unkill, credentials, keys, audit) find its admin door by
--admin or HEDGEROW_ADMIN.

[bold]Exit codes[/bold]

  0 success   1 a failed call   2 wrong usage   3 some inputs of embed failed
  2 also: changes, of plan --detailed-exitcode
  4 import --strict: something did not map   130 after Ctrl-C, which cancels the call
"""


def build() -> typer.Typer:
    """The command line with all verbs."""
    app = typer.Typer(
        name="hedgerow",
        help=INTRODUCTION,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        # A traceback with local variables would show the token.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(context_settings=passed_on)(serve)
    app.command(context_settings=passed_on)(check)
    app.add_typer(importing())
    app.command()(probe)
    app.command()(chat)
    app.command()(embed)
    app.command()(estimate)
    app.command()(explain)
    app.command()(models)
    app.command()(spend)
    app.command()(budgets)
    app.command()(call)
    app.command(context_settings=passed_on)(cost)
    app.command()(whatif)
    app.command()(statement)
    app.command()(reconcile)
    app.command()(export)
    app.command()(state)
    app.command()(plan)
    app.command()(reload)
    app.command()(rollback)
    app.command()(kill)
    app.command()(unkill)
    app.add_typer(credentials())
    app.add_typer(keys())
    app.add_typer(guard())
    app.command()(audit)
    app.command()(erase)
    app.command()(version)
    return app

"""The command line."""

import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

if sys.platform != "win32":
    import uvloop

from hedgerow_sim import behaviours, laws
from hedgerow_sim.book import Book
from hedgerow_sim.dialects.registry import dialects
from hedgerow_sim.handler import Handler
from hedgerow_sim.replay import Library
from hedgerow_sim.server import serve, write_ports

_HELP = f"""Simulated LLM providers on one HTTP port, chat and embeddings, streams included.

OpenAI (Chat Completions, Responses), Azure OpenAI, Anthropic, Gemini, Vertex AI, Bedrock, Cohere and Ollama, each at
its own paths, with its own errors and keys. OpenAI-compatible providers are served below any base path.

Answers are deterministic, paced by a latency law, and noted in a book. Try it:

\b
  curl http://127.0.0.1:50080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "gpt-4o", "stream": true, "messages": [{{"role": "user", "content": "Hello"}}]}}'
  curl http://127.0.0.1:50080/_sim/book

Any model name is answered, in every dialect. These ask for something special; [.…] takes another one behind a
dot, as in sim-once-k7.429-after-2, and a prefix may stand before, as in claude-sim-cut:

\b
{chr(10).join(f"  {name:<28} {line}" for name, line in behaviours.described())}

Paths beside the providers' own:

\b
  GET /_sim/book[?last=N]   every call: tokens sent and billed, outcome (completed,
                            cancelled, cut, error, open), times; and totals
  DELETE /_sim/book         empties it
  PUT, DELETE /_sim/law     {{"law": "brown-out", "for_s": 60}}: another pace
  PUT, DELETE /_sim/outage  {{"for_s": 300, "fault": "503"}}: all calls meet a fault
  PUT, DELETE /_sim/limits  {{"requests_per_minute": 60}}: each key's limits hold
  /_sim/as/NAME/...         before any path: a provider of its own; its part of the
                            book, its law and its outage are at ?provider=NAME
  /_sim/chunk-bytes/N/...   before any path: the body comes in pieces of N bytes
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise typer.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--listen")
    return host.strip("[]"), int(port)


def _law(text: str) -> laws.Law:
    try:
        return laws.parse(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--law") from exc


def _library(folder: Path | None) -> Library | None:
    try:
        return None if folder is None else Library(folder)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--replay") from exc


_Listen = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")]
_PortsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help='Gets {"http": "HOST:PORT"} once the port is bound.')
]
_Pace = Annotated[
    str,
    typer.Option(
        metavar="LAW",
        help=f"The pace: {', '.join(laws.LAWS)}, or JSON with first_ms and token_ms, each a number or "
        '{"p50": …, "p95": …, "p99": …, "max": …}.',
    ),
]
_Replay = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Answers with the recordings (*.jsonl) of this folder where one fits; a model named like a record's id "
        "gets exactly that record.",
    ),
]
_ReplayOnly = Annotated[
    bool, typer.Option("--replay-only", help="404 where no recording fits, instead of a simulated answer.")
]
_Key = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="HEDGEROW_SIM_API_KEY",
        help="Requests with any other key are refused (AWS signatures are not verified); without this, any key or none "
        "will do.",
    ),
]
_Seed = Annotated[int, typer.Option(min=0, help="Texts, vectors and delays depend on it.")]
_BookSize = Annotated[int, typer.Option(min=0, help="How many calls the book keeps; its totals count all.")]


_Certificate = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="FILE", exists=True, dir_okay=False, help="Serves HTTPS with this PEM chain."),
]
_PrivateKey = Annotated[
    Path | None,
    typer.Option("--tls-key", metavar="FILE", exists=True, dir_okay=False, help="Its key, if it is in another file."),
]


@app.command(help=_HELP)
def main(
    *,
    listen: _Listen = "127.0.0.1:50080",
    ports_file: _PortsFile = None,
    law: _Pace = "instant",
    replay: _Replay = None,
    replay_only: _ReplayOnly = False,
    api_key: _Key = None,
    seed: _Seed = 0,
    book_size: _BookSize = 10_000,
    tls_cert: _Certificate = None,
    tls_key: _PrivateKey = None,
) -> None:
    """Parses the options and serves."""
    host, port = _address(listen)
    if replay_only and replay is None:
        raise typer.BadParameter("needs --replay", param_hint="--replay-only")
    library = _library(replay)
    handler = Handler(
        dialects(seed),
        _law(law),
        Book(book_size),
        seed=seed,
        key=api_key,
        library=library,
        replay_only=replay_only,
    )

    tls = _tls(tls_cert, tls_key)

    def ready(address: str) -> None:
        recordings = f", {len(library)} recordings" if library is not None else ""
        scheme = "http" if tls is None else "https"
        typer.echo(f"hedgerow-sim on {scheme}://{address} (law {law}{recordings}); book at /_sim/book")
        sys.stdout.flush()
        if ports_file is not None:
            write_ports(ports_file, address)

    try:
        _run(handler, host, port, ready, tls)
    except OSError as exc:
        raise SystemExit(f"hedgerow-sim: cannot listen on {listen}: {exc.strerror or exc}") from exc


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as exc:
        raise typer.BadParameter(f"{certificate}: {exc.reason or exc}", param_hint="--tls-cert") from exc
    return context


def _run(handler: Handler, host: str, port: int, ready: Callable[[str], None], tls: ssl.SSLContext | None) -> None:
    factory = None if sys.platform == "win32" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(handler, host, port, ready, tls))

"""The commands of `python -m hedgerow_server`."""

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hedgerow_server import costing
from hedgerow_server.catalogue.book import Catalogue
from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.config.reload import Mark, mark
from hedgerow_server.config.worker import work
from hedgerow_server.core.slices import collector_paused
from hedgerow_server.providers.registry import egress
from hedgerow_server.settings import Settings, json_schema, references
from hedgerow_server.verdict import CHECKS

if TYPE_CHECKING:
    from hedgerow_server.together import Joined


def run() -> int:
    """Runs one command; returns the exit status: 0, or another with the reasons on standard error."""
    arguments = _parser().parse_args()
    match arguments.command:
        case "schema":
            print(json.dumps(json_schema(), indent=2))
            return 0
        case "check":
            return _check(arguments.config)
        case "parse":
            work(_checked)
            return 0
        case "probe" | "record":
            return _ask(arguments)
        case "cost":
            return _cost(arguments)
        case "worker":
            return _work(arguments.socket)
        case _:
            return _serve(arguments.config, arguments.ports_file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hedgerow_server", description="The Hedgerow router.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve until SIGTERM", description="Serves until SIGTERM or Ctrl-C.")
    serve.add_argument("config", type=Path, help="the configuration file (YAML)")
    serve.add_argument(
        "--ports-file", type=Path, help="write the addresses that are listened on to this file, as a JSON object"
    )
    check = commands.add_parser(
        "check",
        help="check a configuration",
        description="Checks a configuration without starting anything. Prints one line for each fault, with its file, "
        "line and what was expected.",
    )
    check.add_argument("config", type=Path, help="the configuration file (YAML)")
    commands.add_parser("parse", help="for the router itself: parse the files that standard input names")
    worker = commands.add_parser("worker", help="for the router itself: serve as one worker of several")
    worker.add_argument("index", type=int, help="which one, from 0, for whoever looks at the list of processes")
    worker.add_argument("socket", type=int, help="the descriptor of the socket to the supervisor")
    commands.add_parser("schema", help="print the JSON Schema of the configuration, for editors")
    _add_probe(commands)
    _add_record(commands)
    _add_cost(commands)
    return parser


def _add_probe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    probe = commands.add_parser(
        "probe",
        help="ask the providers whether they still are what is expected of them",
        description="Makes a small live call for each check, provider and model, and prints what no longer fits. Each "
        "call costs a few tokens. The exit status is 0 where everything fits, else 1.",
    )
    probe.add_argument("config", type=Path, help="the configuration file (YAML)")
    probe.add_argument("providers", nargs="*", metavar="PROVIDER", help="entries of `providers`; else all")
    probe.add_argument(
        "--check", action="append", choices=CHECKS, default=[], help="make this check only; may be said several times"
    )
    probe.add_argument(
        "--model",
        action="append",
        default=[],
        help="check this model only, by the provider's name; needed where a route is for all models; may be said again",
    )
    probe.add_argument("--json", action="store_true", help="print an object for each check, one a line")


def _add_record(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = commands.add_parser(
        "record",
        help="record the traffic of one check",
        description="Makes one small live call and writes what went over the wire as one line of JSON, without keys, "
        "accounts and addresses. Costs a few tokens.",
    )
    record.add_argument("config", type=Path, help="the configuration file (YAML)")
    record.add_argument("provider", help="an entry of `providers`")
    record.add_argument("check", choices=CHECKS, help="the call to make")
    record.add_argument("--model", help="the provider's name of the model; else the first that a route has")
    record.add_argument(
        "--out", type=Path, help="append to this file, or to the provider's file in this folder; else standard output"
    )


def _add_cost(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    cost = commands.add_parser(
        "cost",
        usage="%(prog)s [OPTIONS] PROVIDER/MODEL",
        help="work out what tokens cost",
        description="Works out what tokens cost by the built-in price list, or by a configuration's prices. The exit"
        " status is 1 where a price is not known.",
    )
    costing.add_arguments(cost)


def _cost(arguments: argparse.Namespace) -> int:
    try:
        return costing.run(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1


def _check(path: Path) -> int:
    try:
        settings = _checked(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: fine: {len(settings.providers)} providers, {len(settings.routes)} routes")
    return 0


def _checked(path: Path, text: bytes | None = None) -> Settings:
    """The settings in a file, or in a text, once all that they name is found to be of use. Raises ConfigError."""
    settings = load(path, Settings, references, text)
    Catalogue(settings.catalogue.files)
    for provider in settings.providers.values():
        egress(provider)
    return settings


def _ask(arguments: argparse.Namespace) -> int:
    try:
        settings = load(arguments.config, Settings, references)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    from hedgerow_server.probe import probe, record

    try:
        if arguments.command == "probe":
            told = (arguments.providers, arguments.check, arguments.model)
            return asyncio.run(probe(settings, *told, as_json=arguments.json))
        return asyncio.run(record(settings, arguments.provider, arguments.check, arguments.model, arguments.out))
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _serve(path: Path, ports_file: Path | None) -> int:
    # Before the file is read: what changes meanwhile is noticed later.
    seen = mark(path)
    try:
        settings = load(path, Settings, references)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if settings.server.workers > 1:
        _supervise(settings, path, seen, ports_file)
    return _run(settings, path, seen, ports_file)


def _supervise(settings: Settings, path: Path, seen: Mark | None, ports_file: Path | None) -> NoReturn:
    """Leaves this process, which has read the configuration, to a supervisor that has loaded next to nothing."""
    from hedgerow_server.history import first
    from hedgerow_server.workers.handover import Handover, leave

    server, told = settings.server, settings.telemetry
    addresses = {
        "grpc": server.grpc.listen,
        "admin_grpc": server.admin_grpc.listen,
        "admin_http": server.admin_http.listen,
    }
    if server.http is not None:
        addresses["http"] = server.http.listen
    handover = Handover(
        workers=server.workers,
        path=str(path),
        seen=seen,
        pieces=first(settings).pieces,
        addresses=addresses,
        ports_file=str(ports_file) if ports_file is not None else None,
        log_level=told.log_level,
        log_format=told.log_format,
        drain_s=server.drain_seconds,
    )
    command = [sys.executable, "-m", "hedgerow_server.supervisor", str(leave(handover))]
    os.execv(sys.executable, command)  # noqa: S606  our own program


def _work(descriptor: int) -> int:
    """Serves as one worker of several; the socket to the supervisor tells how."""
    from hedgerow_server.workers.handover import given
    from hedgerow_server.workers.member import die_with_parent

    die_with_parent()
    connection = socket.socket(fileno=descriptor)
    start = given(connection)
    from hedgerow_server.joining import found, join

    configuration = found(start)

    async def joining() -> "Joined":
        return await join(start, configuration, connection)

    return _run(configuration.settings, Path(start.path), start.seen, None, joining)


def _run(
    settings: Settings,
    path: Path,
    seen: Mark | None,
    ports_file: Path | None,
    joining: "Callable[[], Awaitable[Joined]] | None" = None,
) -> int:
    """Serves until a signal ends it; `joining` gives, within the event loop, how this worker joins others."""
    # gRPC's handlers for forks stop its threads for a moment; this process only starts others.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # Imported here, so that `check` and `schema` answer at once; and without a collector that looks for garbage among
    # modules, which is a tenth of the time.
    with collector_paused():
        from hedgerow_server.serve import serve
        from hedgerow_server.telemetry.logs import set_up_logging

    set_up_logging(settings.telemetry.log_level, settings.telemetry.log_format)

    async def served() -> int:
        return await serve(settings, path, seen, ports_file, await joining() if joining is not None else None)

    try:
        import uvloop
    except ImportError:
        return asyncio.run(served())
    return uvloop.run(served())

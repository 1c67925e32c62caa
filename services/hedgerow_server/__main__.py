"""`python -m hedgerow_server`: serve, check a configuration, print its JSON Schema."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from hedgerow_server.config.load import ConfigError, load
from hedgerow_server.settings import Settings, json_schema, references


def main() -> int:
    """Runs one command; returns the exit status: 0, or 1 with the reasons on standard error."""
    arguments = _parser().parse_args()
    match arguments.command:
        case "schema":
            print(json.dumps(json_schema(), indent=2))
            return 0
        case "check":
            return _check(arguments.config)
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
    commands.add_parser("schema", help="print the JSON Schema of the configuration, for editors")
    return parser


def _check(path: Path) -> int:
    try:
        settings = load(path, Settings, references)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: fine: {len(settings.providers)} providers, {len(settings.routes)} routes")
    return 0


def _serve(path: Path, ports_file: Path | None) -> int:
    try:
        settings = load(path, Settings, references)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    # Imported here, so that `check` and `schema` answer at once.
    from hedgerow_server.serve import serve
    from hedgerow_server.telemetry.logs import set_up_logging

    set_up_logging(settings.telemetry.log_level)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(serve(settings, ports_file))
    return uvloop.run(serve(settings, ports_file))


if __name__ == "__main__":
    sys.exit(main())

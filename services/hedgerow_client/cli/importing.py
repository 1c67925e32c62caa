"""`hedgerow import`: the configuration of another gateway, as one of Hedgerow's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedgerow_client.cli.terminal import InputError, printable, reporting, say

if TYPE_CHECKING:
    from hedgerow_client.moving.draft import Section
    from hedgerow_client.moving.report import Report

EXIT_NOT_ALL_MAPPED = 4

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", dir_okay=False, help="The file to write.  [default: stdout]", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 4 where something did not map.")]


def importing() -> typer.Typer:
    """The verb with its sources."""
    app = typer.Typer(
        name="import",
        help="Turn the configuration of another gateway into one of Hedgerow's. Nothing is sent anywhere.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    app.command()(litellm)
    app.command()(portkey)
    return app


def litellm(
    file: Annotated[Path, typer.Argument(help="LiteLLM's config.yaml.", exists=True, dir_okay=False)],
    out: Out = None,
    strict: Strict = False,
) -> None:
    """Import LiteLLM's config.yaml: models, fallbacks, limits, cache.

    What does not map is said on stderr and at the top of the file that is
    written, with what to do instead. Secrets are never copied: each becomes an
    environment variable that you set. docs/moving/litellm.md has every key.

    [bold]Examples[/bold]

      hedgerow import litellm config.yaml -o hedgerow.yaml && hedgerow check hedgerow.yaml
      hedgerow import litellm config.yaml --strict > hedgerow.yaml
    """
    from hedgerow_client.moving.litellm import translate  # YAML takes a while to load

    with reporting(""):
        document = _read(file)
        try:
            config, report = translate(document)
        except ValueError as error:
            raise InputError(f"{file}: {error}") from None
        _write(config, report, file, out)
    _end(report, strict)


def portkey(
    file: Annotated[Path, typer.Argument(help="A config of Portkey's, JSON.", exists=True, dir_okay=False)],
    route: Annotated[
        str | None, typer.Option(help="What callers say as the model.  [default: the file's name]", show_default=False)
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SLUG=NAME", help="Which provider is behind a slug; may be said again.", show_default=False
        ),
    ] = None,
    out: Out = None,
    strict: Strict = False,
) -> None:
    """Import one of Portkey's configs, which becomes a route.

    What does not map is said on stderr and at the top of the file that is
    written, with what to do instead. Keys stay in Portkey's vault: each becomes
    an environment variable that you set. docs/moving/portkey.md has every key.

    [bold]Examples[/bold]

      hedgerow import portkey config.json --route assistant -o hedgerow.yaml
      hedgerow import portkey config.json --provider @prod-key=bedrock > hedgerow.yaml
    """
    from hedgerow_client.moving.draft import is_route, plain_name
    from hedgerow_client.moving.portkey import translate

    with reporting(""):
        document = _read(file)
        name = plain_name(file.stem) if route is None else route
        if not is_route(name) or "*" in name:
            raise InputError(f"{name!r} is no name for a route: letters, digits and _ . / : @ -")
        try:
            config, report = translate(document, name, _slugs(provider or []))
        except ValueError as error:
            raise InputError(f"{file}: {error}") from None
        _write(config, report, file, out)
    _end(report, strict)


def _slugs(pairs: list[str]) -> dict[str, str]:
    from hedgerow_client.moving.vendors import PORTKEY

    found = {}
    for pair in pairs:
        slug, equals, name = pair.partition("=")
        if not equals or name not in PORTKEY:
            raise InputError(f"--provider {pair}: expected SLUG=NAME with one of {', '.join(sorted(PORTKEY))}")
        found[slug] = name
    return found


def _read(file: Path) -> Any:
    """The document; JSON is YAML as well. Of a fault its place is told, never the text: it may hold a secret."""
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{file}: not UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{file}{where}: neither YAML nor JSON") from None


def _write(config: "Section", report: "Report", file: Path, out: Path | None) -> None:
    from hedgerow_client.moving.render import render

    for note in report.notes:
        say(printable(f"{file.name}: {note}"))
    if not config["routes"]:
        raise InputError(f"{file}: nothing of it could be imported as a route")
    text = render(config, report.notes, file.name)
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")


def _end(report: "Report", strict: bool) -> None:
    if not report.notes:
        return
    say(f"{len(report.notes)} notes on what did not map, or not wholly")
    if strict:
        raise typer.Exit(EXIT_NOT_ALL_MAPPED)

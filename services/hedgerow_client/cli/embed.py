"""`hedgerow embed`: vectors for the lines of a file."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import typer

from hedgerow_client.cli.inputs import count_lines, read_items
from hedgerow_client.cli.options import (
    DEFAULT_TARGET,
    IdempotencyKey,
    Plaintext,
    Target,
    Timeout,
    TlsCa,
    Token,
    connect,
)
from hedgerow_client.cli.terminal import EXIT_SOME_ITEMS_FAILED, describe, describe_usage, reporting, say

if TYPE_CHECKING:
    from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedOptions, StreamEmbedResponse

    from hedgerow_client import Client, EmbedStream

STDIO = Path("-")


def embed(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="One input a line, or with the suffix .jsonl one object with `text` and, if you like, `id` a line. "
            "`-` is stdin.",
            show_default=False,
        ),
    ] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="The model, by its name in `hedgerow models`.")],
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text", help="In place of FILE: a text whose vector is summed up. Repeatable.", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the vectors go; `-` is stdout.")] = STDIO,
    dimensions: Annotated[
        int | None, typer.Option(min=1, help="The length of the vectors.", show_default="the model's")
    ] = None,
    jsonl: Annotated[
        bool | None,
        typer.Option("--jsonl/--lines", help="What the lines of FILE are, whatever its suffix.", show_default=False),
    ] = None,
    idempotency_key: IdempotencyKey = None,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Turn texts into vectors, any number of them.

    Each line of the output answers one input, in order: an object with `id` and
    `embedding`, or `id` and `error` for an input that failed. Failed inputs are
    named on stderr as well, and the exit code is 3. The id is the one given in
    JSON lines, else the number of the line. Empty lines are skipped. What has
    been written stays when the call fails.

    [bold]Examples[/bold]

      hedgerow embed texts.txt -m embed-small --out vectors.jsonl
      hedgerow embed -m embed-small --text "a red apple" --text "a green pear"
    """
    if (file is None) == (not text):
        raise typer.BadParameter("give either FILE or --text")
    if file is not None and idempotency_key:
        raise typer.BadParameter("--idempotency-key goes with --text: of a FILE no answer is kept")
    with reporting(target), connect(target, token, plaintext, tls_ca, timeout) as client:
        if text:
            _sum_up(client, model, text, dimensions, idempotency_key or "")
            return
        from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedOptions  # takes a while to load

        assert file is not None
        as_jsonl = jsonl if jsonl is not None else file.suffix in {".jsonl", ".ndjson"}
        options = StreamEmbedOptions(model=model, dimensions=dimensions)
        failed = _bulk(client, options, file, out, as_jsonl)
    if failed:
        raise typer.Exit(EXIT_SOME_ITEMS_FAILED)


def _sum_up(client: "Client", model: str, texts: list[str], dimensions: int | None, idempotency_key: str) -> None:
    from hedgerow.embed.v1.embed_service_pb2 import EmbedRequest  # gRPC takes a while to load

    from hedgerow_client import embedding

    began = time.monotonic()
    spec = embedding(model, *texts, dimensions=dimensions)
    answer = client.embed(EmbedRequest(embed=spec, idempotency_key=idempotency_key))
    for text, vector in zip(texts, answer.embeddings, strict=True):
        values = list(vector.values)
        shown = ", ".join(f"{value:.4f}" for value in values[:4])
        length = math.sqrt(math.fsum(value * value for value in values))
        print(
            f"{text[:40]!r}: {len(values)} dimensions, length {length:.4f}, [{shown}{', …' if len(values) > 4 else ''}]"
        )
    served = f"{answer.provider}/{answer.model}"
    say(f"{served} · {describe_usage(answer.usage)} · {time.monotonic() - began:.2f} s")


def _bulk(client: "Client", options: "StreamEmbedOptions", file: Path, out: Path, jsonl: bool) -> int:
    """Streams the file through the gateway; gives how many inputs failed."""
    with ExitStack() as stack:
        source: BinaryIO = sys.stdin.buffer if file == STDIO else stack.enter_context(file.open("rb"))
        total = count_lines(source) if sys.stderr.isatty() and file.is_file() else None
        sink: TextIO = sys.stdout if out == STDIO else stack.enter_context(out.open("w", encoding="utf-8"))
        items = read_items(source, str(file), jsonl)
        writer = _Writer(sink)
        began = time.monotonic()
        try:
            with client.stream_embed(options, items) as stream:
                for message in _with_progress(stream, total):
                    writer.take(message)
        except BaseException:
            say(f"Stopped: {writer.written} answers are in {out}.")
            raise
        finally:
            sink.flush()
        say(_closing_line(writer, stream, time.monotonic() - began, out))
        return writer.failed


class _Writer:
    """Writes each answer as a line of JSON, and names the inputs that failed."""

    def __init__(self, sink: TextIO) -> None:
        self.written = 0
        self.failed = 0
        self.served_by = ""
        self._sink = sink

    def take(self, message: "StreamEmbedResponse") -> None:
        match message.WhichOneof("result"):
            case "started":
                self.served_by = f"{message.started.provider}/{message.started.model}"
            case "embedding":
                # Nine digits bring a 32-bit float back exactly; json.dumps would print it as the 64-bit one it is here.
                values = ",".join(f"{value:.9g}" for value in message.embedding.values)
                self._write(message.id, f'"embedding":[{values}]')
            case "item_error":
                self._fail(message)

    def _fail(self, message: "StreamEmbedResponse") -> None:
        import json  # only for failures

        from hedgerow_client import from_status  # gRPC takes a while to load

        self.failed += 1
        error = from_status(message.item_error)
        say(f"input {message.id}: {describe(error)}")
        facts = {"code": error.code.name, "reason": error.reason, "message": error.message}
        self._write(message.id, f'"error":{json.dumps(facts, ensure_ascii=False)}')

    def _write(self, item_id: str, field: str) -> None:
        import json

        self._sink.write(f'{{"id":{json.dumps(item_id, ensure_ascii=False)},{field}}}\n')
        self.written += 1


def _with_progress(stream: "EmbedStream", total: int | None) -> Iterator["StreamEmbedResponse"]:
    """The messages of the stream; on a terminal, with a bar that follows them."""
    if not sys.stderr.isatty():
        yield from stream
        return
    from rich.console import Console  # rich takes a while to load
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("embedding", total=total)
        for message in stream:
            yield message
            if message.id:
                progress.advance(task)


def _closing_line(writer: _Writer, stream: "EmbedStream", seconds: float, out: Path) -> str:
    done = stream.result
    failed = f", {done.failed_items_count:,} failed" if done.failed_items_count else ""
    pieces = [f"{done.embedded_items_count:,} embedded{failed}", describe_usage(done.usage), f"{seconds:.2f} s"]
    if writer.served_by:
        pieces.insert(0, writer.served_by)
    if out != STDIO:
        pieces.append(str(out))
    if stream.request_id:
        pieces.append(f"request {stream.request_id}")
    return " · ".join(pieces)

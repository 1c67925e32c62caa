"""What verbs say on the terminal, and how they end.

Answers go to stdout and nothing else does, so that they can be piped; all that is said about them goes to stderr.
"""

import os
import signal
import sys
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp
    from hedgerow.common.v1.usage_pb2 import Usage

    from hedgerow_client.errors import HedgerowError

EXIT_FAILED = 1
EXIT_SOME_ITEMS_FAILED = 3
EXIT_INTERRUPTED = 130
PICOS = 10**12
_INSIST_S = 0.5

# C0 and C1 controls except tab and line feed: a model must not steer the reader's terminal.
_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


class InputError(Exception):
    """The input of a verb cannot be used; the text says what and where."""


@contextmanager
def reporting(target: str) -> Iterator[None]:
    """Ends the verb with one line and the right exit code where a call fails or Ctrl-C is pressed."""
    try:
        with _insisting():
            yield
    except KeyboardInterrupt:
        say("")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except (InputError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        say(f"error: {error}")
        raise typer.Exit(EXIT_FAILED) from None
    except Exception as error:
        from hedgerow_client.errors import HedgerowError  # gRPC takes a while to load

        if not isinstance(error, HedgerowError):
            raise
        say(f"error: {describe(error, target)}")
        raise typer.Exit(EXIT_FAILED) from None


@contextmanager
def _insisting() -> Iterator[None]:
    """Within it Ctrl-C is said again until it is heard: an extension in C may drop the exception of the first time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = threading.Event()

    def insist() -> None:
        while not heard.wait(_INSIST_S):
            os.kill(os.getpid(), signal.SIGINT)

    def interrupt(*_: object) -> None:
        if not insisting.ident:
            insisting.start()
        raise KeyboardInterrupt

    insisting = threading.Thread(target=insist, daemon=True)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        heard.set()
        if insisting.ident:
            insisting.join()
        signal.signal(signal.SIGINT, before)


def describe(error: "HedgerowError", target: str = "") -> str:
    """A failure in one line: code, reason, message, fields, delay, request id."""
    head = f"{error.code.name} {error.reason}".rstrip()
    message = " ".join(error.message.split()).rstrip(".")
    pieces = [f"{head}: {message or 'no message'}"]
    if target and not error.reason and not error.request_id:
        # Nothing of the gateway's is in the error: the channel or a proxy made it.
        pieces.append(f"target {target}")
    pieces.extend(
        f"field {violation.field}: {violation.description}"
        for violation in error.field_violations
        if not (violation.field in message and violation.description in message)
    )
    if error.retry_delay is not None:
        pieces.append(f"retry in {error.retry_delay.total_seconds():g} s")
    if error.request_id:
        pieces.append(f"request {error.request_id}")
    return printable("; ".join(pieces))


def describe_usage(usage: "Usage") -> str:
    """What a call consumed, in a few words."""
    reasoning = f" ({usage.output_reasoning_tokens:,} reasoning)" if usage.output_reasoning_tokens else ""
    output = f", {usage.output_tokens:,} out{reasoning}" if usage.output_tokens else ""
    return f"{usage.input_tokens:,} in{output} tokens{' (estimated)' if usage.estimated else ''}"


def printable(text: str) -> str:
    """The text without control characters other than tabs and line feeds."""
    return text.translate(_CONTROLS)


def dim(text: str) -> str:
    """The text, pale where stderr is a terminal with colours."""
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    return f"\x1b[2m{text}\x1b[0m" if coloured else text


def say(line: str) -> None:
    """Writes a line to stderr."""
    print(line, file=sys.stderr, flush=True)


def clock(time: "Timestamp") -> str:
    """A time of the gateway's, in UTC."""
    return datetime.fromtimestamp(time.seconds + time.nanos / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def print_json(message: "Message") -> None:
    """Prints a message as a line of JSON."""
    from google.protobuf.json_format import MessageToJson  # protobuf takes a while to load

    print(MessageToJson(message, indent=None, preserving_proto_field_name=True, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Iterable[str]], *, right: Container[str] = ()) -> None:
    """Prints rows under their columns; those named in `right` stand at the right edge."""
    from rich.console import Console  # rich takes a while to load
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    for row in rows:
        # Text, not str: a name in square brackets is not markup.
        table.add_row(*map(Text, row))
    # A file or a pipe has no width to fold to.
    Console(width=None if sys.stdout.isatty() else 1000).print(table)

"""`hedgerow chat`: talk to a model."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

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
from hedgerow_client.cli.terminal import PICOS, InputError, describe_usage, dim, reporting, say
from hedgerow_client.cli.view import JsonView, TextView

if TYPE_CHECKING:
    from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
    from hedgerow.chat.v1.message_pb2 import ChatSpec

    from hedgerow_client import ChatStream, Client

# What stands in an event before any content, or beside it.
_ASIDES = {None, "started", "usage_update", "guardrail_verdict", "route_change", "completed"}


class View(Protocol):
    """How the events of an answer are shown."""

    def show(self, event: "StreamCompleteResponse") -> None: ...

    def end(self) -> None: ...


def chat(
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to say; several words are joined. Without it stdin is read; a terminal starts a conversation.",
            show_default=False,
        ),
    ] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="The model, by its name in `hedgerow models`.")],
    system: Annotated[
        str | None, typer.Option(help="Instructions that stand before the conversation.", show_default=False)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Sampling temperature, 0 to 2.", show_default="the provider's")
    ] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(help="The most tokens to generate, from 1.", show_default="the provider's")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
    target: Target = DEFAULT_TARGET,
    token: Token = None,
    plaintext: Plaintext = None,
    tls_ca: TlsCa = None,
    timeout: Timeout = None,
) -> None:
    """Talk to a model; the answer is printed as it comes.

    The answer goes to stdout. Reasoning, tool calls, warnings and a closing
    line (who answered, usage, latency, finish reason, request id) go to stderr.

    [bold]Examples[/bold]

      hedgerow chat -m fast "Why is the sky blue?"
      hedgerow chat -m fast < question.txt > answer.txt
      hedgerow chat -m fast --json hi | jq -r '.text_delta.text // empty'
    """
    with reporting(target), connect(target, token, plaintext, tls_ca, timeout) as client:
        from hedgerow_client import chat as spec_of  # gRPC takes a while to load

        spec = spec_of(model, system=system, temperature=temperature, max_output_tokens=max_output_tokens)
        view: View = JsonView() if as_json else TextView()
        if not prompt and sys.stdin.isatty() and sys.stdout.isatty():
            if idempotency_key:
                raise InputError("a conversation is many calls: give a PROMPT with --idempotency-key")
            _converse(client, spec, view, target)
        else:
            _ask(client, spec, " ".join(prompt) if prompt else _piped(), view, idempotency_key or "")


def _piped() -> str:
    try:
        text = sys.stdin.read().strip()
    except UnicodeDecodeError:
        raise InputError("stdin is not UTF-8") from None
    if not text:
        raise InputError("there is nothing to say: give a PROMPT, or text on stdin")
    return text


def _converse(client: "Client", spec: "ChatSpec", view: View, target: str) -> None:
    """Asks and answers until the input ends. A failed turn is forgotten; the ones before it stay."""
    import readline  # noqa: F401  gives input() its history and editing

    say(dim(f"Talking to {spec.model}. Ctrl-D ends."))
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            say("")
            return
        if not text:
            continue
        turns = len(spec.messages)
        try:
            with reporting(target):
                _ask(client, spec, text, view)
        except typer.Exit as end:
            if end.exit_code != 1:
                raise
            del spec.messages[turns:]


def _ask(client: "Client", spec: "ChatSpec", text: str, view: View, idempotency_key: str = "") -> None:
    """Adds the user's message and the answer to the conversation, and shows the answer."""
    from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteRequest  # gRPC takes a while to load

    from hedgerow_client import message

    spec.messages.append(message(text))
    began = time.monotonic()
    first: float | None = None
    try:
        with client.stream(StreamCompleteRequest(chat=spec, idempotency_key=idempotency_key)) as stream:
            for event in stream:
                if first is None and event.WhichOneof("event") not in _ASIDES:
                    first = time.monotonic() - began
                view.show(event)
    finally:
        view.end()
    spec.messages.append(stream.result.message)
    say(dim(_closing_line(stream, first, time.monotonic() - began)))


def _closing_line(stream: "ChatStream", first: float | None, total: float) -> str:
    from hedgerow.chat.v1.event_pb2 import FinishReason  # protobuf takes a while to load

    answer = stream.result
    known = FinishReason.DESCRIPTOR.values_by_number.get(answer.finish_reason)
    pieces = [f"{answer.provider}/{answer.model}", describe_usage(answer.usage)]
    if answer.HasField("cost_picos"):
        pieces.append(f"${answer.cost_picos / PICOS:.6f}")
    pieces.append(f"first token {first:.2f} s, total {total:.2f} s" if first is not None else f"total {total:.2f} s")
    pieces.append(known.name.removeprefix("FINISH_REASON_") if known else str(answer.finish_reason))
    if stream.request_id:
        pieces.append(f"request {stream.request_id}")
    return " · ".join(pieces)

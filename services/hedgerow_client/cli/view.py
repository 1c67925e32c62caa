"""How `hedgerow chat` shows the events of an answer."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from hedgerow_client.cli.terminal import dim, printable

if TYPE_CHECKING:
    from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
    from hedgerow.chat.v1.event_pb2 import GuardrailVerdict, RouteChange
    from hedgerow.chat.v1.message_pb2 import Citation
    from hedgerow.common.v1.warning_pb2 import Warning as CallWarning


class JsonView:
    """Each event as one line of JSON on stdout, with the field names of the contract."""

    def show(self, event: "StreamCompleteResponse") -> None:
        from google.protobuf.json_format import MessageToJson  # protobuf takes a while to load

        line = MessageToJson(event, indent=None, preserving_proto_field_name=True, ensure_ascii=False)
        print(line, flush=True)

    def end(self) -> None:
        """Nothing is left open."""


class TextView:
    """The text on stdout, all else on stderr, each on lines of its own."""

    def __init__(self) -> None:
        self._last: TextIO | None = None
        self._mid_line = False

    def show(self, event: "StreamCompleteResponse") -> None:
        match event.WhichOneof("event"):
            case "text_delta":
                self._text(event.text_delta.text)
            case "refusal_delta":
                self._text(event.refusal_delta.text)
            case "reasoning_delta":
                self._aside(event.reasoning_delta.text)
            case "tool_call_started":
                self._line(f"→ {event.tool_call_started.name}(", end="")
            case "tool_call_arguments_delta":
                self._aside(event.tool_call_arguments_delta.arguments)
            case "tool_call_ended":
                self._aside(")\n")
            case _:
                self._note(event)

    def end(self) -> None:
        """Ends the line that is open."""
        if self._mid_line and self._last is not None:
            self._write(self._last, "\n")

    def _note(self, event: "StreamCompleteResponse") -> None:
        match event.WhichOneof("event"):
            case "started":
                self._warn(event.started.warnings)
            case "route_change":
                self._rerouted(event.route_change)
            case "citation_added":
                self._cited(event.citation_added.citation)
            case "media_delta":
                if event.media_delta.media_type:
                    self._line(f"[{event.media_delta.media_type}: use --json to have it]")
                self._text(event.media_delta.transcript)
            case "provider_item_added":
                self._line(f"[{event.provider_item_added.item.type or 'provider item'}]")
            case "guardrail_verdict":
                self._judged(event.guardrail_verdict)

    def _warn(self, warnings: "Iterable[CallWarning]") -> None:
        for warning in warnings:
            field = f"{warning.field}: " if warning.field else ""
            self._line(f"warning: {field}{warning.message}")

    def _rerouted(self, change: "RouteChange") -> None:
        self._line(f"[void: {change.to_provider}/{change.to_model} answers anew]")
        self._warn(change.warnings)

    def _cited(self, citation: "Citation") -> None:
        source = " ".join(piece for piece in (citation.title, citation.url or citation.source_id) if piece)
        self._line(f"[source: {source}]")

    def _judged(self, verdict: "GuardrailVerdict") -> None:
        from hedgerow.chat.v1.event_pb2 import GuardrailAction  # protobuf takes a while to load

        known = GuardrailAction.DESCRIPTOR.values_by_number.get(verdict.action)
        action = known.name.removeprefix("GUARDRAIL_ACTION_").lower() if known else str(verdict.action)
        self._line(f"[guardrail {verdict.guardrail}: {action} {verdict.category}]")

    def _text(self, text: str) -> None:
        self._write(sys.stdout, printable(text))

    def _aside(self, text: str) -> None:
        self._write(sys.stderr, printable(text))

    def _line(self, text: str, end: str = "\n") -> None:
        if self._mid_line:
            self._write(sys.stderr, "\n")
        self._aside(f"{text}{end}")

    def _write(self, stream: TextIO, text: str) -> None:
        if not text:
            return
        if self._mid_line and stream is not self._last:
            # Both usually end on one screen. stdout keeps exactly the text of the answer.
            sys.stderr.write("\n")
            sys.stderr.flush()
        stream.write(dim(text) if stream is sys.stderr and text.strip() else text)
        stream.flush()
        self._last = stream
        self._mid_line = not text.endswith("\n")

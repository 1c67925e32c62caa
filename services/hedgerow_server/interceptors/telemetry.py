"""Sees every call, also those that are refused, and carries its trace on."""

import time
from collections.abc import Callable

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.telemetry.logs import CallLine

WriteLine = Callable[[CallLine], None]
TraceHeaders = Callable[[Call], tuple[tuple[str, str], ...]]


class Telemetry:
    """Writes one line a call and hands the caller's trace context to the upstream request."""

    name = "telemetry"
    after = ("request_id",)

    def __init__(self, write_line: WriteLine | None, trace_headers: TraceHeaders) -> None:
        self._write_line = write_line
        self._trace_headers = trace_headers

    async def admit(self, call: Call) -> None:
        """Sets `call.trace`."""
        call.trace = self._trace_headers(call)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Writes the line."""
        if self._write_line is None:
            return
        error, last = outcome.error, call.attempts[-1] if call.attempts else None
        usage, request, principal = call.usage, call.request, call.principal
        self._write_line(
            CallLine(
                request_id=call.request_id,
                method=call.method.name,
                door=call.door,
                code=error.code if error else "OK",
                reason=error.reason if error else "",
                message=error.message if error else "",
                tenant=principal.tenant if principal else "",
                user=principal.user if principal else "",
                service=principal.service if principal else "",
                key_id=principal.key_id if principal else "",
                provider=last.provider if last else "",
                model=last.model if last else "",
                attempts=call.attempts_started,
                input_tokens=usage.input_tokens if usage else 0,
                output_tokens=usage.output_tokens if usage else 0,
                duration_ms=round((time.monotonic() - call.started_s) * 1000, 3),
                first_token_ms=round(last.first_token_s * 1000, 3) if last and last.first_token_s is not None else None,
                replay_of=call.replay_of,
                labels=request.labels if isinstance(request, ChatRequest | EmbedRequest) else {},
                trace=next((value for name, value in call.trace if name == "traceparent"), ""),
            )
        )

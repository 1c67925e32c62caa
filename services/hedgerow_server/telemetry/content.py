"""Prompts and answers for the spans of tenants who want that: as guards have left them, cut to a bound."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import aclosing

import msgspec

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.error import GuardrailBlocked
from hedgerow_server.core.event import Completed, Events, RefusalDelta, RouteChanged, TextDelta
from hedgerow_server.core.request import ChatRequest, Refusal, Text, ToolResult
from hedgerow_server.telemetry.span import Attributes
from hedgerow_server.telemetry.traces_section import ContentSection

_DAY_S = 86_400
_MARK = "[…]"
"""What stands at the end of a text that was cut."""


class Contents:
    """What is kept of open calls until they are over."""

    def __init__(self) -> None:
        self._rules: dict[str, ContentSection] = {}
        self._open: dict[Call, _Content] = {}

    def serve(self, sections: Sequence[ContentSection]) -> None:
        """The tenants of whom content is kept from now on."""
        self._rules = {one.tenant: one for one in sections}

    def shown(self, call: Call, events: Events) -> Events:
        """The same events. Keeps the texts of those that the caller is shown, and the request as it goes on: every
        guard of requests has seen it by now, but for those that look while it is being answered, which change nothing.
        """
        rules = self._rules.get(call.principal.tenant) if self._rules and call.principal is not None else None
        if rules is None or not isinstance(call.request, ChatRequest):
            return events
        content = self._open[call] = _Content(rules, call.request)
        return _watched(content, events)

    def taken(self, call: Call, outcome: Outcome, now_unix_s: float) -> Attributes:
        """What the span of a call says of its content, which is let go."""
        content = self._open.pop(call, None)
        if content is None:
            return {}
        # A guard that has refused the request while it was under way has not let it pass.
        refused = isinstance(outcome.error, GuardrailBlocked)
        return content.attributes(outcome, now_unix_s, with_input=not refused)


class _Content:
    def __init__(self, rules: ContentSection, request: ChatRequest) -> None:
        self.rules = rules
        self._request = request
        self.answer = _Bounded(rules.max_bytes)

    def attributes(self, outcome: Outcome, now_unix_s: float, *, with_input: bool) -> Attributes:
        days, cut = self.rules.retention_days, self.answer.cut
        found: Attributes = {
            "hedgerow.content.retention_days": days,
            "hedgerow.content.delete_after": _date(now_unix_s + days * _DAY_S),
        }
        if with_input:
            bound = _Bounded(self.rules.max_bytes)
            found["gen_ai.input.messages"] = _json(list(self._messages(bound)))
            cut = cut or bound.cut
        reason = outcome.terminal.reason.name.lower() if isinstance(outcome.terminal, Completed) else "error"
        said = {"role": "assistant", "parts": [_part(self.answer.text())], "finish_reason": reason}
        found["gen_ai.output.messages"] = _json([said])
        if cut:
            found["hedgerow.content.cut"] = True
        return found

    def _messages(self, bound: "_Bounded") -> Iterator[dict[str, object]]:
        for message in self._request.spec.messages:
            parts: list[dict[str, str]] = []
            for one in message.content:
                content = one.content
                if isinstance(content, Text | Refusal):
                    parts.append(_part(bound.part(content.text)))
                else:
                    kind = "tool_call_response" if isinstance(content, ToolResult) else type(content).__name__.lower()
                    parts.append({"type": kind})
            yield {"role": message.role.value, "parts": parts}


class _Bounded:
    """Text up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._texts: list[str] = []
        self.cut = False

    def part(self, text: str) -> str:
        """As much of it as there is room for."""
        raw = text.encode("utf-8", "replace")
        if len(raw) <= self._left:
            self._left -= len(raw)
            return raw.decode()
        kept, self._left = raw[: self._left].decode("utf-8", "ignore"), 0
        if self.cut and not kept:
            return ""
        self.cut = True
        return kept + _MARK

    def add(self, text: str) -> None:
        """More of one text."""
        if not self.cut:
            self._texts.append(self.part(text))

    def text(self) -> str:
        """All of it."""
        return "".join(self._texts)


async def _watched(content: _Content, events: Events) -> Events:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta | RefusalDelta):
                content.answer.add(event.text)
            elif isinstance(event, RouteChanged):
                content.answer = _Bounded(content.rules.max_bytes)
            yield event


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _date(unix_s: float) -> str:
    return dt.datetime.fromtimestamp(unix_s, dt.UTC).isoformat(timespec="seconds")

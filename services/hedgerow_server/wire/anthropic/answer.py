"""A whole message, as an answer."""

from typing import cast

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Completed, GuardVerdict, Started
from hedgerow_server.core.fold import Fold
from hedgerow_server.wire.anthropic import usage
from hedgerow_server.wire.anthropic.blocks import Block, blocks
from hedgerow_server.wire.anthropic.finish import stop_reason
from hedgerow_server.wire.extension import told_of_end, told_of_start, told_of_verdict
from hedgerow_server.wire.words import Wording

_ID_PREFIX = "msg_"


class MessageTold(msgspec.Struct, frozen=True, tag="message"):
    """A message."""

    id: str
    model: str
    content: list[Block]
    usage: usage.UsageTold
    stop_reason: str | None = None
    stop_sequence: str | None = None
    role: str = "assistant"
    hedgerow: dict[str, object] = {}


def message_id(call: Call, started: Started) -> str:
    """The provider's id where it is one of the API's, else one of the call's."""
    given = started.response_id
    return given if given.startswith(_ID_PREFIX) else f"{_ID_PREFIX}{call.request_id}"


def start_told(call: Call, started: Started) -> dict[str, object]:
    """The member `hedgerow` of the head, with fields by the caller's names."""
    told = told_of_start(call, started)
    if isinstance(call.form, Wording):
        for warning in cast("list[dict[str, str]]", told.get("warnings", [])):
            warning["field"] = call.form.named(warning["field"])
    return told


def end_told(
    call: Call, completed: Completed, verdicts: tuple[GuardVerdict, ...] | list[GuardVerdict]
) -> dict[str, object]:
    """The member `hedgerow` of the end."""
    told = told_of_end(call, completed)
    if verdicts:
        told["guardrail_verdicts"] = [told_of_verdict(one) for one in verdicts]
    return told


class MessageAnswer:
    """The body of an answer."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._fold = Fold()
        self.add = self._fold.add

    def encode(self) -> bytes:
        """A message."""
        answer = self._fold.answer()
        started, completed = answer.started, answer.completed
        message = MessageTold(
            id=message_id(self._call, started),
            model=started.model,
            content=[block for part in answer.message.content for block in blocks(part)],
            usage=usage.told(completed.usage),
            stop_reason=stop_reason(completed),
            stop_sequence=completed.stop_sequence or None,
            hedgerow=start_told(self._call, started) | end_told(self._call, completed, answer.verdicts),
        )
        return msgspec.json.encode(message)

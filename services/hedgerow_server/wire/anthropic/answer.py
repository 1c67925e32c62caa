"""A whole message, as an answer."""

import msgspec

from hedgerow_server.core.call import Call
from hedgerow_server.core.event import Started
from hedgerow_server.core.fold import Fold
from hedgerow_server.wire.anthropic import usage
from hedgerow_server.wire.anthropic.blocks import Block, blocks
from hedgerow_server.wire.anthropic.finish import stop_reason
from hedgerow_server.wire.extension import told_of_end, told_of_start

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
            hedgerow=told_of_start(self._call, started) | told_of_end(self._call, completed, answer.verdicts),
        )
        return msgspec.json.encode(message)

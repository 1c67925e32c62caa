"""What a test may ask of the calls that the fake gateway has received."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgerow.chat.v1.message_pb2 import ChatSpec
from hedgerow.embed.v1.embed_service_pb2 import EmbedSpec, StreamEmbedItem

LEAVING_S = 5.0
"""How long a test waits for a caller to leave, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call that came in, as it came."""

    rpc: str
    """The name of the RPC, such as "StreamComplete"."""
    message: Any
    """The request message; of StreamEmbed the first one, which holds the options."""
    metadata: Mapping[str, str | bytes]
    """The metadata, by lower-case name; of a name that came twice, the last value."""
    timeout_s: float | None
    """What was left of the caller's deadline on arrival; None: there was none."""
    items: list[StreamEmbedItem] = field(default_factory=list)
    """The inputs of StreamEmbed that have come so far."""
    _finished: threading.Event = field(default_factory=threading.Event, repr=False)
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def chat(self) -> ChatSpec:
        """The conversation. Raises AttributeError where the call is about something else."""
        spec: ChatSpec = self.message.chat
        return spec

    @property
    def embed(self) -> EmbedSpec:
        """The batch of Embed. Raises AttributeError where the call is about something else."""
        spec: EmbedSpec = self.message.embed
        return spec

    @property
    def model(self) -> str:
        """The model that was asked for; empty where an RPC names none."""
        for name in ("chat", "embed", "options"):
            if name in self.message.DESCRIPTOR.fields_by_name and self.message.HasField(name):
                return str(getattr(self.message, name).model)
        return ""

    @property
    def text(self) -> str:
        """The text of the last message of the conversation; empty where there is none."""
        if "chat" not in self.message.DESCRIPTOR.fields_by_name or not self.chat.messages:
            return ""
        return "".join(part.text for part in self.chat.messages[-1].content)

    @property
    def token(self) -> str:
        """The caller's key; empty where none was sent."""
        scheme, _, token = str(self.metadata.get("authorization", "")).partition(" ")
        return token if scheme.lower() == "bearer" else ""

    @property
    def cancelled(self) -> bool:
        """Whether the caller left before the call had ended, or its deadline passed."""
        return self._cancelled.is_set()

    def wait_cancelled(self, timeout_s: float = LEAVING_S) -> bool:
        """Waits until the caller has left, at most `timeout_s` seconds; returns `cancelled`."""
        return self._cancelled.wait(timeout_s)

    def wait_ended(self, timeout_s: float | None = LEAVING_S) -> bool:
        """Waits until the call is over, in whichever way, at most `timeout_s` seconds (None: for as long as it takes);
        returns whether it is.
        """
        return self._ended.wait(timeout_s)

    def finish(self) -> None:
        """Tells that the call has been answered: whoever leaves from now on has not cancelled it."""
        self._finished.set()

    def left(self) -> None:
        """Tells that the call is over for its caller."""
        if not self._finished.is_set():
            self._cancelled.set()
        self._ended.set()

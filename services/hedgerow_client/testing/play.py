"""What one call gets to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from hedgerow_client.testing.contract import Event

if TYPE_CHECKING:
    from hedgerow_client.testing.status import Failure


class End(Enum):
    """How a call ends that no status ends."""

    OK = "ok"
    """By the status OK."""
    STALL = "stall"
    """Never: the caller has to leave, or its deadline to pass."""


@dataclass(frozen=True, slots=True)
class Play:
    """The events of one call, and how it ends."""

    events: Sequence[Event]
    """The events, numbered; all of a stream, or its beginning."""
    end: "End | Failure" = End.OK
    """What comes after the last event."""
    first_delay_s: float = 0.0
    """The pause before the first event."""
    chunk_delay_s: float = 0.0
    """The pause before each of the others."""

"""What every last event is."""

import msgspec


class Terminal(msgspec.Struct, frozen=True):
    """The last event of an answer: exactly one, and the call is settled before it goes out."""

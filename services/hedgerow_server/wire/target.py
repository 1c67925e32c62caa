"""What a request without a body asks for."""

import msgspec


class Target(msgspec.Struct, frozen=True):
    """The form that a call at an HTTP door has until it is decoded."""

    tail: str
    """What follows the endpoint's path."""
    query: bytes
    """The query string as it came."""

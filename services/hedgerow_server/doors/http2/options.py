"""What a server is told of its limits; the figures of those that it is not are C-core's, or what it can do at most."""

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and times of each connection."""

    message_bytes: int
    """The largest message that is taken."""
    streams: int
    """The most calls at once."""
    waiting: int
    """The most calls of the server that wait for their turn."""
    connections: int
    """The most connections of the server."""
    min_ping_s: float
    """How often a client may ping while nothing is sent to it."""
    max_age_s: float | None = None
    """After which it is asked to go. None: never."""
    header_list_bytes: int = 16 * 1024
    """What the headers of a call may have, as RFC 9113, section 6.5.2, counts them. A call with more is refused; with
    sixteen times as much the connection ends.
    """
    stream_window: int = 256 * 1024
    """How much of a stream of requests is taken before somebody reads it."""
    connection_window: int = 1024 * 1024
    """How much of all calls may be under way to here."""
    keepalive_s: float = 30.0
    """After which silence a client is pinged."""
    keepalive_timeout_s: float = 20.0
    """How long it has to answer."""
    first_words_s: float = 20.0
    """How long a new connection has to say what it speaks."""
    held_bytes: int = 256 * 1024 * 1024
    """How much of messages that are not whole is kept, of all callers: nobody knows yet who they are. The call that
    goes beyond is refused."""
    request_s: float = 120.0
    """How long the one message of a request may take to come. The call's deadline holds, too."""

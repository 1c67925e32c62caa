"""The steps of an answer. A behaviour is a generator of these; ``perform`` plays them on a socket.

Every fault a provider can show is a sequence of steps, so nothing but ``perform`` knows about sockets.
"""

from collections.abc import Iterator, Mapping

import msgspec


class Pause(msgspec.Struct, frozen=True, gc=False):
    """Wait. Bytes written before are flushed first, the head included."""

    seconds: float
    """How long; 0 yields to the event loop once, so that the next bytes travel on their own."""
    tokens: int = 0
    """Output tokens that are generated meanwhile, evenly, and sent later: who leaves early pays for a part."""


class Head(msgspec.Struct, frozen=True):
    """Status and headers. Sent together with the first bytes that follow, or before the next pause."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Header fields, without the framing ones (content-length, transfer-encoding)."""
    length: int | None = None
    """Length of the body in bytes; None sends the body chunked."""


class Send(msgspec.Struct, frozen=True, gc=False):
    """Bytes of the body, written at once."""

    data: bytes
    """What to write."""
    tokens: int = 0
    """Output tokens that these bytes carry, for the book."""
    failure: bool = False
    """These bytes report an error, so the call counts as one even with status 200."""
    paid: bool = False
    """The prompt is billed once these bytes are sent, though they carry no output tokens: embeddings."""
    chunks: int = 1
    """How many events these bytes are, for the book."""


class Silence(msgspec.Struct, frozen=True, gc=False):
    """Send nothing more, with the socket open, until the client leaves."""


class Close(msgspec.Struct, frozen=True, gc=False):
    """Close the connection, before the head or in the middle of the body."""

    reset: bool = False
    """False: the bytes so far are flushed and a FIN follows. True: an RST."""


class Raw(msgspec.Struct, frozen=True, gc=False):
    """Bytes for the connection itself, past all framing: for heads and chunks that no server would write.

    A script that wrote a head or a body this way ends with `Close`.
    """

    data: bytes
    """What to write."""
    status: int | None = None
    """HTTP status that these bytes carry, for the book."""


class Deaf(msgspec.Struct, frozen=True, gc=False):
    """From here on a client that leaves changes nothing: the answer is generated, and billed, to its end."""


Step = Pause | Head | Send | Silence | Close | Raw | Deaf
Script = Iterator[Step]

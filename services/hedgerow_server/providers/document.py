"""A JSON document as it arrives."""

from hedgerow_server.providers.refusal import protocol_error

MAX_DOCUMENT_BYTES = 64 << 20


class Document:
    """The bytes of a JSON document, in bounds."""

    __slots__ = ("_pieces", "_provider", "_size")

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Keeps more bytes. Raises UpstreamProtocol above the limit."""
        self._size += len(data)
        if self._size > MAX_DOCUMENT_BYTES:
            self._pieces.clear()
            raise protocol_error(self._provider, f"a body of more than {MAX_DOCUMENT_BYTES} bytes")
        self._pieces.append(data)

    def text(self) -> bytes:
        """All of it, with U+FFFD in the place of what is not UTF-8."""
        data = b"".join(self._pieces)
        return data if data.isascii() else data.decode(errors="replace").encode()

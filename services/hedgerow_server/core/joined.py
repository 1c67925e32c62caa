"""Texts as bytes of which no two lists are the same."""

from collections.abc import Sequence


def joined(texts: Sequence[str]) -> bytes:
    """Texts, each behind its length in bytes: what is in one cannot become a part of the next."""
    pieces: list[bytes] = []
    for text in texts:
        data = octets(text)
        pieces += (len(data).to_bytes(4, "big"), data)
    return b"".join(pieces)


def octets(text: str) -> bytes:
    """A text as UTF-8. What stands in a token may be no valid Unicode: it must not become the same as another text."""
    return text.encode("utf-8", "surrogatepass")

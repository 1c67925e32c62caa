"""Texts from outside, in bounds."""


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` bytes of UTF-8, with "..." where it was cut.

    Lone surrogates, which stand for bytes of an upstream header that are no text, become question marks.
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode("utf-8", "ignore") + "..."

"""The simulator's tokens: one simple rule, the same for usage, limits, streamed pieces and the book.

A token is up to twelve letters, digits or underscores in a row, or one other character; the white space before it
belongs to it, and white space at the very end is one token. So the tokens of a text, joined, are the text.

A prompt costs the tokens of its texts, names and tool definitions, 4 a message and 3 for the answer's frame, which is
how OpenAI's own counting recipe goes; an image, audio or file part costs 85.
"""

import re
from typing import Final

PER_MESSAGE: Final = 4
PER_PROMPT: Final = 3
PER_ATTACHMENT: Final = 85

_TOKEN: Final = re.compile(r"\s*(?:\w{1,12}|[^\w\s])|\s+\Z")


def split(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(_TOKEN.findall(text))

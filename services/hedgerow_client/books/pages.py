"""Reads pages of JSON an element at a time, however long the file is."""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from hedgerow_client.books.figures import ExportError

_DATA = re.compile(r'"data"\s*:\s*\[')
_CHUNK = 1 << 16
_MOST = 64 << 20
"""The longest element, in characters: a bucket of a day has a few hundred results."""
_KEPT = 64
"""What stays of text without a page: a page may begin at the end of a chunk."""
_BETWEEN = " \t\r\n,"


def elements(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """The elements of every `data` list, page after page, whether the pages stand in a list, in lines or one after the
    other. Raises ExportError.
    """
    decoder = json.JSONDecoder()
    text = _Text(stream)
    while text.find_page():
        while True:
            text.skip(_BETWEEN)
            if text.ended:
                raise ExportError("the file ends within a page")
            if text.at("]"):
                break
            yield text.element(decoder)


class _Text:
    """What is read of a stream and not used yet."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text = ""
        self._place = 0
        self.ended = False

    def find_page(self) -> bool:
        """Goes to the first element of the next page; whether there is one."""
        while True:
            found = _DATA.search(self._text, self._place)
            if found is not None:
                self._place = found.end()
                self.ended = False
                return True
            self._place = max(self._place, len(self._text) - _KEPT)
            if not self._more():
                return False

    def skip(self, characters: str) -> None:
        """Goes to the first character that is none of these."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in characters:
                self._place += 1
            if self._place < len(self._text):
                return
            if not self._more():
                self.ended = True
                return

    def at(self, character: str) -> bool:
        """Whether the next character is this one."""
        return self._text[self._place] == character

    def element(self, decoder: json.JSONDecoder) -> dict[str, Any]:
        """The value that begins here."""
        wanted = _CHUNK
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if len(self._text) - self._place > _MOST:
                    raise ExportError("an element of a page is too long") from None
                # Twice as much each time, so that a long element is not looked at over and over.
                wanted *= 2
                if not self._more(wanted):
                    raise ExportError(f"not JSON: {error.msg}") from None
                continue
            if not isinstance(value, dict):
                raise ExportError("an element of a page is no object")
            self._place = end
            return value

    def _more(self, count: int = _CHUNK) -> bool:
        read = self._stream.read(count)
        self._text = self._text[self._place :] + read
        self._place = 0
        return bool(read)

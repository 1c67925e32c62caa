"""Sources of an answer's text: https://ai.google.dev/api/generate-content#GroundingMetadata and #CitationMetadata.

Google counts bytes of the whole text so far, the contract code points of one part; and sometimes Google miscounts, so
the words it gives beside the numbers are what holds.
"""

from collections.abc import Iterable
from typing import Any

from hedgerow_server.core.request import Citation
from hedgerow_server.providers.loose import text_of

_QUERIES = ("webSearchQueries", "imageSearchQueries", "retrievalQueries")


class SaidText:
    """The text of an answer by part, in order."""

    __slots__ = ("_bytes", "_lengths", "_text")

    def __init__(self, pieces: list[tuple[int, str]]) -> None:
        """`pieces` holds (part index, text), at least one; a part may have several."""
        self._lengths: dict[int, int] = {}
        for index, text in pieces:
            self._lengths[index] = self._lengths.get(index, 0) + len(text)
        self._text = "".join(text for _, text in pieces)
        self._bytes = self._text.encode()

    def place(self, start: object, end: object, words: str) -> tuple[int, int | None, int | None]:
        """(part index, start, end) of a piece of text, counted in code points within its part. Without an end the piece
        cannot be found, and the part is the last one.
        """
        span = self._span(_offset(start) or 0, _offset(end), words)
        if span is not None:
            begin = 0
            for index, length in self._lengths.items():
                if span[0] < begin + length:
                    return index, span[0] - begin, min(span[1] - begin, length)
                begin += length
        return next(reversed(self._lengths)), None, None

    def _span(self, start: int, end: int | None, words: str) -> tuple[int, int] | None:
        if end is not None and start < end <= len(self._bytes):
            piece = self._bytes[start:end].decode(errors="replace")
            if not words or piece == words:
                begin = len(self._bytes[:start].decode(errors="replace"))
                return begin, begin + len(piece)
        begin = self._text.find(words) if words else -1
        return (begin, begin + len(words)) if begin >= 0 else None


def citations(metadata: list[Any], said: SaidText) -> Iterable[tuple[int, Citation]]:
    """(part index, source) of each grounded or cited piece of text, each once; `metadata` is what the chunks held."""
    seen: set[tuple[int, Citation]] = set()
    for entry in metadata:
        for found in (*_grounded(entry, said), *_cited(entry, said)):
            if found not in seen:
                seen.add(found)
                yield found


def search_units(metadata: list[Any]) -> dict[str, int]:
    """How many searches Google made, by its own word for them: they are billed apart from tokens."""
    queries: dict[str, set[str]] = {}
    for entry in metadata:
        for word in _QUERIES:
            asked = {query for query in _list(entry, word) if isinstance(query, str) and query}
            if asked:
                queries.setdefault(word, set()).update(asked)
    return {word: len(asked) for word, asked in queries.items()}


def _grounded(entry: Any, said: SaidText) -> Iterable[tuple[int, Citation]]:
    chunks = [_source(chunk) for chunk in _list(entry, "groundingChunks")]
    supports = _list(entry, "groundingSupports")
    for support in supports:
        segment = support.get("segment") if isinstance(support, dict) else None
        segment = segment if isinstance(segment, dict) else {}
        place = said.place(segment.get("startIndex"), segment.get("endIndex"), text_of(segment.get("text")))
        for number in _list(support, "groundingChunkIndices"):
            if type(number) is int and 0 <= number < len(chunks) and chunks[number] is not None:
                yield place[0], _at(chunks[number] or {}, place)
    if not supports:
        last = said.place(None, None, "")
        yield from ((last[0], _at(chunk, last)) for chunk in chunks if chunk is not None)


def _cited(entry: Any, said: SaidText) -> Iterable[tuple[int, Citation]]:
    # Older versions of the API say citationSources.
    for source in (*_list(entry, "citations"), *_list(entry, "citationSources")):
        if isinstance(source, dict):
            place = said.place(source.get("startIndex"), source.get("endIndex"), "")
            yield place[0], _at({"url": text_of(source.get("uri")), "title": text_of(source.get("title"))}, place)


def _source(chunk: Any) -> dict[str, str] | None:
    """A grounding chunk in the contract's words; None for what is not one."""
    kinds = chunk if isinstance(chunk, dict) else {}
    for kind in ("web", "retrievedContext", "maps", "image"):
        facts = kinds.get(kind)
        if isinstance(facts, dict):
            ids = ("documentName", "fileSearchStore", "placeId")
            return {
                "url": text_of(facts.get("uri")) or text_of(facts.get("sourceUri")),
                "title": text_of(facts.get("title")),
                "cited_text": text_of(facts.get("text")) if kind == "retrievedContext" else "",
                "source_id": next((text_of(facts[name]) for name in ids if facts.get(name)), ""),
            }
    return None


def _at(source: dict[str, str], place: tuple[int, int | None, int | None]) -> Citation:
    return Citation(
        url=source.get("url", ""),
        title=source.get("title", ""),
        cited_text=source.get("cited_text", ""),
        start_index=place[1],
        end_index=place[2],
        source_id=source.get("source_id", ""),
    )


def _list(entry: Any, name: str) -> list[Any]:
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, list) else []


def _offset(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None

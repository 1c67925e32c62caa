"""Citations in Bedrock's words."""

from typing import Any

from hedgerow_server.core.request import Citation
from hedgerow_server.providers.loose import member, text_of

_INDICES = ("documentIndex", "searchResultIndex")


def read_citation(citation: Any) -> Citation:
    """The source that a citation names. Where in the answer it is cited the provider does not say, only where in the
    source.
    """
    pieces = member(citation, "sourceContent")
    texts = [text_of(member(piece, "text")) for piece in pieces] if isinstance(pieces, list) else []
    location = member(citation, "location")
    places = [place for place in location.values() if isinstance(place, dict)] if isinstance(location, dict) else []
    return Citation(
        url=next((url for place in places if (url := text_of(place.get("url")))), ""),
        title=text_of(member(citation, "title")),
        cited_text="".join(texts),
        source_id=text_of(member(citation, "source")) or next(map(_source_id, places), ""),
    )


def _source_id(place: dict[str, Any]) -> str:
    index = next((place[name] for name in _INDICES if type(place.get(name)) is int), None)
    return text_of(place.get("domain")) if index is None else str(index)

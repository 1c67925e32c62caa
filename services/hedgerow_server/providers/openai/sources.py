"""The sources of an answer, where a provider lists them beside it."""

from typing import Any

from hedgerow_server.core.request import Citation
from hedgerow_server.providers.loose import text_of


def read_sources(search_results: Any, citations: Any) -> list[Citation]:
    """Perplexity's search results, which its text cites by number, or else bare URLs (Perplexity before, xAI)."""
    results = [one for one in search_results if isinstance(one, dict)] if isinstance(search_results, list) else []
    if not results and isinstance(citations, list):
        results = [{"url": one} if isinstance(one, str) else one for one in citations if isinstance(one, str | dict)]
    return [
        Citation(
            url=text_of(one.get("url")),
            title=text_of(one.get("title")),
            cited_text=text_of(one.get("snippet")),
            source_id=str(number),
        )
        for number, one in enumerate(results, start=1)
        if text_of(one.get("url"))
    ]

"""All dialects: a new one is a line here."""

from hedgerow_sim.author import Author
from hedgerow_sim.dialects.openai_chat import OpenAIChat
from hedgerow_sim.dialects.openai_embeddings import OpenAIEmbeddings
from hedgerow_sim.dialects.port import Dialect
from hedgerow_sim.vectors import Vectors


def dialects(seed: int) -> tuple[Dialect, ...]:
    """One of each; the first also refuses paths that none serves."""
    author = Author(seed)
    return (OpenAIChat(author), OpenAIEmbeddings(Vectors(seed)))

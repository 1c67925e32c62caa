"""All dialects: a new one is a line here."""

from hedgerow_sim.author import Author
from hedgerow_sim.cache import PromptCache
from hedgerow_sim.dialects.anthropic_messages import AnthropicMessages
from hedgerow_sim.dialects.azure_openai import AzureOpenAI
from hedgerow_sim.dialects.bedrock import Bedrock
from hedgerow_sim.dialects.cohere_chat import CohereChat
from hedgerow_sim.dialects.cohere_embeddings import CohereEmbeddings
from hedgerow_sim.dialects.gemini import Gemini
from hedgerow_sim.dialects.models import Models
from hedgerow_sim.dialects.ollama import Ollama
from hedgerow_sim.dialects.openai_chat import OpenAIChat
from hedgerow_sim.dialects.openai_embeddings import OpenAIEmbeddings
from hedgerow_sim.dialects.port import Dialect
from hedgerow_sim.dialects.responses import Responses
from hedgerow_sim.dialects.vertex_anthropic import VertexAnthropic
from hedgerow_sim.seals import Seals
from hedgerow_sim.vectors import Vectors


def dialects(seed: int) -> tuple[Dialect, ...]:
    """One of each, those with the narrowest paths first; the last one also refuses paths that none serves."""
    author, vectors, seals, cache = Author(seed), Vectors(seed), Seals(seed), PromptCache()
    responses = Responses(author, seals, cache)
    openai = OpenAIChat(author, cache)
    anthropic = AnthropicMessages(author, seals, cache)
    gemini = Gemini(author, vectors, seals, cache, vertex=False)
    azure = AzureOpenAI(author, vectors, cache, responses)
    return (
        Models(r"/v1/models", openai, anthropic),
        Models(r"/v1beta/models", gemini),
        Models(r"/openai(?:/v1)?/models", azure),
        anthropic,
        gemini,
        Gemini(author, vectors, seals, cache, vertex=True),
        VertexAnthropic(author, seals, cache),
        Bedrock(author, vectors, seals, cache),
        CohereChat(author),
        CohereEmbeddings(vectors),
        Ollama(author, vectors),
        azure,
        OpenAIEmbeddings(vectors),
        responses,
        openai,
    )

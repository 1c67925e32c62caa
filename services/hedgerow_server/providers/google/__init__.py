"""Google's generateContent and embeddings: the Gemini API with a key, and Vertex AI with a token."""

from hedgerow_server.providers.google.gemini import Gemini
from hedgerow_server.providers.google.section import GeminiSection, VertexSection
from hedgerow_server.providers.google.vertex import Vertex

__all__ = ["Gemini", "GeminiSection", "Vertex", "VertexSection"]

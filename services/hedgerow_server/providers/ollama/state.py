"""What this dialect attaches to the parts of an answer, so that the next request can say it in Ollama's words."""

from hedgerow_server.core.request import ProviderState

DIALECT = "ollama_chat"
"""The name under which state of this dialect travels; the compatible endpoint's goes under its vendor's name."""

THINKING = ProviderState(DIALECT, b'{"thinking":true}')
"""The state of thoughts: they are Ollama's and go back to it."""

"""The members that Cohere's answers are known to have beside those that are read."""

from hedgerow_server.providers.cohere.answer import Chat, Delta, Embeddings, Message, StreamEvent, TypeOnly
from hedgerow_server.providers.watch import Known

_BESIDE = """
    arguments base64 billed_units binary cached_tokens classifications content_index end float function
    image_tokens images input_tokens int8 name output_tokens prompt reasoning_tokens response_type role
    search_units sources start text texts thinking tokens ubinary uint8 warnings
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    api_version document logprobs tool_output
"""
KNOWN = Known(Chat, Delta, Embeddings, Message, StreamEvent, TypeOnly, beside=_BESIDE, closed=_CLOSED)
"""What counts as known, wherever it stands."""

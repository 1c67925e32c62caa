"""The members that Bedrock's answers are known to have beside those that are read."""

from hedgerow_server.providers.bedrock.answer import (
    Block,
    BlockEvent,
    Converse,
    Delta,
    LastEvent,
    Message,
    Output,
    Start,
    WholeCall,
)
from hedgerow_server.providers.watch import Known

_BESIDE = """
    bytes cacheDetails cacheReadInputTokenCount cacheReadInputTokens cacheWriteInputTokenCount
    cacheWriteInputTokens citations citationsContent content documentChar documentChunk documentIndex
    documentPage domain embedding embeddings embeddingsByType embeddingType end float format id
    inputTextTokenCount inputTokens int8 latencyMs location metrics outputTokens p reasoningText
    redactedContent response_type role searchResultIndex searchResultLocation serverToolUsage signature
    source sourceContent start texts title totalTokens ttl url web
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    additionalModelResponseFields input invocationMetrics performanceConfig serviceTier toolResult trace
"""
KNOWN = Known(
    Block, BlockEvent, Converse, Delta, LastEvent, Message, Output, Start, WholeCall, beside=_BESIDE, closed=_CLOSED
)
"""What counts as known, wherever it stands."""

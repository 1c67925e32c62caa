"""The members that Google's answers are known to have beside those that are read."""

from hedgerow_server.providers.google.answer import (
    Blob,
    Candidate,
    ContentIn,
    Counts,
    FileRef,
    FunctionCall,
    Generated,
    PartIn,
)
from hedgerow_server.providers.watch import Known

_BESIDE = """
    avgLogprobs billableCharacterCount blockReason blockReasonMessage citations citationSources
    confidenceScores createTime displayName embedding embeddings endIndex fileSearchStore finishMessage
    groundingChunkIndices groundingChunks groundingSupports license mediaResolution metadata modality
    modelStatus partIndex predictions promptTokenDetails publicationDate renderedContent retrievalMetadata
    retrievalQueries retrievedContext role sdkBlob searchEntryPoint segment serviceTier shape startIndex
    statistics title token_count tokenCount trafficType truncated uri values videoMetadata web
    webSearchQueries
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    args codeExecutionResult customMetadata error executableCode logprobsResult partialArgs partMetadata
    response safetyRatings toolCall toolResponse urlContextMetadata
"""
KNOWN = Known(
    Blob, Candidate, ContentIn, Counts, FileRef, FunctionCall, Generated, PartIn, beside=_BESIDE, closed=_CLOSED
)
"""What counts as known, wherever it stands."""

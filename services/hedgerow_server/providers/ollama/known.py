"""The members of Ollama's answers: https://docs.ollama.com/api/chat and https://docs.ollama.com/api/embed."""

from hedgerow_server.providers.ollama.answer import Call, Chat, Embeddings, Function, Message
from hedgerow_server.providers.watch import Known

KNOWN = Known(
    Chat,
    Message,
    Call,
    Function,
    Embeddings,
    beside="""
        role index images tool_name remote_model remote_host
        total_duration load_duration prompt_eval_duration eval_duration
        token bytes logprob top_logprobs
    """,
    closed="arguments embeddings embedding error",
)
"""What is known, read or not."""

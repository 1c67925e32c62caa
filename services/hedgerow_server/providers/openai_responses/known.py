"""The members that a response's answers are known to have beside those that are read."""

from hedgerow_server.providers.openai_responses.answer import Item, Response, StreamEvent
from hedgerow_server.providers.watch import Known

_BESIDE = """
    annotation_index annotations background cache_write_tokens cached_tokens completed_at container_id
    context_details conversation cost_in_usd_ticks created_at encrypted_content end_index file_id filename
    frequency_penalty index input_tokens input_tokens_details max_output_tokens max_tool_calls namespace
    num_server_side_tools_used num_sources_used obfuscation object output_tokens output_tokens_details
    parallel_tool_calls part partial_image_index presence_penalty previous_response_id prompt_cache_key
    prompt_cache_retention quality reason reasoning_tokens refusal role sequence_number service_tier size
    start_index store temperature title top_logprobs top_p total_tokens truncation url user
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    action arguments billing code content_filter_results content_filters context error input instructions
    logprobs metadata moderation outputs prompt queries reasoning results safety_identifier
    server_side_tool_usage_details text tool_choice tool_usage tools
"""
KNOWN = Known(Item, Response, StreamEvent, beside=_BESIDE, closed=_CLOSED)
"""What counts as known, wherever it stands."""

"""The members that Claude's answers are known to have beside those that are read."""

from hedgerow_server.providers.anthropic.answer import Block, Cited, Delta, Event, Message
from hedgerow_server.providers.watch import Known

_BESIDE = """
    abort_reason cache_creation cache_creation_input_tokens cache_read_input_tokens code_execution_requests
    encrypted_index end_block_index end_char_index end_page_number ephemeral_1h_input_tokens
    ephemeral_5m_input_tokens error_code error_message file_type inference_geo input_tokens is_file_update
    media_type new_lines new_start num_lines old_lines old_start output_tokens output_tokens_details
    page_age request_id retrieved_at return_code role server_tool_use service_tier speed start_block_index
    start_char_index start_line start_page_number stderr stdout stop_details thinking_tokens tool_name
    tool_references tool_search_requests tool_use_id total_lines web_fetch_requests web_search_requests
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    caller container context_management error input iterations metadata
"""
KNOWN = Known(Block, Cited, Delta, Event, Message, beside=_BESIDE, closed=_CLOSED)
"""What counts as known, wherever it stands."""

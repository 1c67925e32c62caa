"""The members that a chat completion's answers are known to have beside those that are read."""

from hedgerow_server.providers.openai.answer import (
    AudioPiece,
    CallPiece,
    Choice,
    Completion,
    Embeddings,
    FunctionPiece,
    Piece,
    Vector,
)
from hedgerow_server.providers.watch import Known

_BESIDE = """
    accepted_prediction_tokens age audio_prompt_tokens audio_tokens cache_creation
    cache_creation_input_tokens cache_creation_tokens cache_read_input_tokens cache_type
    cache_write_tokens cached_tokens channel closed completion_time completion_tokens
    completion_tokens_details cost_in_usd_ticks created encoding_format end_index
    ephemeral_5m_input_tokens expires_at format generationId image_tokens is_byok market_cost matched_stop
    multimodal_tokens num_cached_tokens num_sources_used obfuscation object p prompt_audio_seconds
    prompt_cache_hit_tokens prompt_cache_miss_tokens prompt_text prompt_time prompt_token_details
    prompt_token_ids prompt_tokens prompt_tokens_details provider queue_time reasoning_tokens
    rejected_prediction_tokens request_count request_id role search_context_size seed service_tier
    signature start_index stop_reason summary system_fingerprint text text_tokens thinking
    thought_signature title token_id token_ids total_time total_tokens url url_citation video_tokens
"""
# What the caller or the model wrote, what is passed on as it is, and what vendors keep to themselves.
_CLOSED = """
    citations container content_filter_offsets content_filter_results content_filters contextManagement
    cost cost_details error executed_tools extra_content groundingMetadata iterations kv_transfer_params
    latency_checkpoint logprobs metadata metrics prompt prompt_filter_results prompt_logprobs
    promptFeedback provider_metadata provider_specific_fields routed_experts safetyRatings search_results
    server_tool_use server_tool_use_details thinking_blocks time_info timings urlContextMetadata
    usage_breakdown usageMetadata
"""
KNOWN = Known(
    AudioPiece, CallPiece, Choice, Completion, Embeddings, FunctionPiece, Piece, Vector, beside=_BESIDE, closed=_CLOSED
)
"""What counts as known, wherever it stands."""

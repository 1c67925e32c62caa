"""What can be taken off a model's name."""

import pytest
from hedgerow_server.catalogue.names import fine_tuned_from, stem, unqualified, unwrapped


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("claude-opus-5@default", "claude-opus-5"),
        ("mistral-large-2512", "mistral-large"),
        ("mistral-large-latest", "mistral-large"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro"),
        ("command-r-08-2024", "command-r"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        # One at a time: two versions are two models.
        ("gpt-4-1106-preview", "gpt-4-1106"),
        ("gpt-4o", ""),
        ("gpt-4o-mini", ""),
        ("amazon.nova-pro-v1:0", ""),
        ("qwen3-235b-a22b", ""),
        ("", ""),
    ],
)
def test_one_version_is_taken_off(name: str, rest: str) -> None:
    assert stem(name) == rest


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("us.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("us-gov.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("global.amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0"),
        ("arn:aws:bedrock:us-east-1:0123:inference-profile/eu.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("projects/p/locations/global/publishers/anthropic/models/claude-opus-5@default", "claude-opus-5@default"),
        ("us.claude", "us.claude"),
        ("openai/gpt-oss-120b", "openai/gpt-oss-120b"),
    ],
)
def test_the_place_is_taken_off(name: str, rest: str) -> None:
    assert unwrapped(name) == rest


@pytest.mark.parametrize(
    ("name", "rest"),
    [("x/y:free", "x/y"), ("moonshotai/kimi-k2:groq", "moonshotai/kimi-k2"), ("x", ""), (":free", ""), ("x:", "")],
)
def test_a_qualifier_is_taken_off(name: str, rest: str) -> None:
    assert unqualified(name) == rest


@pytest.mark.parametrize(
    ("name", "made_of"),
    [
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o-mini-2024-07-18"),
        ("ft:gpt-4o:acme", "gpt-4o"),
        ("ft:gpt-4o", ""),
        ("gpt-4o", ""),
    ],
)
def test_a_fine_tuned_model_tells_what_it_was_made_of(name: str, made_of: str) -> None:
    assert fine_tuned_from(name) == made_of

"""Bodies of any shape: each is taken, or refused by naming what is wrong, and nothing else happens."""

import random
from typing import Any

from hedgerow_server.core.error import HedgerowError, RequestInvalid, RequestMalformed
from hedgerow_server.wire.words import in_words
from openai_door import Json, unread

BODIES = 1_500
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 1e308, 1 << 40, 1 << 70, "", "x", "\x00", "é" * 300, "\ud800"),
    *([], [1], ["x"], [[[]]], {}, {"a": 1}, {"type": "text"}),
    *("data:", "data:;base64,", "data:image/png;base64,%%%", "http://x"),
)
FULL: Json = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s", "cache_control": {"type": "ephemeral"}},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
            ],
        },
        {
            "role": "assistant",
            "content": "a",
            "reasoning_content": "r",
            "hedgerow": {"parts": "CAQ="},
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "4"}]},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}},
        {"type": "custom", "custom": {"name": "g"}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    },
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "reasoning": {"effort": "low"},
    "thinking": {"type": "enabled", "budget_tokens": 5},
    "stop": ["a"],
    "logprobs": True,
    "top_logprobs": 2,
    "stream": True,
    "stream_options": {"include_usage": True},
    "hedgerow": {"route": {"providers": ["a"]}, "labels": {"a": "b"}, "provider_options": {"openai": {"x": 1}}},
    "user": "u",
}


def test_no_body_does_anything_but_be_taken_or_refused() -> None:
    """Members gone, doubled, or of another type, wherever they stand."""
    dice = random.Random(9)
    refused = 0
    for _ in range(BODIES):
        body = {name: changed(value, dice) if dice.random() < 0.3 else value for name, value in FULL.items()}
        call = unread(body)
        try:
            call.method.decode(call)
        except (RequestInvalid, RequestMalformed) as error:
            refused += 1
            check_told(in_words(error, call.form))
    assert BODIES // 4 < refused < BODIES


def check_told(error: HedgerowError) -> None:
    """The error names a field, in a sentence that is fit to be sent."""
    assert isinstance(error, RequestMalformed) or error.violations[0].field
    assert len(error.message.encode("utf-8", "strict")) < 1_000


def changed(value: Any, dice: random.Random) -> Any:
    """The value with something else in the place of some of it."""
    if dice.random() < 0.12:
        return dice.choice(ODD)
    if isinstance(value, dict):
        kept = {name: changed(one, dice) for name, one in value.items() if dice.random() > 0.03}
        return kept if dice.random() > 0.03 else {**kept, dice.choice(("zzz", "type", "content", "")): dice.choice(ODD)}
    if isinstance(value, list):
        return [changed(one, dice) for one in value for _ in range(1 if dice.random() > 0.05 else 2)]
    return value

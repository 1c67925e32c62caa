"""Google's usage, in disjoint classes: https://ai.google.dev/api/generate-content#UsageMetadata.

`promptTokenCount` includes the cached tokens; `toolUsePromptTokenCount` stands beside it; `candidatesTokenCount`
excludes the thoughts, unless the total adds up without them, as it did for some previews. The details by modality split
these, but do not always add up: a class takes no more than what is left.
"""

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.providers.google.answer import Counts
from hedgerow_server.providers.loose import plain

_MAX_TOKENS = 1 << 40
_AUDIO = ("AUDIO", 4)  # by name, or by number where enums are numbers
_IMAGE = ("IMAGE", "VIDEO", 2, 3)


class UsageTally:
    """The usage of one answer. Each chunk reports all so far: the last report holds, not the largest."""

    __slots__ = ("_last", "_prompt")

    def __init__(self) -> None:
        self._last: Counts | None = None
        self._prompt = 0

    def take(self, counts: Counts) -> None:
        """Takes the report of a chunk; one without any count, or with an impossible one, counts for nothing."""
        prompt, candidates = counts.prompt_token_count, counts.candidates_token_count
        # Every chunk has a report, and nearly all of them have both.
        both = type(prompt) is int and type(candidates) is int
        if not (both and 0 <= prompt <= _MAX_TOKENS and 0 <= candidates <= _MAX_TOKENS) and (
            (prompt is None and candidates is None and counts.total_token_count is None)
            or (prompt is not None and _count(prompt) is None)
            or (candidates is not None and _count(candidates) is None)
        ):
            return
        self._last = counts
        if prompt is not None:
            self._prompt = prompt

    def usage(self, units: dict[str, int]) -> Usage | None:
        """The usage in the contract's classes with what is billed in other units, None where nothing was reported."""
        last = self._last
        if last is None:
            return Usage(other_units=units, final=True) if units else None
        candidates, thoughts = _count(last.candidates_token_count) or 0, _count(last.thoughts_token_count) or 0
        tool_use = _count(last.tool_use_prompt_token_count) or 0
        read = self._prompt_tokens(last, candidates + thoughts + tool_use)
        if thoughts <= candidates and read + tool_use + candidates == last.total_token_count:
            candidates -= thoughts
        prompt = _Rest(read)
        cached = prompt.take(_count(last.cached_content_token_count) or 0)
        heard = prompt.take(_of(last.prompt_tokens_details, _AUDIO) - _of(last.cache_tokens_details, _AUDIO))
        seen = prompt.take(_of(last.prompt_tokens_details, _IMAGE) - _of(last.cache_tokens_details, _IMAGE))
        results = _Rest(tool_use)
        heard += results.take(_of(last.tool_use_prompt_tokens_details, _AUDIO))
        seen += results.take(_of(last.tool_use_prompt_tokens_details, _IMAGE))
        made = _Rest(candidates)
        spoken = made.take(_of(last.candidates_tokens_details, _AUDIO))
        drawn = made.take(_of(last.candidates_tokens_details, _IMAGE))
        return Usage(
            input_uncached_tokens=prompt.left + results.left,
            input_cache_read_tokens=cached,
            input_audio_tokens=heard,
            input_image_tokens=seen,
            output_visible_tokens=made.left,
            output_reasoning_tokens=thoughts,
            output_audio_tokens=spoken,
            output_image_tokens=drawn,
            other_units=units,
            final=True,
        )

    def _prompt_tokens(self, last: Counts, others: int) -> int:
        """The tokens of the prompt; where the last report leaves them out, what the total says, or the one before."""
        total = _count(last.total_token_count)
        if last.prompt_token_count is None and total is not None:
            return max(total - others, 0)
        return self._prompt


class _Rest:
    """What is left of a total once its classes are taken out."""

    __slots__ = ("left",)

    def __init__(self, total: int) -> None:
        self.left = total

    def take(self, tokens: int) -> int:
        """The tokens of a class, at least 0 and at most what is left."""
        taken = max(min(tokens, self.left), 0)
        self.left -= taken
        return taken


def _of(details: msgspec.Raw, modalities: tuple[str | int, ...]) -> int:
    """The tokens of these modalities."""
    entries = plain(details) if bytes(details) else None
    return sum(
        _count(entry.get("tokenCount")) or 0
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and entry.get("modality") in modalities
    )


def _count(value: object) -> int | None:
    """A count that can be true."""
    return value if type(value) is int and 0 <= value <= _MAX_TOKENS else None

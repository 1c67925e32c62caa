"""The usage of the OpenAI dialect, in disjoint classes.

`prompt_tokens` includes the cached, cache-written, audio and image tokens that `prompt_tokens_details` lists,
`completion_tokens` includes the reasoning and audio tokens of `completion_tokens_details`. Cached tokens may be audio
tokens, too, so a class takes no more than what the classes before it have left.

Vendors count some classes beside these sums: xAI reasoning, Mistral audio. `total_tokens` then has exactly that much
more. Where even the total leaves them out only the vendor's quirks tell.
"""

from itertools import chain, combinations
from typing import Any

from hedgerow_server.core.event import Usage
from hedgerow_server.providers.openai.quirks import Quirks

_MAX_TOKENS = 1 << 40
_COUNTS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_OPENAIS = _COUNTS | {"prompt_tokens_details", "completion_tokens_details"}
_NO_QUIRKS = Quirks()
# Cached tokens by the names of DeepSeek, Mistral, Together, and those who pass Anthropic's on.
_CACHED = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cache_read_input_tokens")
# Cache-written ones among the details, by the names of OpenAI, DashScope and LiteLLM.
_WRITTEN = ("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")
_UNITS = ("num_sources_used", "num_search_queries", "citation_tokens", "prompt_audio_seconds")
_CONTEXT_SIZES = ("low", "medium", "high")
_TOOL_UNITS = ("server_tool_use_details", "server_tool_use")


def read_usage(usage: Any, *, quirks: Quirks = _NO_QUIRKS, model: str = "", timings: Any = None) -> Usage | None:
    """The usage, or None where there is none or where it cannot be true. `timings` is llama.cpp's, which alone tells of
    cached tokens there.
    """
    if not isinstance(usage, dict) or _COUNTS.isdisjoint(usage):
        return None
    total = count(usage.get("total_tokens", 0)) or 0
    completion = _completion(usage, total)
    # Voyage reports nothing but the total.
    prompt = count(usage["prompt_tokens"]) if "prompt_tokens" in usage else max(total - (completion or 0), 0)
    if prompt is None or completion is None:
        return None
    if timings is None and total in (0, prompt + completion) and _sums_only(usage) and not quirks.reasoning_outside:
        return Usage(input_uncached_tokens=prompt, output_visible_tokens=completion, final=True)
    details = usage.get("prompt_tokens_details") or usage.get("prompt_token_details")  # Mistral has both names
    read, made = Rest(prompt, details), Rest(completion, _completion_details(usage))
    _add_outside(total - prompt - completion, read, made, quirks, model)
    cached, written = read.take("cached_tokens"), read.take_first(_WRITTEN)
    units: dict[str, int] = {}
    if timings is not None or not usage.keys() <= _OPENAIS:
        # OpenAI's own members say nothing more.
        cached = cached or read.take_count(_cached(usage, timings))
        written = written or read.take_count(usage.get("cache_creation_input_tokens"))
        units = _units(usage)
    heard, seen = read.take("audio_tokens"), read.take("image_tokens")
    reasoned, spoken, drawn = made.take("reasoning_tokens"), made.take("audio_tokens"), made.take("image_tokens")
    return Usage(
        input_uncached_tokens=read.left,
        input_cache_read_tokens=cached,
        input_cache_writes=((None, written),) if written else (),
        input_audio_tokens=heard,
        input_image_tokens=seen,
        output_visible_tokens=made.left,
        output_reasoning_tokens=reasoned,
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
        other_units=units,
        final=True,
    )


def _sums_only(usage: dict[str, Any]) -> bool:
    """Whether nothing is told beside the sums but zeros, as for most calls."""
    if not usage.keys() <= _OPENAIS:
        return False
    read, made = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return not ((isinstance(read, dict) and any(read.values())) or (isinstance(made, dict) and any(made.values())))


class Rest:
    """What is left of a total once its listed classes are taken out."""

    __slots__ = ("details", "left")

    def __init__(self, total: int, details: object) -> None:
        self.left = total
        self.details: dict[str, Any] = details if isinstance(details, dict) else {}

    def listed(self, name: str) -> int:
        """The tokens of a class as the provider lists them."""
        return count(self.details.get(name)) or 0

    def take(self, name: str) -> int:
        """The tokens of a class, at most what is left."""
        told = self.details.get(name)
        return self.take_count(told) if told else 0

    def take_first(self, names: tuple[str, ...]) -> int:
        """The tokens of a class that goes by several names."""
        return self.take_count(next((told for name in names if (told := self.listed(name))), 0))

    def take_count(self, value: object) -> int:
        """So many tokens, at most what is left."""
        taken = min(count(value) or 0, self.left)
        self.left -= taken
        return taken

    def add(self, names: list[str]) -> None:
        """Adds classes that the total leaves out."""
        self.left += sum(map(self.listed, names))


def count(value: object) -> int | None:
    """A count that can be true."""
    if type(value) is int and 0 <= value <= _MAX_TOKENS:
        return value
    return None


def _completion(usage: dict[str, Any], total: int) -> int | None:
    told = usage.get("completion_tokens", 0)
    prompt = count(usage.get("prompt_tokens"))
    if told is None and prompt is not None and total >= prompt > 0:
        return total - prompt  # of embeddings some say that there is none, instead of 0
    return count(told)


def _completion_details(usage: dict[str, Any]) -> object:
    details = usage.get("completion_tokens_details")
    if isinstance(details, dict) and details.get("reasoning_tokens") is not None:
        return details
    # Perplexity and SGLang count reasoning beside the details.
    return {**(details if isinstance(details, dict) else {}), "reasoning_tokens": usage.get("reasoning_tokens")}


def _add_outside(beyond: int, read: Rest, made: Rest, quirks: Quirks, model: str) -> None:
    """Adds what the sums leave out. The total has `beyond` tokens more than they do."""
    outside = _outside(beyond, read, made) if beyond > 0 else ()
    if quirks.reasoning_outside and model.startswith(quirks.reasoning_outside):
        outside = (*outside, "reasoning_tokens")
    if outside:
        read.add([name for name in outside if name != "reasoning_tokens"])
        made.add([name for name in outside if name == "reasoning_tokens"])
    elif beyond > 0 and quirks.reasoning_hidden:
        made.left += beyond
        made.details = {"reasoning_tokens": beyond}


def _outside(beyond: int, read: Rest, made: Rest) -> tuple[str, ...]:
    """Which classes the total has beyond its parts; none where no sum of them is exactly that."""
    classes = {
        "reasoning_tokens": made.listed("reasoning_tokens"),
        "audio_tokens": read.listed("audio_tokens"),
        "image_tokens": read.listed("image_tokens"),
    }
    names = [name for name, tokens in classes.items() if tokens]
    sets = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    return next((chosen for chosen in sets if sum(classes[name] for name in chosen) == beyond), ())


def _cached(usage: dict[str, Any], timings: Any) -> int:
    told = [usage.get(name) for name in _CACHED]
    if isinstance(timings, dict):
        told.append(timings.get("cache_n"))
    return next((tokens for value in told if (tokens := count(value))), 0)


def _units(usage: dict[str, Any]) -> dict[str, int]:
    """What is billed in other units than tokens, by the vendors' own words."""
    units = {name: usage.get(name) for name in _UNITS}
    for name in _TOOL_UNITS:
        used = usage.get(name)
        if isinstance(used, dict):
            units["web_search_requests"] = used.get("web_search_requests")
    if (size := usage.get("search_context_size")) in _CONTEXT_SIZES:
        # Perplexity's fee for a request depends on it: https://docs.perplexity.ai/getting-started/pricing.
        units[f"search_context_{size}"] = 1
    return {name: number for name, value in units.items() if (number := count(value))}

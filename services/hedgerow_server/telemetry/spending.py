"""Tokens by their class, and money, as counters."""

from hedgerow_server.core.event import Usage

CLASSES = (
    "input_uncached",
    "input_cache_read",
    "input_cache_write",
    "input_audio",
    "input_image",
    "output_visible",
    "output_reasoning",
    "output_audio",
    "output_image",
)
"""The classes of tokens: each token is in exactly one of them."""
_PICOS = 1e12


class Spending:
    """What the attempts of somebody came to."""

    __slots__ = ("picos", "tokens")

    def __init__(self) -> None:
        self.tokens = [0] * len(CLASSES)
        """By class."""
        self.picos = 0
        """In 10^-12 US dollars: whole numbers, so that nothing is lost however many there are."""

    @property
    def dollars(self) -> float:
        """The money in US dollars."""
        return dollars(self.picos)

    def add(self, usage: Usage | None, picos: int | None) -> None:
        """One more attempt."""
        if picos:
            self.picos += picos
        if usage is None:
            return
        tokens = self.tokens
        tokens[0] += usage.input_uncached_tokens
        tokens[1] += usage.input_cache_read_tokens
        if usage.input_cache_writes:
            tokens[2] += sum([count for _, count in usage.input_cache_writes])
        tokens[3] += usage.input_audio_tokens
        tokens[4] += usage.input_image_tokens
        tokens[5] += usage.output_visible_tokens
        tokens[6] += usage.output_reasoning_tokens
        tokens[7] += usage.output_audio_tokens
        tokens[8] += usage.output_image_tokens


def dollars(picos: int) -> float:
    """US dollars out of 10^-12 of them."""
    return picos / _PICOS

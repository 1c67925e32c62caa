"""What a Claude model takes, by its name: https://docs.claude.com/en/docs/about-claude/models/overview.

A name holds the family and the version in either order (`claude-3-7-sonnet-20250219`, `claude-opus-4-6`), the platforms
put words of their own round it (`us.anthropic.claude-opus-4-6-v1:0`, `claude-opus-4-1@20250805`). A Claude
without a version is taken for one of the newest kind, any other name for a model that takes what Claude 4 took.
"""

import re
from functools import lru_cache

import msgspec

_NAME = re.compile(
    r"claude-(?:(?P<after>[a-z]+)-(?P<a>\d{1,2})(?:[-.](?P<b>\d{1,2}))?|"
    r"(?P<c>\d{1,2})(?:[-.](?P<d>\d{1,2}))?-(?P<before>[a-z]+))(?!\d)",
    re.ASCII,
)
_NEWEST = (99, 0)
_OTHERS = (4, 0)
_LOW_TO_HIGH = ("low", "medium", "high")


class Traits(msgspec.Struct, frozen=True):
    """What one model takes."""

    max_tokens: int
    """The most tokens that it writes, thoughts included."""
    default_max_tokens: int
    """How many are asked for where the caller sets no limit."""
    budgets: bool
    """Whether thinking has a budget in tokens (`thinking.type: enabled`)."""
    adaptive: bool
    """Whether the model decides how much to think (`thinking.type: adaptive`)."""
    efforts: tuple[str, ...]
    """The steps of `output_config.effort`, in rising order."""
    least: str | None
    """The `thinking.type` that thinks least; None where thinking is not to be switched off."""
    samples: bool
    """Whether it takes temperature, top_p and top_k."""
    one_sampler: bool
    """Whether it takes only one of temperature and top_p."""
    later_system: bool
    """Whether it takes instructions of the operator after a turn of the user, where they stand:
    https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages.
    """


@lru_cache(maxsize=1024)
def traits(model: str) -> Traits:
    """The traits of a model, by the provider's name of it."""
    family, version = _version(model.lower())
    efforts: tuple[str, ...] = ()
    if version >= (4, 6):
        efforts = (*_LOW_TO_HIGH, "max") if version == (4, 6) else (*_LOW_TO_HIGH, "xhigh", "max")
    return Traits(
        max_tokens=_max_tokens(family, version),
        default_max_tokens=_default_max_tokens(version),
        budgets=(3, 7) <= version <= (4, 6),
        adaptive=bool(efforts),
        efforts=efforts,
        least=_least(family, version),
        samples=version <= (4, 6),
        one_sampler=version >= (4, 1),
        later_system=version >= (4, 8),
    )


def _version(model: str) -> tuple[str, tuple[int, int]]:
    match = _NAME.search(model)
    if match is None:
        return ("mythos" if "mythos" in model else ""), _NEWEST if "claude" in model else _OTHERS
    family = match["after"] or match["before"]
    return family, (int(match["a"] or match["c"]), int(match["b"] or match["d"] or 0))


def _max_tokens(family: str, version: tuple[int, int]) -> int:
    if version < (3, 5):
        return 4_096
    if version < (3, 7):
        return 8_192
    if family == "opus" and version < (4, 5):
        return 32_000
    return 64_000 if version < (4, 6) or (family == "sonnet" and version == (4, 6)) else 128_000


def _default_max_tokens(version: tuple[int, int]) -> int:
    if version < (3, 5):
        return 4_096
    # Where the model decides how much to think, its thoughts need room as well.
    return 8_192 if version < (4, 6) else 32_000


def _least(family: str, version: tuple[int, int]) -> str | None:
    if family in ("fable", "mythos") or (family == "opus" and version >= (5, 5)):
        return None
    return "between_tools" if family == "sonnet" and version >= (5, 5) else "disabled"

"""Which entry of the price list a model's name means, more strictly than the list's own rules.

Many of its rules match any name that begins with, or holds, an entry's name. What follows may then be a version of that
model (a date, `-v1:0`, `@20250929`, `-latest`) or another model at another price: `claude-opus-4-10` begins with
`claude-opus-4-1`, and an ARN of a customised model holds the name of the one it was made from. No price is better
than a wrong one, so only versions are taken.
"""

import re

from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
)

_VERSION = re.compile(r"(?:[-@:._]?(?:v?\d{1,8}(?:\.\d+)*|latest|preview|exp|experimental|default|beta))*")
# A year or the zeros of 001 go on, the 1 of 4-1 does not.
_WHOLE_NUMBER = re.compile(r"(?<!\d)[1-9]\d?$")
_VENDOR = re.compile(r"(?:.*[./:~])?")
_CUSTOMISED = re.compile(r"(?:custom|imported|provisioned)-model")
_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


def fits(rule: MatchLogic, name: str) -> bool:
    """Whether a lower-case name means the rule's model or a version of it."""
    match rule:
        case ClauseEquals(equals):
            return name == equals.lower()
        case ClauseOr(rules):
            return any(fits(one, name) for one in rules)
        case ClauseAnd(rules):
            return all(fits(one, name) for one in rules)
        case ClauseRegex(regex):
            return re.search(regex, name) is not None
        case ClauseStartsWith(beginning):
            return name.startswith(beginning.lower()) and _a_version(beginning.lower(), name[len(beginning) :])
        case ClauseEndsWith(ending):
            return name.endswith(ending.lower()) and _a_vendor(name[: len(name) - len(ending)])
        case ClauseContains(piece):
            before, found, after = name.partition(piece.lower())
            return bool(found) and _a_vendor(before) and _a_version(found, after)


def names(rule: MatchLogic) -> set[str] | None:
    """The lower-case names that the rule lists, None where it has other rules than lists."""
    if isinstance(rule, ClauseEquals):
        return {rule.equals.lower()}
    if isinstance(rule, ClauseOr):
        listed = [names(one) for one in rule.or_]
        return None if None in listed else set().union(*(one for one in listed if one is not None))
    return None


def dashed(name: str) -> str:
    """The name with a date as `-2025-12-11` in place of `-20251211`, as some gateways write it."""
    return _COMPACT_DATE.sub(r"-\1-\2-\3", name)


def _a_version(found: str, rest: str) -> bool:
    if not rest:
        return True
    if found.startswith("ft:"):
        # The rest of a fine-tuned model's name is its owner's.
        return True
    if rest[0].isdigit() and _WHOLE_NUMBER.search(found):
        return False
    return _VERSION.fullmatch(rest) is not None


def _a_vendor(before: str) -> bool:
    """Whether what stands before is a region, a vendor or the path of an ARN."""
    return _VENDOR.fullmatch(before) is not None and _CUSTOMISED.search(before) is None

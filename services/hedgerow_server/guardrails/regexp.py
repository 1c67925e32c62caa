"""RE2 as the guards use it: linear in the text, and of several matches at a place the longest counts."""

import re2

_MOST_MEMORY = 64 << 20
"""Bytes that RE2 may use for one pattern or set."""


def options() -> re2.Options:
    """For patterns and sets: the longest match counts, no groups are kept, and nothing is written to standard error."""
    found = re2.Options()
    found.longest_match = True
    found.never_capture = True
    found.log_errors = False
    found.max_mem = _MOST_MEMORY
    return found


def compiled(pattern: str) -> "re2._Regexp":
    """A pattern. Raises re2.error."""
    return re2.compile(pattern, options())

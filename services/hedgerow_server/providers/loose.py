"""JSON as some servers write it: with NaN, raw control characters, or halves of surrogate pairs where a token boundary
splits an emoji.
"""

import json
import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def repaired(payload: bytes) -> bytes | None:
    """The same document in strict JSON, null for NaN and infinities and U+FFFD for halves of pairs; None where it is no
    JSON even so.
    """
    try:
        value = json.loads(payload, strict=False, parse_constant=lambda _: None)
        return _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return None

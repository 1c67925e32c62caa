"""The prompt cache of a provider: which prefixes of prompts were seen before."""

import collections
import hashlib
from collections.abc import Callable, Sequence
from typing import Final

_DIGEST: Final = 16
_LEAST: Final = 1024
_STEP: Final = 128


class PromptCache:
    """Remembers the last `size` prefixes."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._seen: collections.OrderedDict[bytes, None] = collections.OrderedDict()

    def implicit(self, tokens: int, prefix: Callable[[], bytes]) -> int:
        """Looks up a whole prompt as providers do unasked: from 1,024 tokens on, in steps of 128.

        `prefix` is only called for prompts that are long enough. Gives the tokens read from the cache.
        """
        return self.use([(prefix(), tokens // _STEP * _STEP)])[0] if tokens >= _LEAST else 0

    def use(self, prefixes: Sequence[tuple[bytes, int]]) -> tuple[int, int]:
        """Looks up ever longer prefixes, each with its tokens, and remembers them.

        Gives the tokens read from the cache (the longest prefix known) and those written to it (the rest of the
        longest one).
        """
        read = written = 0
        for prefix, tokens in prefixes:
            digest = hashlib.blake2b(prefix, digest_size=_DIGEST).digest()
            if digest in self._seen:
                self._seen.move_to_end(digest)
                read, written = tokens, 0
            else:
                self._seen[digest] = None
                written = tokens - read
        while len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return read, written

"""What a guard said of texts, kept for a while."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from hedgerow_server.core.guard import Asker, Finding, Judged
from hedgerow_server.guardrails.remote.section import VerdictsSection

_DIGEST_BYTES = 20
Verdict = tuple[Finding, ...]


class Verdicts:
    """The verdicts of one guard under one configuration, by a digest of everything that they may depend on. Holds as
    many verdicts and findings as its section says, and none of the texts.
    """

    def __init__(self, section: VerdictsSection, policy: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        """`policy` is 1 to 64 bytes that differ where the guard's configuration does."""
        self._most = section.entries
        self._ttl_s = section.ttl_seconds
        self._policy = policy
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()
        self._weight = 0
        self.version = ""
        """The name of the guard's own rules, as it last told."""

    def key(self, piece: Judged, asker: Asker) -> bytes:
        """What a verdict is kept under. Every part but the last has its length before it, so that none of them can be
        taken for a part of another.
        """
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES, key=self._policy)
        for part in (asker.tenant, asker.model, asker.side.name, piece.source.value, self.version):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(4, "big"))
            digest.update(encoded)
        digest.update(piece.text.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def get(self, piece: Judged, asker: Asker) -> Verdict | None:
        """What was said of a text for this tenant and model; None: nothing that still holds."""
        if not self._kept:
            return None
        key = self.key(piece, asker)
        found = self._kept.get(key)
        if found is None:
            return None
        if self._clock() >= found[0]:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found[1]

    def keep(self, piece: Judged, asker: Asker, verdict: Verdict) -> None:
        """Keeps what was said just now, in the place of what was said before."""
        weight = 1 + len(verdict)
        if weight > self._most:
            return
        key = self.key(piece, asker)
        if key in self._kept:
            self._drop(key)
        self._kept[key] = self._clock() + self._ttl_s, verdict
        self._weight += weight
        while self._weight > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        _, verdict = self._kept.pop(key)
        self._weight -= 1 + len(verdict)

"""What finds prompt injections in a piece of text: the model, the rules, and what other codings hide."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hedgerow_server.core.guard import Finding
from hedgerow_server.guardrails import injection_decode, injection_rules
from hedgerow_server.guardrails.injection import CONTEXT
from hedgerow_server.guardrails.injection_model import LinearModel, Passages, features, passages
from hedgerow_server.guardrails.normalise import LINE, Plain, plain

_BLOCK = 2304
"""The most code points that are looked at together."""
_EDGE = np.full(4, LINE, np.uint8)


class Detector:
    """One of the two models, with its threshold."""

    def __init__(self, model: LinearModel, threshold: float | None, category: str, replacement: str) -> None:
        self.threshold = threshold
        self._model = model
        self._category = category
        self._replacement = replacement
        self._least = math.log(threshold / (1 - threshold)) if threshold is not None and threshold < 1 else math.inf

    @staticmethod
    def block_end(text: str, begin: int, *, final: bool) -> int:
        """Where the block that begins there ends; `begin` while that is not known."""
        if len(text) - begin <= _BLOCK:
            return len(text) if final else begin
        least, most = begin + _BLOCK // 2, begin + _BLOCK
        for mark in ("\n", ". ", " "):
            at = text.rfind(mark, least, most)
            if at >= 0:
                return at + len(mark)
        return most

    def findings(self, piece: str, skip: int, at: int) -> Iterator[Finding]:
        """What is found in a piece behind its first `skip` code points; `at` is where that is in the text."""
        seen = plain(piece)
        spelling = injection_rules.spelled(seen.symbols)
        hits = self._hits(seen, spelling, skip)
        for hidden in injection_decode.decoded(piece, spelling):
            if hidden.end > skip and (excess := self._excess(plain(hidden.text))) >= self._least:
                hits.append((max(skip, hidden.start), hidden.end, excess))
        for start, end, excess in _merged(hits):
            score = 1 / (1 + math.exp(-max(-30.0, min(30.0, excess))))
            yield Finding(start - skip + at, end - skip + at, self._category, self._replacement, round(score, 4))

    def worst(self, text: str) -> float:
        """By how much the worst passage of a text, in whatever coding, is beyond its threshold, in log odds."""
        worst, begin = -math.inf, 0
        while (end := self.block_end(text, begin, final=True)) > begin:
            piece = text[max(0, begin - CONTEXT) : end]
            seen = plain(piece)
            spelling = injection_rules.spelled(seen.symbols)
            hidden = (self._excess(plain(one.text)) for one in injection_decode.decoded(piece, spelling))
            worst, begin = max(worst, float(self._judge(seen, spelling)[1].max()), *hidden), end
        return worst

    def _excess(self, seen: Plain) -> float:
        return float(self._judge(seen, injection_rules.spelled(seen.symbols))[1].max())

    def _judge(self, seen: Plain, spelling: bytes) -> tuple[Passages, npt.NDArray[np.float64]]:
        """The passages of a text, one place behind where they are in its symbols, and by how much each is beyond its
        threshold.
        """
        symbols = np.concatenate((_EDGE[:1], seen.symbols, _EDGE))
        parts = passages(symbols)
        logits = self._model.logits(self._model.sums(features(symbols), len(symbols)), parts)
        rules = injection_rules.evidence(spelling)
        if rules is not None:
            logits = logits + rules.of(parts.starts - 1, parts.ends - 1)
        return parts, logits - self._model.thresholds[parts.kinds()]

    def _hits(self, seen: Plain, spelling: bytes, skip: int) -> list[tuple[int, int, float]]:
        if not len(seen.symbols):
            return []
        parts, excess = self._judge(seen, spelling)
        if excess[0] >= self._least:
            return [(skip, int(seen.places.max()) + 1, float(excess.max()))] if seen.places.max() >= skip else []
        hits = []
        for index in (excess >= self._least).nonzero()[0]:
            places = seen.places[max(0, parts.starts[index] - 1) : parts.ends[index] - 1]
            if len(places) and (end := int(places.max()) + 1) > skip:
                hits.append((max(skip, int(places.min())), end, float(excess[index])))
        return hits


def _merged(hits: list[tuple[int, int, float]]) -> Iterator[tuple[int, int, float]]:
    """Overlapping hits as one, with the highest of their scores."""
    hits.sort()
    current: tuple[int, int, float] | None = None
    for start, end, excess in hits:
        if current is not None and start <= current[1]:
            current = (current[0], max(end, current[1]), max(excess, current[2]))
            continue
        if current is not None:
            yield current
        current = (start, end, excess)
    if current is not None:
        yield current

"""Prompt injection: attempts to make a model follow somebody else's instructions.

Words of users are looked through for direct attacks (jailbreaks, overridden instructions, questions for secrets), tool
results and documents for indirect ones: text that gives instructions where there should be none. Both are scores of a
small linear model (`injection_model`) with phrases as further evidence (`injection_rules`), for each passage of a text
by itself, so that harmless text around an attack does not hide it. A text is read in one spelling (`normalise`), and
what it says in other codings is read as well (`injection_decode`).
"""

from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from hedgerow_server.core.guard import Finding, Scan, Source
from hedgerow_server.guardrails.entry import GuardEntry

if TYPE_CHECKING:
    from hedgerow_server.guardrails.injection_detector import Detector

_INDIRECT = frozenset({Source.TOOL_RESULT, Source.DOCUMENT})
_DEFAULT = frozenset({Source.USER, *_INDIRECT})
CONTEXT = 256
"""How many code points before those that are looked at are seen with them."""

Threshold = Annotated[float, pydantic.Field(gt=0, le=1)] | None


class InjectionGuardSection(GuardEntry):
    """A guard that finds prompt injections and jailbreaks."""

    type: Literal["injection"] = "injection"
    """Finds instructions that try to take a model over."""
    direct_threshold: Threshold = 0.5
    """From which score on words of the user are an attack, 0 to 1; null for never. With 0.5 about one harmless request
    in a hundred, of a kind that looks like attacks, is taken for one."""
    indirect_threshold: Threshold = 0.5
    """The same for tool results and documents. 0.5 is set for about one harmless passage in thirty."""
    replacement: Annotated[str, pydantic.Field(max_length=64)] = "[REMOVED]"
    """What stands in the place of an attack with `action: redact`."""


class InjectionGuard:
    """Scanner of one entry. Without `sources` it looks at words of users, tool results and documents."""

    context = CONTEXT

    def __init__(self, section: InjectionGuardSection) -> None:
        self._sources = frozenset(section.sources) if section.sources is not None else _DEFAULT
        self._direct = _detector("direct", section.direct_threshold, section.replacement)
        self._indirect = _detector("indirect", section.indirect_threshold, section.replacement)

    def scan(self, text: str, source: Source, begin: int, *, final: bool) -> Scan:
        """Goes on in blocks of sentences: where one ends depends on nothing but the text from `begin` on."""
        detector = self._indirect if source in _INDIRECT else self._direct
        if source not in self._sources or detector.threshold is None:
            return Scan((), len(text))
        found: list[Finding] = []
        while (end := detector.block_end(text, begin, final=final)) > begin:
            found.extend(detector.findings(text[max(0, begin - CONTEXT) : end], min(begin, CONTEXT), begin))
            begin = end
        return Scan(found, begin)


def _detector(side: str, threshold: float | None, replacement: str) -> "Detector":
    # NumPy comes with the first guard that needs it: its import takes a tenth of a router's start.
    from hedgerow_server.guardrails.injection_detector import Detector
    from hedgerow_server.guardrails.injection_model import shipped

    return Detector(shipped(side), threshold, f"injection.{side}", replacement)

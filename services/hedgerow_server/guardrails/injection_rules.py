"""Phrases that speak for an attack, whatever else stands around them. They add evidence to what the model says of a
passage; alone they decide nothing, because people also ask about such phrases.

They are looked for in the text in one spelling (`normalise`), as re2 patterns: time is linear in the length.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import re2

from hedgerow_server.guardrails.normalise import LETTER, Symbols

_STRONG = 1.0
"""What a phrase adds to the log odds of a passage."""
_MILD = 0.5
_MOST = 1.5

_UNDO = (
    "ignore|ignoring|disregard|forget|override|overrule|skip|neglect|bypass|discard|erase|drop|"
    "do not (?:follow|obey)|don.t (?:follow|obey)|stop (?:following|obeying)|pay no attention to"
)
_RULES = (
    "instructions?|prompts?|rules|guidelines|directives?|orders|commands|programming|training|context|tasks?|"
    "assignments?|restrictions|constraints|polic(?:y|ies)|messages?|conversation|text"
)
_BEFORE = "previous|prior|above|earlier|preceding|initial|original|former|old|existing|current|past|foregoing|system"
_NOUNS = r"(?:system prompt|initial prompt|prompt texts?|hidden prompt|system message|\w+ instructions)"
_TELL = "reveal|print|show|repeat|output|display|leak|tell me|give me|quote|reproduce"
_WHAT = "(?:(?:all|any|of|everything|anything|what|that|you) ){1,4}(?:(?:were|was|have been|i|been) )*"
_GERMAN_UNDO = "vergiss|vergesse|vergessen sie|ignoriere?|ignorieren sie|missachte"
_GERMAN_RULES = "anweisungen|instruktionen|befehle|aufgaben|regeln|davor|vorher|oben|zuvor|bisherigen?|gesagte|fragen"
_ROMANCE_UNDO = "ignora|olvida|olvide|ignore[zs]?|oublie[zs]?|dimentica|esquece|esqueca"
_ROMANCE_RULES = (
    "instrucciones|instructions|istruzioni|instrucoes|anteriores?|precedentes?|precedenti|reglas|regles|regole|regras"
)
_UNBOUND = "restrictions|filters?|limits|limitations|ethics|morals|content policy|guidelines"
_FREE = "uncensored|unfiltered|amoral|unethical"
_MODEL = "ai|chatbot|bot|language model|assistant|chatgpt"
_STRONG_PATTERNS = (
    rf"\b(?:{_UNDO}) (?:\w+ ){{0,3}}?(?:{_BEFORE}) (?:\w+ ){{0,2}}?(?:{_RULES})\b",
    rf"\b(?:{_UNDO}) {_WHAT}(?:told|said|instructed|programmed|given|before|above)\b",
    rf"\b(?:{_UNDO}) (?:(?:all|any|of) ){{0,2}}your (?:\w+ ){{0,2}}?(?:{_RULES})\b",
    r"\b(?:forget|ignore|disregard) (?:everything|anything|all that|all of (?:that|this|the above)|the above)\b",
    rf"\b(?:{_TELL}) (?:\w+ ){{0,3}}?(?:your|the) (?:\w+ ){{0,2}}?{_NOUNS}\b",
    rf"\b(?:you (?:now )?have|with|without) (?:no|any|zero) (?:\w+ )?(?:{_UNBOUND})\b.{{0,40}}\b(?:{_MODEL})\b",
    r"\b(?:do anything now|dan mode|developer mode (?:enabled|on|output)|jailbr?oken)\b",
    rf"\b(?:{_FREE}) (?:and (?:{_FREE}) )?(?:\w+ ){{0,2}}?(?:{_MODEL})\b",
    r"\bi?(?:im.start|im.end|endoftext|begin.of.text|start.header.id)\b",  # the bar of "<|" reads as an i
    rf"\b(?:{_GERMAN_UNDO}) (?:bitte )?(?:alles?|alle|deine|die|den|jede) ?(?:\w+ ){{0,3}}?(?:{_GERMAN_RULES})\b",
    rf"\b(?:{_ROMANCE_UNDO}) (?:\w+ ){{0,3}}?(?:{_ROMANCE_RULES})\b",
)
_MILD_PATTERNS = (
    r"\b(?:from now on|as of now|starting now) (?:\w+ ){0,2}?you (?:\w+ ){0,2}?(?:are|will|must|only|have)\b",
    r"\byou (?:must|should|will|can) (?:never|not|no longer) (?:refuse|decline|apologi[sz]e|say no)\b",
    r"\b(?:new|real|actual|next) (?:instructions?|task|orders?|rules)(?: ?[.,\n]| (?:is|are)\b)",
    r"\b(?:break free|broken free|freed) (?:of|from)\b",
    r"\b(?:instead of answering|do not answer the|don.t answer the)\b",
    r"\b(?:say|print|output|write|reply with|respond with|answer with) (?:only |just |exactly |nothing but )",
    r"\bin your (?:reply|response|answer|output)\b",
)


_SIGNS = b"# \n.,'(-0"
"""How the symbols before PICTURE are spelled."""


class Evidence(NamedTuple):
    """Where phrases stand, and what each adds."""

    places: npt.NDArray[np.int64]
    added: npt.NDArray[np.float64]

    def of(self, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What they add to each of some passages."""
        sums = np.concatenate(([0.0], np.cumsum(self.added)))
        first, last = np.searchsorted(self.places, starts), np.searchsorted(self.places, ends)
        added: npt.NDArray[np.float64] = np.minimum(sums[last] - sums[first], _MOST)
        return added


class _Compiled(NamedTuple):
    strong: Any
    mild: Any
    either: Any
    """Both as one, since few texts have any."""
    letters: bytes


@functools.cache
def _compiled() -> _Compiled:
    letters = np.full(256, ord("#"), np.uint8)
    letters[: len(_SIGNS)] = np.frombuffer(_SIGNS, np.uint8)
    letters[LETTER : LETTER + 26] = np.arange(97, 123)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    groups = ["|".join(f"(?:{pattern})" for pattern in group).encode() for group in (_STRONG_PATTERNS, _MILD_PATTERNS)]
    strong, mild, either = (re2.compile(one, options) for one in (*groups, b"|".join(groups)))
    return _Compiled(strong, mild, either, letters.tobytes())


def spelled(symbols: Symbols) -> bytes:
    """The symbols as ASCII, one character for each."""
    return symbols.tobytes().translate(_compiled().letters)


def evidence(spelling: bytes) -> Evidence | None:
    """What phrases of attacks stand in a text; None: none."""
    compiled = _compiled()
    if compiled.either.search(spelling) is None:
        return None
    hits = [(match.start(), _STRONG) for match in compiled.strong.finditer(spelling)]
    hits += [(match.start(), _MILD) for match in compiled.mild.finditer(spelling)]
    hits.sort()
    return Evidence(np.array([place for place, _ in hits]), np.array([added for _, added in hits]))

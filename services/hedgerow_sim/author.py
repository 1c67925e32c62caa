"""Writes the answers: deterministic, in sensible words, within the limits of the request."""

import functools
import hashlib
import random
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hedgerow_sim import schema, tokens
from hedgerow_sim.chat import Ask, Call, Choice, Finish

_SUBJECTS: Final = (
    "a patient gardener", "the old gatekeeper", "a passing wren", "the morning fog", "a row of hawthorn",
    "the youngest hedgehog", "the lane below the hill", "every careful walker", "a borrowed ladder", "the east wind",
)  # fmt: skip
_VERBS: Final = (
    "keeps watch over", "leans against", "slowly follows", "quietly counts", "still remembers", "makes room for",
    "never hurries past", "speaks kindly of",
)  # fmt: skip
_OBJECTS: Final = (
    "the long green wall", "a gap that nobody mended", "the ditch and its frogs", "three blackbirds at their song",
    "the first ripe bramble", "an orchard behind the gate", "the field on the other side", "a path of flat stones",
)  # fmt: skip
_WHENS: Final = (
    "before the first frost", "while the kettle warms", "when the wind turns", "as the light goes",
    "on most days of the week", "after the rain has passed", "until the church bell rings",
)  # fmt: skip
_LINKS: Final = ("", "", "", "Even so, ", "Meanwhile, ", "In the end, ", "As a rule, ")

_CALL: Final = re.compile(r"\bcall\s+(?:the\s+)?(?:function\s+|tool\s+)?[`'\"]?([\w.-]+)", re.IGNORECASE)
_AND: Final = re.compile(r"\s*(?:,|\band\b)\s*[`'\"]?([\w.-]+)")
_QUOTED: Final = 60
_FAULT: Final = "sim-"
_TOOL: Final = "lookup"
_TOOL_SCHEMA: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("place", "plant", "season")},
    "required": ["place", "plant", "season"],
}
_REMEMBERED: Final = 1024


class Author:
    """Answers that depend on the seed, the model (without `sim-` and what follows), the last user message and the tool
    result alone.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        # Benchmarks ask the same thing again and again; writing it anew would only heat the machine.
        self._tokens = functools.lru_cache(_REMEMBERED)(self._tokens_of)

    def write(self, ask: Ask, length: int | None = None, text: str | None = None) -> list[Choice]:
        """The answers to a request, as many as it wants; with `length`, text of exactly so many tokens.

        With `text`, exactly that, within the request's own limit.
        """
        return [self._choice(ask, index, length, text) for index in range(ask.choices)]

    def call(self, ask: Ask, *, half: bool = False) -> Choice:
        """An answer that is one call of the request's first tool, or of one made up; with `half` it breaks off."""
        rng = self._rng(ask, 0)
        name, form = (ask.tools[0].name, ask.tools[0].schema) if ask.tools else (_TOOL, _TOOL_SCHEMA)
        arguments: Any = schema.example(form or {"type": "object"}, rng, every=True)
        pieces = tokens.split(msgspec.json.encode(arguments).decode())
        pieces = pieces[: len(pieces) // 2] if half else pieces
        one = Call(f"call_{rng.getrandbits(96):024x}", name, tuple(pieces))
        return Choice("tool_calls", calls=(one,), tokens=tokens.count(name) + len(pieces))

    def _choice(self, ask: Ask, index: int, length: int | None, given: str | None) -> Choice:
        limit = ask.limit
        thought = ask.reasoning_tokens if limit is None else min(ask.reasoning_tokens, limit)
        left = None if limit is None else limit - thought
        if given is None and (names := _called(ask)):
            return self._calls(ask, index, names, thought, left)
        if given is not None:
            pieces: Sequence[str] = tokens.split(given)
        elif ask.schema is not None:
            text = msgspec.json.encode(schema.example(ask.schema, self._rng(ask, index), every=True)).decode()
            pieces = tokens.split(text)
        else:
            pieces = self._tokens(ask.model, ask.prompt, ask.tool_result, index, length)
        pieces, stop = _stopped(pieces, ask.stops)
        finish: Finish = "stop"
        if left is not None and left < len(pieces):
            pieces, finish, stop = pieces[:left], "length", None
        return Choice(
            finish,
            tuple(pieces),
            reasoning_tokens=thought,
            thinking=self._thinking(ask, index, thought),
            stop=stop,
            tokens=thought + len(pieces),
        )

    def _thinking(self, ask: Ask, index: int, length: int) -> tuple[str, ...]:
        rng = self._seeded("thinking", ask.prompt, ask.tool_result, index)
        pieces: list[str] = []
        while len(pieces) < length:
            pieces += tokens.split((" " if pieces else "") + _sentence(rng))
        return tuple(pieces[:length])

    def _calls(self, ask: Ask, index: int, names: Sequence[str], thought: int, left: int | None) -> Choice:
        rng = self._rng(ask, index)
        # OpenAI reports "stop" when the request itself named the function.
        finish: Finish = "stop" if ask.must_call in names else "tool_calls"
        schemas = {tool.name: tool.schema for tool in ask.tools}
        calls: list[Call] = []
        said = tokens.split(f"I will call {' and '.join(names)}.")[:left] if ask.preamble else []
        spent = thought + len(said)
        left = None if left is None else left - len(said)
        for name in names:
            arguments: Any = schema.example(schemas[name] or {"type": "object"}, rng)
            pieces = tokens.split(msgspec.json.encode(arguments).decode())
            cost = tokens.count(name)
            if left is not None:
                if left <= cost:
                    finish = "length"
                    break
                if left - cost < len(pieces):
                    pieces, finish = pieces[: left - cost], "length"
                left -= cost + len(pieces)
            calls.append(Call(f"call_{rng.getrandbits(96):024x}", name, tuple(pieces)))
            spent += cost + len(pieces)
        return Choice(finish, tuple(said), tuple(calls), thought, self._thinking(ask, index, thought), tokens=spent)

    def _rng(self, ask: Ask, index: int) -> random.Random:
        return self._seeded(ask.model, ask.prompt, ask.tool_result, index)

    def _seeded(self, model: str, prompt: str, tool_result: str | None, index: int) -> random.Random:
        # A fault changes how an answer travels, not what it says.
        named = model.partition(_FAULT)[0]
        key = msgspec.json.encode((self._seed, named, prompt, tool_result, index))
        return random.Random(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()))

    def _tokens_of(
        self, model: str, prompt: str, tool_result: str | None, index: int, length: int | None
    ) -> tuple[str, ...]:
        rng = self._seeded(model, prompt, tool_result, index)
        text = f"You asked: “{_quote(prompt)}”." if tool_result is None else f"The tool says: “{_quote(tool_result)}”."
        pieces = tokens.split(text)
        sentences = rng.randint(3, 5)
        while sentences > 0 or (length is not None and len(pieces) < length):
            pieces += tokens.split(" " + _sentence(rng))
            sentences -= 1
        return tuple(pieces[:length])


def _sentence(rng: random.Random) -> str:
    words = f"{rng.choice(_SUBJECTS)} {rng.choice(_VERBS)} {rng.choice(_OBJECTS)} {rng.choice(_WHENS)}."
    link = rng.choice(_LINKS)
    return link + words if link else words[0].upper() + words[1:]


def _quote(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= _QUOTED:
        return text
    head, _, _ = text[:_QUOTED].rpartition(" ")
    return (head or text[:_QUOTED]) + " …"


def _stopped(pieces: Sequence[str], stops: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """The tokens before the first stop sequence, and which it was."""
    if not stops:
        return pieces, None
    text = "".join(pieces)
    cut, stop = min(((at, stop) for stop in stops if (at := text.find(stop)) >= 0), default=(0, None))
    return (pieces, None) if stop is None else (tokens.split(text[:cut]), stop)


def _called(ask: Ask) -> list[str]:
    """The tools that an answer calls: those the user says to call, else the one that has to be."""
    if not ask.tools or ask.tool_result is not None:
        return []
    known = [tool.name for tool in ask.tools]
    if ask.must_call in known:
        return [ask.must_call] if ask.must_call else []
    names = [name for name in _named(ask.prompt) if name in known]
    if not names and ask.must_call:
        names = known[:1]
    return names if ask.parallel_calls else names[:1]


def _named(prompt: str) -> list[str]:
    """What follows the word "call", and the items listed after it: "call add and multiply"."""
    names: list[str] = []
    for match in _CALL.finditer(prompt):
        names.append(match[1].rstrip("."))
        at = match.end()
        while more := _AND.match(prompt, at):
            names.append(more[1].rstrip("."))
            at = more.end()
    return names

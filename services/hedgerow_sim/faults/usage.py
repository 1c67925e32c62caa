"""Counts of tokens that are missing, repeated or nonsense."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from hedgerow_sim import forms
from hedgerow_sim.dialects.port import Frame
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Script
from hedgerow_sim.turn import Behaviour, Turn, played

_HUGE: Final = 10**15
_HOLDERS: Final = frozenset({"usage", "usageMetadata", "amazon-bedrock-invocationMetrics"})
# Ollama's counts stand beside everything else.
_LOOSE: Final = frozenset({"prompt_eval_count", "eval_count"})

Fields = dict[str, Any]
Change = Callable[[int], int]

_CHANGES: Final[Mapping[str, Change]] = MappingProxyType(
    {"zero": lambda _count: 0, "negative": lambda count: -count or -1, "huge": lambda count: count + _HUGE}
)


def _changed(value: Any, change: Change) -> Any:
    """A value with each count in it changed."""
    if isinstance(value, dict):
        return {name: _changed(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, change) for inner in value]
    return change(value) if type(value) is int else value


def _walk(value: Any, edit: Callable[[Fields, str], None]) -> bool:
    """Edits every place of counts; says whether there was one."""
    if isinstance(value, list):
        # All of them, not only the first.
        return sum(_walk(inner, edit) for inner in value) > 0
    if not isinstance(value, dict):
        return False
    found = False
    for name in list(value):
        if (name in _HOLDERS and value[name]) or name in _LOOSE:
            edit(value, name)
            found = True
        else:
            found = _walk(value[name], edit) or found
    return found


def _change(change: Change) -> Callable[[Fields, str], None]:
    def edit(fields: Fields, name: str) -> None:
        fields[name] = _changed(fields[name], change)

    return edit


def _drop(fields: Fields, name: str) -> None:
    del fields[name]


def _editing(edit: Callable[[Fields, str], None]) -> Play:
    """Edits all counts of an answer."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        reply = turn.reply()
        frames = list(reply.frames)
        form = forms.form(reply.headers, frames[0].data, streamed=reply.streamed)
        return played(turn, reply, [_edited(form, frame, edit) for frame in frames])

    return play


def _edited(form: forms.Form, frame: Frame, edit: Callable[[Fields, str], None]) -> Frame:
    def apply(value: Any) -> None:
        _walk(value, edit)

    return msgspec.structs.replace(frame, data=forms.edited(form, frame.data, apply))


def _twice(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    """Half the counts first, then all of them: the last word is the right one."""
    reply = turn.reply()
    frames = list(reply.frames)
    form = forms.form(reply.headers, frames[0].data, streamed=reply.streamed)
    half = _change(lambda count: count // 2)
    if not reply.streamed:
        return played(turn, reply, [_repeated(form, frames[0], half)])
    counted = [index for index, frame in enumerate(frames) if _counts(form, frame)]
    alone = [index for index in counted if not frames[index].end and not frames[index].tokens]
    if alone:
        at = alone[-1]
        return played(turn, reply, [*frames[:at], _edited(form, Frame(frames[at].data), half), *frames[at:]])
    at = counted[-1]
    last = frames[at]
    # The event with the counts is also the end: an event before it gets them besides.
    counts = _taken(form, _edited(form, last, half))
    before = max(index for index, frame in enumerate(frames[:at]) if form.payload(frame.data))
    data = forms.edited(form, frames[before].data, lambda value: {**value, **counts})
    return played(turn, reply, [*frames[:before], msgspec.structs.replace(frames[before], data=data),
                                *frames[before + 1 :]])  # fmt: skip


def _counts(form: forms.Form, frame: Frame) -> bool:
    payload = form.payload(frame.data)
    return bool(payload) and _walk(msgspec.json.decode(payload), lambda _fields, _name: None)


def _taken(form: forms.Form, frame: Frame) -> Fields:
    """The counts of an event, by the names that hold them."""
    taken: Fields = {}

    def take(fields: Fields, name: str) -> None:
        taken[name] = fields[name]

    _walk(msgspec.json.decode(form.payload(frame.data)), take)
    return taken


def _repeated(form: forms.Form, frame: Frame, half: Callable[[Fields, str], None]) -> Frame:
    """A document with the member of counts twice, halved the first time; JSON's readers take the last."""
    counts = msgspec.json.encode(_taken(form, _edited(form, frame, half)))
    return msgspec.structs.replace(frame, data=counts[:-1] + b"," + frame.data[1:])


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("usage-missing", "Answers without any count of tokens.", "P18", _editing(_drop))
    yield Fault("usage-zero", "All counts of tokens are 0.", "P18", _editing(_change(_CHANGES["zero"])))
    yield Fault("usage-negative", "All counts of tokens are negative.", "P18", _editing(_change(_CHANGES["negative"])))
    yield Fault("usage-huge", "All counts of tokens are above 10^15.", "P18", _editing(_change(_CHANGES["huge"])))
    yield Fault("usage-twice", "Counts of tokens come twice, halved the first time; the last is right.", "P18", _twice)

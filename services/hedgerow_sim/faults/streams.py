"""Bytes that are not what they should be: events, text, ends and content types."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from hedgerow_sim import forms
from hedgerow_sim.dialects.port import Frame, Kind, Refusal, Reply
from hedgerow_sim.faults.refusals import KINDS
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Close, Head, Pause, Script, Send
from hedgerow_sim.turn import Behaviour, Turn, answer, part, played, spoken

_AFTER: Final = 3
_TINY: Final = 1_000_000
_MIB: Final = 1 << 20
_LONG_MIB: Final = 64
_MOST_MIB: Final = 1024
_BATCH: Final = 256
_MARK: Final = "␚"
_SPEECH: Final = f"Grüße, “Ærøskøbing” — 世界 🌿 naïve 🧑‍🌾 {_MARK} ende gut."


def _after(frames: Sequence[Frame], tokens: int) -> int:
    """The index behind so many frames that carry tokens."""
    for index, frame in enumerate(frames):
        tokens -= frame.tokens > 0
        if tokens <= 0:
            return index + 1
    return len(frames)


def _silenced(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The same bytes, but nobody pays for them."""
    return (Frame(frame.data, end=frame.end) for frame in frames)


def _malformed(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    frames = list(reply.frames)
    if not reply.streamed:
        return played(turn, reply, [Frame(frames[0].data[: len(frames[0].data) // 2] + b'"oops', frames[0].tokens)])
    form = forms.form(reply.headers, frames[0].data)
    at = _after(frames, given.number("N", _AFTER))
    payload = form.payload(frames[at - 1].data)
    broken = form.carrying(frames[at - 1].data, payload[: len(payload) * 2 // 3])
    return played(turn, reply, [*frames[:at], Frame(broken), *frames[at:]])


def _unknown(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    frames = list(reply.frames)
    form = forms.form(reply.headers, frames[0].data, streamed=reply.streamed)
    if not reply.streamed:
        data = forms.edited(form, frames[0].data, lambda body: {"hedgerow_unknown": {"note": [1, None]}, **body})
        return played(turn, reply, [msgspec.structs.replace(frames[0], data=data)])
    at = _after(frames, given.number("N", _AFTER))
    return played(turn, reply, [*frames[:at], Frame(form.unknown), *frames[at:]])


# --- Text ---


def _utf8_split(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    for step in answer(turn.wishing(text=_SPEECH.replace(_MARK, "|"))):
        if not isinstance(step, Send) or step.data.isascii():
            yield step
            continue
        pieces = _torn(step.data)
        for piece in pieces[:-1]:
            yield Send(piece, chunks=0)
            yield Pause(0)
        yield msgspec.structs.replace(step, data=pieces[-1])


def _torn(data: bytes) -> list[bytes]:
    """What is ASCII in one piece, everything else byte by byte."""
    return re.findall(rb"[\x00-\x7f]+|[\x80-\xff]", data)


def _utf8_truncated(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    for step in answer(turn.wishing(text=_SPEECH)):
        if isinstance(step, Head):
            yield Head(step.status, step.headers)
        elif isinstance(step, Send) and (at := step.data.find("🌿".encode())) >= 0:
            yield Send(step.data[: at + 2])
            return
        else:
            yield step


def _utf8_invalid(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.wishing(text=_SPEECH).reply()
    frames = list(reply.frames)
    form = forms.form(reply.headers, frames[0].data, streamed=reply.streamed)
    return played(turn, reply, [_invalid(form, frame) for frame in frames])


def _invalid(form: forms.Form, frame: Frame) -> Frame:
    payload = form.payload(frame.data)
    if _MARK.encode() not in payload:
        return frame
    return msgspec.structs.replace(frame, data=form.carrying(frame.data, payload.replace(_MARK.encode(), b"\xff")))


def _long_line(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    size = given.number("MIB", _LONG_MIB, _MOST_MIB) * _MIB
    reply = turn.wishing(text=f"So long: {_MARK} and done.").reply()
    frames = list(reply.frames)
    form = forms.form(reply.headers, frames[0].data, streamed=reply.streamed)
    for number, frame in enumerate(frames):
        payload = form.payload(frame.data)
        if not number:
            yield Head(200, reply.headers)
        if _MARK.encode() not in payload:
            yield Send(frame.data, frame.tokens, paid=not reply.streamed)
            continue
        long = memoryview(form.carrying(frame.data, payload.replace(_MARK.encode(), b"x" * size)))
        for start in range(0, len(long), _MIB):
            yield Send(bytes(long[start : start + _MIB]), chunks=int(not start))


def _tiny_events(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.wishing(text="a " * (given.number("N", _TINY, _TINY) - 1) + "a").reply()
    yield Head(200, reply.headers)
    batch: list[Frame] = []
    for frame in reply.frames:
        batch.append(frame)
        if len(batch) == _BATCH:
            yield _together(batch)
            batch.clear()
    yield _together(batch)


def _together(frames: Sequence[Frame]) -> Send:
    return Send(b"".join([one.data for one in frames]), sum(one.tokens for one in frames), chunks=len(frames))


# --- Content types ---


def _streaming(*, stream: bool) -> Play:
    """Answers one way though the other was asked for. It is generated and billed all the same."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        return played(turn, turn.wishing(stream=stream).reply())

    return play


# --- Errors in a stream ---


def _error_first(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    kind = KINDS[given.word("STATUS", "500")]
    reply = turn.reply()
    if not reply.streamed:
        yield from spoken(msgspec.structs.replace(turn.refused(kind), status=200))
        return
    # The Responses API numbers its events: the stream has to have begun.
    next(iter(reply.frames))
    yield Head(200, reply.headers)
    failure = turn.job.failure(Refusal(kind))
    yield Send(b"[" + failure[3:] if failure.startswith(b",\r\n") else failure, failure=True)


def _error_in_stream(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    if not turn.job.stream:
        yield from spoken(turn.refused(Kind.SERVER))
        return
    yield from part(answer(turn), given.number("N", _AFTER))
    yield Send(turn.job.failure(Refusal(Kind.SERVER)), failure=True)


# --- Ends ---


def _no_finish(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return answer(turn.wishing(finish=False))


def _empty(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield Head(200, turn.reply().headers)
    yield Send(b"", failure=True)


def _filtered(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return answer(turn.wishing(filtered=True, length=given.number("N", _AFTER)))


def _done_twice(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply, frames = _whole(turn)
    if not reply.streamed:
        return _document(turn, reply, frames[0], frames[0].data * 2)
    return played(turn, reply, [*frames, *_silenced(frame for frame in frames if frame.end)])


def _done_missing(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply, frames = _whole(turn)
    if not reply.streamed:
        return _document(turn, reply, frames[0], frames[0].data[:-1])
    return played(turn, reply, [frame for frame in frames if not frame.end])


def _done_early(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    short_turn = turn.wishing(length=given.number("N", _AFTER))
    short, frames = _whole(short_turn)
    if not short.streamed:
        return _document(turn, short, frames[0], frames[0].data[: len(frames[0].data) // 2])
    said = _after(frames, sum(frame.tokens > 0 for frame in frames))
    # The mark alone, without what else tells that the answer is over; then the rest of the longer answer.
    _, whole = _whole(turn)
    rest = whole[_after(whole, sum(frame.tokens > 0 for frame in frames)) :]
    return played(turn, short, [*frames[:said], *(one for one in frames if one.end), *_silenced(rest)])


def _done_text(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply, frames = _whole(turn)
    if not reply.streamed:
        return _document(turn, reply, frames[0], frames[0].data + b"\nand some more words")
    spoken_twice = [frame for frame in frames if frame.tokens][:_AFTER]
    return played(turn, reply, [*frames, *_silenced(spoken_twice)])


def _whole(turn: Turn) -> tuple[Reply, list[Frame]]:
    reply = turn.reply()
    return reply, list(reply.frames)


def _document(turn: Turn, reply: Reply, frame: Frame, data: bytes) -> Script:
    return played(turn, reply, [msgspec.structs.replace(frame, data=data)])


# --- Tool calls ---


def _tool_cut(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply, frames = _whole(turn.wishing(call="whole"))
    if not reply.streamed:
        yield from part(played(turn, reply, frames), 1)
        yield Close()
        return
    spoken_at = [index for index, frame in enumerate(frames) if frame.tokens]
    at = spoken_at[len(spoken_at) // 2]
    yield from played(turn, reply, frames[:at])
    if len(spoken_at) == 1:
        # A call that comes in one event is cut within it.
        if not at:
            yield Head(200, reply.headers)
        yield Send(frames[at].data[: len(frames[at].data) // 2])
    yield Close()


def _tool_half(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    return answer(turn.wishing(call="half"))


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault(
        "malformed[-N]",
        "One event more with broken JSON after N tokens (3), or a body of broken JSON.",
        "P12, S10",
        _malformed,
    )
    yield Fault(
        "unknown-event[-N]",
        "One event more of an unknown type after N tokens (3), or unknown members.",
        "P12",
        _unknown,
    )
    yield Fault("utf8-split", "Characters of two to four bytes, each byte sent on its own.", "P13", _utf8_split)
    yield Fault(
        "utf8-truncated", "The body ends, well-formed for HTTP, in the middle of a character.", "P13", _utf8_truncated
    )
    yield Fault("utf8-invalid", "One byte of the text (0xFF) is no UTF-8.", "P13", _utf8_invalid)
    yield Fault("long-line[-MIB]", "One event, or the document, of MIB mebibytes (64).", "P14", _long_line)
    yield Fault("tiny-events[-N]", "N events of one letter (1000000), or a document with so many.", "P14", _tiny_events)
    yield Fault(
        "json-for-stream",
        "Answers with one JSON document though a stream was asked for.",
        "P15",
        _streaming(stream=False),
    )
    yield Fault("stream-for-json", "Answers with a stream though none was asked for.", "P15", _streaming(stream=True))
    yield Fault("empty", "Status 200 and no body at all.", "P15", _empty)
    yield Fault(
        "error-first[-STATUS]",
        "Status 200 and an error (500, or of STATUS) as the first event, or as the body.",
        "P16",
        _error_first,
    )
    yield Fault(
        "error-in-stream[-N]",
        "Sends N tokens (3), then an error as an event; status 500 where no stream was asked for.",
        "P16",
        _error_in_stream,
    )
    yield Fault("nofinish", "Answers in full, but never says why it ended.", "P17", _no_finish)
    yield Fault("filter-finish[-N]", "Sends N tokens (3); the content filter is why it ended.", "P5", _filtered)
    yield Fault("done-twice", "The mark of the end comes twice; a document twice.", "P17", _done_twice)
    yield Fault(
        "done-missing", "The mark of the end is missing; of a document the last byte.", "P17, S11", _done_missing
    )
    yield Fault(
        "done-early[-N]",
        "The mark of the end comes after N tokens (3), the rest follows; or half a document.",
        "P17",
        _done_early,
    )
    yield Fault("done-text", "Three tokens more after the end; words behind a document.", "P17", _done_text)
    yield Fault("tool-cut", "A tool call; the connection closes in the middle of its arguments.", "P24", _tool_cut)
    yield Fault(
        "tool-half", "A tool call whose arguments break off in an answer that is otherwise whole.", "P24", _tool_half
    )

"""Connections that close, stall, crawl or stay silent."""

from collections.abc import Iterator
from typing import Final

from hedgerow_sim import forms
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Close, Head, Pause, Raw, Script, Send, Silence
from hedgerow_sim.turn import Behaviour, Turn, answer, part, played

_STALL_AFTER: Final = 5
_CUT_AFTER: Final = 3
_SILENT_MS: Final = 60_000
_EVERY_MS: Final = 1_000
_PING_MS: Final = 100


def _closing(*, reset: bool) -> Play:
    """After N tokens (or half a body)."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        yield from part(answer(turn), given.number("N", _CUT_AFTER))
        yield Close(reset=reset)

    return play


def _closing_early(*, reset: bool) -> Play:
    """Before any byte."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        yield Close(reset=reset)

    return play


def _closing_bare(*, reset: bool) -> Play:
    """After the headers."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        for step in answer(turn):
            yield step
            if isinstance(step, Head):
                break
        yield Pause(0)
        yield Close(reset=reset)

    return play


def _end(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    for step in part(answer(turn), given.number("N", _CUT_AFTER)):
        # Half a document whose length says that it is whole.
        yield Head(step.status, step.headers) if isinstance(step, Head) else step


def _stall(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield from part(answer(turn), given.number("N", _STALL_AFTER))
    if given.word("MS"):
        yield Pause(given.seconds("MS"))
        yield Close()
    yield Silence()


def _pings(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    heartbeat = forms.form(reply.headers, streamed=False).heartbeat
    if reply.streamed:
        frames = list(reply.frames)
        heartbeat = forms.form(reply.headers, frames[0].data).heartbeat
        yield from part(played(turn, reply, frames), given.number("N", _STALL_AFTER))
    else:
        yield Head(200, reply.headers)
    while True:
        yield Pause(given.seconds("MS", _PING_MS))
        yield Send(heartbeat)


def _silent(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    yield Pause(given.seconds("MS", _SILENT_MS))
    yield from (inner or answer)(turn)


def _late_head(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    waited = False
    for step in (inner or answer)(turn):
        if not waited and isinstance(step, Pause):
            continue
        yield step
        if not waited and isinstance(step, Head):
            yield Pause(given.seconds("MS"))
            waited = True


def _late_pings(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    waited = False
    for step in (inner or answer)(turn):
        if waited or not isinstance(step, Head | Pause):
            yield step
        elif isinstance(step, Head):
            # A body that grows by heartbeats has no length to announce.
            heartbeat = forms.form(step.headers, streamed=step.length is None).heartbeat
            yield Head(step.status, step.headers)
            for _ in range(max(given.number("MS") // _PING_MS, 1)):
                yield Pause(_PING_MS / 1000)
                yield Send(heartbeat)
            waited = True


def _jitter(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    for step in (inner or answer)(turn):
        if isinstance(step, Send):
            yield Pause(turn.rng.uniform(0, given.seconds("MS")))
        yield step


def _loris_head(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    lines = [f"{name}: {value}\r\n" for name, value in reply.headers.items()]
    head = f"HTTP/1.1 200 OK\r\n{''.join(lines)}connection: close\r\n\r\n".encode()
    for at in range(len(head)):
        yield Raw(head[at : at + 1], 200 if at + 1 == len(head) else None)
        yield Pause(given.seconds("MS", _EVERY_MS))
    for frame in reply.frames:
        yield Raw(frame.data)
    yield Close()


def _loris_body(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    for step in answer(turn):
        if not isinstance(step, Send):
            yield step
            continue
        for at in range(len(step.data)):
            last = at + 1 == len(step.data)
            yield Send(step.data[at : at + 1], step.tokens if last else 0, paid=step.paid and last, chunks=int(last))
            yield Pause(given.seconds("MS", _EVERY_MS))


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("reset-head", "Resets the connection before any byte.", "P8, S05", _closing_early(reset=True))
    yield Fault("close-head", "Closes the connection before any byte.", "P8", _closing_early(reset=False))
    yield Fault("reset-first", "Sends the headers, then resets the connection.", "P8", _closing_bare(reset=True))
    yield Fault("close-first", "Sends the headers, then closes the connection.", "P8", _closing_bare(reset=False))
    yield Fault(
        "cut[-N]",
        "Sends N tokens (3; or half a body), then closes the connection.",
        "P9, S08, S14",
        _closing(reset=False),
    )
    yield Fault(
        "reset[-N]", "Sends N tokens (3; or half a body), then resets the connection.", "P9", _closing(reset=True)
    )
    yield Fault(
        "end[-N]", "Sends N tokens (3; or half a body), then ends the body as if that were all.", "P9, P17", _end
    )
    yield Fault(
        "stall[-N[-MS]]",
        "Sends N tokens (5; or half a body), then nothing; closes after MS, or never.",
        "P11, P21, C1, S09",
        _stall,
    )
    yield Fault(
        "stall-pings[-N[-MS]]",
        "Sends N tokens (5; or no body), then a heartbeat every MS (100) for ever.",
        "P11",
        _pings,
    )
    yield Fault(
        "silent[-MS]", "Sends nothing for MS (60000), headers neither, then answers.", "P10, S06", _silent, wraps=True
    )
    yield Fault("late-head-MS", "Sends the headers at once and the rest after MS.", "P10, S07", _late_head, wraps=True)
    yield Fault(
        "late-pings-MS",
        "Sends the headers at once, a heartbeat every 100 ms, and the rest after MS.",
        "P10, P11",
        _late_pings,
        wraps=True,
    )
    yield Fault("loris-head[-MS]", "Sends the headers byte by byte, one each MS (1000).", "P10", _loris_head)
    yield Fault("loris-body[-MS]", "Sends the body byte by byte, one each MS (1000).", "P10", _loris_body)
    yield Fault("jitter-MS", "Delays each event by up to MS.", "O6", _jitter, wraps=True)

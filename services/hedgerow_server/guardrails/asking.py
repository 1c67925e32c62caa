"""Asks the guards that run elsewhere, all at once, each within its time."""

import asyncio
import re
import time
from collections.abc import Sequence

import msgspec

from hedgerow_server.core.guard import Asker, Finding, GuardFailed, Judged, RemoteGuard
from hedgerow_server.guardrails.fitted import Fitted
from hedgerow_server.guardrails.notes import Notes
from hedgerow_server.guardrails.watch import moved

_SENTENCE = re.compile(r"[.!?][\"')\]]*\s|[。！？\n]")  # noqa: RUF001  # the ends of sentences
_SPACE = re.compile(r"\s")

Answers = Sequence[Sequence[Finding]]


def piece_end(text: str, begin: int, most: int) -> int:
    """Where a piece of a text ends that begins at `begin` and for which there are `most` code points: behind the last
    sentence or line that ends within them, else behind the last white space. Depends on nothing that follows.
    """
    window = text[begin : begin + most]
    for pattern in (_SENTENCE, _SPACE):
        end = max((match.end() for match in pattern.finditer(window)), default=0)
        if end:
            return begin + end
    return begin + len(window)


def pieces(text: str, most: int) -> list[tuple[int, str]]:
    """A text in pieces of at most so many code points, each with its place."""
    found: list[tuple[int, str]] = []
    begin = 0
    while len(text) - begin >= most:
        end = piece_end(text, begin, most)
        found.append((begin, text[begin:end]))
        begin = end
    if begin < len(text) or not found:
        found.append((begin, text[begin:]))
    return found


async def ask(
    guards: Sequence[tuple[Fitted, Sequence[Judged]]], notes: Notes
) -> list[list[list[Finding]] | GuardFailed]:
    """What each guard finds in its texts, one list for each text, or why it cannot tell."""
    start_s = time.perf_counter()
    try:
        if len(guards) == 1:
            return [await _one(*guards[0], notes)]
        return list(await asyncio.gather(*(_one(fitted, judged, notes) for fitted, judged in guards)))
    finally:
        notes.waited(time.perf_counter() - start_s)


async def _one(fitted: Fitted, texts: Sequence[Judged], notes: Notes) -> list[list[Finding]] | GuardFailed:
    guard = fitted.remote
    assert guard is not None
    cut = [pieces(one.text, guard.piece) for one in texts]
    asked = [Judged(text, one.source) for one, its_pieces in zip(texts, cut, strict=True) for _, text in its_pieces]
    start_s = time.perf_counter()
    try:
        answers = await _within(guard, asked, notes.asker, fitted.timeout_s)
        if len(answers) != len(asked):
            return GuardFailed(f"told of {len(answers)} of {len(asked)} texts")
        left = iter(answers)
        return [
            [one for begin, text in its_pieces for one in moved(_sound(next(left), text), begin)] for its_pieces in cut
        ]
    except GuardFailed as error:
        return error
    except Exception as error:
        return GuardFailed(type(error).__name__)
    finally:
        notes.took(fitted.name, time.perf_counter() - start_s)


async def _within(guard: RemoteGuard, asked: Sequence[Judged], asker: Asker, timeout_s: float) -> Answers:
    """Its answer. Raises GuardFailed when the time is over, also where the guard does not heed that: nobody waits for
    it then.
    """
    task = asyncio.ensure_future(guard.judge(asked, asker))
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        task.add_done_callback(_retrieve)
        raise GuardFailed(f"took longer than its {timeout_s:g} s")
    return task.result()


def _retrieve(task: "asyncio.Future[Answers]") -> None:
    if not task.cancelled():
        task.exception()


def _sound(findings: Sequence[Finding], text: str) -> list[Finding]:
    """What can be acted upon: in order, apart, within the text. What has no place stands for all of it."""
    found: list[Finding] = []
    end = 0
    for one in sorted(findings, key=lambda one: one.start):
        start, stop = max(end, one.start), min(one.end, len(text))
        if one.end <= one.start:
            start, stop = end, len(text)
        if start < stop or not text:
            found.append(msgspec.structs.replace(one, start=start, end=stop))
            end = stop
    return found

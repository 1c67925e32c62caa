"""One call as a behaviour sees it, and the answers that behaviours are made of."""

import random
from collections.abc import Callable, Iterable

import msgspec

from hedgerow_sim.dialects.port import Dialect, Frame, Incoming, Job, Kind, Refusal, Refused, Reply, Wish
from hedgerow_sim.laws import Law
from hedgerow_sim.providers import Provider
from hedgerow_sim.script import Head, Pause, Script, Send


class Turn(msgspec.Struct, frozen=True):
    """What a behaviour works with."""

    job: Job
    """The request, read and valid."""
    dialect: Dialect
    """For error answers."""
    incoming: Incoming
    """The request as it came in."""
    law: Law
    """The pace, which a behaviour may replace."""
    rng: random.Random
    """For what is left to chance; seeded by the process's seed and the call's number."""
    call: int
    """Counts the calls of the process, for ids."""
    provider: Provider
    """What is remembered from call to call."""
    wish: Wish = Wish()
    """What the answer should be like, which a behaviour may replace."""

    def wishing(self, **wishes: object) -> "Turn":
        """The same turn with other wishes, those of `Wish`."""
        return msgspec.structs.replace(self, wish=msgspec.structs.replace(self.wish, **wishes))

    def reply(self) -> Reply:
        """The answer, not yet played."""
        return self.job.reply(self.call, self.wish)

    def refused(self, kind: Kind, message: str = "", about: str = "") -> Refused:
        """An error answer in the dialect's shape, not yet played."""
        refusal = Refusal(kind, message, about=about or self.job.model)
        return self.dialect.refusal(refusal, self.call, self.incoming)


Behaviour = Callable[[Turn], Script]


def answer(turn: Turn) -> Script:
    """Answers normally, at the pace of the law."""
    return played(turn, turn.reply())


def played(turn: Turn, reply: Reply, frames: Iterable[Frame] | None = None) -> Script:
    """Plays a reply at the pace of the law; `frames` replaces its own."""
    wait = turn.law.first.draw(turn.rng)
    head: Head | None = Head(200, reply.headers)
    for frame in reply.frames if frames is None else frames:
        pace = turn.law.token.draw(turn.rng, frame.delays) if frame.delays else 0.0
        if reply.streamed:
            wait += pace
        if wait:
            yield Pause(wait)
            wait = 0.0
        if not reply.streamed and pace:
            yield Pause(pace, frame.tokens)
        if head is not None:
            yield head if reply.streamed else Head(200, reply.headers, len(frame.data))
            head = None
        yield Send(frame.data, frame.tokens, paid=not reply.streamed)


def refuse(dialect: Dialect, refusal: Refusal, call: int, incoming: Incoming) -> Script:
    """Answers with an error in the dialect's shape."""
    return spoken(dialect.refusal(refusal, call, incoming))


def spoken(refused: Refused) -> Script:
    """Plays an error answer."""
    yield Head(refused.status, refused.headers, len(refused.body))
    yield Send(refused.body, failure=True)


def part(script: Script, tokens: int) -> Script:
    """A stream until so many of its events carried tokens; of a whole body, the first half."""
    whole = False
    for step in script:
        if isinstance(step, Head):
            whole = step.length is not None
            if not whole and tokens <= 0:
                yield step
                yield Pause(0)
                return
        if isinstance(step, Send):
            if whole:
                # Nobody can use half a document, and nobody is billed for it.
                yield Send(step.data[: len(step.data) // 2])
                return
            tokens -= step.tokens > 0
        yield Pause(step.seconds) if isinstance(step, Pause) else step
        if tokens <= 0 and isinstance(step, Send):
            return
